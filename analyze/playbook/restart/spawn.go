package restart

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// starts looks for processes that fail to start again and again, and for
// children that their supervisor gave up.
func starts(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		before := len(v.Findings)
		for _, life := range n.LivesIn(s) {
			spawnFailed(s, n, life, v)
		}
		if len(v.Findings) == before {
			olderSpawnFailed(s, n, v)
		}
		log, err := s.Log(ctx, n)
		if err != nil {
			return err
		}
		w := log.Complaints
		for _, in := range n.Inspected {
			f := childDisabled(s, n, in, w)
			if f == nil {
				f = olderDisabled(s, n, in)
			}
			if f != nil {
				v.Find(f)
			}
		}
		if failed := n.Series(ergo.Node, "ProcessesSpawnFailed"); failed.Len() > 1 && len(v.Findings) == before {
			v.Fine("%s: processes fail to start no more often than before, over %d answers", n.Name, failed.Len())
		}
	}
	return nil
}

// spawnFailed tells that the node's count of processes that failed to start grew
// far more than before.
func spawnFailed(s *scene.Scene, n *scene.Node, life finding.Window, v *finding.Verdict) {
	counted := n.Series(ergo.Node, "ProcessesSpawnFailed")
	b, ok := series.FindBurst(series.Within(series.Steps(counted, n.Starts...), life.From, life.To))
	if !ok || b.After.Events < s.Set.Of(manyRestarts) {
		return
	}
	f := &finding.Finding{
		Kind: finding.SpawnFailed, Score: finding.Score(finding.SpawnFailed, 3600*b.After.Rate()), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(b.Onset)}, Onset: b.Onset, OnsetErrorS: max(b.Off.Seconds(), 0.1),
		Title:   fmt.Sprintf("processes fail to start on %s, %s times a minute", finding.NodeName(n.Name), finding.Number(60*b.After.Rate())),
		Summary: fmt.Sprintf("Since %s %s processes failed to start on %s; before it was %s in %s.", finding.Clock(b.Onset), finding.Number(b.After.Events), n.Name, finding.Number(b.Before.Events), finding.Seconds(b.Before.Seconds)),
		Evidence: []finding.Evidence{{
			What: "processes that failed to start", Node: n.Name, Tool: "node_info", Field: "ProcessesSpawnFailed", From: &b.Onset, To: &b.End, Series: finding.Chart("processes", counted),
		}},
		Recommendation: "See in the log whose initialization fails and why: a name that is taken, a resource that is not there, an error of the initialization.",
		Confirm:        []string{"node_info on " + n.Name + ": ProcessesSpawnFailed, twice"},
		Caveats:        []string{"The node counts these failures and does not say whose they are."},
	}
	n.TellBurst(&f.Evidence[0], b, "node_info", "ProcessesSpawnFailed")
	if series.Over(append(series.Growths(counted.Between(b.Since, b.End.Add(1))), b.End), s.To) {
		f.End, f.Score = &b.End, min(f.Score, finding.Note)
	}
	v.Find(f)
}

