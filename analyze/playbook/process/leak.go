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

// fewestListings are needed to tell a growth from chance.
const fewestListings = 8

// leaks looks for families of processes that grow without end, and for names,
// aliases and events that do. The onset of a family's leak is the birth of the
// first member that stayed.
func leaks(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		if err := registrations(ctx, s, n, v); err != nil {
			return err
		}
		p := n.Procs
		if len(p.Listings) < fewestListings || p.Lacking > len(p.Listings)/2 {
			v.Skip("%s: %s: only the node's total can be judged", n.Name, p.Missing(fewestListings))
			if f := totalLeak(s, n); f != nil {
				v.Find(f)
			}
			continue
		}
		found := 0
		for _, fam := range p.SortedFamilies() {
			if fam.Observing() || fam.Born < s.Set.Int(leakMin) {
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
		if found > 0 {
			continue
		}
		switch f := betweenListings(s, n); {
		case f == nil:
			v.Fine("%s: no family of processes keeps growing: %d families, over %d listings", n.Name, len(p.Families), len(p.Listings))
		case f.Subject.Behavior == "":
			v.Skip("%s: its processes became more, and %d listings do not tell which of them", n.Name, len(p.Listings))
		default:
			v.Find(f)
		}
	}
	return nil
}

// grows finds the growth that a count of processes ends in. A family that has
// many members leaks as well as a small one: the bar is the number that came.
func grows(s *scene.Scene, count series.Series) (series.Growth, bool) {
	return series.Bar{Share: 0.05, Least: s.Set.Of(leakMin)}.Growth(count)
}

// lasting is the growth that a count ends in, and whether it goes on: what stopped, for longer
// than a quarter of the time that it grew, does not.
func lasting(s *scene.Scene, count series.Series) (g series.Growth, still, ok bool) {
	if g, ok = grows(s, count); ok && g.StillGrows() {
		return g, true, true
	}
	rise := series.Rise(count)
	if g, ok = grows(s, rise); !ok {
		return g, false, false
	}
	top := rise.T[rise.Len()-1]
	return g, g.StillGrows() && count.T[count.Len()-1].Sub(top) <= top.Sub(g.Onset)/4, true
}

func leak(ctx context.Context, s *scene.Scene, n *scene.Node, fam *scene.Family) (*finding.Finding, error) {
	count := fam.Count.Sampled(n.Procs.Listings)
	g, still, ok := lasting(s, count)
	if !ok { // where it came to its end, there are as many as are needed, unless those that came stay where others end
		return nil, nil
	}
	births := fam.Births.Sampled(n.Procs.Listings)
	born := float64(fam.Born)
	if early := births.Before(g.Onset); early.Len() > 0 {
		born -= early.V[early.Len()-1]
	}
	dies := 1 - g.Gained()/max(born, g.Gained())
	st := stayed(n, fam, g)
	apart := fam.Lives.Ended >= s.Set.Int(leakMin) && len(st.old) >= s.Set.Int(leakMin) && float64(len(st.old)) >= g.Gained()/2
	if !still && !apart {
		return nil, nil
	}
	onset, off := g.Onset, g.Off
	if first := st.first(apart); first != nil {
		var err error
		if onset, off, err = s.BirthTime(ctx, n, first.Pid, first.BornAfter, first.First); err != nil {
			return nil, err
		}
	}
	sub := finding.Subject{
		Node: n.Name, Incarnation: n.Incarnation(onset), Name: fam.Parent, PID: fam.ParentPID,
		Behavior: fam.Behavior, Application: fam.Application,
	}
	f := &finding.Finding{
		Kind: finding.ProcessLeak, Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.ProcessLeak, g.Gained()), Confidence: finding.High,
		Title: fmt.Sprintf("processes of behavior %s on %s are spawned and never end", fam.Behavior, n.Name),
		Summary: fmt.Sprintf("There were %s, now there are %s: %s more a second since %s, and of those that were born since, %.0f %% ended. Their parent is %s.",
			finding.Number(g.Before), finding.Number(g.After), finding.Number(g.Slope.PerSecond), finding.Clock(onset), 100*dies, parentWords(fam)),
		Recommendation: "Find the code in the parent that spawns them and the condition under which they should end: a message that does not come, a monitor that is missing, a time-out that is not set.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s behavior=%s limit=100000", n.Name, fam.Behavior),
			fmt.Sprintf("process_children node=%s parent=%s", n.Name, fam.ParentPID),
		},
	}
	switch {
	case apart:
		f.Title = fmt.Sprintf("of the processes of behavior %s on %s, some never end", fam.Behavior, n.Name)
		f.Summary += " Those that stay are far older than those that ended became."
	case dies > s.Set.Of(leakDies):
		f.Title = fmt.Sprintf("processes of behavior %s on %s become more", fam.Behavior, n.Name)
		f.Score, f.Confidence = min(f.Score, finding.Note), finding.Low
		f.Caveats = append(f.Caveats, "members still end, and none is far older than those that do: this may be load that rises")
	case g.Gained() < 3*s.Set.Of(leakMin):
		f.Confidence = finding.Medium
	}
	from, to := g.Onset, s.To
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: fmt.Sprintf("members of the family %s under %s", fam.Behavior, parentWords(fam)),
		Node: n.Name, Tool: "process_list", Field: "PID", From: &from, To: &to, Series: finding.Chart("processes", count),
	})
	tellFamily(&f.Evidence[0], n, fam, g, births.From(g.Onset), born, dies)
	f.Evidence = append(f.Evidence, totals(s, n, g.Onset))
	if day := g.Slope.PerSecond * 86400; day > 0 && still {
		f.Summary += fmt.Sprintf(" At this pace there are %s more in a day.", finding.Number(day))
	}
	return f, nil
}

