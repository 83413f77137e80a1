package bottleneck

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// A need is a stretch in which processes of a node were not answered, and where whom they called may be.
type need struct {
	finding.Window
	caller *scene.Node
	where  [2]bool // on their own node, and on others
}

// mayBeFor reports whether calls to a process of a node may have failed then.
func (w need) mayBeFor(n *scene.Node) bool { return w.where[side(w.caller, n)] }

// side is which of the counters of a node's failed calls counts those to another: 0 where they are one.
func side(caller, callee *scene.Node) int {
	if caller == callee {
		return 0
	}
	return 1
}

// mutes are the findings about processes that take calls and answer none: nothing waits for them, so
// that no other finding tells. Each goes on getting messages and sends next to none since the
// moment at which others began to wait, or their calls to fail; it is told where it is the only one.
func mutes(ctx context.Context, s *scene.Scene, found []*finding.Finding) ([]*finding.Finding, error) {
	needs, err := whenCallsFail(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if n := s.Node(f.Subject.Node); n != nil && f.Is(finding.Waits) && f.Score >= finding.ScoreWarning {
			w := need{finding.Window{From: f.Onset, To: s.To}, n, [2]bool{true, true}}
			if f.End != nil {
				w.To = *f.End
			}
			needs = append(needs, w)
		}
	}
	faults := atFault(found)
	needs = slices.DeleteFunc(needs, func(w need) bool { return explained(s, w, faults) })
	slices.SortStableFunc(needs, func(x, y need) int { return x.From.Compare(y.From) })
	const most = 64 // moments that are looked at: each costs a look at all processes around it
	told := map[*scene.Actor]bool{}
	var out []*finding.Finding
	for range most {
		if len(needs) == 0 {
			break
		}
		at := needs[0].From
		n := slices.IndexFunc(needs, func(w need) bool { return w.From.Sub(at) >= time.Second })
		if n < 0 {
			n = len(needs)
		}
		silent, err := mutesAt(ctx, s, needs[:n])
		if err != nil {
			return nil, err
		}
		for _, w := range needs[:n] {
			m, ok := onlyOne(silent, w)
			if !ok || told[m.actor] {
				continue
			}
			told[m.actor] = true
			f, err := answersNobody(ctx, s, m.actor, m.feeder, at)
			if err != nil {
				return nil, err
			}
			if f != nil {
				out = append(out, f)
			}
		}
		needs = needs[n:]
	}
	return out, nil
}

// atFault are those of several findings for whom others may wait, and who do not wait themselves.
func atFault(found []*finding.Finding) (out []*finding.Finding) {
	for _, f := range found {
		if row, _ := finding.RowOf(f.Kind); !f.Is(finding.Waits) && f.Score >= finding.ScoreWarning && row.Leads(finding.WaitsFor, finding.StuckCall) {
			out = append(out, f)
		}
	}
	return out
}

// explained reports whether somebody was at fault when others began to wait for replies, where they
// may have called: they called him.
func explained(s *scene.Scene, w need, faults []*finding.Finding) bool {
	return slices.ContainsFunc(faults, func(f *finding.Finding) bool {
		over := f.End != nil && f.End.Before(w.From.Add(-beforeFailing))
		if over || f.Onset.After(w.From.Add(beforeFailing)) {
			return false
		}
		n := s.Node(f.Subject.Node)
		return n != nil && w.mayBeFor(n)
	})
}

// beforeFailing is how long before it is seen to fail a call may have been made, by some time-out.
const beforeFailing = 4 * work.CallTimeout

// whenCallsFail is for each node from when to when its calls failed, but for the recorder's own.
func whenCallsFail(ctx context.Context, s *scene.Scene) ([]need, error) {
	net, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	var out []need
	for _, n := range s.Nodes {
		for side, failed := range callErrors(net, n) {
			w := need{caller: n}
			w.where[side] = true
			for i := 1; i < failed.Len(); i++ {
				if failed.V[i] <= failed.V[i-1] {
					continue
				}
				if w.To = failed.T[i]; w.From.IsZero() {
					w.From = w.To
				}
			}
			if w.To.After(w.From) {
				out = append(out, w)
			}
		}
	}
	return out, nil
}

var callErrorFields = [2]string{"CallErrorsLocal", "CallErrorsRemote"}

// callErrors are the calls of a node that failed, local and remote, without the recorder's.
func callErrors(net *scene.Network, n *scene.Node) [2]series.Series {
	return [2]series.Series{n.Series(ergo.Node, callErrorFields[0]), series.Without(n.Series(ergo.Node, callErrorFields[1]), net.OwnErrors(n))}
}

