package cpu

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// A costlier process takes many times as long for each message as in its life before it was
// first seen. Unlike what a node uses, that has no nights and lulls in it.
type costlier struct {
	actor   *scene.Actor
	was, is float64 // s a message
	more    float64 // time inside callbacks a second for that
}

// grownDear is the one process of a node whose messages took far longer from the first half
// of the recording to the last than in its life before, if the node burns what it is inside
// callbacks more; nil where there is none, or several.
func grownDear(s *scene.Scene, n *scene.Node, was, is float64) *costlier {
	var found *costlier
	for _, a := range n.Procs.Actors {
		first, now := a.Rest, a.Now() // the time of a callback is counted when the mailbox has drained
		span, handled := now.At.Sub(first.At).Seconds(), float64(now.Handled()-first.Handled())
		if a.Own() || first.At.IsZero() || first.Handled() < work.FewestBefore || first.Run <= 0 || handled < work.FewestBefore || span < 10 {
			continue
		}
		d := costlier{actor: a, was: float64(first.Run) / 1e9 / float64(first.Handled()), is: float64(now.Run-first.Run) / 1e9 / handled}
		d.more = (d.is - d.was) * handled / span
		if ratio := s.Set.Of(hotRatio); d.is < ratio*ratio*d.was || d.more < s.Set.Of(hotCores) {
			continue
		}
		if found != nil {
			return nil
		}
		found = &d
	}
	if ratio := s.Set.Of(hotRatio); found == nil || is-was < found.more/2 && !(risen(s, was, is, true) && is >= ratio*ratio*was) {
		return nil // it waits: else the node burns as much, or on a machine that gives little many times what it did
	}
	return found
}

// dearHotspot is the finding about a node that burned CPU for a process whose messages were
// many times as dear when the recording began as in its life before, and are; nil where
// there is none.
func dearHotspot(s *scene.Scene, n *scene.Node, rates series.Series, profs []scene.CPUProfile) *finding.Finding {
	used := scene.CPUUsed(n)
	was, life, ok := n.LifeBefore(used)
	if !ok || len(n.Starts) > 0 || !steadily(rates) {
		return nil
	}
	is := series.Median(rates.V)
	d := grownDear(s, n, was, is)
	if d == nil {
		return nil
	}
	f := cpuFinding(n, s.From, s.Usual(n), s.To, series.Change{At: s.From, Before: was, After: is}, rates)
	f.Facts = append(f.Facts, finding.Older)
	f.Score = min(finding.Score(finding.CPUHotspot, d.more), finding.Unsure)
	d.tell(s, f, n)
	f.Caveats = append(f.Caveats, "Since when is not known: what a message took before is by what the process had counted at its first listing.")
	e := &f.Evidence[0]
	n.TellLife(e, life)
	e.Value("before_cores", was, n.Says("node_info", used.T[0], used.T[0]).Of(fmt.Sprintf("first(%s) / %v", scene.CPUFormula(n), life.Seconds())))
	e.Value("after_cores", is, n.OverRates("node_info", used, rates).Of("median(rates("+scene.CPUFormula(n)+"))"))
	hotFunction(s, n, s.From, s.To, profs, f, d.more)
	allocates(s, n, f)
	return f
}

// tell puts a costlier process into the finding about its node.
func (d *costlier) tell(s *scene.Scene, f *finding.Finding, n *scene.Node) {
	a := d.actor
	f.Subject.PID, f.Subject.Name, f.Subject.Behavior, f.Subject.Application = a.Pid, a.Name, a.Behavior, a.Application
	from, to := a.Rest.At, a.Now().At
	f.Summary = fmt.Sprintf("%s: a message of %s takes %s inside callbacks, and took %s on average in its life until then.",
		soAt(s, n, from), a.Called(), finding.Seconds(d.is), finding.Seconds(d.was))
	f.Evidence = append(f.Evidence, finding.Evidence{What: "time inside callbacks for each message of " + a.Called(), Node: n.Name, Tool: "process_list", Field: "RunningTime", From: &from, To: &to})
	e := &f.Evidence[len(f.Evidence)-1]
	e.Value("message_takes_s.before", d.was, a.Rows(from, from).Of("first(RunningTime) / first(MessagesIn - MessagesMailbox) / 1e9"))
	e.Value("message_takes_s.after", d.is, a.Rows(from, to).Of("change(RunningTime) / change(MessagesIn - MessagesMailbox) / 1e9"))
}

// soAt says from when on something was so: from the begin of the recording, or from a later
// moment, the first that its life could be held against.
func soAt(s *scene.Scene, n *scene.Node, at time.Time) string {
	const soon = 3 // listings
	if at.Sub(s.From) <= soon*max(n.Interval, time.Second) {
		return "It was so when the recording began"
	}
	return "It was so from " + finding.Clock(at) + " on, and its node used about as much CPU before"
}

// steadily reports whether a node used as much CPU in the first half of its rates as in the
// second, about.
func steadily(rates series.Series) bool {
	half := rates.T[0].Add(rates.Span() / 2)
	a, b := series.Median(rates.Before(half).V), series.Median(rates.From(half).V)
	return 2*a >= b && 2*b >= a
}
