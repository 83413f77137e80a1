package link

import (
	"context"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/message"
)

// Said is what a replay says of one of its answers, or of one message that it
// pushes.
type Said struct {
	Clock    ergo.Clock
	Observed time.Time // zero: made up on the spot
	Missing  []string  // fields that were not recorded
}

// saidKey is the key under which a context holds where to put what a replay
// says.
type saidKey struct{}

// Hear makes a context in whose requests what a replay says of their answers is
// put into said: of the last, where there are several.
func Hear(ctx context.Context, said *Said) context.Context {
	return context.WithValue(ctx, saidKey{}, said)
}

// Heard is what a replay has said so far of the requests of a context of [Hear];
// nil where none was made.
func Heard(ctx context.Context) *Said {
	said, _ := ctx.Value(saidKey{}).(*Said)
	return said
}

// hear puts down what a replay said, if it did.
func hear(ctx context.Context, said *Said) {
	if to := Heard(ctx); to != nil && said != nil {
		*to = *said
	}
}

// clocked takes in what a replay says of what it will say next. Of a peer that
// did not announce the message as its own it is not taken.
func (l *Link) clocked(m frame.Message) {
	if !l.replay {
		return
	}
	v, _, err := l.dec.Decode(m.Payload)
	named, _ := v.(edf.Named)
	c, ok := named.Value.(message.Clock)
	if err != nil || !ok || c.Speed <= 0 {
		return
	}
	at := func(ns int64) time.Time { return time.Unix(0, ns).UTC() }
	said := &Said{Clock: ergo.Clock{Now: at(c.Now), Speed: c.Speed, End: at(c.End)}, Missing: c.Missing}
	if c.Observed != 0 {
		said.Observed = at(c.Observed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock = said
	if c.About == ([3]uint64{}) {
		l.next = said
	} else if l.waiting[c.About] != nil {
		l.clocks[c.About] = said
	}
}

// Said is what a replay said last; nil of any other peer.
func (l *Link) Said() *Said {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock
}

// saidNext is what a replay said of the message that it pushes now.
func (l *Link) saidNext() *Said {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.next
	l.next = nil
	return said
}

// replayed reports whether a peer announced that it is a replay.
func replayed(c edf.Caches) bool {
	for _, name := range c.Types {
		if name == message.ClockType {
			return true
		}
	}
	return false
}
