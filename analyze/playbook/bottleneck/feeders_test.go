package bottleneck

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// TestTurnsAreToldTogether: who stopped sending is the same whether each turn is looked for by itself or all in one walk,
// however their stretches meet.
func TestTurnsAreToldTogether(t *testing.T) {
	path := t.TempDir() + "/turns.erg"
	w := archivetest.Writer(t, path, nil)
	begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	sent := map[int]int{}
	for i := range 120 {
		for _, node := range []string{"a@h", "b@h"} {
			text := "["
			for p := range 8 {
				if i < 20+10*p { // each stops at a moment of its own
					sent[p] += 50
				}
				if p > 0 {
					text += ","
				}
				text += fmt.Sprintf(`{"PID":"<%s.0.%d>","Name":"p%d","Behavior":"x.P","MessagesIn":%d,"MessagesOut":%d,"State":"sleep"}`, node[:1], p, p, i, sent[p])
			}
			answer := ergo.Answer{Text: []byte(text + "]"), At: begin.Add(time.Duration(i) * 5 * time.Second)}
			if _, err := w.Append(ingest.Record(ergo.Call{Node: node, Tool: "process_list"}, nil, answer, nil, ingest.Options{})); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	ctx := context.Background()
	s, err := scene.Read(ctx, rec, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fell := func(x feeder) bool { return x.sent[1] < x.sent[0]/2 }
	var turns []turn
	for _, at := range []int{20, 30, 31, 90, 119} {
		turns = append(turns, turnOf(s.Nodes[0].Procs.Actors[0], begin.Add(time.Duration(at)*5*time.Second), fell))
	}
	together, err := sendersOf(ctx, s, turns)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for i, turn := range turns {
		alone, err := senders(ctx, s, turn.actor, turn.at, fell)
		if err != nil {
			t.Fatal(err)
		}
		if told += len(alone); !reflect.DeepEqual(together[i], alone) && len(together[i])+len(alone) > 0 {
			t.Errorf("turn %d: %+v together, %+v alone", i, together[i], alone)
		}
	}
	if told == 0 {
		t.Error("nobody stopped sending: the test says nothing")
	}
}
