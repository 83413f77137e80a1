package scene

import (
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// A Freeze is a stretch in which a node gave no answer to anybody, and after
// which it went on in the same life.
type Freeze struct {
	From, To time.Time     // its last sign of life before, its first after
	Late     time.Duration // how long the answer took that ended it; 0 if none was under way
	Unheard  int           // calls and pings to it that got nothing
	Others   int           // answers of other nodes meanwhile
	Worked   bool          // its counters or its log went on as usual meanwhile
	AtStart  bool          // it was so when the window began
	Open     bool          // it lasts to the end of the window
}

// longestHold is how long the recorder's own calls can hold up all answers of a
// node that works: a profile, then calls that time out behind each other in its
// tools' few workers.
const longestHold = 20 * time.Second

// Lasted is how long the node gave no sign of life, at most.
func (f Freeze) Lasted() time.Duration { return f.To.Sub(f.From) }

// asked is the part of it in which an answer was under way: until it was asked, nobody missed
// the node, which may have worked. It is all of it where none was under way.
func (f Freeze) asked() Freeze {
	if f.Late > 0 {
		f.From = series.Later(f.From, f.To.Add(-f.Late))
	}
	return f
}

// A sign is a moment at which a node was heard of: an answer of its own, or a
// ping by a peer that came back. Begun is when it was asked.
type sign struct {
	begun, at time.Time
	own       bool // the recorder asked it itself
}

// signs are all moments at which a node was heard of, by time.
func (s *Scene) signs(w *Network, n *Node) []sign {
	var all []sign
	for i, t := range n.Heard.T {
		all = append(all, sign{t.Add(-seconds(n.Heard.V[i])), t, true})
	}
	for _, t := range n.Procs.Listings {
		all = append(all, sign{t, t, true})
	}
	for _, t := range n.Series(ergo.Runtime, "goroutines").T {
		all = append(all, sign{t, t, true})
	}
	for _, k := range w.links.from[n.Name] {
		for _, p := range w.Links[k].Points {
			all = append(all, sign{p.At, p.At, true})
		}
	}
	for _, k := range w.pings.from[n.Name] { // it pinged itself: that is an answer of its own
		for _, t := range w.Pings[k].T {
			all = append(all, sign{t, t, true})
		}
	}
	for _, k := range w.pings.to[n.Name] {
		p := w.Pings[k]
		for i, t := range p.T {
			all = append(all, sign{t.Add(-time.Duration(p.V[i] * float64(time.Millisecond))), t, false})
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
	shortest := max(least, 2*s.Usual(n))
	var found []Freeze
	for i := 0; i <= len(all); i++ {
		f := s.between(all, i)
		brief := f.Lasted() < shortest
		if brief {
			f = lateTogether(all, i, least)
		}
		if f.Lasted() < least || s.beganWithin(n, f) || f.AtStart && !f.Open && !s.olderThan(n, f) {
			continue
		}
		if !brief && !f.Open {
			if late := longestUnderWay(all[i:]); late.at.Sub(late.begun) > f.Lasted()/2 || late.at.Sub(late.begun) >= least {
				f.To, f.Late = late.at, late.at.Sub(late.begun)
			}
		}
		f.Unheard = w.unheard(n.Name, f)
		if f.Late == 0 && f.Unheard == 0 {
			continue // nobody asked it
		}
		if f.Open && (f.Unheard < fewestOpen || f.Lasted() < work.CallTimeout+2*s.Usual(n) || w.refusedIn(n.Name, f) || !s.seenAfter(w, n, f.From.Add(s.Usual(n)))) {
			continue // a node that does not come back may be down
		}
		if brief && len(s.Nodes) > 1 && !s.othersPrompt(n, f) {
			continue // all are slow together: the machine that they share, or the recorder's
		}
		if f.Others = s.othersHeard(n, f); f.Others == 0 && len(s.Nodes) > 1 || s.cutWithin(w, n, f) || w.spoke(n.Name, f.asked()) || s.onlyOverLost(w, n, f) || s.onlyOneAsked(w, n, f) {
			continue
		}
		// The node may have been heard of as usual for the first part of the stretch.
		if f.Worked = n.worked(f.asked()) || w.logged(n, f.asked()); f.Worked && f.Lasted()-s.Usual(n) < longestHold {
			continue
		}
		found = append(found, f)
	}
	if len(found) < fewestLate {
		found = slices.DeleteFunc(found, func(f Freeze) bool { return w.spoke(n.Name, f) || f.Unheard == 0 && 2*f.Late < f.Lasted()-s.Usual(n) })
	}
	return found
}

// fewestLate are the stretches from which on it is no chance that a node, of which a peer had
// heard since their begin, was asked late each time: of fewer, it may be the answer alone
// that was late; nor is one told that nobody had asked for most of its stretch.
const fewestLate = 3

// fewestOpen are the calls and pings that must have been in vain before a node
// stands still that has not gone on yet.
const fewestOpen = 2

// between is the stretch before the sign of life of index i: the first begins with
// the window, the one behind the last ends with it.
func (s *Scene) between(all []sign, i int) Freeze {
	switch {
	case len(all) == 0:
		return Freeze{From: s.From, To: s.To, AtStart: true, Open: true} // nobody ever heard of it
	case i == 0:
		return Freeze{From: s.From, To: all[0].at, AtStart: true}
	case i == len(all):
		return Freeze{From: all[i-1].at, To: s.To, Open: true}
	}
	return Freeze{From: all[i-1].at, To: all[i].at}
}

// atOnce is within how long what waited for a node is answered, one after the other, once it goes on.
const atOnce = time.Second

// longestUnderWay is the sign, of the first and those that came at once behind it, that was
// asked for first: of some it is not known when they were.
func longestUnderWay(all []sign) sign {
	late := all[0]
	for _, o := range all[1:] {
		if o.at.Sub(all[0].at) > atOnce {
			break
		}
		if o.begun.Before(late.begun) {
			late = o
		}
	}
	return late
}

// lateTogether is the part of the stretch before a sign of life in which an answer of the
// node was under way, if a ping of a peer was too and both came back at its end: a
// stretch that is no longer than the time between two answers tells nothing else. It has
// no length where that was not so.
func lateTogether(all []sign, i int, least time.Duration) Freeze {
	if i == 0 || i >= len(all) {
		return Freeze{}
	}
	var own, ping sign
	for _, o := range all[i:] {
		if o.at.Sub(all[i].at) > atOnce {
			break
		}
		if late := &ping; o.begun.Before(o.at) {
			if o.own {
				late = &own
			}
			if late.at.IsZero() || o.begun.Before(late.begun) {
				*late = o
			}
		}
	}
	late := own.at.Add(-least / 2)
	if own.at.IsZero() || ping.at.IsZero() || ping.begun.After(late) || own.begun.After(late) {
		return Freeze{}
	}
	return Freeze{From: series.Later(all[i-1].at, series.Earlier(own.begun, ping.begun)), To: own.at, Late: own.at.Sub(own.begun)}
}

// othersPrompt reports whether another node was asked within a stretch and answered
// well before its end.
func (s *Scene) othersPrompt(n *Node, f Freeze) bool {
	for _, o := range s.Nodes {
		for i, t := range o.Heard.T {
			if o != n && t.Add(-seconds(o.Heard.V[i])).After(f.From) && t.Before(f.To.Add(-f.Lasted()/4)) {
				return true
			}
		}
	}
	return false
}

// olderThan reports whether the life that answers behind a stretch began before
// it.
func (s *Scene) olderThan(n *Node, f Freeze) bool {
	up := n.Series(ergo.Node, "Uptime")
	if up.Len() == 0 {
		return false
	}
	return seconds(up.V[0]) > up.T[0].Sub(f.From)+2*time.Second
}

// refusedIn reports whether a call to the node was refused in the stretch, or found
// no way to it: what stands still refuses nothing.
func (w *Network) refusedIn(node string, f Freeze) bool {
	return slices.ContainsFunc(w.fails[node], func(c failedCall) bool {
		return c.Link && c.At.After(f.From) && !c.TimedOut() && !strings.HasPrefix(c.Why, "timed out") // so the mark says
	})
}

// worked reports whether the node went on with its work in the stretch: what it
// allocated, or the CPU that it used, grew as usual. Answers may be missing
// without that, for the tools' few workers wait behind each other: a profile or
// a call that times out holds one.
func (n *Node) worked(f Freeze) bool {
	counters := []series.Series{n.Series(ergo.Runtime, "total_alloc"), series.Sum(n.Series(ergo.Node, "UserTime"), n.Series(ergo.Node, "SystemTime"))}
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

// spoke reports whether a peer received messages of the node within the stretch,
// by its counter of their link at an answer of that peer within it: about as many
// as usual, and none of its pings failed. Then the node was not still, only the
// way to it was.
func (w *Network) spoke(node string, f Freeze) bool {
	for _, k := range w.links.to[node] {
		failed := slices.ContainsFunc(w.Mute[k], func(c failedCall) bool { return c.At.After(f.From) && c.At.Before(f.To.Add(told)) })
		if !failed && w.Links[k].receivedWithin(f) {
			return true
		}
	}
	return false
}

// onlyOverLost reports whether all that was asked in vain in the stretch went
// over a connection that was lost then: the entry points' for what they
// forwarded, a peer's own for its pings.
func (s *Scene) onlyOverLost(w *Network, n *Node, f Freeze) bool {
	lost := func(asker string) bool {
		return asker != n.Name && slices.ContainsFunc(w.Losses(asker, n.Name), func(l Loss) bool {
			return l.Before.After(f.From.Add(-told)) && l.After.Before(f.To)
		})
	}
	if n.Entry || f.Unheard == 0 {
		return false
	}
	for _, k := range w.mute.to[n.Name] {
		if !lost(k[0]) && slices.ContainsFunc(w.Mute[k], func(c failedCall) bool { return c.At.After(f.From) && c.At.Before(f.To.Add(told)) }) {
			return false
		}
	}
	return slices.ContainsFunc(s.Nodes, func(o *Node) bool { return o.Entry && lost(o.Name) })
}

// onlyOneAsked reports whether one node alone asked in vain in the stretch: the entry
// point, which forwards what the recorder asks, or the one peer whose pings failed. Then
// it may as well be the way from that one; a third node that could tell did not ask.
func (s *Scene) onlyOneAsked(w *Network, n *Node, f Freeze) bool {
	if n.Entry || f.Late > 0 || len(s.Nodes) < 3 {
		return false // the recorder asked it without another between them; or what was under way came through
	}
	asked := map[string]bool{}
	for _, k := range w.mute.to[n.Name] {
		if slices.ContainsFunc(w.Mute[k], func(c failedCall) bool { return c.At.After(f.From) && c.At.Before(f.To.Add(told)) && c.TimedOut() }) {
			asked[k[0]] = true
		}
	}
	entries := 0
	for _, o := range s.Nodes {
		if o.Entry {
			entries++
			if o.Heard.Between(f.From, f.To.Add(told)).Len() > 0 {
				asked[o.Name] = true
			}
		}
	}
	return entries < 2 && len(asked) < 2
}

// told is how much later a time-out may be told.
const told = 10 * time.Second

func (l *link) receivedWithin(f Freeze) bool {
	const underWay = time.Second // what had left before may arrive
	var first, before, inside LinkPoint
	for _, p := range l.Points {
		same := first.Up && p.Since.Sub(first.Since).Abs() <= max(2*time.Second, p.doubt)
		switch {
		case !p.At.Before(f.To) || !p.Up:
		case !p.At.After(f.From.Add(underWay)):
			if before = p; !same {
				first = p
			}
		case same:
			inside = p
		}
	}
	if !inside.Up || before.At.Sub(first.At) < 5*time.Second {
		return false
	}
	usual := (before.In - first.In) / before.At.Sub(first.At).Seconds()
	expected := usual * inside.At.Sub(f.From).Seconds()
	came := inside.In - before.In - usual*max(0, f.From.Sub(before.At).Seconds())
	return expected >= 10 && came > expected/2
}

// beganWithin reports whether the node began another life in the stretch.
func (s *Scene) beganWithin(n *Node, f Freeze) bool {
	return slices.ContainsFunc(n.Starts, func(t time.Time) bool {
		return t.After(f.From.Add(-s.Usual(n))) && t.Before(f.To.Add(2*time.Second))
	})
}

// unheard counts calls to a node and pings of it that timed out in a stretch,
// or soon after: a time-out is told late. What was asked while the node was
// still heard of failed for another reason.
func (w *Network) unheard(node string, f Freeze) int {
	count := 0
	within := func(c failedCall) bool {
		return c.At.After(f.From) && c.At.Before(f.To.Add(told)) && !c.Begun.Before(f.From.Add(-time.Second))
	}
	for _, c := range w.fails[node] {
		if within(c) && c.Peer == "" && (c.mark || c.TimedOut()) {
			count++
		}
	}
	for _, k := range w.mute.to[node] {
		for _, c := range w.Mute[k] {
			if within(c) && c.TimedOut() {
				count++
			}
		}
	}
	return count
}

// othersHeard counts answers of other nodes within a stretch.
func (s *Scene) othersHeard(n *Node, f Freeze) int {
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
	all, runs := n.Series(ergo.Runtime, "last_gc_pause_ns"), n.Series(ergo.Runtime, "num_gc")
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
