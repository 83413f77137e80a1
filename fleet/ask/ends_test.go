package ask_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/engine/enginetest"
)

// TestWayEnds: where nothing is opened, the way to the engine is not left open, though the program goes on.
func TestWayEnds(t *testing.T) {
	hosts := enginetest.Host(t)
	for name, address := range map[string]string{
		"nobody answers":   "shelf://f@127.0.0.1:1/prod",
		"nothing is there": "shelf://f@" + hosts + "/prod",
		"nothing shipped":  "fleet://f@" + hosts,
	} {
		before := goleak.IgnoreCurrent()
		if _, err := ask.Open(t.Context(), address, ask.Options{Wait: 300 * time.Millisecond}); err == nil {
			t.Errorf("%s: it is opened", name)
		}
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFilesEnd: where one of the files cannot be made, those of the other recorders are closed.
func TestFilesEnd(t *testing.T) {
	if _, err := os.Stat(descriptors); err != nil {
		t.Skip("this system does not list open files")
	}
	hosts := enginetest.Host(t)
	all := func(int) []string { return []string{"a@h"} }
	first, second := map[string]bool{}, []string{}
	for _, recorder := range []string{"one", "two"} {
		ships(t, hosts, "prod", recorder, all, 10)
		a, err := ask.Open(t.Context(), "fleet://f@"+hosts, ask.Options{Apart: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Readers {
			if id := r.Info().ID; recorder == "one" {
				first[id] = true
			} else if !first[id] {
				second = append(second, id)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	inTheWay := func(string) bool { // it is asked after the directory is made, before the files are
		made, _ := filepath.Glob(filepath.Join(c.Dir(), "fleet-*"))
		for _, dir := range made {
			for _, id := range second {
				if err := os.MkdirAll(filepath.Join(dir, id+".ergf"), 0o700); err != nil {
					t.Error(err)
				}
			}
		}
		return true
	}
	_, err = ask.Open(t.Context(), "fleet://f@"+hosts, ask.Options{Cache: c, Nodes: inTheWay})
	if err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("%v", err)
	}
	if open := openIn(t, c.Dir()); len(open) > 0 {
		t.Errorf("open stays %q", open)
	}
}

// descriptors is where Linux lists the open files of a process.
const descriptors = "/proc/self/fd"

// openIn are the open files below a directory.
func openIn(t *testing.T, dir string) (open []string) {
	t.Helper()
	list, err := os.ReadDir(descriptors)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if to, err := os.Readlink(filepath.Join(descriptors, d.Name())); err == nil && strings.HasPrefix(to, dir) {
			open = append(open, to)
		}
	}
	return open
}
