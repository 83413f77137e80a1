package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// manyLines is a capture of short and long lines, every seventh of them broken, and the text of a line.
func manyLines(n int) (all []byte, text func(i int) string) {
	text = func(i int) string {
		if i > 470 && i%9 < 6 { // more long ones than are read at the same time
			return fmt.Sprintf("%d %s", i, strings.Repeat("y", longLine+i))
		}
		return fmt.Sprintf("%d %s", i, strings.Repeat("x", i%50*i))
	}
	var b bytes.Buffer
	for i := range n {
		if i%7 == 3 {
			b.WriteString("{broken\n\n")
			continue
		}
		fmt.Fprintf(&b, `{"t":"2026-11-22T01:12:57Z","node":"a@h","tool":"t","text":"%s"}`+"\n", text(i))
	}
	return b.Bytes(), text
}

func textOf(l *Line) []byte { return l.Answer.Text }

// TestInTurn: lines are taken one after the other in their order, the broken ones in
// their places, and what is done with them behind that finds them as they were.
func TestInTurn(t *testing.T) {
	const n = 500
	all, text := manyLines(n)
	var taking, done atomic.Int32
	var mu sync.Mutex
	i := 0
	take := func(out []byte, err error) (func(), error) {
		if taking.Add(1) != 1 {
			t.Error("two lines are taken at the same time")
		}
		defer taking.Add(-1)
		mine := i
		i++
		var broken *LineError
		if mine%7 == 3 {
			if !errors.As(err, &broken) {
				t.Fatalf("line %d: %.40q, %v", mine, out, err)
			}
			return nil, nil
		}
		return func() {
			mu.Lock()
			defer mu.Unlock()
			if done.Add(1); err != nil || string(out) != text(mine) {
				t.Errorf("line %d: %.40q, %v", mine, out, err)
			}
		}, nil
	}
	if err := InTurn(bytes.NewReader(all), textOf, take); err != nil {
		t.Fatal(err)
	}
	if want := n - (n+3)/7; i != n || int(done.Load()) != want {
		t.Errorf("%d lines of %d, and %d of %d behind their turn", i, n, done.Load(), want)
	}
}

// TestInTurnEnds: who takes may end the walk, and what breaks off is told as the last.
func TestInTurnEnds(t *testing.T) {
	all, _ := manyLines(500)
	enough := errors.New("enough")
	for _, after := range []int{0, 1, 100, 480} {
		i := 0
		err := InTurn(bytes.NewReader(all), textOf, func([]byte, error) (func(), error) {
			if i++; i > after {
				return nil, enough
			}
			return nil, nil
		})
		if !errors.Is(err, enough) || i != after+1 {
			t.Errorf("%v after %d lines, want %v after %d", err, i, enough, after+1)
		}
	}
	gone := errors.New("it is gone")
	var last error
	take := func(_ []byte, err error) (func(), error) { last = err; return nil, nil }
	if err := InTurn(&failingReader{b: all[:100], err: gone}, textOf, take); err != nil || !errors.Is(last, gone) {
		t.Errorf("%v, and the last line is %v", err, last)
	}
}

// TestInTurnWaits: a line that came is taken, however long the next one lets wait for itself.
func TestInTurnWaits(t *testing.T) {
	all, _ := manyLines(3)
	r, w := io.Pipe()
	taken := make(chan struct{})
	go func() {
		for _, line := range bytes.SplitAfter(all, []byte("\n")) {
			if _, err := w.Write(line); err != nil {
				t.Error(err)
			}
			if len(line) > 0 {
				<-taken // before more is written
			}
		}
		w.Close()
	}()
	take := func([]byte, error) (func(), error) { taken <- struct{}{}; return nil, nil }
	if err := InTurn(r, textOf, take); err != nil {
		t.Fatal(err)
	}
}

type failingReader struct {
	b   []byte
	err error
}

func (f *failingReader) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, f.err
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}
