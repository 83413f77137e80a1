package scene

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Clock is a node's own clock against the recorder's. What a node dates (its
// start, connections, log lines) is turned into the recorder's time by it, once,
// where it is read; so all that the playbooks compare is of one clock.
type Clock struct {
	// Offset is by how many seconds, at least, the node's clock is ahead at each
	// answer: what it says is from somewhere within the call, so that a time
	// within it is no offset.
	Offset series.Series

	told []Told // as they were read; see Runs
}

// A Told is what an answer told of two clocks.
type Told struct {
	At    time.Time     // when it came, by the recorder's clock
	Mono  time.Duration // and by its own time, which no step of that clock touches
	Ahead float64       // s by which the node's clock was ahead of the recorder's
}

// Against is by how much the recorder's clock moved from one answer to another of the same run
// against its own time: how far it stepped.
func (t Told) Against(o Told) time.Duration { return o.At.Sub(t.At) - (o.Mono - t.Mono) }

// sameLevel is up to how far apart a clock and the recorder's own time are at two answers
// between which no step lies: the archive keeps the one to the millisecond.
const sameLevel = 50 * time.Millisecond

// Runs are the answers by the run of the recorder that had them, each in the order in which
// it had them, whatever its clock said; none where its own time was not recorded with
// all. A run begins where that time falls and the two clocks stand as they never did in the
// run before: where the same two levels alternate, answers of before and after a step
// stand mixed.
func (c *Clock) Runs() [][]Told {
	var runs [][]Told
	var levels []Told // one of each in the newest run
	newest := time.Duration(0)
	for _, t := range c.told {
		if t.Mono <= 0 {
			return nil
		}
		known := slices.ContainsFunc(levels, func(l Told) bool { return l.Against(t).Abs() <= sameLevel })
		if !known && t.Mono < newest || runs == nil {
			runs, levels, newest = append(runs, nil), nil, 0
		}
		if !known {
			levels = append(levels, t)
		}
		last := len(runs) - 1
		runs[last], newest = append(runs[last], t), max(newest, t.Mono)
	}
	for _, run := range runs {
		slices.SortStableFunc(run, func(a, b Told) int { return cmp.Compare(a.Mono, b.Mono) })
	}
	return runs
}

// noOffset is up to how many seconds two clocks are taken to agree: what is
// judged is sampled every second or two.
const noOffset = 0.1

// Add takes in what the node said the time was in an answer.
func (c *Clock) add(at time.Time, took, mono time.Duration, said time.Time) {
	off := 0.0
	switch began := at.Add(-took); {
	case said.After(at):
		off = said.Sub(at).Seconds()
	case said.Before(began):
		off = said.Sub(began).Seconds()
	}
	if off < noOffset && off > -noOffset {
		off = 0
	}
	c.Offset.Add(at, off)
	c.told = append(c.told, Told{At: at, Mono: mono, Ahead: off})
}

// ahead is how far the node's clock is ahead at an instant of the recorder's.
func (c *Clock) ahead(at time.Time) time.Duration {
	o := &c.Offset
	if o.Len() == 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(o.T, at, time.Time.Compare)
	switch {
	case i == o.Len():
		i--
	case i > 0 && at.Sub(o.T[i-1]) < o.T[i].Sub(at):
		i--
	}
	return time.Duration(o.V[i] * float64(time.Second))
}

// doubt is by how much the offsets around an instant differ: while a clock
// steps, and where the recorder's went back and times of before and after the
// step stand mixed.
func (c *Clock) doubt(at time.Time) time.Duration {
	const around = 3 // answers to either side
	o := &c.Offset
	i, _ := slices.BinarySearchFunc(o.T, at, time.Time.Compare)
	v := o.V[max(0, i-around):min(o.Len(), i+around)]
	if len(v) == 0 {
		return 0
	}
	return time.Duration((slices.Max(v) - slices.Min(v)) * float64(time.Second))
}

// Theirs is an instant as the node's clock had it.
func (c *Clock) Theirs(at time.Time) time.Time { return at.Add(c.ahead(at)) }

// Ours is an instant that the node's clock gave, by the recorder's. Of what was
// before the first answer, the first offset is taken.
func (c *Clock) Ours(theirs time.Time) time.Time {
	// The offset is that of the moment, which is itself what is sought: twice is
	// enough but within a step, where either is right.
	at := theirs.Add(-c.ahead(theirs))
	return theirs.Add(-c.ahead(at))
}

// most is the greatest offset, either way.
func (c *Clock) most() time.Duration {
	most := 0.0
	for _, v := range c.Offset.V {
		most = max(most, v, -v)
	}
	return time.Duration(most * float64(time.Second))
}

// Logs walks the log lines that a node wrote in a stretch, dated by the
// recorder's clock.
func (s *Scene) Logs(ctx context.Context, n *Node, from, to time.Time) iter.Seq2[replay.LogLine, error] {
	return func(yield func(replay.LogLine, error) bool) {
		wide := n.Clock.most()
		for l, err := range s.Rec.Logs(ctx, n.Name, from.Add(-wide), to.Add(wide)) {
			if err == nil {
				if l.At = n.Clock.Ours(l.At); l.At.Before(from) || l.At.After(to) {
					continue
				}
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// readClock reads what the node said the time was.
func (s *Scene) readClock(ctx context.Context, n *Node) error {
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Node, From: s.From, To: s.To, Fields: []string{"ServerTime"}}) {
		if err != nil {
			return err
		}
		if len(f.Live) == 0 {
			continue
		}
		if said, err := time.Parse(time.RFC3339Nano, f.Columns[0].Text(f.Live[0])); err == nil {
			n.Clock.add(f.At, f.Took, f.Mono, said)
		}
	}
	return nil
}
