package capture

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestWholeLines: lines are those of bufio.ScanLines, in whatever pieces they come.
func TestWholeLines(t *testing.T) {
	for _, text := range []string{"", "\n", "a", "a\n", "a\r\nbb\n\nccc", "\r\n\r", strings.Repeat("x", 70_000) + "\ny\n"} {
		split := func(by bufio.SplitFunc, r io.Reader) (out []string) {
			sc := bufio.NewScanner(r)
			sc.Buffer(make([]byte, 8), 1<<20)
			sc.Split(by)
			for sc.Scan() {
				out = append(out, sc.Text())
			}
			if sc.Err() != nil {
				t.Fatal(sc.Err())
			}
			return out
		}
		want := split(bufio.ScanLines, strings.NewReader(text))
		for name, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
			"the end with the last": iotest.DataErrReader(iotest.HalfReader(strings.NewReader(text))),
		} {
			if got := split(wholeLines(), r); !slices.Equal(got, want) {
				t.Errorf("%.20q, %s: %.60q, want %.60q", text, name, got, want)
			}
		}
	}
}

// BenchmarkLongLine is a line of 40 MB, as 100,000 processes are, out of a pipe.
func BenchmarkLongLine(b *testing.B) {
	line := append(bytes.Repeat([]byte("x"), 40<<20), '\n')
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		for range lines(piped{bytes.NewReader(line)}) {
		}
	}
}

// A piped reader gives as much at a time as a pipe does.
type piped struct{ r io.Reader }

func (p piped) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 1<<16)]) }
