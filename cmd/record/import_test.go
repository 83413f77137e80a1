package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/internal/exit"
)

// A second capture is refused where it would mix with what the archive holds;
// with --append the same record is stored once.
func TestImportTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.erg")
	imports := func(name string, more ...string) (exit.Code, string) {
		var out bytes.Buffer
		args := append([]string{"import", "-o", path, filepath.Join("..", "..", "testdata", name+".jsonl.gz")}, more...)
		return run(t.Context(), args, nil, io.MultiWriter(&out), &out), out.String()
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
