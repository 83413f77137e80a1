package recorder

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
)

// fakePushes pushes what is put into its queue, while it is on.
type fakePushes struct {
	queue chan Pushed
	mu    sync.Mutex
	on    bool
}

func (p *fakePushes) Pushing(node, event string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.on && node == "a@h" && event == ""
}

func (p *fakePushes) turn(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = on
}

func (p *fakePushes) Next(ctx context.Context) (Pushed, error) {
	select {
	case m := <-p.queue:
		return m, nil
	case <-ctx.Done():
		return Pushed{}, ctx.Err()
	}
}

// TestPushedLogs: while a node pushes its log it is not polled; what is pushed
// is recorded, without its secrets; when it pushes no more it is polled again.
// What was not taken in time is a gap.
func TestPushedLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakePushes{queue: make(chan Pushed), on: true}
		opts := quick()
		opts.Pushes = p
		c := newFakeCluster("a@h", "b@h")
		tr := record(t, c, opts)
		time.Sleep(10 * time.Second)
		line := `{"level":"info","message":"line %d","source":"a@h","time":"2000-01-01T00:00:00Z","type":"node","token":"s3cret"}`
		for i := range 3 {
			p.queue <- Pushed{Node: "a@h", At: time.Now(), Text: fmt.Appendf(nil, line, i), Lost: 5 * (i % 2)}
		}
		p.queue <- Pushed{Node: "a@h", Event: "ticks", At: time.Now(), Text: []byte(`{"event":"'ticks'@'a@h'"}`)}
		p.queue <- Pushed{Node: "nobody@h", At: time.Now(), Text: []byte(`{}`)}
		time.Sleep(time.Second)
		p.turn(false)
		silent := time.Now()
		time.Sleep(10 * time.Second)
		recs := tr.stop()
		var lines, events int
		for _, r := range recs {
			switch {
			case r.Stream.Kind == archive.Log && r.Stream.Node == "a@h":
				if want := fmt.Sprintf("line %d", lines); !strings.Contains(string(r.Text), want) || strings.Contains(string(r.Text), "s3cret") {
					t.Errorf("recorded %s, want %s and no secret", r.Text, want)
				}
				lines++
			case r.Stream.Kind == archive.Event && r.Stream.Name == "ticks":
				events++
			case r.Stream.Kind == archive.Log || r.Stream.Kind == archive.Event:
				t.Errorf("recorded %v", r.Stream)
			}
		}
		if lines != 3 || events != 1 {
			t.Errorf("%d lines and %d events were recorded", lines, events)
		}
		if gaps := marks(recs, archive.MarkGap); len(gaps) != 1 || !strings.Contains(gaps[0].Note, "5 pushed messages") {
			t.Errorf("gaps %+v", gaps)
		}
		if polled := of(recs, "a@h", "sample_listen"); len(polled) != 1 || polled[0].At.Before(silent) {
			t.Errorf("the node that pushes was polled: %d times", len(polled))
		}
		if polled := of(recs, "b@h", "sample_read"); len(polled) < 5 {
			t.Errorf("the node that does not push was polled %d times", len(polled))
		}
	})
}

// TestWhoPushesLives: a node that answers nothing and still pushes its log lines
// does not stand still; one that pushes none any more does.
func TestWhoPushesLives(t *testing.T) {
	for _, talks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &fakePushes{queue: make(chan Pushed), on: true}
			opts := quick()
			opts.Pushes, opts.Routes = p, rare(nil)
			c := newFakeCluster("a@h")
			tr := record(t, c, opts)
			time.Sleep(10 * time.Second)
			c.node("a@h", func(n *fakeNode) { n.took = time.Hour })
			for range 120 {
				if time.Sleep(500 * time.Millisecond); talks {
					p.queue <- Pushed{Node: "a@h", At: time.Now(), Text: []byte(`{"level":"info","message":"at work","source":"a@h","type":"node"}`)}
				}
			}
			if lost := marks(tr.stop(), "node_lost"); (len(lost) == 0) != talks {
				t.Errorf("pushes %v: lost %v", talks, lost)
			}
		})
	}
}
