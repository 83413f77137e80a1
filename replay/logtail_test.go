package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// lastOf is what LastLogs gives, found by reading all.
func lastOf(t *testing.T, r *Recording, from, to time.Time, n int) (all []LogLine) {
	t.Helper()
	for l, err := range r.Logs(context.Background(), "", from, to) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	sortByTime(all, func(l LogLine) time.Time { return l.At })
	return all[max(len(all)-n, 0):]
}

// logged is a recording of two nodes that write a line a second, read every few
// seconds, each read twice, by two samplers and pushed; the clock of the second is behind.
func logged(t *testing.T, seconds int) *Recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.erg")
	w := archivetest.Writer(t, path, nil)
	begin := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	said := func(node string, at time.Time, sampler string, from, to int) {
		list := []map[string]any{}
		for i := from; i < to; i++ {
			wrote := begin.Add(time.Duration(i)*time.Second + time.Duration(len(sampler)))
			if node == "b@h" {
				wrote = wrote.Add(-100 * time.Second)
			}
			list = append(list, map[string]any{"sequence": i, "timestamp": wrote, "data": map[string]any{
				"level": "info", "message": fmt.Sprintf("%s %d of %s", node, i, sampler), "time": wrote, "type": "process", "source": "x",
			}})
		}
		text, _ := json.Marshal(map[string]any{"sampler_id": sampler, "sequence": to, "samples": list}) // it encodes
		args := ergo.Args{"sampler_id": sampler}
		if _, err := w.Append(ingest.Record(ergo.Call{Node: node, Tool: "sample_read", Args: args}, args.JSON(), ergo.Answer{Text: text, At: at}, nil, ingest.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	for s := 10; s <= seconds; s += 10 {
		at := begin.Add(time.Duration(s) * time.Second)
		for _, node := range []string{"a@h", "b@h"} {
			said(node, at, "often", max(s-20, 0), s)
			if s%60 == 0 {
				said(node, at, "rarely", s-60, s)
			}
			pushed := fmt.Sprintf(`{"level":"warning","message":"pushed to %s","time":%q,"type":"node","source":"x"}`, node, at.Format(time.RFC3339Nano))
			if _, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Node: node, Name: "log"}, At: at, Text: []byte(pushed)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestLastLogsAreTheLastOfAll(t *testing.T) {
	r := logged(t, 900)
	from, to := r.Window()
	for at := from.Add(-time.Minute); at.Before(to.Add(2 * time.Minute)); at = at.Add(37 * time.Second) {
		for _, n := range []int{1, 8, 1000} {
			got, err := r.LastLogs(context.Background(), at.Add(-time.Minute), at, n)
			if err != nil {
				t.Fatal(err)
			}
			want := lastOf(t, r, at.Add(-time.Minute), at, n)
			same := func(a, b LogLine) bool { return a.Node == b.Node && a.Message == b.Message && a.At.Equal(b.At) }
			if !slices.EqualFunc(got, want, same) {
				t.Fatalf("%d lines at %s:\n%v, not\n%v", n, at, got, want)
			}
		}
	}
}

// What the last lines cost does not grow with how many there were before.
func TestLastLogsReadNoMoreThanTheyNeed(t *testing.T) {
	cost := func(r *Recording, window time.Duration) float64 {
		_, to := r.Window()
		return testing.AllocsPerRun(3, func() {
			if got, err := r.LastLogs(context.Background(), to.Add(-window), to, 8); len(got) != 8 || err != nil {
				t.Errorf("%d lines, %v", len(got), err)
			}
		})
	}
	r := logged(t, 900)
	if few, many := cost(r, 20*time.Second), cost(r, 10*time.Minute); many > 2*few {
		t.Errorf("of 20 seconds %.0f allocations, of ten minutes %.0f", few, many)
	}
}
