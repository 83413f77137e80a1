package bottleneck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// mutes are the findings about processes that take calls and answer none: nothing waits for them, so
// that no other finding tells. Each goes on getting messages and sends next to none since the
// moment at which others began to wait, or their calls to fail; it is told where it is the only one.
func mutes(ctx context.Context, s *scene.Scene, waiting []*finding.Finding) ([]*finding.Finding, error) {
	trouble, err := whenCallsFail(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, f := range waiting {
		if f.Is(finding.Waits) && f.Score >= finding.ScoreWarning {
			w := finding.Window{From: f.Onset, To: s.To}
			if f.End != nil {
				w.To = *f.End
			}
			trouble = append(trouble, w)
		}
	}
	slices.SortFunc(trouble, func(x, y finding.Window) int { return x.From.Compare(y.From) })
	told := map[*scene.Actor]bool{}
	var out []*finding.Finding
	for i, w := range trouble {
		if i > 0 && w.From.Sub(trouble[i-1].From) < time.Second {
			continue
		}
		a, x, err := muteSince(ctx, s, w)
		if err != nil {
			return nil, err
		}
		if a == nil || told[a] {
			continue
		}
		told[a] = true
		f, err := answersNobody(ctx, s, a, x, w.From)
		if err != nil {
			return nil, err
		}
		if f != nil {
			out = append(out, f)
		}
	}
	return out, nil
}

// whenCallsFail is for each node from when to when its calls failed, but for the recorder's own.
func whenCallsFail(ctx context.Context, s *scene.Scene) ([]finding.Window, error) {
	net, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	var out []finding.Window
	for _, n := range s.Nodes {
		for _, failed := range callErrors(net, n) {
			var w finding.Window
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

// muteSince is the only process that was mute while others were in trouble; nil where there is none, or several.
func muteSince(ctx context.Context, s *scene.Scene, trouble finding.Window) (a *scene.Actor, x feeder, err error) {
	at := trouble.From
	net, err := s.Network(ctx)
	if err != nil {
		return nil, feeder{}, err
	}
	for _, n := range s.Nodes { // a node that is away takes nothing, and calls of others fail for that
		for _, d := range s.Absences(net, n) {
			if d.From.Before(trouble.To) && d.To.After(at.Add(-4*work.CallTimeout)) {
				return nil, feeder{}, nil
			}
		}
	}
	found := 0
	for _, n := range s.Nodes {
		if n.Procs.Looks < fewestListings {
			continue
		}
		from, to := at.Add(-20*n.Interval), series.Earlier(trouble.To, at.Add(20*n.Interval))
		w, err := swingsAt(ctx, s, n, from, to, at)
		if err != nil {
			return nil, feeder{}, err
		}
		for _, m := range w.mute {
			who := n.Procs.Known[m.pid]
			if who == nil || who.Gone || who.Notable() || sendsFail(n, from, m.over[1].To) {
				continue
			}
			a, x = who, m
			found++
		}
	}
	if found != 1 {
		return nil, feeder{}, nil
	}
	return a, x, nil
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
	failed, caller, says, err := callsFailed(ctx, s, onset)
	if err != nil || failed == 0 {
		return nil, err
	}
	f := &finding.Finding{
		Kind: finding.StuckCall, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(), Confidence: finding.Medium,
		Score: finding.Score(finding.StuckCall, failed*work.CallTimeout.Seconds()),
		Harm:  finding.Harm{finding.DeliveryErrors: failed},
		Title: fmt.Sprintf("%s on %s takes messages and answers none", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("Since %s it gets %s messages a second and sends %s; before, it sent %s while it got %s. %s calls of processes on %s failed since then, and no other process that gets messages fell silent.",
			finding.Clock(onset), finding.Number(x.got[1]), finding.Number(x.sent[1]), finding.Number(x.sent[0]), finding.Number(x.got[0]), finding.Number(failed), finding.NodeName(caller.Name)),
		Recommendation: "See whether its callback returns a reply for each call, or keeps the caller's reference for later and forgets it.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s, twice: MessagesIn and MessagesOut", a.Node.Name, a.Pid)},
		Caveats:        []string{"Which process made the calls that failed is not counted: that they were for this one is told by when both began."},
		Evidence:       []finding.Evidence{{What: "it gets messages and sends none since then", Node: x.node, Tool: "process_list", Field: "MessagesOut", From: &x.over[1].From, To: &x.over[1].To}, says},
	}
	f.AtMost(finding.Unsure)
	if !again.IsZero() {
		f.End = &again
		f.AtMost(finding.Over)
		f.Title = fmt.Sprintf("%s on %s took messages and answered none", a.Called(), a.Node.Name)
		f.Summary = fmt.Sprintf("From %s to %s it got %s messages a second and sent %s; before, it sent %s while it got %s. %s calls of processes on %s failed from then on, and no other process that gets messages fell silent. It answers again since.",
			finding.Clock(onset), finding.Clock(again), finding.Number(x.got[1]), finding.Number(x.sent[1]), finding.Number(x.sent[0]), finding.Number(x.got[0]), finding.Number(failed), finding.NodeName(caller.Name))
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
// message of another kind. The moment itself stands where none of its words shortly before was listed.
func lastWord(ctx context.Context, s *scene.Scene, a *scene.Actor, x feeder, at time.Time) (onset time.Time, off time.Duration, again time.Time, err error) {
	const back = 4 * work.CallTimeout // a call that fails was made before, by some time-out
	var last, next time.Time
	sent, some := int64(-1), int64(max(1, x.sent[0]*a.Node.Interval.Seconds()/5))
	for f, err := range s.Listings(ctx, a.Node, at.Add(-back), s.To, []string{"PID", "MessagesOut"}) {
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
				again = f.At
			}
			sent = out
		}
	}
	if last.IsZero() || next.IsZero() {
		return at, a.Node.Interval, again, nil
	}
	onset, off = series.Middle(last, next)
	return onset, off, again, nil
}

// callsFailed is how many calls failed since a moment, of the node of which most did, and what says so.
func callsFailed(ctx context.Context, s *scene.Scene, since time.Time) (most float64, of *scene.Node, says finding.Evidence, err error) {
	net, err := s.Network(ctx)
	if err != nil {
		return 0, nil, says, err
	}
	for _, n := range s.Nodes {
		from, sum, counted := since.Add(-n.Interval), 0.0, 0.0
		for i, failed := range callErrors(net, n) {
			grown, _ := series.Increase(failed.From(from), n.Starts...)
			all, _ := series.Increase(n.Series(ergo.Node, callErrorFields[i]).From(from), n.Starts...)
			sum, counted = sum+grown, counted+all
		}
		if sum > most {
			most, of = sum, n
			says = finding.Evidence{What: "calls that failed, without the recorder's own", Node: n.Name, Tool: "node_info", Field: "CallErrorsLocal, CallErrorsRemote", From: &from, To: &s.To}
			says.Value("calls_failed", sum, n.Says("node_info", from, s.To).Of(fmt.Sprintf("increase(CallErrorsLocal) + increase(CallErrorsRemote) - %v", counted-sum)))
		}
	}
	return most, of, says, nil
}
