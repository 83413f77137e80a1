package scene

import (
	"context"
	"time"

	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// BirthTime is when a process that one listing shows and the one before does
// not was spawned.
func (s *Scene) BirthTime(ctx context.Context, n *Node, pid string, after, by time.Time) (time.Time, time.Duration, error) {
	rows, err := s.Zoom(ctx, n, by, by, pid)
	if err != nil {
		return time.Time{}, 0, err
	}
	from, to := after, by
	for _, r := range rows[pid] {
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

// Zoom reads every listing of some processes over a stretch, ages included.
func (s *Scene) Zoom(ctx context.Context, n *Node, from, to time.Time, pids ...string) (map[string][]Row, error) {
	want := map[string]bool{}
	for _, p := range pids {
		want[p] = true
	}
	out := map[string][]Row{}
	err := s.Rows(ctx, n, from, to, func(f *archive.Frame, slot int32) {
		pid := f.Columns[ColPID].Text(slot)
		if want[pid] {
			out[pid] = append(out[pid], rowOf(f, slot))
		}
	})
	return out, err
}

// Rows calls see for every row of every listing in a stretch. The columns are
// those of processColumns, then StateTime and Uptime.
func (s *Scene) Rows(ctx context.Context, n *Node, from, to time.Time, see func(*archive.Frame, int32)) error {
	columns := append(processColumns(), "StateTime", "Uptime")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Processes, From: from, To: to, Fields: columns}) {
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
		r.uptime = time.Duration(v) * time.Second
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
