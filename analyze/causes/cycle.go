package causes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// A wait is a call that is not answered.
type wait struct {
	f      *finding.Finding
	since  time.Time
	off    time.Duration
	until  time.Time // when it was last seen waiting
	queued int64     // messages that waited behind it then
	oldest time.Time // when the oldest of them came; zero where that is not known
	fails  bool      // its calls time out, one after the other: each is counted
}

// hop is how long after its caller a process begins to wait that takes the
// call in hand at once and calls on: what its callback does before.
const hop = time.Second

// cycles finds processes that wait for each other: several whose calls began
// at one moment and last, of whom the first has a message waiting that came no
// later than the last began to wait (the call that closes the ring), while
// nobody is at fault for whom they could wait. Where somebody is, those that he keeps
// waiting are told.
func (g *graph) cycles(ctx context.Context, left []*finding.Finding) (out, kept []*finding.Finding, err error) {
	var waits []wait
	for _, f := range left {
		w, ok, err := g.waitOf(ctx, f)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			waits = append(waits, w)
		}
	}
	slices.SortStableFunc(waits, func(a, b wait) int { return a.since.Compare(b.since) })
	for len(waits) >= 2 {
		first := waits[0]
		var ring, rest []wait
		for _, w := range waits {
			if w.since.Sub(first.since) <= hop+first.off+w.off && overlap(first, w) {
				ring = append(ring, w)
			} else {
				rest = append(rest, w)
			}
		}
		if g.siblingsOfMany(ring) || g.callsLeave(ring) || !slices.ContainsFunc(ring, func(w wait) bool { return w.mayBeFirst(first) && closes(w, ring[len(ring)-1]) }) {
			waits = waits[1:]
			continue
		}
		if g.stopped(first) {
			rest = nil
			for _, w := range waits {
				if overlap(first, w) {
					kept = append(kept, w.f)
				} else {
					rest = append(rest, w)
				}
			}
		} else {
			f := g.cycle(ring)
			for _, w := range rest {
				if w.since.After(first.since) && overlap(first, w) {
					w.f.FollowsFrom(f, "it waits for a reply since then, and nobody else is at fault")
				}
			}
			out = append(out, f)
		}
		waits = nil
		for _, w := range rest {
			if w.f.Cause == nil {
				waits = append(waits, w)
			}
		}
	}
	return out, kept, nil
}

// stopped reports whether somebody who does not wait himself, and behind whom messages wait,
// stopped at the moment at which a wait began, in whatever application: they wait for him.
func (g *graph) stopped(first wait) bool {
	return slices.ContainsFunc(g.candidates(first.f), func(c *finding.Finding) bool {
		apart := c.Onset.Sub(first.since).Abs()
		return c.Kind != finding.CPUHotspot && c.Score >= finding.ScoreWarning && apart <= hop+first.off+seconds(c.OnsetErrorS)
	})
}

// waitOf is the call that a finding is about, or the calls that time out one
// after the other, if they last. Who gets his replies is worth a note only, and is in no cycle:
// in one nobody is ever answered.
func (g *graph) waitOf(ctx context.Context, f *finding.Finding) (w wait, ok bool, err error) {
	n := g.scene.Node(f.Subject.Node)
	if n == nil || n.Procs.Known[f.Subject.PID] == nil || f.Score < finding.ScoreWarning || !finding.Among(f.Kind, finding.StuckCall, finding.OverloadedProcess) {
		return wait{}, false, nil
	}
	a := n.Procs.Known[f.Subject.PID]
	st, e := a.Longest(work.Waiting), a.WaitingEpisode()
	if st != nil && a.Since(st) != st { // its own time-outs end it for a moment: the first time tells
		st = a.Since(st)
	}
	w = wait{f: f, since: f.Onset, off: seconds(f.OnsetErrorS)}
	switch {
	case e != nil && e.Handled() <= slowest && (st == nil || 2*st.Lasted() < e.End.Sub(e.Points[0].At)):
		w.until, w.queued, w.fails = e.End, e.Worst.Mailbox, true
		w.since, w.off, err = g.scene.WaitBegan(ctx, a, e)
	case f.Kind == finding.StuckCall && st != nil:
		w.until, w.queued = st.To.At, st.To.Mailbox
		if st.To.Mailbox > 0 && st.To.Latency > 0 {
			w.oldest = st.To.At.Add(-time.Duration(st.To.Latency))
		}
	default:
		return wait{}, false, nil
	}
	return w, w.until.Sub(w.since) > work.CallTimeout, err
}

// slowest is how many messages a second somebody handles at most whose calls
// time out one after the other: in between he may handle those that are waiting.
const slowest = 1

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// overlap reports whether two waited at the same time for longer than a call
// may take.
func overlap(a, b wait) bool {
	from, to := a.since, a.until
	if b.since.After(from) {
		from = b.since
	}
	if b.until.Before(to) {
		to = b.until
	}
	return to.Sub(from) > work.CallTimeout
}

