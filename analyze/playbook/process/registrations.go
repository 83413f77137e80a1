package process

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// registered are what a node counts of what its processes register.
func registered() []struct{ field, what, one string } {
	return []struct{ field, what, one string }{
		{"RegisteredAliases", "aliases", "alias"},
		{"RegisteredEvents", "events", "event"},
		{"RegisteredNames", "names", "name"},
	}
}

// registrations finds names, aliases or events that grow without end while the
// processes do not: somebody registers and never gives back.
func registrations(ctx context.Context, s *scene.Scene, n *scene.Node, v *finding.Verdict) error {
	processes := n.Series(ergo.Node, "ProcessesTotal").From(n.ThisLife(s))
	for _, r := range registered() {
		all := n.Series(ergo.Node, r.field).From(n.ThisLife(s))
		g, ended, ok := kept(all)
		if !ok {
			continue
		}
		more := 0.0
		if then, ok := processes.At(g.Onset); ok && processes.Len() > 0 {
			more = processes.V[processes.Len()-1] - then
		}
		if more > g.Gained()/4 {
			continue // as many processes came: each has its own
		}
		f := &finding.Finding{
			Kind: finding.RegistrationLeak, Score: finding.Score(finding.RegistrationLeak, g.Gained()), Confidence: finding.High,
			Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(g.Onset)},
			Onset:   g.Onset, OnsetErrorS: max(1, g.Off.Seconds()),
			Title: fmt.Sprintf("%s %s", finding.NodeName(n.Name), registers(g, ended, r.what)),
			Summary: fmt.Sprintf("Since %s the registered %s of %s grew from at most %s to %s, %s a second, while its processes changed by %s.",
				finding.Clock(g.Onset), r.what, n.Name, finding.Number(g.Before), finding.Number(g.After), finding.Number(g.Slope.PerSecond), finding.Number(more)),
			Evidence: []finding.Evidence{{
				What: "registered " + r.what, Node: n.Name, Tool: "node_info", Field: r.field, From: &g.Onset, To: &s.To, Series: finding.Chart(r.what, g.All),
			}},
			Recommendation: fmt.Sprintf("Find who registers these %s and give each back when it is not needed any more: what a process registers lives as long as the process.", r.what),
			Confirm:        []string{"node_info on " + n.Name + ": " + r.field + ", twice"},
		}
		if ended {
			stopped(f, g, r.what)
		}
		n.TellGrowth(&f.Evidence[0], g, "node_info", r.field)
		f.Evidence[0].Value("per_min", 60*g.Slope.PerSecond, n.Over("node_info", g.Since).Of("60 * slope("+r.field+")"))
		if since := processes.From(g.Onset); since.Len() > 1 {
			f.Evidence[0].Value("processes", more, n.Says("node_info", g.Onset, processes.T[processes.Len()-1]).Of("change(ProcessesTotal)"))
		}
		if r.field == "RegisteredEvents" {
			if err := ownerOfEvents(ctx, s, n, g, ended, f); err != nil {
				return err
			}
		}
		if f.Subject.PID == "" {
			f.Caveats = append(f.Caveats, fmt.Sprintf("Which process owns the %s was not recorded: process_info of the suspects lists them.", r.what))
		}
		v.Find(f)
	}
	return nil
}

// kept is the growth of what is registered: to the end, or until it stopped, and then
// nothing was given back.
func kept(all series.Series) (g series.Growth, ended, ok bool) {
	if g, ok = series.FindGrowth(all); ok && g.StillGrows() {
		return g, false, true
	}
	const many = 100 // more than an application that starts has for its own sake
	g, ok = series.FindPlateau(all, many)
	return g, true, ok
}

// registers is what is done, in the words of a title.
func registers(g series.Growth, ended bool, what string) string {
	if ended {
		return fmt.Sprintf("registered %s %s and keeps them", finding.Number(g.Gained()), what)
	}
	return fmt.Sprintf("registers %s without end: %s more every minute", what, finding.Number(60*g.Slope.PerSecond))
}

// stopped says of a growth that it came to its end, when nobody has to act at once.
func stopped(f *finding.Finding, g series.Growth, what string) {
	end := g.All.T[g.All.Len()-1]
	f.End, f.Confidence = &end, finding.Medium
	f.AtMost(finding.Over)
	f.Evidence[0].To = &end
	f.Summary += fmt.Sprintf(" Hardly more came after %s, and they are still there.", finding.Clock(end))
	f.Caveats = append(f.Caveats, fmt.Sprintf("Whether these %s are needed from then on, the data do not say.", what))
}

// ownerOfEvents names the producer of most of the events that came.
func ownerOfEvents(ctx context.Context, s *scene.Scene, n *scene.Node, g series.Growth, ended bool, f *finding.Finding) error {
	before, after := map[string]int{}, map[string]int{}
	var beforeAt time.Time
	q := replay.Query{Node: n.Name, Reading: ergo.Events, From: n.ThisLife(s), To: s.To, Fields: []string{"Event", "Producer"}, Damaged: s.Note}
	for fr, err := range s.Rec.Answers(ctx, q) {
		if err != nil {
			return err
		}
		count := map[string]int{}
		for _, slot := range fr.Live {
			count[fr.Columns[1].Text(slot)]++
		}
		if after = count; !fr.At.After(g.Onset) || len(before) == 0 {
			before, beforeAt = count, fr.At
		}
	}
	owner, most, all := "", 0, 0
	for p, c := range after {
		if more := c - before[p]; more > 0 {
			all += more
			if more > most {
				owner, most = p, more
			}
		}
	}
	if owner == "" || 2*most < all {
		return nil
	}
	f.Subject.PID = owner
	who := owner
	if a := n.Procs.Known[owner]; a != nil {
		f.Subject.Name, f.Subject.Behavior, f.Subject.Application = a.Name, a.Behavior, a.Application
		who = a.Called()
	}
	f.Title = fmt.Sprintf("%s on %s %s", who, finding.NodeName(n.Name), registers(g, ended, "events"))
	f.Summary += fmt.Sprintf(" Most of the events that came are of %s.", who)
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "events of this producer", Node: n.Name, Tool: "event_list", Field: "Producer",
	})
	e, rows := &f.Evidence[len(f.Evidence)-1], n.Says("event_list", n.ThisLife(s), s.To)
	rows.Where = map[string]string{"Producer": owner}
	e.Value("after", after[owner], rows.Of("last(rows)"))
	e.Value("before", before[owner], rows.Between(beforeAt, beforeAt).Of("last(rows)"))
	e.Value("came", most, rows.Of(fmt.Sprintf("last(rows) - %d", before[owner])))
	f.Confirm = append(f.Confirm, "event_list producer="+owner+" on "+n.Name)
	return nil
}
