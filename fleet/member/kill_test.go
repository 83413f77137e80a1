package member_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
)

// kills is how many recorders are killed.
func kills() int {
	if os.Getenv("LONG") != "" {
		return 100
	}
	return 5
}

// TestKills: recorders in processes of their own are killed with -9 at random, and
// started again. What each stored is shipped, once; each says how long it did not run, to the record.
func TestKills(t *testing.T) {
	t.Parallel()
	e := startEngines(t, 1)
	rng := rand.New(rand.NewPCG(uint64(kills()), 7))
	names := []string{"a", "b", "c"}
	lives, running := map[string]*life{}, map[string]*exec.Cmd{}
	for i, n := range names {
		lives[n] = &life{
			Name: n, Path: filepath.Join(t.TempDir(), n) + "/", Hosts: e.hosts(), Token: e.token, Takeover: takeover,
			Skew: time.Duration(i-1) * 90 * time.Second, Nodes: []string{"n0@h.x", "n1@h.x", "n2@h.x", "n3@h.x", "n4@h.x", "n5@h.x"},
		}
		running[n] = spawn(t, lives[n])
	}
	died := map[string]int{}
	for range kills() {
		n := names[rng.IntN(len(names))]
		size := stored(lives[n].Path)
		within(t, 20*time.Second, "a moment to be killed", func() bool { return rng.IntN(20) == 0 || stored(lives[n].Path) > size+64<<10 })
		if err := running[n].Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = running[n].Wait() // it was killed
		died[n]++
		checkDurable(t, lives[n].Path)
		running[n] = spawn(t, lives[n])
	}
	l := e.link()
	for _, n := range names {
		if err := running[n].Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		if err := running[n].Wait(); err != nil {
			t.Errorf("recorder %s: %v", n, err)
		}
	}
	got := read(t, l)
	for _, n := range names {
		checkShipped(t, got, lives[n].Path)
		checkDead(t, lives[n].Path, died[n])
	}
}

// checkDurable: what a killed recorder left can be read.
func checkDurable(t *testing.T, path string) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	defer r.Close()
	for _, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Errorf("after a kill: %v", err)
		}
	}
}

// checkDead: each life but the first says how long none was there: from the last record that is stored.
func checkDead(t *testing.T, path string, died int) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var gaps []archive.Mark
	var recs []*archive.Record
	starts := 0
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
		var m archive.Mark
		if rec.Stream.Kind != archive.MarkKind || json.Unmarshal(rec.Text, &m) != nil {
			continue
		}
		if m.Kind == archive.MarkStart {
			starts++
		}
		if m.Kind == archive.MarkGap && m.Node == "" {
			gaps = append(gaps, m)
		}
	}
	if len(gaps) != starts-1 || starts > died+1 {
		t.Errorf("%s: %d gaps, %d starts, killed %d times", path, len(gaps), starts, died)
	}
	for _, g := range gaps {
		i := slices.IndexFunc(recs, func(r *archive.Record) bool { return r.At.Equal(g.From) })
		if i < 0 {
			t.Errorf("%s: a gap begins at %v, where no record is", path, g.From)
			continue
		}
		for _, rec := range recs { // what was stored before is older; what lies in the gap is of the new life, which was looking for nodes
			if rec.Seq < recs[i].Seq && rec.At.After(g.From) {
				t.Errorf("%s: a gap begins at %v, a record was stored before at %v", path, g.From, rec.At)
			}
		}
	}
}
