package scene_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/fixture"
)

// What is foreseen of many suspects in one walk is what a walk of its own tells
// of each, wherever their stretches lie.
func TestForesee(t *testing.T) {
	load := archivetest.NewWorkload(1, 40, 3)
	var records []*archive.Record
	for range 300 {
		r := load.Next(0)
		r.Text = bytes.Clone(r.Text) // which the next overwrites
		records = append(records, r)
	}
	rec := fixture.Recorded(t, records)
	s, err := scene.Read(context.Background(), rec, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := s.Nodes[0]
	var all []scene.Stretch
	for i, a := range n.Procs.Actors {
		from := a.First.Add(time.Duration(i%7) * time.Minute)
		all = append(all, scene.Stretch{PID: a.Pid, From: from, To: from.Add(time.Duration(i%5) * 10 * time.Second)})
	}
	all = append(all, scene.Stretch{PID: all[0].PID, From: s.To.Add(-time.Second), To: s.To}, scene.Stretch{PID: "<none>", From: s.From, To: s.To})
	alone := make([][]scene.Row, len(all))
	rows := 0
	for i, x := range all {
		if alone[i], err = s.Zoom(context.Background(), n, x); err != nil {
			t.Fatal(err)
		}
		rows += len(alone[i])
	}
	if err := s.Foresee(context.Background(), n, all); err != nil {
		t.Fatal(err)
	}
	for i, x := range all {
		got, err := s.Zoom(context.Background(), n, x)
		if err != nil || !reflect.DeepEqual(got, alone[i]) {
			t.Errorf("%v: foreseen %d rows, alone %d, %v", x, len(got), len(alone[i]), err)
		}
	}
	if rows < len(all) {
		t.Errorf("%d rows of %d stretches: nothing is compared", rows, len(all))
	}
}
