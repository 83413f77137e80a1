package replay

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// A Heard is one entry of a passive sampler: a log line, or a message of an
// event that was listened to.
type Heard struct {
	Node string
	At   time.Time       // when the sampler took it, by the node's clock
	Data json.RawMessage // as the sampler gave it
}

// Heard walks what the passive samplers of a node delivered within the window,
// each entry once, in the order in which it was read.
func (r *Recording) Heard(ctx context.Context, node string, from, to time.Time) iter.Seq2[Heard, error] {
	return func(yield func(Heard, error) bool) {
		for e, err := range r.entries(ctx, node, widen(from, -late), widen(to, late)) {
			if err == nil && outside(e.at, from, to) {
				continue
			}
			if !yield(Heard{node, e.at, e.data}, err) {
				return
			}
		}
	}
}
