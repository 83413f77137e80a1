package scene

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"ergorecorder/analyze/looks"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// BirthTime is when a process that one listing shows and the one before does
// not was spawned.
func (s *Scene) BirthTime(ctx context.Context, n *Node, pid string, after, by time.Time) (time.Time, time.Duration, error) {
	rows, err := s.Zoom(ctx, n, Stretch{pid, by, by})
	if err != nil {
		return time.Time{}, 0, err
	}
	from, to := after, by
	for _, r := range rows {
		// The uptime is cut to whole seconds.
		if t := r.At.Add(-r.uptime); t.Before(to) {
			to = t
		}
		if t := r.At.Add(-r.uptime - time.Second - r.Took); t.After(from) {
			from = t
		}
	}
	if to.Before(from) {
		from, to = after, by
	}
	at, off := series.Middle(from, to)
	return at, off, nil
}

// A Row is one listing's word on a process, with the ages.
type Row struct {
	work.Point
	Took      time.Duration
	StateTime time.Duration // how long it has been in its state; 0 where the node does not say
	uptime    time.Duration
}

// A Stretch is a stretch of the listings of a process.
type Stretch struct {
	PID      string
	From, To time.Time
}

// span is a stretch as what was read of it is looked up.
type span struct {
	pid      string
	from, to int64
}

func (x Stretch) span() span { return span{x.PID, x.From.UnixNano(), x.To.UnixNano()} }

// Zoom reads every listing of a process over a stretch, ages included.
func (s *Scene) Zoom(ctx context.Context, n *Node, x Stretch) ([]Row, error) {
	s.mu.Lock()
	rows, known := n.foreseen[x.span()]
	s.mu.Unlock()
	if known {
		return rows, nil
	}
	found := map[span][]Row{}
	err := s.zoom(ctx, n, []Stretch{x}, found)
	return found[x.span()], err
}

// apart is how many listings may lie between two stretches that are read in one
// walk: to begin another costs as much as to walk over about so many.
const apart = 64

// Foresee reads what [Scene.Zoom] will be asked for, of all suspects of a node
// together: one by one, a walk each would take longer the more suspects there
// are. What was foreseen is kept until Forget.
func (s *Scene) Foresee(ctx context.Context, n *Node, all []Stretch) error {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y Stretch) int { return x.From.Compare(y.From) })
	found := make(map[span][]Row, len(all))
	for len(all) > 0 {
		k, end := 1, all[0].To
		for k < len(all) && !all[k].From.After(end.Add(apart*n.Interval)) {
			end = series.Later(end, all[k].To)
			k++
		}
		if err := s.zoom(ctx, n, all[:k], found); err != nil {
			return err
		}
		all = all[k:]
	}
	s.mu.Lock()
	n.foreseen = found
	s.mu.Unlock()
	return nil
}

// Forget lets go of what was foreseen of a node.
func (s *Scene) Forget(n *Node) {
	s.mu.Lock()
	n.foreseen = nil
	s.mu.Unlock()
}

// zoom reads stretches, sorted by their beginnings, in one walk.
func (s *Scene) zoom(ctx context.Context, n *Node, all []Stretch, found map[span][]Row) error {
	end := all[0].To
	for _, x := range all {
		end = series.Later(end, x.To)
		found[x.span()] = nil
	}
	open := map[string][]Stretch{} // that the walk has come to
	q := replay.Query{Node: n.Name, Reading: ergo.Processes, From: all[0].From, To: end, Fields: rowColumns(), Damaged: s.Note}
	for f, err := range looks.Walk(ctx, s.Rec, q) {
		if err != nil {
			return err
		}
		for len(all) > 0 && !all[0].From.After(f.At) {
			open[all[0].PID] = append(open[all[0].PID], all[0])
			all = all[1:]
		}
		if len(open) == 0 {
			continue
		}
		for _, slot := range f.Live {
			pid := f.Columns[ColPID].Text(slot)
			for _, x := range open[pid] {
				if !x.To.Before(f.At) {
					found[x.span()] = append(found[x.span()], rowOf(f.Frame, slot))
				}
			}
		}
		maps.DeleteFunc(open, func(_ string, of []Stretch) bool {
			return !slices.ContainsFunc(of, func(x Stretch) bool { return x.To.After(f.At) })
		})
	}
	return nil
}

// listings walks the listings of a stretch. The columns are those of
// processColumns, then StateTime and Uptime.
func (s *Scene) listings(ctx context.Context, n *Node, from, to time.Time) iter.Seq2[*archive.Frame, error] {
	return s.Listings(ctx, n, from, to, rowColumns())
}

func rowColumns() []string { return append(processColumns(), "StateTime", "Uptime") }

// Listings walks some columns of the listings of a stretch: without the ages, only
// rows that changed cost anything.
func (s *Scene) Listings(ctx context.Context, n *Node, from, to time.Time, columns []string) iter.Seq2[*archive.Frame, error] {
	return s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Processes, From: from, To: to, Fields: columns})
}

// Rows calls see for every row of every listing in a stretch, with the columns
// of processColumns, then StateTime and Uptime.
func (s *Scene) Rows(ctx context.Context, n *Node, from, to time.Time, see func(*archive.Frame, int32)) error {
	for f, err := range s.listings(ctx, n, from, to) {
		if err != nil {
			return err
		}
		for _, slot := range f.Live {
			see(f, slot)
		}
	}
	return nil
}

const (
	colStateTime = colWakeups + 1
	colUptime    = colWakeups + 2
)

func rowOf(f *archive.Frame, slot int32) Row {
	r := Row{Point: PointOf(f, slot), Took: f.Took}
	if v, ok := f.Columns[colStateTime].Int(slot); ok {
		r.StateTime = time.Duration(v)
	}
	if v, ok := f.Columns[colUptime].Int(slot); ok {
		r.uptime = ergo.Lasting(v)
	}
	return r
}

func PointOf(f *archive.Frame, slot int32) work.Point {
	c := f.Columns
	pt := work.Point{At: f.At, Latency: work.LatencyUnknown, State: work.StateOf(c[colState].Text(slot))}
	pt.In, _ = c[colIn].Int(slot)
	pt.Out, _ = c[colOut].Int(slot)
	pt.Mailbox, _ = c[colMailbox].Int(slot)
	pt.Run, _ = c[colRun].Int(slot)
	pt.Wakeups, _ = c[colWakeups].Int(slot)
	if l, ok := c[colLatency].Int(slot); ok {
		pt.Latency = l
	}
	return pt
}
