package web

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/replay"
)

// A recording with damage in it is shown as far as it can be read: every page
// answers, whatever byte is wrong.
func TestDamagedArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "whole.erg")
	w := archivetest.Writer(t, path, nil)
	hostileCluster(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for i := 4096; i < len(whole); i += len(whole)/40 + 1 {
		bad := append([]byte(nil), whole...)
		for j := i; j < min(i+16, len(bad)); j++ {
			bad[j] ^= 0x5a
		}
		file := filepath.Join(t.TempDir(), "damaged.erg")
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := replay.Open(file)
		if err != nil {
			continue // said on the command line, before there is a page
		}
		opened++
		s := New(rec, Options{})
		for _, p := range []string{"/", "/processes", "/tree", "/logs", "/strip", "/events", momentURL("/", start().Add(10*time.Second))} {
			if r := fetch(s, p); r.Code != 200 {
				t.Errorf("damage at %d: %s: %d %.200s", i, p, r.Code, r.Body)
			}
		}
		rec.Close()
	}
	if opened == 0 {
		t.Error("no damaged archive could be opened")
	}
}
