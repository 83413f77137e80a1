package analyze

import (
	"context"
	"time"

	"ergorecorder/archive"
)

// A row is one listing's word on a process, with the ages.
type row struct {
	point
	took      time.Duration
	stateTime time.Duration // how long it has been in its state; 0 where the node does not say
	uptime    time.Duration
}

// zoom reads every listing of some processes over a stretch, ages included.
func (s *scene) zoom(ctx context.Context, n *node, from, to time.Time, pids ...string) (map[string][]row, error) {
	want := map[string]bool{}
	for _, p := range pids {
		want[p] = true
	}
	out := map[string][]row{}
	err := s.rows(ctx, n, from, to, func(f *archive.Frame, slot int32) {
		pid := f.Columns[colPID].Text(slot)
		if want[pid] {
			out[pid] = append(out[pid], rowOf(f, slot))
		}
	})
	return out, err
}

// rows calls see for every row of every listing in a stretch. The columns are
// those of processColumns, then StateTime and Uptime.
func (s *scene) rows(ctx context.Context, n *node, from, to time.Time, see func(*archive.Frame, int32)) error {
	columns := append(processColumns(), "StateTime", "Uptime")
	for f, err := range s.rec.Table(ctx, n.Name, "process_list", from, to, columns) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return err
		}
		if f.Failure != nil {
			continue
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

func rowOf(f *archive.Frame, slot int32) row {
	r := row{point: pointOf(f, slot), took: f.Took}
	if v, ok := f.Columns[colStateTime].Int(slot); ok {
		r.stateTime = time.Duration(v)
	}
	if v, ok := f.Columns[colUptime].Int(slot); ok {
		r.uptime = time.Duration(v) * time.Second
	}
	return r
}

func pointOf(f *archive.Frame, slot int32) point {
	c := f.Columns
	pt := point{at: f.At, latency: latencyUnknown, state: stateOf(c[colState].Text(slot))}
	pt.in, _ = c[colIn].Int(slot)
	pt.out, _ = c[colOut].Int(slot)
	pt.mailbox, _ = c[colMailbox].Int(slot)
	pt.run, _ = c[colRun].Int(slot)
	pt.wakeups, _ = c[colWakeups].Int(slot)
	if l, ok := c[colLatency].Int(slot); ok {
		pt.latency = l
	}
	return pt
}
