package process

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// leaks looks for families of processes that grow without end, and for names,
// aliases and events that do. The onset of a family's leak is the birth of the
// first member that stayed.
func leaks(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		if err := registrations(ctx, s, n, v); err != nil {
			return err
		}
		p := n.Procs
		if len(p.Listings) < 8 || p.Partial > len(p.Listings)/2 {
			totalLeak(s, n, v)
			continue
		}
		found := 0
		for _, fam := range p.SortedFamilies() {
			if fam.Application == "mcp_app" || fam.Born < s.Set.Int(leakMin) {
				continue
			}
			f, err := leak(ctx, s, n, fam)
			if err != nil {
				return err
			}
			if f != nil {
				v.Find(f)
				found++
			}
		}
		if found == 0 {
			v.Fine("%s: none of %d families of processes grows", n.Name, len(p.Families))
		}
	}
	return nil
}

// A growth is the last regime of a count: from its onset on, it rises.
type growth struct {
	onset  time.Time
	off    time.Duration
	slope  series.Slope
	gained float64
	level  float64       // before
	was    series.Series // whose median that is
	is     series.Series // since
}

// tell adds what grew to evidence: before and after, and how much a second.
func (g growth) tell(e *finding.Evidence, name string, src finding.Source, formula string) {
	window := func(s series.Series) finding.Source { return src.Between(s.T[0], s.T[s.Len()-1]) }
	e.Value(name+"before", g.level, window(g.was).Of("median("+formula+")"))
	e.Value(name+"after", g.level+g.gained, window(g.is).Of("last("+formula+")"))
	e.Value("per_s", g.slope.PerSecond, window(g.is).Of("slope("+formula+")"))
}

// growthOf finds the growth that a series ends in. ok is false where it does
// not grow, has stopped to, or gained no more than it varies by.
func growthOf(c series.Series, least float64) (g growth, ok bool) {
	n := c.Len()
	if n < 8 {
		return g, false
	}
	part := c
	g.onset, g.level, g.was = c.T[0], c.V[0], series.Series{T: c.T[:1], V: c.V[:1]}
	if k, err := series.FindKnee(c); err == nil && k.P < 0.01 && k.After > 2*max(k.Before, 0) {
		before := c.Before(k.At)
		if rest := c.From(k.At); rest.Len() >= 6 && before.Len() > 0 {
			part, g.onset, g.off, g.level, g.was = rest, k.At, k.Error, series.Median(before.V), before
		}
	}
	g.is = part
	g.gained = part.V[part.Len()-1] - g.level
	spread := 0.0
	if before := c.Before(g.onset); before.Len() > 3 {
		spread = series.Quantile(before.V, 1) - series.Quantile(before.V, 0)
	}
	if g.gained < max(least, 2*spread) {
		return g, false
	}
	trend, err := series.MannKendall(part)
	if err != nil || !trend.Rises(0.01) {
		return g, false
	}
	g.slope, err = series.TheilSen(part)
	if err != nil || !g.slope.Grows() {
		return g, false
	}
	last := part.From(part.T[0].Add(part.Span() * 2 / 3))
	late, err := series.TheilSen(last)
	stopped := err == nil && late.PerSecond < g.slope.PerSecond/4
	return g, !stopped
}

func leak(ctx context.Context, s *scene.Scene, n *scene.Node, fam *scene.Family) (*finding.Finding, error) {
	count := fam.Count.Sampled(n.Procs.Listings)
	g, ok := growthOf(count, s.Set.Of(leakMin))
	if !ok {
		return nil, nil
	}
	births := fam.Births.Sampled(n.Procs.Listings)
	atOnset, _ := births.At(g.onset)
	born := float64(fam.Born) - atOnset
	dies := 1 - g.gained/max(born, g.gained)
	onset, off, err := firstStayed(ctx, s, n, fam, g)
	if err != nil {
		return nil, err
	}
	name := fam.Parent
	sub := finding.Subject{
		Node: n.Name, Incarnation: n.Incarnation(onset), Name: name, PID: fam.ParentPID,
		Behavior: fam.Behavior, Application: fam.Application,
	}
	f := &finding.Finding{
		Kind: finding.ProcessLeak, Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 82, Confidence: finding.High,
		Title: fmt.Sprintf("processes of behavior %s on %s are spawned and never end", fam.Behavior, n.Name),
		Summary: fmt.Sprintf("There were %s, now there are %s: %s more a second since %s, and of those that were born since, %.0f %% ended. Their parent is %s.",
			finding.Number(g.level), finding.Number(g.level+g.gained), finding.Number(g.slope.PerSecond), finding.Clock(onset), 100*dies, parentWords(fam)),
		Recommendation: "Find the code in the parent that spawns them and the condition under which they should end: a message that does not come, a monitor that is missing, a time-out that is not set.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s behavior=%s limit=100000", n.Name, fam.Behavior),
			fmt.Sprintf("process_children node=%s parent=%s", n.Name, fam.ParentPID),
		},
	}
	switch {
	case dies > s.Set.Of(leakDies):
		f.Score, f.Confidence = 45, finding.Low
		f.Caveats = append(f.Caveats, "members still end: this may be load that rises")
	case g.gained < 3*s.Set.Of(leakMin):
		f.Score, f.Confidence = 62, finding.Medium
	}
	from, to := g.onset, s.To
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: fmt.Sprintf("members of the family %s under %s", fam.Behavior, parentWords(fam)),
		Node: n.Name, Tool: "process_list", Field: "PID", From: &from, To: &to, Series: finding.Chart("processes", count),
	})
	e, members := &f.Evidence[0], n.Says("process_list", from, to)
	members.Where = map[string]string{"Behavior": fam.Behavior, "Parent": fam.ParentPID}
	g.tell(e, "alive.", members, "rows")
	since := members.Between(births.From(g.onset).T[0], n.Procs.Listings[len(n.Procs.Listings)-1])
	e.Value("born", born, since.Of("sum(born)"))
	e.Value("ended_share", dies, since.Of(fmt.Sprintf("1 - (last(rows) - %v) / greatest(sum(born), last(rows) - %v)", g.level, g.level)))
	f.Evidence = append(f.Evidence, totals(s, n, g.onset))
	if day := g.slope.PerSecond * 86400; day > 0 {
		f.Summary += fmt.Sprintf(" At this pace there are %s more in a day.", finding.Number(day))
	}
	return f, nil
}

