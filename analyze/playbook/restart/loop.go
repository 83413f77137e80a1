package restart

import (
	"cmp"
	"slices"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/setting"
)

// A loop is one child's restarts.
type loop struct {
	*scene.Lineage
	births     []scene.Birth // under one and the same supervisor: of the latest loop, else all
	dense      bool          // they follow each other so fast that they are a loop
	more       int           // restarts after those
	said       []scene.Complaint
	supervisor *scene.Actor
	inspected  *scene.Inspection
	among      []string // siblings that are restarted with it
}

// loops are the restart loops of a node. Siblings that a supervisor restarts
// together are one: the one that complains, else the first.
func loops(s *scene.Scene, n *scene.Node, w scene.Complaints) []*loop {
	var all []*loop
	for _, l := range n.Procs.Lineages {
		lp := &loop{Lineage: l, said: w.ByName[l.Name]}
		for i, b := range l.Births {
			if i > 0 && b.Parent != l.Births[i-1].Parent {
				lp.births = lp.births[:0] // its supervisor is a new one: that is another story
			}
			if len(lp.births) == 0 {
				b.Omitted = 0
			}
			lp.births = append(lp.births, b)
		}
		if len(lp.births) < s.Set.Int(manyRestarts) || !supervised(n, lp) {
			continue
		}
		lp.narrow(s.Set)
		all = append(all, lp)
	}
	slices.SortFunc(all, func(a, b *loop) int {
		return cmp.Or(cmp.Compare(len(b.said), len(a.said)), a.births[0].By.Compare(b.births[0].By), cmp.Compare(a.Name, b.Name))
	})
	var out []*loop
	for _, l := range all {
		i := slices.IndexFunc(out, func(o *loop) bool { return o.together(l) })
		if i < 0 {
			out = append(out, l)
			continue
		}
		out[i].among = append(out[i].among, l.Name)
	}
	return out
}

// window is the time within which restarts make a loop: no shorter than what
// the listings can show.
func (l *loop) window(set setting.Values) time.Duration {
	w := max(set.Span(loopWindow), time.Duration(set.Int(manyRestarts))*l.Node.Interval)
	if l.inspected != nil {
		w = max(w, time.Duration(l.inspected.Period)*time.Second)
	}
	return w
}

// narrow leaves the latest stretch of restarts that follow each other within
// the window, if there are enough of them within one.
func (l *loop) narrow(set setting.Values) {
	window := l.window(set)
	for to := len(l.births); to > 0; {
		from := to - 1
		for from > 0 && l.births[from].Gap(l.births[from-1]) <= window {
			from--
		}
		if crowded(l.births[from:to], set.Int(manyRestarts), window) {
			l.more, l.births, l.dense = restarts(l.births[to:]), slices.Clone(l.births[from:to]), true
			l.births[0].Omitted = 0
			return
		}
		to = from
	}
}

// crowded reports whether so many restarts fell within a window.
func crowded(births []scene.Birth, many int, window time.Duration) bool {
	for i, b := range births {
		if i > 0 && b.Omitted >= many-2 && b.Gap(births[i-1])*time.Duration(many-1) <= window {
			return true
		}
		if k := i - (many - 1); k >= 0 && b.By.Sub(births[k].By) <= window {
			return true
		}
	}
	return false
}

// restarts is how many restarts the births stand for.
func restarts(births []scene.Birth) int {
	n := len(births)
	for _, b := range births {
		n += b.Omitted
	}
	return n
}

// supervised reports whether the process's parent is a supervisor, and finds
// it. A parent of which nothing is known counts as one: only supervisors give
// a new process the old one's name again and again.
func supervised(n *scene.Node, l *loop) bool {
	pid := l.births[len(l.births)-1].Parent
	l.supervisor = n.Procs.Known[pid]
	l.inspected = n.Inspected[pid]
	switch {
	case l.inspected != nil:
		return l.inspected.Supervisor
	case l.supervisor != nil && l.supervisor.Kind != "":
		return l.supervisor.Kind == "supervisor"
	}
	return l.supervisor == nil || len(l.said) > 0
}

// together reports whether most restarts of o came with one of l.
func (l *loop) together(o *loop) bool {
	if l.births[0].Parent != o.births[0].Parent {
		return false
	}
	same := 0
	for _, b := range o.births {
		if slices.ContainsFunc(l.births, func(x scene.Birth) bool { return x.By.Equal(b.By) }) {
			same++
		}
	}
	return float64(same) >= 0.8*float64(len(o.births))
}

// period is the usual time between two restarts.
func (l *loop) period() time.Duration {
	if len(l.births) < 2 {
		return 0
	}
	return l.births[len(l.births)-1].By.Sub(l.births[0].By) / time.Duration(restarts(l.births)-1)
}