// old is how many times as old as nearly all that ended a member must be to be
// one that does not end: lives of one kind do not differ by as much.
const old = 3

// staying are the members of a family that are alive at the end and were born
// about when it began to grow, or later, by birth.
type staying struct {
	all, old []*scene.Actor // old: far older than those that ended
	usual    time.Duration  // what those that ended did not outlive
}

func stayed(n *scene.Node, fam *scene.Family, g series.Growth) staying {
	st := staying{usual: fam.Lives.Usual()}
	early := g.Onset.Add(-max(3*g.Off, 3*n.Interval))
	for _, a := range n.Procs.Actors { // by birth
		if a.Family != fam || a.Gone || a.BornAfter.IsZero() || a.First.Before(early) {
			continue
		}
		st.all = append(st.all, a)
		if a.Last.Sub(a.First) > max(old*st.usual, 2*n.Interval) {
			st.old = append(st.old, a)
		}
	}
	return st
}

// first is the first of those that stayed; nil where there is none.
func (st staying) first(onlyOld bool) *scene.Actor {
	among := st.all
	if onlyOld {
		among = st.old
	}
	if len(among) == 0 {
		return nil
	}
	return among[0]
}

// tellFamily adds how many of the family there were and are, and how many were born
// since and ended.
func tellFamily(e *finding.Evidence, n *scene.Node, fam *scene.Family, g series.Growth, since series.Series, born, dies float64) {
	members := n.Says("process_list", time.Time{}, time.Time{})
	members.Where = map[string]string{"Behavior": fam.Behavior, "Parent": fam.ParentPID}
	over := func(s series.Series) finding.Source { return members.Between(s.T[0], s.T[s.Len()-1]) }
	e.Value("alive.before", g.Before, over(g.Was).Of("max(rows)"))
	e.Value("alive.after", g.After, over(g.Late).Of("median(rows)"))
	e.Value("per_s", g.Slope.PerSecond, over(g.Since).Of("slope(rows)"))
	e.Value("born", born, over(since).Of("sum(born)"))
	e.Value("ended_share", dies, over(since).Of(fmt.Sprintf("1 - %v / greatest(sum(born), %v)", g.Gained(), g.Gained())))
}