func parentWords(fam *scene.Family) string {
	if fam.Parent == "" {
		return "not listed (" + fam.ParentPID + ")"
	}
	return fam.Parent + " " + fam.ParentPID
}

// firstStayed is the birth of the first of those that stayed: of the members
// that are alive at the end and were born around the onset or later.
func firstStayed(ctx context.Context, s *scene.Scene, n *scene.Node, fam *scene.Family, g growth) (time.Time, time.Duration, error) {
	early := g.onset.Add(-max(3*g.off, 3*n.Interval))
	var first *scene.Actor
	for _, a := range n.Procs.Actors {
		if a.Family != fam || a.Gone || a.BornAfter.IsZero() || a.First.Before(early) {
			continue
		}
		if first == nil || a.First.Before(first.First) {
			first = a
		}
	}
	if first == nil {
		return g.onset, g.off, nil
	}
	return s.BirthTime(ctx, n, first.Pid, first.BornAfter, first.First)
}

// totals is the node's own count of what was spawned and terminated.
func totals(s *scene.Scene, n *scene.Node, onset time.Time) finding.Evidence {
	from, to := onset, s.To
	e := finding.Evidence{
		What: "spawned less terminated, a second, by the node's own counters", Node: n.Name, Tool: "node_info",
		Field: "ProcessesSpawned - ProcessesTerminated", From: &from, To: &to,
		Series: finding.Chart("processes", n.Series(ergo.Node, "ProcessesTotal")),
	}
	net := func(name string, a, b time.Time) {
		counted := n.Series(ergo.Node, "ProcessesSpawned").Between(a, b)
		spawned, secs := series.Increase(counted, n.Starts...)
		ended, _ := series.Increase(n.Series(ergo.Node, "ProcessesTerminated").Between(a, b), n.Starts...)
		if secs > 0 {
			e.Value(name, (spawned-ended)/secs, n.Over("node_info", counted).Of("rate(ProcessesSpawned) - rate(ProcessesTerminated)"))
		}
	}
	net("before", s.From, onset)
	net("after", onset, s.To)
	return e
}

// totalLeak judges a node whose processes were not listed, by its own counters.
func totalLeak(s *scene.Scene, n *scene.Node, v *finding.Verdict) {
	v.Skip("%s: %s: only the node's total can be judged", n.Name, n.Procs.Missing())
	total := n.Series(ergo.Node, "ProcessesTotal")
	g, ok := growthOf(total, s.Set.Of(leakMin))
	if !ok {
		return
	}
	from, to := g.onset, s.To
	f := &finding.Finding{
		Kind: finding.ProcessLeak, Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(g.onset)},
		Onset: g.onset, OnsetErrorS: g.off.Seconds(), Score: 58, Confidence: finding.Low,
		Title:          fmt.Sprintf("the number of processes on %s grows", n.Name),
		Summary:        fmt.Sprintf("There were %s, now there are %s: %s more a second. Which ones cannot be told.", finding.Number(g.level), finding.Number(g.level+g.gained), finding.Number(g.slope.PerSecond)),
		Recommendation: "Record the node over its own endpoint, so that its processes are listed.",
		Caveats:        []string{"the processes were not listed: " + n.Procs.Missing()},
		Evidence: []finding.Evidence{{
			What: "processes", Node: n.Name, Tool: "node_info", Field: "ProcessesTotal", From: &from, To: &to, Series: finding.Chart("processes", total),
		}},
	}
	g.tell(&f.Evidence[0], "", n.Says("node_info", from, to), "ProcessesTotal")
	v.Find(f)
}
