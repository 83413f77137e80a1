package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// inSegments is a node's answers in so many segments, one of each tool in each. It began anew before the segments
// that born names, which hold no listing.
func inSegments(t testing.TB, n int, born ...int) (path string) {
	w, path := archivetest.CreateDir(t, nil)
	began := start.Add(-100 * time.Second)
	for i := range n {
		at := start.Add(time.Duration(i) * 5 * time.Second)
		fresh := slices.Contains(born, i)
		if fresh {
			began = at
		}
		for tool, text := range map[string]string{
			"node_info":    fmt.Sprintf(`{"Name":"a@h","Uptime":%d,"ServerTime":%q}`, int(at.Sub(began).Seconds()), at.Format(time.RFC3339Nano)),
			"process_list": processRows(5),
		} {
			if fresh && tool == "process_list" {
				continue
			}
			if _, err := w.Append(ingest.Record(ergo.Call{Node: "a@h", Tool: tool}, nil, ergo.Answer{At: at, Text: []byte(text)}, nil, ingest.Options{})); err != nil {
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
	return path
}

// TestInstantOfManySegments: what is asked about an instant costs the same however many segments there are.
func TestInstantOfManySegments(t *testing.T) {
	cost := func(n int) float64 {
		r := archivetest.Open(t, inSegments(t, n))
		at := start.Add(time.Duration(n-1) * 5 * time.Second)
		return testing.AllocsPerRun(3, func() {
			rec, err := replay.New(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rec.At(at).Call(context.Background(), ergo.Call{Node: "a@h", Tool: "process_list"}); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := cost(4), cost(40)
	if many > 1.1*few {
		t.Errorf("of 40 segments an instant takes %.0f allocations, of 4 %.0f", many, few)
	}
}

// TestInstantOfOneLife: an answer of a life that has ended is not of the one after it, whether that is told by
// the first answer and the newest or by all.
func TestInstantOfOneLife(t *testing.T) {
	path := inSegments(t, 12, 4, 8)
	for _, looked := range []bool{false, true} {
		rec, err := replay.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close()
		if looked && len(rec.Nodes()[0].Lives) != 3 {
			t.Fatalf("lives: %v", rec.Nodes())
		}
		for i := range 12 {
			at := start.Add(time.Duration(i) * 5 * time.Second)
			_, err := rec.At(at).Call(context.Background(), ergo.Call{Node: "a@h", Tool: "process_list"})
			if fresh := i == 4 || i == 8; (err != nil) != fresh {
				t.Errorf("looked %v, answer %d: %v", looked, i, err)
			}
		}
	}
}
