package replay

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"ergorecorder/archive"
)

// A Heard is one entry of a passive sampler, or what a node pushed: a log
// line, or a message of an event that was listened to.
type Heard struct {
	Node string
	At   time.Time       // when it was taken, by the node's clock
	Data json.RawMessage // as the sampler gave it
}

// Heard walks what the passive samplers of a node delivered within the window
// and what it pushed, each entry once, in the order in which it was read.
func (r *Recording) Heard(ctx context.Context, node string, from, to time.Time) iter.Seq2[Heard, error] {
	return func(yield func(Heard, error) bool) {
		for e, err := range r.entries(ctx, node, widen(from, -late), widen(to, late), archive.Log, archive.Event) {
			if err == nil && outside(e.at, from, to) {
				continue
			}
			if !yield(Heard{node, e.at, e.data}, err) {
				return
			}
		}
	}
}
