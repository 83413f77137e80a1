package scene_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/fixture"
)

// A timer of a process that waits for a reply goes off meanwhile: it counts as a message that
// it sends to itself, and the wait began before.
func TestAWaitBeganBeforeATimer(t *testing.T) {
	load := archivetest.NewWorkload(1, 40, 3)
	began := load.Start.Add(21 * time.Second)
	var records []*archive.Record
	for at := load.Start.Add(20 * time.Second); at.Before(load.Start.Add(50 * time.Second)); at = at.Add(2 * time.Second) {
		state, since, in, out, mailbox := "sleep", load.Start, 14, 14, 0
		if at.After(began) {
			state, since, in, out, mailbox = "wait response", began, 16, 16, 1
		}
		if at.After(began.Add(4 * time.Second)) { // the timer
			in, out, mailbox = 17, 17, 2
		}
		text := fmt.Sprintf(`[{"PID":"<A1B2C3D4.0.1010>","Name":"toll","Behavior":"main.Toll","State":%q,"StateTime":%d,"MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":%d,"MailboxLatency":0,"RunningTime":188322,"Wakeups":16,"Uptime":90}]`,
			state, at.Sub(since), in, out, mailbox)
		records = append(records, &archive.Record{Stream: load.Stream(0), Schema: archivetest.ProcessSchema(), At: at, Took: time.Millisecond, Args: []byte(`{"limit":100000}`), Text: []byte(text)})
	}
	s, err := scene.Read(context.Background(), fixture.Recorded(t, records), scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := s.Nodes[0].Procs.Actors[0]
	st := a.Longest(work.Waiting)
	if st == nil {
		t.Fatal("no wait was seen")
	}
	start, err := s.StallBegan(context.Background(), a, st)
	if err != nil {
		t.Fatal(err)
	}
	if off := start.At.Sub(began).Abs(); off > 100*time.Millisecond || !start.Exact {
		t.Errorf("the wait is said to have begun at %v (exactly: %v), want %v", start.At, start.Exact, began)
	}
}