// A mute is a process that goes on getting messages and sends next to none.
type mute struct {
	feeder
	actor *scene.Actor
}

// onlyOne is the only one of several that are mute of whom calls may have failed.
func onlyOne(all []mute, w need) (only mute, ok bool) {
	n := 0
	for _, m := range all {
		if w.mayBeFor(m.actor.Node) {
			only = m
			n++
		}
	}
	return only, n == 1
}

// mutesAt are those that are mute since others are in need, at one moment.
func mutesAt(ctx context.Context, s *scene.Scene, needs []need) (all []mute, err error) {
	at, until := needs[0].From, needs[0].To
	for _, w := range needs {
		until = series.Later(until, w.To)
	}
	net, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	compared := time.Duration(0)
	for _, n := range s.Nodes {
		compared = max(compared, 20*n.Interval)
	}
	if _, away := firstAway(s, net, at.Add(-beforeFailing), series.Earlier(until, at.Add(compared))); away {
		return nil, nil // it takes nothing, and calls of others fail for that
	}
	for _, n := range s.Nodes {
		if n.Procs.Looks < fewestListings {
			continue
		}
		from, to := at.Add(-20*n.Interval), series.Earlier(until, at.Add(20*n.Interval))
		w, err := swingsAt(ctx, s, n, from, to, at)
		if err != nil {
			return nil, err
		}
		for _, m := range w.mute {
			who := n.Procs.Known[m.pid]
			if who == nil || who.Gone || who.Notable() || sendsFail(n, from, m.over[1].To) {
				continue
			}
			all = append(all, mute{m, who})
		}
	}
	return all, nil
}

// firstAway is since when a node was away in a stretch: the first of them.
func firstAway(s *scene.Scene, net *scene.Network, from, to time.Time) (since time.Time, away bool) {
	for _, n := range s.Nodes {
		for _, d := range s.Absences(net, n) {
			if d.From.Before(to) && d.To.After(from) && (!away || d.From.Before(since)) {
				since, away = d.From, true
			}
		}
	}
	return since, away
}

// sendsFail reports whether messages of a node could not be sent: what is not sent is in no
// process's count either, so that who sends in vain looks as if it sent nothing.
func sendsFail(n *scene.Node, from, to time.Time) bool {
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote"} {
		if grown, _ := series.Increase(n.Series(ergo.Node, field).Between(from, to.Add(n.Interval)), n.Starts...); grown > 0 {
			return true
		}
	}
	return false
}

// answersNobody is the finding about a process that is mute, if calls of others failed since.
func answersNobody(ctx context.Context, s *scene.Scene, a *scene.Actor, x feeder, at time.Time) (*finding.Finding, error) {
	onset, off, again, err := lastWord(ctx, s, a, x, at)
	if err != nil {
		return nil, err
	}
	failed, says, err := callsFailed(ctx, s, a, onset, again)
	if err != nil || failed == 0 {
		return nil, err
	}
	span := func(w finding.Window) string {
		return "from " + finding.Clock(w.From) + " to " + finding.Clock(w.To)
	}
	f := &finding.Finding{
		Kind: finding.StuckCall, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(), Confidence: finding.Medium,
		Score: finding.Score(finding.StuckCall, failed*work.CallTimeout.Seconds()),
		Harm:  finding.Harm{finding.DeliveryErrors: failed},
		Title: fmt.Sprintf("%s on %s gets messages and sends none any more", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("Since %s it sends next to nothing: %s it got %s messages a second and sent %s; %s it sent %s while it got %s. %s calls of processes on %s that may have been for it failed %s.",
			finding.Clock(onset), span(x.over[1]), finding.Number(x.got[1]), finding.Number(x.sent[1]), span(x.over[0]), finding.Number(x.sent[0]), finding.Number(x.got[0]),
			finding.Number(failed), finding.NodeName(says.Node), span(finding.Window{From: *says.From, To: *says.To})),
		Recommendation: "See whether its callback returns a reply for each call, or keeps the caller's reference for later and forgets it.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s, twice: MessagesIn and MessagesOut", a.Node.Name, a.Pid)},
		Caveats:        []string{"Which process made the calls that failed, and for whom they were, is not counted: that they were for this one is told by when both began."},
		Evidence:       []finding.Evidence{{What: "it gets messages and sends none since then", Node: x.node, Tool: "process_list", Field: "MessagesOut", From: &x.over[1].From, To: &x.over[1].To}, says},
	}
	f.AtMost(finding.Unsure)
	for _, n := range s.Nodes {
		if n.Procs.Looks < fewestListings {
			f.Caveats = append(f.Caveats, fmt.Sprintf("Of %s too few listings tell whether a process of its fell silent.", n.Name))
		}
	}
	if !again.IsZero() {
		f.End = &again
		f.AtMost(finding.Over)
		f.Title = fmt.Sprintf("%s on %s got messages and sent none for a while", a.Called(), a.Node.Name)
		f.Summary = strings.Replace(f.Summary, "it sends next to nothing", "it sent next to nothing", 1) + fmt.Sprintf(" By %s it was sending again.", finding.Clock(again))
	}
	for i, when := range []string{"before", "after"} {
		rows := finding.Source{Tool: "process_list", Node: x.node, Row: x.pid, From: x.over[i].From, To: x.over[i].To}
		f.Evidence[0].Value("sends_per_s."+when, x.sent[i], rows.Of("change(MessagesOut) / span(MessagesOut)"))
		f.Evidence[0].Value("gets_per_s."+when, x.got[i], rows.Of("change(MessagesIn) / span(MessagesIn)"))
	}
	return f, nil
}

