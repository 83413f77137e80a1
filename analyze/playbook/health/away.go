package health

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// nodeLives finds nodes that went away, began another life, or have a clock
// that is off.
func nodeLives(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	w, err := s.Network(ctx)
	if err != nil {
		return err
	}
	slow, err := slowed(ctx, s)
	if err != nil {
		return err
	}
	for i, n := range s.Nodes {
		all := s.Absences(w, n)
		for _, d := range all {
			why, err := meant(ctx, s, w, n, d)
			if err != nil {
				return err
			}
			if why != "" {
				f := plannedRestart(n, d, why)
				f.Evidence = awayEvidence(n, d)
				v.Find(f)
				continue
			}
			f, err := replaced(ctx, s, n, d)
			if err != nil {
				return err
			}
			if f != nil {
				f.Evidence = append(awayEvidence(n, d), f.Evidence...)
				v.Find(f)
				continue
			}
			nodeAway(s, n, d, v)
		}
		standsStill(s, w, n, v)
		known := len(v.Findings)
		slowNode(s, w, n, slow[i], v)
		if len(v.Findings) == known {
			slowAllAlong(s, w, n, v)
		}
		if len(all)+len(n.Starts) == 0 && n.Heard.Len() > 1 {
			v.Fine("%s: the same life in all of %d answers", n.Name, n.Heard.Len())
		}
	}
	clocks(s, v)
	return nil
}

// nodeAway reports one absence: as down, if it was long enough to be missed or
// lasts, and as restarted, if a new life followed.
func nodeAway(s *scene.Scene, n *scene.Node, d scene.Absence, v *finding.Verdict) {
	if d.Back && d.Refused == 0 && deaf(s, n, d) {
		v.Find(unseenRestart(s, n, d))
		return
	}
	missed := d.Refused > 0 || d.To.Sub(d.From) > 3*s.Usual(n)
	evidence := awayEvidence(n, d)
	confirm := []string{"cluster_nodes", "node_info on " + n.Name + ": Uptime"}
	if missed || !d.Back {
		f := &finding.Finding{
			Kind: finding.NodeDown, Score: finding.Score(finding.NodeDown, d.To.Sub(d.From).Seconds()), Confidence: finding.High,
			Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(d.Lastly)},
			Onset:   d.From, OnsetErrorS: d.Off.Seconds(), Evidence: evidence, Confirm: confirm,
			Recommendation: fmt.Sprintf("Find out what ended %s at %s: its service manager's and kernel's log (out of memory, kill, panic), and its own last lines.", n.Name, finding.Clock(d.From)),
			Caveats:        []string{"What ended the node is not in the recording of its peers: a crash, a kill and a lost host look the same from here."},
		}
		if d.Back {
			f.End = &d.To
			f.Score = max(f.Score, finding.Score(finding.NodeRestarted, 1)) // what its processes held is lost however soon it is back
			f.Title = fmt.Sprintf("%s was down for %s, from %s", finding.NodeName(n.Name), finding.Duration(d.To.Sub(d.From)), finding.Clock(d.From))
			f.Summary = fmt.Sprintf("%s gave its last answer at %s; %s; a new incarnation began at %s.", n.Name, finding.Clock(d.Lastly), refusals(d), finding.Clock(d.To))
		} else {
			f.Title = fmt.Sprintf("%s is down since %s", finding.NodeName(n.Name), finding.Clock(d.From))
			f.Summary = fmt.Sprintf("%s gave its last answer at %s; %s up to the end of the window, and %s lost the connection to it.", n.Name, finding.Clock(d.Lastly), refusals(d), finding.List(d.LostBy))
		}
		switch {
		case d.AtStart:
			atStart(n, d, f)
		case d.Closed:
			closed(n, d, f)
		}
		v.Find(f)
	}
	if !d.Back || d.AtStart {
		return
	}
	f := &finding.Finding{
		Kind: finding.NodeRestarted, Score: finding.Score(finding.NodeRestarted, 1), Confidence: finding.High,
		Title:   fmt.Sprintf("%s began a new life at %s", finding.NodeName(n.Name), finding.Clock(d.To)),
		Summary: fmt.Sprintf("The uptime of %s started again at %s: processes, PIDs and counters are those of a new incarnation.", n.Name, finding.Clock(d.To)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(d.To)},
		Onset:   d.From, OnsetErrorS: d.Off.Seconds(), Evidence: evidence, Confirm: confirm,
		Recommendation: fmt.Sprintf("If nobody restarted %s on purpose, read its log and its service manager's around %s.", n.Name, finding.Clock(d.From)),
		Caveats:        []string{"The recording does not say whether it was meant."},
		End:            &d.To,
	}
	switch {
	case missed:
		f.Onset, f.OnsetErrorS = d.To, 1
		f.Score = min(f.Score, finding.Over)
	case allBegan(s, d.To):
		f.Score, f.Confidence = finding.Note, finding.Medium
		f.Caveats = append(f.Caveats, "Every node began anew within seconds of the others, and no call was refused: as when a cluster is started again on purpose.")
	}
	v.Find(f)
}