// olderSpawnFailed tells that processes failed to start when the recording began, far more
// often than in the node's life before, and do so still.
func olderSpawnFailed(s *scene.Scene, n *scene.Node, v *finding.Verdict) {
	counted := n.Series(ergo.Node, "ProcessesSpawnFailed")
	r, ok := n.RisenAllAlong(counted, 8)
	if !ok {
		return
	}
	f := &finding.Finding{
		Kind: finding.SpawnFailed, Score: min(finding.Score(finding.SpawnFailed, 3600*r.Is), finding.Unsure), Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(s.From)}, Onset: s.From, OnsetErrorS: s.Usual(n).Seconds(),
		Title: fmt.Sprintf("processes fail to start on %s, %s times a minute, all along", finding.NodeName(n.Name), finding.Number(60*r.Is)),
		Summary: fmt.Sprintf("It was so when the recording began: %s processes failed to start meanwhile; in the %s of the life of %s before it were %s a minute on average.",
			finding.Number(r.Grown), finding.Duration(r.Life), n.Name, finding.Number(60*r.Was)),
		Evidence: []finding.Evidence{{
			What: "processes that failed to start", Node: n.Name, Tool: "node_info", Field: "ProcessesSpawnFailed", From: &s.From, To: &s.To, Series: finding.Chart("processes", counted),
		}},
		Recommendation: "See in the log whose initialization fails and why: a name that is taken, a resource that is not there, an error of the initialization.",
		Confirm:        []string{"node_info on " + n.Name + ": ProcessesSpawnFailed, twice"},
		Caveats: []string{
			finding.OnlyItsLife,
			"The node counts these failures and does not say whose they are.",
		},
	}
	e := &f.Evidence[0]
	n.TellLife(e, r.Life)
	e.Value("before_per_min", 60*r.Was, n.Says("node_info", counted.T[0], counted.T[0]).Of(fmt.Sprintf("60 * first(ProcessesSpawnFailed) / %v", r.Life.Seconds())))
	e.Value("after_per_min", 60*r.Is, n.Over("node_info", counted).Of(fmt.Sprintf("60 * increase(ProcessesSpawnFailed) / %v", r.Seconds)))
	e.Value("after", r.Grown, n.Over("node_info", counted).Of("increase(ProcessesSpawnFailed)"))
	v.Find(f)
}

// childDisabled tells that a supervisor goes on without a child that it had.
func childDisabled(s *scene.Scene, n *scene.Node, in *scene.Inspection, w logged.Complaints) *finding.Finding {
	k := slices.IndexFunc(in.Disabled.V, func(v float64) bool { return v > in.Disabled.V[0] })
	if k < 1 || in.Disabled.V[in.Disabled.Len()-1] <= in.Disabled.V[0] {
		return nil
	}
	sup, at := n.Procs.Known[in.Pid], in.Disabled.T[k]
	if sup == nil {
		return nil
	}
	onset, off := series.Middle(in.Disabled.T[k-1], at)
	sub := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), Application: sup.Application}
	who, died := "a child", 0
	var noted []scene.Noted
	for _, l := range n.Procs.Lineages {
		c := l.Current
		if c == nil || !c.Gone || c.Parent != in.Pid || c.Last.Before(in.Disabled.T[k-1].Add(-n.Interval)) || c.Last.After(at) {
			continue
		}
		sub.Name, sub.Behavior, who = l.Name, l.Behavior, l.Name
		onset, off = series.Middle(c.Last, c.Last.Add(n.Interval))
		died = len(logged.Deaths(w.ByName[l.Name]))
	}
	if h := lastNoted(in, sub.Name, in.Disabled.T[k-1], at); h != nil {
		sub.Name, who = h.Child, h.Child
		onset, off = h.At, 100*time.Millisecond
		noted = in.Of(h.Child, s.From, at)
	}
	f := &finding.Finding{
		Kind: finding.ChildDisabled, Score: finding.Score(finding.ChildDisabled, s.To.Sub(onset).Seconds()), Confidence: finding.High,
		Subject: sub, Onset: onset, OnsetErrorS: max(off.Seconds(), 0.1),
		Title:   fmt.Sprintf("%s on %s goes on without %s", sup.Called(), n.Name, who),
		Summary: fmt.Sprintf("Its disabled children became %s, before %s; it was still so at the last inspection.", finding.Number(in.Disabled.V[in.Disabled.Len()-1]), finding.Number(in.Disabled.V[0])),
		Evidence: []finding.Evidence{{
			What: "disabled children of " + sup.Called() + " " + sup.Pid, Node: n.Name, Tool: "process_inspect", Field: in.DisabledAs, From: &onset, To: &s.To,
			Series: finding.Chart("children", in.Disabled),
		}},
		Recommendation: "Mend why the child died, then enable it again; what it did is not done meanwhile.",
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s: %s", n.Name, in.Pid, in.DisabledAs)},
	}
	told := n.Over("process_inspect", in.Disabled)
	told.Row = in.Pid
	f.Evidence[0].Value("disabled.before", in.Disabled.V[0], told.Of("first("+in.DisabledAs+")"))
	f.Evidence[0].Value("disabled.after", in.Disabled.V[in.Disabled.Len()-1], told.Of("last("+in.DisabledAs+")"))
	if len(noted) > 0 {
		f.Summary += " The supervisor noted why the child died last: " + noted[len(noted)-1].Reason + "."
		f.Evidence = append(f.Evidence, historyEvidence(noted, in, n, sup))
	}
	if died == 0 && len(noted) == 0 && w.Lines > 0 {
		f.Score, f.Confidence = min(f.Score, finding.Note), finding.Medium
		f.Caveats = append(f.Caveats, "no death of the child was logged: somebody may have disabled it on purpose")
	}
	return f
}

