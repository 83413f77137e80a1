package recorder

import (
	"context"
	"encoding/json"
	"time"

	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/schedule"
)

// Pushes is where log lines and messages of events come from that nodes send
// by themselves; a cluster that was joined as a node is one.
type Pushes interface {
	// Pushing reports whether a node at present pushes its log lines, or with
	// an event's name its messages, so that they need not be polled.
	Pushing(node, event string) bool
	// Next waits for the next; its error is that of ctx.
	Next(ctx context.Context) (Pushed, error)
}

// A Pushed is one log line or message of an event.
type Pushed struct {
	Node  string
	Event string    // "" for a log line
	At    time.Time // when it came
	Text  []byte    // JSON, in the form of the data of an entry of sample_read
	// Lost is how many of the node came before and were not taken in time.
	Lost int
}

// pushLoop stores what nodes push. Nodes that are not recorded are passed over.
func (r *Recorder) pushLoop(ctx context.Context) {
	for {
		p, err := r.opts.Pushes.Next(ctx)
		if err != nil {
			return
		}
		r.mu.Lock()
		n := r.nodes[p.Node]
		r.mu.Unlock()
		if n == nil {
			continue
		}
		n.mu.Lock()
		n.told = r.clock.Steady()
		n.mu.Unlock()
		if p.Lost > 0 {
			n.losePushed(p.At, p.Lost)
		}
		if len(p.Text) == 0 {
			continue // it only told of what was lost
		}
		if p.Event == "" {
			n.counted(p)
		}
		r.append(ingest.Pushed(p.Node, p.Event, p.At, p.Text, r.opts.kept()))
	}
}

// counted notes a log line that came.
func (n *node) counted(p Pushed) {
	var line struct{ Time time.Time }
	if json.Unmarshal(p.Text, &line) != nil {
		return
	}
	n.mu.Lock()
	n.ledger.Came(1+int64(p.Lost), line.Time)
	n.mu.Unlock()
}

// losePushed notes what a node pushed faster than it was taken.
func (n *node) losePushed(at time.Time, lost int) {
	n.lost("pushed messages", "were not taken in time", at, at, int64(lost))
}

// pushed reports whether what the listener follows comes by itself. If so, a
// sampler that was started before is read to its end and stopped.
func (l *listener) pushed(ctx context.Context, r *schedule.Run) bool {
	pushes := l.n.r.opts.Pushes
	if pushes == nil || !pushes.Pushing(l.n.name, l.args.Text("event")) {
		return false
	}
	if s := l.now; s != nil {
		l.read(ctx, r, s)
		l.n.ask(ctx, r, "sample_stop", map[string]any{"sampler_id": s.id})
		l.now = nil
	}
	return true
}
