package scene

import (
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A Loss is a connection between two nodes that ended.
type Loss struct {
	After, Before time.Time // it ended in between
	Made          time.Time // when it was made again; zero if it was not
	Told          bool      // a node's log says when it ended
	Partial       bool      // only some of its TCP connections
}

// At is the best guess of when it ended, and how far off that may be.
func (l Loss) At() (time.Time, time.Duration) { return series.Middle(l.After, l.Before) }

// Losses are the ends of connections that one side of a link showed.
func (l *link) Losses() []Loss {
	var all []Loss
	for i := 1; i < len(l.Points); i++ {
		p, q := l.Points[i-1], l.Points[i]
		switch {
		case p.Up && !q.Up:
			all = append(all, Loss{After: p.At, Before: q.At})
		case !p.Up && q.Up && len(all) > 0:
			all[len(all)-1].Made = q.Since
		case p.Up && q.Up && q.Since.Sub(p.Since) > max(2*time.Second, p.doubt+2*time.Second, q.doubt+2*time.Second):
			// ConnectionUptime counts whole seconds: the start is known to one.
			all = append(all, Loss{After: p.At, Before: series.Later(p.At, q.Since.Add(time.Second)), Made: q.Since})
		case p.Up && q.Up && q.Reconnections > p.Reconnections:
			all = append(all, Loss{After: p.At, Before: q.At, Made: q.At, Partial: true})
		}
	}
	return all
}

// Losses are the ends of connections between two nodes, by time: what both
// sides showed and what their logs say, each once.
func (w *Network) Losses(a, b string) []Loss {
	var all []Loss
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.Links[k]; l != nil {
			all = append(all, l.Losses()...)
		}
		for _, line := range w.Logs[k[0]] {
			if line.Peer == k[1] && line.Lost {
				// The line is written when the node has noticed.
				all = append(all, Loss{After: line.At.Add(-200 * time.Millisecond), Before: line.At, Told: true, Made: w.madeAfter(k, line.At)})
			}
		}
	}
	slices.SortFunc(all, func(x, y Loss) int { return x.Before.Compare(y.Before) })
	var merged []Loss
	for _, l := range all {
		if n := len(merged); n > 0 && merged[n-1].same(l) {
			merged[n-1] = merged[n-1].with(l)
			continue
		}
		merged = append(merged, l)
	}
	return merged
}

// madeAfter is when the logs say that a lost peer was met again.
func (w *Network) madeAfter(k [2]string, lost time.Time) time.Time {
	for _, line := range w.Logs[k[0]] {
		if line.Peer == k[1] && !line.Lost && line.At.After(lost) {
			return line.At
		}
	}
	return time.Time{}
}

// Carried is how many messages a second went over the connection between two
// nodes that stood before t, by the end that counted more.
func (w *Network) Carried(a, b string, t time.Time) float64 {
	most := 0.0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		l := w.Links[k]
		if l == nil {
			continue
		}
		var first, last LinkPoint
		for _, p := range l.Points {
			if !p.Up || !p.At.Before(t) {
				continue
			}
			if !first.Up || p.Since.Sub(first.Since) > 2*time.Second {
				first = p
			}
			last = p
		}
		if over := last.At.Sub(first.At).Seconds(); over > 0 {
			most = max(most, (last.In+last.Out-first.In-first.Out)/over)
		}
	}
	return most
}

// same reports whether two observations may be of one loss: they overlap,
// within the second to which ends are known.
func (l Loss) same(o Loss) bool {
	const slack = time.Second
	return !l.After.After(o.Before.Add(slack)) && !o.After.After(l.Before.Add(slack))
}

// with is one loss from two observations of it.
func (l Loss) with(o Loss) Loss {
	switch {
	case o.Told && !l.Told:
		l.After, l.Before, l.Told = o.After, o.Before, true
	case l.Told && !o.Told:
	default:
		l.After, l.Before = series.Later(l.After, o.After), series.Earlier(l.Before, o.Before)
		if l.After.After(l.Before) {
			l.After = l.Before
		}
	}
	if l.Made.IsZero() || !o.Made.IsZero() && o.Made.Before(l.Made) {
		l.Made = o.Made
	}
	l.Partial = l.Partial && o.Partial
	return l
}

// UpAt reports whether the newest answer at t shows the link.
func (l *link) UpAt(t time.Time) bool {
	up := false
	for _, p := range l.Points {
		if p.At.After(t) {
			break
		}
		up = p.Up
	}
	return up
}
