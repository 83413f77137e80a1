package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/internal/exit"
)

var verifyStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// noiseOf is text that does not compress, so that it can be found in a file.
func noiseOf(record int) []byte {
	rng := rand.New(rand.NewPCG(uint64(record), 4))
	b := make([]byte, 60_000)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// segmentsOf records a directory of three segments and an empty one: a log
// line and a large record each.
func segmentsOf(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "rec")
	w, err := archive.OpenWriter(dir+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		at := verifyStart.Add(time.Duration(i) * time.Minute)
		for _, r := range []archive.Record{
			{Stream: archive.StreamKey{Kind: archive.Log, Node: "a@h", Name: "log"}, At: at, Text: fmt.Appendf(nil, "line %d", i)},
			{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "dump"}, At: at.Add(time.Second), Text: noiseOf(i)},
		} {
			if _, err := w.Append(&r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func segmentFile(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%08d.erg", n)) }

// edit changes the bytes of a file.
func edit(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// flip changes a bit in the midst of a large record.
func flip(t *testing.T, path string, record int) {
	t.Helper()
	edit(t, path, func(b []byte) []byte {
		at := bytes.Index(b, noiseOf(record)[30_000:30_032])
		if at < 0 {
			t.Fatalf("%s: record %d is not found in the file", path, record)
		}
		b[at] ^= 1
		return b
	})
}

// noMeta takes both meta pages away, and with them the tree.
func noMeta(b []byte) []byte {
	clear(b[:2*pageOf(b)])
	return b
}

// pageOf is the size of the file's pages.
func pageOf(b []byte) int { return int(binary.LittleEndian.Uint32(b[24:])) }

// TestVerify: what is damaged is named, with exit code 1; what cannot be
// looked at is 2.
func TestVerify(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string) (path string)
		code   exit.Code
		says   []string // on standard output, or, of code 2, standard error
	}{
		{"intact", func(t *testing.T, dir string) string { return dir }, exit.OK, []string{"4 segments, 2 streams, 6 blocks, 6 records, ", " bytes: sound\n"}},
		{"one segment", func(t *testing.T, dir string) string {
			only := filepath.Join(t.TempDir(), "only.erg")
			if err := os.Rename(segmentFile(dir, 1), only); err != nil {
				t.Fatal(err)
			}
			return only
		}, exit.OK, []string{"1 segment, 2 streams, 2 blocks, 2 records, "}},
		{"intact and empty", func(t *testing.T, _ string) string {
			path := filepath.Join(t.TempDir(), "empty.erg")
			w, err := archive.OpenWriter(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return path
		}, exit.OK, []string{"1 segment, 0 streams, 0 blocks, 0 records, ", "sound\n"}},
		{"flipped byte", func(t *testing.T, dir string) string {
			flip(t, segmentFile(dir, 2), 1)
			return dir
		}, exit.No, []string{
			"segment 00000002.erg, sample dump on a@h, 2026-03-01T12:01:01.000Z to 2026-03-01T12:01:01.000Z: checksum does not match\n",
			"damaged in 1 place\nrecover what is intact: analyze salvage DIR -o NEW\n",
		}},
		{"cut off", func(t *testing.T, dir string) string {
			edit(t, segmentFile(dir, 1), func(b []byte) []byte { return b[:len(b)/2] })
			return dir
		}, exit.No, []string{"segment 00000001.erg: read block by block: ", " are missing: the file is cut off", "records missing of those numbered 1 to 6: "}},
		{"no tree", func(t *testing.T, dir string) string {
			edit(t, segmentFile(dir, 1), noMeta)
			return dir
		}, exit.No, []string{"segment 00000001.erg: read block by block: no valid meta page: the file's tree is damaged\n", "6 records", "1 place"}},
		{"missing segment", func(t *testing.T, dir string) string {
			if err := os.Remove(segmentFile(dir, 2)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, exit.No, []string{
			"segment 00000002.erg: DIR/00000002.erg: file does not exist\n",
			"segment 00000003.erg, log log on a@h, 2026-03-01T12:00:00.000Z to 2026-03-01T12:02:00.000Z: records 2 to 3 are missing\n",
		}},
		{"foreign segment", func(t *testing.T, dir string) string {
			if err := os.Rename(segmentFile(segmentsOf(t), 2), segmentFile(dir, 2)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, exit.No, []string{"segment 00000002.erg: it is of another archive\n", "4 records", "3 places"}},
		{"no archive", func(t *testing.T, _ string) string {
			path := filepath.Join(t.TempDir(), "notes.txt")
			if err := os.WriteFile(path, []byte(strings.Repeat("no archive ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, exit.Usage, []string{"analyze: open archive ", "notes.txt: not an archive"}},
		{"not there", func(t *testing.T, dir string) string { return dir + "x" }, exit.Usage, []string{"no such file or directory"}},
		{"being recorded", func(t *testing.T, dir string) string {
			path := filepath.Join(t.TempDir(), "live.erg")
			w, err := archive.OpenWriter(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			return path
		}, exit.Usage, []string{"live.erg: archive is being recorded: this process is writing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := test.damage(t, segmentsOf(t))
			code, stdout, stderr := commanded(t, "verify", path)
			said := stdout
			if test.code == exit.Usage {
				said = stderr
			} else if stderr != "" {
				t.Errorf("on standard error: %s", stderr)
			}
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.says {
				if want = strings.ReplaceAll(want, "DIR", path); !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
		})
	}
}

func TestVerifyJSON(t *testing.T) {
	dir := segmentsOf(t)
	var rep struct {
		Segments, Streams, Blocks, Records, Bytes int
		Damage                                    []damageLine
	}
	for _, damaged := range []bool{false, true} {
		want := exit.OK
		if damaged {
			flip(t, segmentFile(dir, 3), 2)
			want = exit.No
		}
		code, stdout, stderr := commanded(t, "verify", dir, "--format", "json")
		if err := json.Unmarshal([]byte(stdout), &rep); err != nil || code != want || stderr != "" {
			t.Fatalf("exit code %d, want %d: %v, %s", code, want, err, stderr)
		}
		if rep.Segments != 4 || rep.Streams != 2 || rep.Blocks != 6 || rep.Records != 6 || rep.Bytes == 0 {
			t.Errorf("%+v", rep)
		}
		if !damaged && !strings.Contains(stdout, `"damage": []`) {
			t.Errorf("no empty list of damage in\n%s", stdout)
		}
	}
	at := stamp(verifyStart.Add(2*time.Minute + time.Second))
	want := damageLine{Segment: "00000003.erg", Stream: "sample dump on a@h", From: at, To: at, What: "checksum does not match"}
	if len(rep.Damage) != 1 || rep.Damage[0] != want {
		t.Errorf("damage %+v, want %+v", rep.Damage, want)
	}
}

// TestSalvage: every intact record is recovered, what is lost is told, and the
// damaged recording is as it was.
func TestSalvage(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(t *testing.T, dir string)
		records int
		says    []string
	}{
		{"intact", func(*testing.T, string) {}, 6, []string{"nothing is known to be lost\n"}},
		{"no tree", func(t *testing.T, dir string) {
			edit(t, segmentFile(dir, 2), noMeta)
		}, 6, []string{"nothing is known to be lost\n"}},
		{"flipped byte", func(t *testing.T, dir string) {
			flip(t, segmentFile(dir, 2), 1)
		}, 5, []string{"segment 00000002.erg, sample dump on a@h, 2026-03-01T12:01:01.000Z to 2026-03-01T12:01:01.000Z: records lost from number 4 on: 1\n"}},
		{"no tree, flipped byte", func(t *testing.T, dir string) {
			flip(t, segmentFile(dir, 2), 1)
			edit(t, segmentFile(dir, 2), noMeta)
		}, 5, []string{"segment 00000002.erg: records missing of those numbered 1 to 6: 1 (lost, or dropped by retention)\n", "sample dump on a@h", "records 3 to 4 are missing"}},
		{"cut off", func(t *testing.T, dir string) {
			edit(t, segmentFile(dir, 3), func(b []byte) []byte { return b[:2*pageOf(b)] })
		}, 4, []string{"segment 00000003.erg: ", "the file is cut off"}},
		{"missing segment", func(t *testing.T, dir string) {
			if err := os.Remove(segmentFile(dir, 2)); err != nil {
				t.Fatal(err)
			}
		}, 4, []string{"00000002.erg: file does not exist\n", "log log on a@h", "records 2 to 3 are missing\n"}},
		{"foreign segment", func(t *testing.T, dir string) {
			if err := os.Rename(segmentFile(segmentsOf(t), 2), segmentFile(dir, 2)); err != nil {
				t.Fatal(err)
			}
		}, 4, []string{"segment 00000002.erg: it is of another archive\n", "records 2 to 3 are missing\n"}},
		{"foreign segment without a tree", func(t *testing.T, dir string) {
			if err := os.Rename(segmentFile(segmentsOf(t), 2), segmentFile(dir, 2)); err != nil {
				t.Fatal(err)
			}
			edit(t, segmentFile(dir, 2), noMeta)
		}, 4, []string{"segment 00000002.erg: it is of another archive\n", "records 2 to 3 are missing\n"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := segmentsOf(t)
			test.damage(t, dir)
			before := filesOf(t, dir)
			out := filepath.Join(t.TempDir(), "saved.erg")
			code, stdout, stderr := commanded(t, "salvage", dir, "-o", out)
			if code != exit.OK || stderr != "" {
				t.Fatalf("exit code %d, %s", code, stderr)
			}
			for _, want := range append(test.says, fmt.Sprintf("recovered %d records of 2 streams: %s, ", test.records, out)) {
				if !strings.Contains(stdout, want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
			if filesOf(t, dir) != before {
				t.Error("the damaged recording was changed")
			}
			r, err := archive.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			n := 0
			for rec, err := range r.Records(t.Context(), archive.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				i := int(rec.At.Sub(verifyStart) / time.Minute)
				if want := fmt.Sprintf("line %d", i); string(rec.Text) != want && !bytes.Equal(rec.Text, noiseOf(i)) {
					t.Errorf("record %d is not what was recorded", rec.Seq)
				}
				n++
			}
			if n != test.records {
				t.Errorf("%d records in the new recording, want %d", n, test.records)
			}
		})
	}
}

// filesOf is all that a directory's files hold.
func filesOf(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s\n%s", p, b)
	}
	return all.String()
}

func TestSalvageJSON(t *testing.T) {
	dir := segmentsOf(t)
	flip(t, segmentFile(dir, 1), 0)
	out := filepath.Join(t.TempDir(), "saved.erg")
	code, stdout, stderr := commanded(t, "salvage", dir, "-o", out, "--format", "json")
	var s struct {
		Path                            string
		Streams, Blocks, Records, Bytes int
		Lost                            []damageLine
	}
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != exit.OK || stderr != "" {
		t.Fatalf("exit code %d: %v, %s", code, err, stderr)
	}
	if s.Path != out || s.Streams != 2 || s.Blocks != 5 || s.Records != 5 || s.Bytes == 0 || len(s.Lost) != 1 || s.Lost[0].Stream != "sample dump on a@h" {
		t.Errorf("%+v", s)
	}
}

// TestSalvageRefuses: an existing target above all stays as it was.
func TestSalvageRefuses(t *testing.T) {
	dir := segmentsOf(t)
	taken := filepath.Join(t.TempDir(), "taken.erg")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh.erg")
	for _, test := range []struct {
		says string
		args []string
	}{
		{"taken.erg exists already", []string{dir, "-o", taken}},
		{"not an archive", []string{taken, "-o", fresh}},
		{"no such file or directory", []string{dir + "x", "-o", fresh}},
		{"-o NEW", []string{dir}},
		{"is a directory's name", []string{dir, "-o", fresh + "/"}},
		{"there is text or json", []string{dir, "-o", fresh, "--format", "xml"}},
	} {
		code, stdout, stderr := commanded(t, append([]string{"salvage"}, test.args...)...)
		if code != exit.Usage || stdout != "" || !strings.Contains(stderr, test.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, %q; want %d and %q", test.args, code, stderr, exit.Usage, test.says)
		}
		if _, err := os.Stat(fresh); err == nil {
			t.Errorf("%v: a recording was written", test.args)
		}
	}
	if b, err := os.ReadFile(taken); err != nil || string(b) != "mine" {
		t.Errorf("the existing file: %q, %v", b, err)
	}
}