// siblingsOfMany reports whether all of several waiters are siblings, of one behavior and
// with names that only numbers tell apart, and half of all that there are: they call the
// same, rather than each other.
func (g *graph) siblingsOfMany(ring []wait) bool {
	stem := func(name string) string { return strings.TrimRight(name, "0123456789") }
	first := ring[0].f.Subject
	nodes := map[string]bool{}
	for _, w := range ring {
		if w.f.Subject.Behavior != first.Behavior || stem(w.f.Subject.Name) != stem(first.Name) {
			return false
		}
		nodes[w.f.Subject.Node] = true
	}
	all := 0
	for _, n := range g.scene.Nodes {
		for _, a := range n.Procs.Actors {
			if nodes[n.Name] && a.Behavior == first.Behavior && stem(a.Name) == stem(first.Name) && !a.Gone {
				all++
			}
		}
	}
	return len(ring) == 1 || 2*len(ring) >= all && all > 2
}

// callsLeave reports whether the calls of several waiters of one node time out, and no call within that node
// failed: they call somebody on another.
func (g *graph) callsLeave(ring []wait) bool {
	n := g.scene.Node(ring[0].f.Subject.Node)
	for _, w := range ring {
		if !w.fails || w.f.Subject.Node != n.Name {
			return false
		}
	}
	local := n.Series(ergo.Node, "CallErrorsLocal").From(ring[0].since)
	grown, _ := series.Increase(local, n.Starts...)
	return local.Len() >= 2 && grown == 0
}

// mayBeFirst reports whether it may have begun to wait first: by how exactly the
// two beginnings are known.
func (w wait) mayBeFirst(first wait) bool {
	return w.since.Sub(first.since) <= first.off+w.off
}

// closes reports whether the call of the last may lie in the mailbox of the
// first.
func closes(first, last wait) bool {
	if first.oldest.IsZero() {
		return first.queued > 0
	}
	return !first.oldest.After(last.since.Add(hop + first.off + last.off))
}

// cycle is the finding about processes that wait for each other.
func (g *graph) cycle(ring []wait) *finding.Finding {
	first, second := ring[0], ring[1]
	var names []string
	nodes := map[string]bool{}
	var members []finding.Subject
	for _, w := range ring {
		names = append(names, who(w.f)+" on "+w.f.Subject.Node)
		members = append(members, w.f.Subject)
		nodes[w.f.Subject.Node] = true
	}
	lasted := first.until.Sub(first.since)
	f := &finding.Finding{
		Kind: finding.CallCycle, Playbook: first.f.Playbook, Confidence: finding.High,
		Score:   max(first.f.Score+1, finding.Score(finding.CallCycle, lasted.Seconds())),
		Subject: first.f.Subject, Members: members, Onset: first.since, OnsetErrorS: first.off.Seconds(), End: first.f.End,
		Title: fmt.Sprintf("%s wait for each other's reply", finding.List(names)),
		Summary: fmt.Sprintf("Since %s each of them waits for a reply, for %s so far, and nobody is blocked, overloaded or gone for whom they could wait: they wait for each other, in a cycle of calls.",
			finding.Clock(first.since), finding.Duration(lasted)),
		Recommendation: "Break the cycle: let one of them send a message instead of calling, or answer later. A time-out of the calls ends a deadlock, and does not prevent it.",
		Confirm:        first.f.Confirm,
	}
	f.AtMost(max(f.Score, first.f.Bound()+1))
	if first.f.End != nil {
		f.Summary = fmt.Sprintf("From %s on each of them waited for a reply, for %s at the longest, and nobody was blocked, overloaded or gone for whom they could wait: they waited for each other, in a cycle of calls.",
			finding.Clock(first.since), finding.Duration(lasted))
	}
	f.Subject.Peer = ""
	if second.f.Subject.Node != first.f.Subject.Node {
		f.Subject.Peer = second.f.Subject.Node
	}
	for _, w := range ring {
		from, to := w.since, w.until
		e := finding.Evidence{
			What: who(w.f) + " waits for a response", Node: w.f.Subject.Node, Tool: "process_list", Field: "State", From: &from, To: &to,
		}
		rows := finding.Source{Tool: "process_list", Node: w.f.Subject.Node, Row: w.f.Subject.PID, To: w.until}
		e.Value("waits_s", w.until.Sub(w.since).Seconds(), rows.Of("seconds("+finding.Instant(w.since)+", last(at))"))
		e.Value("messages_behind", w.queued, rows.Of("last(MessagesMailbox)"))
		if !w.oldest.IsZero() {
			e.Value("oldest_message_s", w.until.Sub(w.oldest).Seconds(), rows.Of("last(MailboxLatency) / 1e9"))
		}
		f.Evidence = append(f.Evidence, e)
		w.f.FollowsFrom(f, "it is one of those that wait for each other")
	}
	if doubt := g.doubt(ring); doubt != "" {
		f.Confidence = finding.Medium
		f.Caveats = append(f.Caveats, doubt)
	}
	return f
}

// doubt is what else may keep the members of a cycle waiting.
func (g *graph) doubt(ring []wait) string {
	for _, n := range g.scene.Nodes {
		if n.Procs.Partial > 0 || len(n.Procs.Listings) == 0 {
			return "Not all processes of " + n.Name + " were listed: they may wait for one that was not."
		}
	}
	if len(ring) > 2 {
		return "They began to wait at one moment; that each of them is a member, and not a caller of one, cannot be told from the listings."
	}
	return ""
}