// olderDisabled tells that a supervisor went on without a child when the recording began, and
// does so still: one that it noted to have died before, and that is not there. A child that
// is disabled though none is known to have died may be meant to be.
func olderDisabled(s *scene.Scene, n *scene.Node, in *scene.Inspection) *finding.Finding {
	sup := n.Procs.Known[in.Pid]
	if in.Disabled.Len() < 2 || in.Disabled.V[0] < 1 || in.Disabled.V[in.Disabled.Len()-1] < in.Disabled.V[0] || sup == nil {
		return nil
	}
	var last *scene.Noted
	for i := range in.History {
		if h := &in.History[i]; h.At.Before(in.Disabled.T[0]) && h.Child != "" {
			last = h
		}
	}
	if last == nil || meant(last.Reason) || maybeThere(n, in.Pid, last.Child) {
		return nil
	}
	first, to := in.Disabled.T[0], in.Disabled.T[in.Disabled.Len()-1]
	f := &finding.Finding{
		Kind: finding.ChildDisabled, Score: min(finding.Score(finding.ChildDisabled, s.To.Sub(s.From).Seconds()), finding.Unsure), Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(s.From), Application: sup.Application, Name: last.Child},
		Onset:   s.From, OnsetErrorS: in.Disabled.Interval().Seconds(),
		Title: fmt.Sprintf("%s on %s goes on without %s", sup.Called(), n.Name, last.Child),
		Summary: fmt.Sprintf("It was so when the recording began: its disabled children are %s, and %s is not there. The supervisor noted why it died last, at %s: %s.",
			finding.Number(in.Disabled.V[0]), last.Child, finding.Clock(last.At), last.Reason),
		Evidence: []finding.Evidence{{
			What: "disabled children of " + sup.Called() + " " + sup.Pid, Node: n.Name, Tool: "process_inspect", Field: in.DisabledAs, From: &first, To: &to,
			Series: finding.Chart("children", in.Disabled),
		}, historyEvidence([]scene.Noted{*last}, in, n, sup)},
		Recommendation: "Mend why the child died, then enable it again; what it did is not done meanwhile.",
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s: %s", n.Name, in.Pid, in.DisabledAs)},
		Caveats:        []string{"Which child is disabled is not said: this one died last, and is not there."},
	}
	told := n.Over("process_inspect", in.Disabled)
	told.Row = in.Pid
	f.Evidence[0].Value("disabled", in.Disabled.V[0], told.Of("first("+in.DisabledAs+")"))
	return f
}

// maybeThere reports whether a supervisor has a child of a name, or one without any, which may
// be that one: those that are started with one specification have none.
func maybeThere(n *scene.Node, supervisor, child string) bool {
	return slices.ContainsFunc(n.Procs.Actors, func(a *scene.Actor) bool {
		return a.Parent == supervisor && (a.Name == child || a.Name == "")
	})
}

// meant reports whether a child that ended for a reason may be done.
func meant(reason string) bool { return reason == "normal" || reason == "shutdown" }

// lastNoted is the last death that a supervisor noted within a stretch: of a
// child, or where none is named of whichever it was, if only one died. Nil where
// it noted none.
func lastNoted(in *scene.Inspection, child string, from, to time.Time) *scene.Noted {
	var last *scene.Noted
	for i := range in.History {
		h := &in.History[i]
		switch {
		case h.At.Before(from) || h.At.After(to) || child != "" && h.Child != child:
		case last != nil && last.Child != h.Child:
			return nil
		default:
			last = h
		}
	}
	return last
}
