package replay

import (
	"context"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A lifeline is what was made out of a node's lives so far. Of a single
// archive that only grows at its end, the next look reads only what is new.
type lifeline struct {
	lives  []Life
	latest time.Time // the current life started at this moment or before
	uptime int64     // of the last answer
	own    bool      // which said the node's own time

	key      archive.StreamKey // the stream that was read,
	from, to time.Time         // its first and last record,
	records  int               // and how many of them were read
}

// lives are the incarnations of a node, by node_info. The caller holds
// looking.
func (r *Recording) lives(x *index, node string) []Life {
	streams := x.widest(node, ergo.Node)
	l := r.lifelines[node]
	if l == nil || !l.resume(streams) {
		l = &lifeline{}
		l.read(streams)
		if r.lifelines == nil {
			r.lifelines = map[string]*lifeline{}
		}
		r.lifelines[node] = l
	}
	return slices.Clone(l.lives)
}

// resume reads what the stream has gained. It reports false where that does
// not make the whole: where records were dropped, were damaged, or were dated
// before what was read.
func (l *lifeline) resume(streams []stream) bool {
	if len(streams) != 1 || streams[0].StreamKey != l.key || !streams[0].From.Equal(l.from) {
		return false
	}
	if streams[0].To.After(l.to) {
		l.read(streams)
	}
	return l.records == streams[0].Records
}

// read goes on behind the last record that was read.
func (l *lifeline) read(streams []stream) {
	if len(streams) == 0 {
		return
	}
	var from time.Time
	if l.records > 0 {
		from = l.to.Add(1)
	}
	last := streams[len(streams)-1]
	l.key = last.StreamKey
	var to time.Time
	if len(streams) == 1 {
		to = last.To // what is appended meanwhile is for the next look
	}
	for f, err := range chain(context.Background(), streams, from, to, lifeFields()) {
		if err != nil {
			continue
		}
		l.records++
		if f.Failure == nil && len(f.Live) > 0 {
			l.add(f)
		}
	}
	l.from, l.to = last.From, last.To
}

// sameStart is how far apart two answers of one life may place its start: the
// uptime is cut to whole seconds, and so may the creation be that it counts
// from.
const sameStart = 1500 * time.Millisecond

// add takes in one answer. A life is known by its start as the node's own clock
// has it: Uptime is wall clock, so a step or a drift of that clock moves it and
// ServerTime alike. Where a node does not say its time, a new life begins where
// the uptime went backwards, or where what it says of the node's start is later
// than it can have been in the life before (the node was away for longer than
// it had been up).
func (l *lifeline) add(f *archive.Frame) {
	uptime, ok := f.Columns[0].Int(f.Live[0]) // as lifeFields has it
	if !ok {
		return
	}
	upper := f.At.Add(-ergo.Lasting(uptime))
	lower := upper.Add(-f.Took - time.Second)
	started, own := startOf(f, uptime)
	if !own {
		started = upper
	}
	fresh := len(l.lives) == 0
	switch {
	case fresh:
	case own && l.own:
		later := started.Sub(l.lives[len(l.lives)-1].Started)
		// An earlier start with a greater age is an answer of a life before this,
		// dated back; with a smaller one the node's clock was put back and it began
		// anew.
		fresh = later > sameStart || later < -sameStart && uptime < l.uptime
	default:
		fresh = uptime < l.uptime || lower.After(l.latest.Add(time.Second))
	}
	l.uptime, l.own = uptime, own
	if fresh {
		l.lives = append(l.lives, Life{ergo.Incarnation{Node: l.key.Node, Started: started}, f.At, f.At})
		l.latest = upper
		return
	}
	life := &l.lives[len(l.lives)-1]
	life.To = f.At
	if started.Before(life.Started) && life.Started.Sub(started) < time.Second {
		life.Started = started // the uptime is cut to whole seconds
	}
	if upper.Before(l.latest) {
		l.latest = upper
	}
}

// lifeFields are what an answer tells of a node's life.
func lifeFields() []string { return []string{"Uptime", "ServerTime"} }

// startOf is when the node began, by its own clock.
func startOf(f *archive.Frame, uptime int64) (started time.Time, own bool) {
	t, err := time.Parse(time.RFC3339Nano, f.Columns[1].Text(f.Live[0]))
	return t.Add(-ergo.Lasting(uptime)), err == nil
}

// oneLife reports whether the first answer of a node and the last are of one life, which then is all that there
// was. Where it cannot be told by these two it is not so. It is found out once.
func (x *index) oneLife(node string) (one bool) {
	x.once.Lock()
	defer x.once.Unlock()
	one, known := x.single[node]
	if known {
		return one
	}
	if streams := x.widest(node, ergo.Node); len(streams) == 1 {
		first, known := streams[0].startedAt(streams[0].From)
		last, told := streams[0].startedAt(streams[0].To)
		one = known && told && last.Sub(first).Abs() <= sameStart
	}
	x.single[node] = one
	return one
}

// startedAt is when the node of the stream began, by what it said at a moment.
func (s stream) startedAt(t time.Time) (started time.Time, own bool) {
	for f, err := range s.scan(context.Background(), t, t, lifeFields()) {
		if err != nil || f.Failure != nil || len(f.Live) == 0 {
			return started, false
		}
		uptime, ok := f.Columns[0].Int(f.Live[0])
		if !ok {
			return started, false
		}
		started, own = startOf(f, uptime)
	}
	return started, own
}
