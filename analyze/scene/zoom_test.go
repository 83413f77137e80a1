package scene_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/archive/archivetest"
	"ergorecorder/replay"
)

// What is foreseen of many suspects in one walk is what a walk of its own tells
// of each, wherever their stretches lie.
func TestForesee(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	load := archivetest.NewWorkload(1, 40, 3)
	for range 300 {
		if _, err := w.Append(load.Next(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, path)
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
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
