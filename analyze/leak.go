package analyze

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

const (
	// leakMin is the fewest additional processes that make a leak: fewer may
	// be a busy moment.
	leakMin = 10
	// leakDies is the share of new processes that may end while the family
	// still counts as one whose members stay.
	leakDies = 0.5
)

// processLeak looks for families of processes that grow without end. The onset
// is the birth of the first member that stayed.
func processLeak(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		p := n.procs
		if len(p.listings) < 8 || p.partial > len(p.listings)/2 {
			s.totalLeak(n, v)
			continue
		}
		found := 0
		for _, fam := range p.sortedFamilies() {
			if fam.application == "mcp_app" || fam.born < leakMin {
				continue
			}
			f, err := s.leak(ctx, n, fam)
			if err != nil {
				return err
			}
			if f != nil {
				v.find(f)
				found++
			}
		}
		if found == 0 {
			v.fine("%s: none of %d families of processes grows", n.Name, len(p.families))
		}
	}
	return nil
}

func (p *population) sortedFamilies() []*family {
	var all []*family
	for _, f := range p.families {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *family) int {
		return cmp.Or(cmp.Compare(a.behavior, b.behavior), cmp.Compare(a.application, b.application), cmp.Compare(a.parent, b.parent))
	})
	return all
}

// A growth is the last regime of a count: from its onset on, it rises.
type growth struct {
	onset  time.Time
	off    time.Duration
	slope  series.Slope
	gained float64
	level  float64 // before
}

// growthOf finds the growth that a series ends in. ok is false where it does
// not grow, has stopped to, or gained no more than it varies by.
func growthOf(c series.Series, least float64) (g growth, ok bool) {
	n := c.Len()
	if n < 8 {
		return g, false
	}
	part := c
	g.onset, g.level = c.T[0], c.V[0]
	if k, err := series.FindKnee(c); err == nil && k.P < 0.01 && k.After > 2*max(k.Before, 0) {
		before := c.Before(k.At)
		if rest := c.From(k.At); rest.Len() >= 6 && before.Len() > 0 {
			part, g.onset, g.off, g.level = rest, k.At, k.Error, series.Median(before.V)
		}
	}
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

func (s *scene) leak(ctx context.Context, n *node, fam *family) (*Finding, error) {
	count := fam.count.sampled(n.procs.listings)
	g, ok := growthOf(count, leakMin)
	if !ok {
		return nil, nil
	}
	births := fam.births.sampled(n.procs.listings)
	atOnset, _ := births.At(g.onset)
	born := float64(fam.born) - atOnset
	dies := 1 - g.gained/max(born, g.gained)
	onset, off, err := s.firstStayed(ctx, n, fam, g)
	if err != nil {
		return nil, err
	}
	name := fam.parent
	sub := Subject{
		Node: n.Name, Incarnation: n.incarnation(onset), Name: name, PID: fam.parentPID,
		Behavior: fam.behavior, Application: fam.application,
	}
	f := &Finding{
		Kind: "process_leak", Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 82, Confidence: High,
		Title: fmt.Sprintf("processes of behavior %s on %s are spawned and never end", fam.behavior, n.Name),
		Summary: fmt.Sprintf("There were %s, now there are %s: %s more a second since %s, and of those that were born since, %.0f %% ended. Their parent is %s.",
			number(g.level), number(g.level+g.gained), number(g.slope.PerSecond), clock(onset), 100*dies, parentWords(fam)),
		Recommendation: "Find the code in the parent that spawns them and the condition under which they should end: a message that does not come, a monitor that is missing, a time-out that is not set.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s behavior=%s limit=100000", n.Name, fam.behavior),
			fmt.Sprintf("process_children node=%s parent=%s", n.Name, fam.parentPID),
		},
	}
	switch {
	case dies > leakDies:
		f.Score, f.Confidence = 45, Low
		f.Caveats = append(f.Caveats, "members still end: this may be load that rises")
	case g.gained < 3*leakMin:
		f.Score, f.Confidence = 62, Medium
	}
	from, to := g.onset, s.to
	f.Evidence = append(f.Evidence, Evidence{
		What: fmt.Sprintf("members of the family %s under %s", fam.behavior, parentWords(fam)),
		Node: n.Name, Tool: "process_list", Field: "PID", From: &from, To: &to,
		Values: map[string]any{
			"alive": map[string]any{"before": round(g.level), "after": round(g.level + g.gained)},
			"per_s": round(g.slope.PerSecond), "born": round(born), "ended_share": round(dies),
		},
		Series: chart("processes", count),
	})
	f.Evidence = append(f.Evidence, s.totals(n, g.onset))
	if day := g.slope.PerSecond * 86400; day > 0 {
		f.Summary += fmt.Sprintf(" At this pace there are %s more in a day.", number(day))
	}
	return f, nil
}