// lastWord is when a process last sent something before a moment, within two listings, and when it
// was first seen to send again, zero if it was not: a fifth of what it sent before, for one may be a
// message of another kind, and as many a second until the end. The moment itself stands where none of its
// words shortly before was listed.
func lastWord(ctx context.Context, s *scene.Scene, a *scene.Actor, x feeder, at time.Time) (onset time.Time, off time.Duration, again time.Time, err error) {
	var last, next, end time.Time
	silent := int64(0) // what it had sent before it sent again
	sent, some := int64(-1), int64(max(1, x.sent[0]*a.Node.Interval.Seconds()/5))
	for f, err := range s.Listings(ctx, a.Node, at.Add(-beforeFailing), s.To, []string{"PID", "MessagesOut"}) {
		if err != nil {
			return onset, 0, again, err
		}
		for _, slot := range f.Live {
			if f.Failure != nil || f.Columns[0].Text(slot) != a.Pid {
				continue
			}
			out, _ := f.Columns[1].Int(slot)
			switch {
			case (sent < 0 || out >= sent+some) && !f.At.After(at.Add(a.Node.Interval)):
				last, next = f.At, time.Time{}
			case next.IsZero():
				next = f.At
			case again.IsZero() && out >= sent+some:
				again, silent = f.At, sent
			}
			sent, end = out, f.At
		}
	}
	if !end.After(again) || float64(sent-silent) < x.sent[0]/5*end.Sub(again).Seconds() { // a single listing, or few words
		again = time.Time{}
	}
	if last.IsZero() || next.IsZero() {
		return at, a.Node.Interval, again, nil
	}
	onset, off = series.Middle(last, next)
	return onset, off, again, nil
}

// callsFailed is how many calls that may have been for a process failed since a moment, of the node of which
// most did, and what says so: until it answered again, or a node went away, for which calls fail too.
func callsFailed(ctx context.Context, s *scene.Scene, a *scene.Actor, since, again time.Time) (most float64, says finding.Evidence, err error) {
	net, err := s.Network(ctx)
	if err != nil {
		return 0, says, err
	}
	until := s.To
	if !again.IsZero() {
		until = again.Add(beforeFailing) // what was called before fails later
	}
	if gone, away := firstAway(s, net, since, until); away {
		until = gone
	}
	for _, n := range s.Nodes {
		i := side(n, a.Node)
		from, to := since.Add(-n.Interval), until.Add(1)
		counted := callErrors(net, n)[i].Between(from, to)
		grown, _ := series.Increase(counted, n.Starts...)
		if grown <= most {
			continue
		}
		first, last := counted.T[0], counted.T[counted.Len()-1]
		all, _ := series.Increase(n.Series(ergo.Node, callErrorFields[i]).Between(from, to), n.Starts...)
		most = grown
		says = finding.Evidence{What: "calls that failed, without the recorder's own", Node: n.Name, Tool: "node_info", Field: callErrorFields[i], From: &first, To: &last}
		says.Value("calls_failed", grown, n.Says("node_info", first, last).Of(fmt.Sprintf("increase(%s) - %v", callErrorFields[i], all-grown)))
	}
	return most, says, nil
}
