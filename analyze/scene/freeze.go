package scene

import (
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A Freeze is a stretch in which a node gave no answer to anybody, and after
// which it went on in the same life.
type Freeze struct {
	From, To time.Time     // its last sign of life before, its first after
	Late     time.Duration // how long the answer took that ended it; 0 if none was under way
	Unheard  int           // calls and pings to it that got nothing
	Others   int           // answers of other nodes meanwhile
	Worked   bool          // its counters or its log went on as usual meanwhile
}

// longestHold is how long the recorder's own calls can hold up all answers of a
// node that works: a profile, then calls that time out behind each other in its
// tools' few workers.
const longestHold = 20 * time.Second

// Lasted is how long the node gave no sign of life, at most.
func (f Freeze) Lasted() time.Duration { return f.To.Sub(f.From) }

// A sign is a moment at which a node was heard of: an answer of its own, or a
// ping by a peer that came back. Begun is when it was asked.
type sign struct{ begun, at time.Time }

// signs are all moments at which a node was heard of, by time.
func (s *Scene) signs(w *Network, n *Node) []sign {
	var all []sign
	for i, t := range n.Heard.T {
		all = append(all, sign{t.Add(-seconds(n.Heard.V[i])), t})
	}
	for _, t := range n.Procs.Listings {
		all = append(all, sign{t, t})
	}
	for _, t := range n.Series("runtime_stats", "goroutines").T {
		all = append(all, sign{t, t})
	}
	for k, p := range w.Pings {
		if k[1] != n.Name {
			continue
		}
		for i, t := range p.T {
			all = append(all, sign{t.Add(-time.Duration(p.V[i] * float64(time.Millisecond))), t})
		}
	}
	slices.SortFunc(all, func(a, b sign) int { return a.at.Compare(b.at) })
	return all
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// Freezes are the stretches of at least the given length in which a node was
// asked and nobody heard of it: neither the recorder nor a peer, while other
// nodes (if there are any) went on answering. A way to the node that was cut is
// no freeze; nor is a pause of the recorder, in which nobody is heard of.
func (s *Scene) Freezes(w *Network, n *Node, least time.Duration) []Freeze {
	all := s.signs(w, n)
	var found []Freeze
	for i := 1; i < len(all); i++ {
		f := Freeze{From: all[i-1].at, To: all[i].at}
		if f.Lasted() < max(least, 2*s.Usual(n)) || s.beganWithin(n, f) {
			continue
		}
		if took := all[i].at.Sub(all[i].begun); took > f.Lasted()/2 || took >= least {
			f.Late = took
		}
		f.Unheard = w.unheard(n.Name, f)
		f.Others = s.othersHeard(w, n, f)
		asked := f.Late > 0 || f.Unheard > 0
		if !asked || f.Others == 0 && len(s.Nodes) > 1 || s.cutWithin(w, n, f) {
			continue
		}
		if f.Worked = n.worked(f) || w.logged(n, f); f.Worked && f.Lasted() < longestHold {
			continue
		}
		found = append(found, f)
	}
	return found
}

// worked reports whether the node went on with its work in the stretch: what it
// allocated, or the CPU that it used, grew as usual. Answers may be missing
// without that, for the tools' few workers wait behind each other: a profile or
// a call that times out holds one.
func (n *Node) worked(f Freeze) bool {
	counters := []series.Series{n.Series("runtime_stats", "total_alloc"), series.Sum(n.Series("node_info", "UserTime"), n.Series("node_info", "SystemTime"))}
	for _, c := range counters {
		i := slices.IndexFunc(c.T, func(t time.Time) bool { return !t.Before(f.To.Add(-50 * time.Millisecond)) })
		if i <= 0 || c.T[i-1].After(f.From.Add(f.Lasted()/4)) {
			continue
		}
		usual := series.Median(series.Rates(c, n.Starts...).V)
		between := c.T[i].Sub(c.T[i-1]).Seconds()
		still := f.Lasted().Seconds()
		if usual <= 0 || between <= 0 {
			continue
		}
		inside := c.V[i] - c.V[i-1] - usual*max(0, between-still)
		return inside > usual*still/2
	}
	return false
}

// logged reports whether the node wrote a line within the stretch, by its own
// clock.
func (w *Network) logged(n *Node, f Freeze) bool {
	const margin = time.Second
	for _, t := range w.written[n.Name] {
		if t.After(f.From.Add(margin)) && t.Before(f.To.Add(-margin)) {
			return true
		}
	}
	return false
}

// beganWithin reports whether the node began another life in the stretch.
func (s *Scene) beganWithin(n *Node, f Freeze) bool {
	return slices.ContainsFunc(n.Starts, func(t time.Time) bool {
		return t.After(f.From.Add(-s.Usual(n))) && t.Before(f.To.Add(2*time.Second))
	})
}

// unheard counts calls to a node and pings of it that timed out in a stretch,
// or soon after: a time-out is told late.
func (w *Network) unheard(node string, f Freeze) int {
	const told = 10 * time.Second
	count := 0
	within := func(t time.Time) bool { return t.After(f.From) && t.Before(f.To.Add(told)) }
	for _, c := range w.fails[node] {
		if within(c.At) && c.peer == "" && (c.mark || c.TimedOut()) {
			count++
		}
	}
	for k, pings := range w.Mute {
		if k[1] != node {
			continue
		}
		for _, c := range pings {
			if within(c.At) && c.TimedOut() {
				count++
			}
		}
	}
	return count
}

// othersHeard counts answers of other nodes within a stretch.
func (s *Scene) othersHeard(w *Network, n *Node, f Freeze) int {
	count := 0
	for _, o := range s.Nodes {
		if o != n {
			count += o.Heard.Between(f.From.Add(time.Millisecond), f.To).Len()
		}
	}
	return count
}

// cutWithin reports whether every peer lost its connection to the node in the
// stretch and had to make it anew: then the way was cut, or nobody can tell.
// A frozen node keeps its connections.
func (s *Scene) cutWithin(w *Network, n *Node, f Freeze) bool {
	peers, lost := 0, 0
	for _, o := range s.Nodes {
		if o == n || w.Links[[2]string{o.Name, n.Name}] == nil && w.Links[[2]string{n.Name, o.Name}] == nil {
			continue
		}
		peers++
		if slices.ContainsFunc(w.Losses(o.Name, n.Name), func(l Loss) bool {
			return l.Before.After(f.From) && l.After.Before(f.To) && !l.Partial
		}) {
			lost++
		}
	}
	return peers > 1 && lost == peers && f.Late == 0
}

// Pauses is the collector's own word on how long it stopped the node, in
// seconds, where that is above a second.
func (n *Node) Pauses() series.Series {
	var long series.Series
	all, runs := n.Series("runtime_stats", "last_gc_pause_ns"), n.Series("runtime_stats", "num_gc")
	last := -1.0
	for i, t := range all.T {
		run, ok := runs.At(t)
		if v := all.V[i] / 1e9; v >= 1 && (!ok || run != last) {
			long.Add(t, v)
		}
		last = run
	}
	return long
}