// closed words the absence of the node over which all others were asked.
func closed(n *scene.Node, d scene.Absence, f *finding.Finding) {
	f.Score, f.Confidence = min(f.Score, finding.Score(finding.ApplicationDown, d.To.Sub(d.From).Seconds())), finding.Medium // or no more than an application stopped
	f.Title = fmt.Sprintf("%s, over which all nodes are asked, is down since %s", finding.NodeName(n.Name), finding.Clock(d.From))
	f.Summary = fmt.Sprintf("%s gave its last answer at %s; since then its machine answers, and nothing listens at its endpoint any more. No other node could be asked either: how they fare is not known.", n.Name, finding.Clock(d.Lastly))
	f.Recommendation += " Give the recorder a second node to ask, so that the loss of one does not blind it."
	f.Caveats = []string{"It may be that only its MCP application stopped and the node works: another node's answer to cluster_nodes would settle it."}
}

// atStart words the absence of a node that was down when the window began.
func atStart(n *scene.Node, d scene.Absence, f *finding.Finding) {
	f.Title = finding.NodeName(n.Name) + " was down when the recording began"
	f.Summary = fmt.Sprintf("%s gave no answer up to the end of the window, and %s.", n.Name, refusals(d))
	if d.Back {
		f.Title += fmt.Sprintf(", and until %s", finding.Clock(d.To))
		f.Summary = fmt.Sprintf("%s gave no answer before %s, and %s; then a life of it began.", n.Name, finding.Clock(d.To), refusals(d))
	}
	f.Facts = append(f.Facts, finding.Older)
	f.Caveats = append(f.Caveats, "It was so when the recording began: for how long before is not known.")
}

// allBegan reports whether every node of several began a new life around t.
func allBegan(s *scene.Scene, t time.Time) bool {
	const around = 10 * time.Second
	for _, n := range s.Nodes {
		if !slices.ContainsFunc(n.Starts, func(start time.Time) bool { return start.Sub(t).Abs() <= around }) {
			return false
		}
	}
	return len(s.Nodes) > 1
}

// deaf reports whether the recorder heard nobody while the node was away, and
// did not miss it: then nothing was recorded, and what happened cannot be told.
func deaf(s *scene.Scene, n *scene.Node, d scene.Absence) bool {
	if d.To.Sub(d.Lastly) <= 3*s.Usual(n) {
		return false
	}
	for _, o := range s.Nodes {
		if o.Heard.Between(d.Lastly.Add(2*s.Usual(o)), d.To).Len() > 0 {
			return false
		}
	}
	marks, err := s.Rec.Marks(context.Background(), d.Lastly, d.To)
	return err == nil && !slices.ContainsFunc(marks, func(m archive.Mark) bool { return m.Kind == "node_lost" && m.Node == n.Name })
}

// unseenRestart notes a new life that began while nothing was recorded.
func unseenRestart(s *scene.Scene, n *scene.Node, d scene.Absence) *finding.Finding {
	return &finding.Finding{
		Kind: finding.NodeRestarted, Score: finding.Note, Confidence: finding.Low,
		Title:   fmt.Sprintf("%s began a new life while nothing was recorded", finding.NodeName(n.Name)),
		Summary: fmt.Sprintf("Nothing was recorded of any node from %s to %s; since then %s counts from the start again.", finding.Clock(d.Lastly), finding.Clock(d.To), n.Name),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(d.To)},
		Onset:   d.To, OnsetErrorS: 1, End: &d.To, Evidence: awayEvidence(n, d), Confirm: []string{"node_info on " + n.Name + ": Uptime"},
		Caveats: []string{"No conclusion is drawn across a stretch that was not recorded."},
	}
}

// refusals says which calls failed while a node was away.
func refusals(d scene.Absence) string {
	switch {
	case d.Calls > 0:
		return fmt.Sprintf("%d %s to it failed", d.Calls, finding.Plural(d.Calls, "call", "calls"))
	case d.Refused > 0:
		return "the recorder noted that it could not be reached"
	}
	return "nothing was heard of it, and no call to it was refused"
}

func awayEvidence(n *scene.Node, d scene.Absence) []finding.Evidence {
	up := n.Series(ergo.Node, "Uptime")
	all := []finding.Evidence{{
		What: "uptime of the node, where it answered", Node: n.Name, Tool: "node_info", Field: "Uptime", From: &d.From, To: &d.To,
		Series:  finding.Chart("s", up),
		Records: []string{finding.RecordName(n.Name, "node_info", d.Lastly)},
	}}
	e := &all[0]
	if d.AtStart {
		e.Records = nil
		if d.Calls > 0 {
			e.Value("failed_calls", d.Calls, n.Says("*", time.Time{}, d.CallsTo).Of("sum(lost)"))
		}
		return all
	}
	e.Value("last_answer", d.Lastly.UTC().Format(time.RFC3339Nano), n.Says("node_info", time.Time{}, d.To.Add(-1)).Of("last(at)"))
	if d.Calls > 0 && !d.Closed {
		e.Value("failed_calls", d.Calls, n.Says("*", d.Lastly.Add(1), d.CallsTo).Of("sum(lost)"))
	}
	if len(d.LostBy) > 0 {
		all = append(all, finding.Evidence{What: "lost their connection to it: " + finding.List(d.LostBy), Tool: "network_nodes", Field: "ConnectionUptime"})
	}
	return all
}