func parentWords(fam *family) string {
	if fam.parent == "" {
		return "not listed (" + fam.parentPID + ")"
	}
	return fam.parent + " " + fam.parentPID
}

// firstStayed is the birth of the first of those that stayed: of the members
// that are alive at the end and were born around the onset or later.
func (s *scene) firstStayed(ctx context.Context, n *node, fam *family, g growth) (time.Time, time.Duration, error) {
	early := g.onset.Add(-max(3*g.off, 3*n.interval))
	var first *actor
	for _, a := range n.procs.actors {
		if a.family != fam || a.gone || a.bornAfter.IsZero() || a.first.Before(early) {
			continue
		}
		if first == nil || a.first.Before(first.first) {
			first = a
		}
	}
	if first == nil {
		return g.onset, g.off, nil
	}
	return s.birthTime(ctx, n, first.pid, first.bornAfter, first.first)
}

// totals is the node's own count of what was spawned and terminated.
func (s *scene) totals(n *node, onset time.Time) Evidence {
	from, to := onset, s.to
	net := func(a, b time.Time) any {
		spawned, secs := series.Increase(n.series("node_info", "ProcessesSpawned").Between(a, b), n.starts...)
		ended, _ := series.Increase(n.series("node_info", "ProcessesTerminated").Between(a, b), n.starts...)
		if secs == 0 {
			return nil
		}
		return round((spawned - ended) / secs)
	}
	return Evidence{
		What: "spawned less terminated, a second, by the node's own counters", Node: n.Name, Tool: "node_info",
		Field: "ProcessesSpawned - ProcessesTerminated", From: &from, To: &to,
		Values: map[string]any{"before": net(s.from, onset), "after": net(onset, s.to)},
		Series: chart("processes", n.series("node_info", "ProcessesTotal")),
	}
}

// totalLeak judges a node whose processes were not listed, by its own counters.
func (s *scene) totalLeak(n *node, v *verdict) {
	v.skip("%s: %s: only the node's total can be judged", n.Name, n.procs.missing())
	total := n.series("node_info", "ProcessesTotal")
	g, ok := growthOf(total, leakMin)
	if !ok {
		return
	}
	from, to := g.onset, s.to
	v.find(&Finding{
		Kind: "process_leak", Subject: Subject{Node: n.Name, Incarnation: n.incarnation(g.onset)},
		Onset: g.onset, OnsetErrorS: g.off.Seconds(), Score: 58, Confidence: Low,
		Title:          fmt.Sprintf("the number of processes on %s grows", n.Name),
		Summary:        fmt.Sprintf("There were %s, now there are %s: %s more a second. Which ones cannot be told.", number(g.level), number(g.level+g.gained), number(g.slope.PerSecond)),
		Recommendation: "Record the node over its own endpoint, so that its processes are listed.",
		Caveats:        []string{"the processes were not listed: " + n.procs.missing()},
		Evidence: []Evidence{{
			What: "processes", Node: n.Name, Tool: "node_info", Field: "ProcessesTotal", From: &from, To: &to,
			Values: map[string]any{"before": round(g.level), "after": round(g.level + g.gained)}, Series: chart("processes", total),
		}},
	})
}
