package health

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/escape"
)

const (
	// fewestLetters to one target make a habit of sending to it: a process that
	// has just died is missed a few times by those who were about to write to it.
	fewestLetters = 10
	// missedFor is how long it has to go on: a restart is over by then.
	missedFor = 2 * work.CallTimeout
)

// deadLetters finds processes that keep sending to a process or a name that does
// not exist, by what they log.
func deadLetters(ctx context.Context, s *scene.Scene, n *scene.Node, v *finding.Verdict) error {
	l, err := s.Log(ctx, n)
	if err != nil {
		return err
	}
	for _, x := range l.Missed() {
		if len(x.Times) >= fewestLetters && x.Times[len(x.Times)-1].Sub(x.Times[0]) >= missedFor {
			v.Find(keepsSending(s, n, x))
		}
	}
	return nil
}

func keepsSending(s *scene.Scene, n *scene.Node, x *logged.Missed) *finding.Finding {
	first, last := x.Times[0], x.Times[len(x.Times)-1]
	who := cmp.Or(escape.Name(x.From.Name), strings.TrimSpace(x.From.Behavior+" "+x.From.PID))
	sub := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(first), PID: x.From.PID, Name: x.From.Name, Behavior: x.From.Behavior}
	if a := n.Procs.Known[x.From.PID]; a != nil {
		sub, who = a.Subject(first), a.Called()
	}
	minutes := max(last.Sub(first).Minutes(), 1.0/6)
	perMinute := float64(len(x.Times)) / minutes
	f := &finding.Finding{
		Kind: finding.DeadLetters, Subject: sub, Onset: first, OnsetErrorS: 1, Confidence: finding.High,
		Title: fmt.Sprintf("%s on %s keeps sending to %s, which does not exist", who, finding.NodeName(n.Name), cmp.Or(escape.Name(x.To), "a process")),
		Summary: fmt.Sprintf("From %s to %s it logged %d times that whom a message was for does not exist: %s.",
			finding.Clock(first), finding.Clock(last), len(x.Times), cmp.Or(escape.Name(x.To), "its lines do not say who that is")),
		Recommendation: "Find where the sender has this address from: a process that is gone, a name that was never registered, a node's earlier life. Let it monitor whom it writes to.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", n.Name, x.From.PID), "node_info on " + n.Name + ": SendErrorsLocal and SendErrorsRemote, twice"},
	}
	lines := finding.Evidence{What: "what it logs", Node: n.Name, Tool: "sample_read", From: &first, To: &last, Lines: []string{x.Sample}}
	lines.Value("lines", len(x.Times), n.LogLines(first, last).Lines(cmp.Or(x.To, x.Words()), x.From.PID, ""))
	f.Evidence = append(f.Evidence, lines)
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote"} {
		counted := n.Series(ergo.Node, field).Between(first.Add(-s.Usual(n)), last.Add(s.Usual(n)))
		if grown, _ := series.Increase(counted, n.Starts...); grown >= fewestLetters {
			perMinute = max(perMinute, grown/minutes)
			f.Summary += fmt.Sprintf(" %s grew by %s meanwhile.", field, finding.Number(grown))
			f.Evidence[0].Value(field, grown, n.Over("node_info", counted).Of("increase("+field+")"))
		}
	}
	f.Score = finding.Score(finding.DeadLetters, perMinute)
	if series.Over(x.Times, s.To) {
		f.End = &last
	}
	if first.Sub(s.From) < 2*s.Usual(n) {
		f.Summary += " It was so when the recording began."
		f.Facts = append(f.Facts, finding.Older)
	}
	return f
}
