package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/exit"
	"ergorecorder/replay"
)

// A second capture is refused where it would mix with what the archive holds;
// with --append the same record is stored once.
func TestImportTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.erg")
	imports := func(name string, more ...string) (exit.Code, string) {
		var out bytes.Buffer
		args := append([]string{"import", "-o", path, filepath.Join("..", "..", "testdata", name+".jsonl.gz")}, more...)
		return run(t.Context(), "record", args, nil, io.MultiWriter(&out), &out), out.String()
	}
	records := func() int {
		rep, err := archive.Verify(t.Context(), path)
		if err != nil || rep.Damage != nil {
			t.Fatal(err, rep)
		}
		return rep.Records
	}
	if code, said := imports("stuck"); code != exit.OK {
		t.Fatal(code, said)
	}
	before := records()
	for _, name := range []string{"stuck", "restart_loop"} {
		if code, said := imports(name); code != exit.Usage || !strings.Contains(said, "already holds") || !strings.Contains(said, "--append") || records() != before {
			t.Errorf("%s again: exit %d, %s", name, code, said)
		}
	}
	if code, said := imports("stuck", "--append"); code != exit.OK || !strings.Contains(said, "were there already") || records() != before {
		t.Errorf("the same once more: exit %d, %s, %d records, were %d", code, said, records(), before)
	}
}

const (
	oneByOne = `goroutine 34 [sync.Mutex.Lock, 3 minutes, labels:{"pid":"<AAAAAAAA.0.1012>"}]:
trading.(*Ledger).Post(0xc000010000)
	/src/trading/ledger.go:41 +0x1d
created by ergo.services/ergo/node.(*process).run in goroutine 1
	/src/node/process.go:12 +0x2f

goroutine 35 [running]:
main.connect("https://user:hunter2@db.local/x")
	/src/main.go:10 +0x1
`
	byStack = `goroutine profile: total 12
12 @ 0x489904 0x44c297
#	0x489903	trading.(*Ledger).Post+0x84	/src/trading/ledger.go:41
`
)

// TestImportDumps: goroutine dumps in words become what the node's tool would
// have said, at the time that is given, without secrets, and once.
func TestImportDumps(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 15, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		text       string
		goroutines int
	}{
		"debug=2":   {oneByOne, 2},
		"debug=1":   {byStack, 1},
		"a crash":   {"panic: boom\r\n\r\n" + strings.ReplaceAll(oneByOne, "\n", "\r\n"), 2},
		"no labels": {strings.ReplaceAll(oneByOne, `, labels:{"pid":"<AAAAAAAA.0.1012>"}`, ""), 2},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, dump := filepath.Join(dir, "x.erg"), filepath.Join(dir, "goroutines.txt")
			if err := os.WriteFile(dump, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, more := range [][]string{{"--at", at.Format(time.RFC3339)}, {"--at", at.Format(time.RFC3339), "--append"}} {
				var said bytes.Buffer
				args := append([]string{"import", "-o", path, "--node", "a@h", "--profile", dump}, more...)
				if code := run(t.Context(), "record", args, nil, &said, &said); code != exit.OK {
					t.Fatal(said.String())
				}
			}
			rec, err := replay.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer rec.Close()
			n := 0
			for s, err := range rec.Texts(t.Context(), "a@h", ergo.Goroutines, time.Time{}, time.Time{}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				d, err := profiles.ParseGoroutines(string(s.Text))
				if err != nil || len(d.Goroutines) != tt.goroutines || !s.At.Equal(at) || bytes.Contains(s.Text, []byte("hunter2")) {
					t.Errorf("%v, %v: %d goroutines at %v:\n%s", err, d, len(d.Goroutines), s.At, s.Text)
				}
				if g := d.Goroutines[0]; g.Function() != "trading.(*Ledger).Post" {
					t.Errorf("it is in %s", g.Function())
				}
			}
			if n != 1 {
				t.Errorf("%d dumps", n)
			}
		})
	}
}

// TestImportDumpAtItsFile: without --at a dump is of when its file was written.
func TestImportDumpAtItsFile(t *testing.T) {
	dir := t.TempDir()
	path, dump := filepath.Join(dir, "x.erg"), filepath.Join(dir, "goroutines.txt")
	if err := os.WriteFile(dump, []byte(oneByOne), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 1, 15, 0, 0, time.UTC)
	if err := os.Chtimes(dump, at, at); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if code := run(t.Context(), "record", []string{"import", "-o", path, "--node", "a@h", "--profile", dump}, nil, &said, &said); code != exit.OK {
		t.Fatal(said.String())
	}
	a, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if from := a.Info().From; !from.Equal(at) {
		t.Errorf("it is of %v", from)
	}
	for _, more := range [][]string{{"--at", "soon"}, {"--profile", "/no/such/file"}} {
		args := append([]string{"import", "-o", filepath.Join(dir, fmt.Sprint(len(more[0]))+".erg"), "--node", "a@h", "--profile", dump}, more...)
		if code := run(t.Context(), "record", args, nil, &said, &said); code == exit.OK {
			t.Errorf("%v is taken", more)
		}
	}
}
