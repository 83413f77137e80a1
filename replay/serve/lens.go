package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/observer/native"
)

// idleFollow is for how long, in the cluster's time, a log stays followed that
// nobody reads.
const idleFollow = 30 * time.Second

// follows are the logs that are followed.
type follows struct {
	mu   sync.Mutex
	list map[string]*held
	next int
}

// A held log is followed since somebody first read it.
type held struct {
	owner string
	from  time.Time // what was logged before is not seen
	read  time.Time
}

// log answers a read of the log lens, or of that of a stream: the batches behind a
// cursor.
func (o *observed) log(ctx context.Context, v *native.View, u gate.URI, out *gate.Resource) error {
	if err := v.Followed(u, o.rec.Followed); err != nil {
		return err
	}
	now := v.At
	o.follows.mu.Lock()
	h := o.follows.list[out.URI]
	if h == nil || now.Sub(h.read) > idleFollow || now.Before(h.read) {
		o.follows.next++
		h = &held{owner: fmt.Sprintf("%d-%d", v.Life(v.Home), 2000+o.follows.next), from: now}
		o.follows.list[out.URI] = h
	}
	h.read = now
	follow := *h
	o.follows.mu.Unlock()
	batches, err := v.Batches(ctx, u, o.lines(ctx, u.Node, follow.from, now))
	if err != nil {
		return err
	}
	first := max(0, len(batches)-native.HeldBatches) // those before were evicted
	from := first
	owner, seq, ok := native.CutCursor(u.Since)
	dropped := false
	if ok && owner == follow.owner {
		dropped = int(seq) < first
		from = min(max(int(seq), first), len(batches))
	} else if ok {
		dropped = true
	}
	out.Meta[observer.MetaSeq] = len(batches)
	out.Meta[observer.MetaNextSeq] = native.Cursor(follow.owner, int64(len(batches)))
	if dropped {
		out.Meta[observer.MetaDropped] = true
	}
	out.Text, err = json.Marshal(batches[from:])
	return err
}

// lines are what a node logged within a stretch of time.
func (o *observed) lines(ctx context.Context, node string, from, to time.Time) iter.Seq2[native.Line, error] {
	return func(yield func(native.Line, error) bool) {
		for heard, err := range o.rec.Heard(ctx, node, from, to) {
			if !yield(native.Line{At: heard.At, Data: heard.Data}, err) {
				return
			}
		}
	}
}