func parentWords(fam *scene.Family) string {
	if fam.Parent == "" {
		return "not listed (" + fam.ParentPID + ")"
	}
	return fam.Parent + " " + fam.ParentPID
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

// betweenListings tells a leak that is too young for a judgement by listings: a node counts its
// processes far more often than they are listed. Where most of those that came since have
// ended, it is work that rises.
func betweenListings(s *scene.Scene, n *scene.Node) *finding.Finding {
	f := totalLeak(s, n)
	if f == nil {
		return nil
	}
	counted := func(field string) float64 {
		by, _ := series.Increase(n.Series(ergo.Node, field).From(f.Onset), n.Starts...)
		return by
	}
	if counted("ProcessesTerminated") > s.Set.Of(leakDies)*counted("ProcessesSpawned") {
		return nil
	}
	f.Caveats = []string{"there are too few listings since then to count its processes in them: that they become more is the node's own count"}
	return f
}

// totalLeak judges a node by its own counters, where its processes were not listed as often
// as a judgement of families needs.
func totalLeak(s *scene.Scene, n *scene.Node) *finding.Finding {
	total := n.Series(ergo.Node, "ProcessesTotal").From(n.ThisLife(s))
	g, still, _ := lasting(s, total)
	if !still {
		return nil
	}
	from, to := g.Onset, s.To
	f := &finding.Finding{
		Kind: finding.ProcessLeak, Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(g.Onset)},
		Onset: g.Onset, OnsetErrorS: g.Off.Seconds(), Score: min(finding.Score(finding.ProcessLeak, g.Gained()), finding.Over), Confidence: finding.Low,
		Title:          fmt.Sprintf("the number of processes on %s grows", n.Name),
		Summary:        fmt.Sprintf("From %s they became about %s, %s more a second.", finding.Number(g.Before), finding.Number(g.After), finding.Number(g.Slope.PerSecond)),
		Recommendation: "Record the node over its own endpoint, so that its processes are listed.",
		Caveats:        []string{"which processes they are was not seen: " + n.Procs.Missing(fewestListings)},
		Evidence: []finding.Evidence{{
			What: "processes", Node: n.Name, Tool: "node_info", Field: "ProcessesTotal", From: &from, To: &to, Series: finding.Chart("processes", total),
		}},
	}
	n.TellGrowth(&f.Evidence[0], g, "node_info", "ProcessesTotal")
	tellNewcomers(f, n, g)
	return f
}

// tellNewcomers names the family of nearly all processes that came since a growth began, as
// far as listings showed them: a node numbers its processes in order, so that those with the
// highest numbers, as many as it spawned since, are they.
func tellNewcomers(f *finding.Finding, n *scene.Node, g series.Growth) {
	const nearly = 0.8
	type lineage struct{ parent, behavior string }
	ids, newest := map[*scene.Actor]uint64{}, uint64(0)
	for _, a := range n.Procs.Actors {
		if id, err := ergo.PID(a.Pid).ID(); err == nil && !a.Gone && !a.Family.Observing() {
			ids[a], newest = id, max(newest, id)
		}
	}
	spawned, _ := series.Increase(n.Series(ergo.Node, "ProcessesSpawned").From(g.Onset), n.Starts...)
	var of lineage
	all, count := 0, map[lineage]int{}
	first := map[lineage]*scene.Actor{}
	for _, a := range n.Procs.Actors {
		if id, known := ids[a]; !known || id+uint64(spawned) <= newest {
			continue
		}
		k := lineage{a.Parent, a.Behavior}
		all++
		if count[k]++; count[k] > count[of] {
			of = k
		}
		if first[k] == nil {
			first[k] = a
		}
	}
	a, most := first[of], count[of]
	if a == nil || most < fewestNewcomers || float64(most) < nearly*float64(all) {
		return
	}
	f.Subject.Behavior, f.Subject.Application, f.Subject.PID = a.Behavior, a.Application, a.Parent
	if p := n.Procs.Known[a.Parent]; p != nil {
		f.Subject.Name = p.Name
	}
	f.Confidence = finding.Medium
	f.Title = fmt.Sprintf("the number of processes on %s grows: nearly all that came are of behavior %s", finding.NodeName(n.Name), a.Behavior)
	f.Summary += fmt.Sprintf(" Nearly all of those that came since and were listed are of behavior %s; their parent is %s.", a.Behavior, parentWords(a.Family))
	f.Recommendation = "Find the code in the parent that spawns them and the condition under which they should end. " + f.Recommendation
	f.Caveats = []string{"not all processes were listed: " + n.Procs.Missing(fewestListings)}
}

// fewestNewcomers are the processes by which it is told of which family those are that came.
const fewestNewcomers = 10
