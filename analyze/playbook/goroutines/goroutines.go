package goroutines

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// judge finds stacks of which a node has more and more goroutines.
// Sleeping processes have none; what a single process is stuck in is the
// bottleneck playbook's, which reads the same dumps.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		total := n.Series(ergo.Runtime, "goroutines").From(n.ThisLife(s))
		if total.Len() < 8 {
			v.Skip("%s: %d counts of goroutines, needs 8", n.Name, total.Len())
			continue
		}
		g, ok := series.FindGrowth(total)
		ended := false
		if !ok {
			g, ended = series.FindPlateau(total, many)
		}
		if !ok && !ended {
			v.Fine("%s: no lasting growth of goroutines: %s at the least, %s at most, over %d samples", n.Name, finding.Number(series.Quantile(total.V, 0)), finding.Number(series.Quantile(total.V, 1)), total.Len())
			continue
		}
		group, err := growingGroup(ctx, s, n, g.Onset)
		if err != nil {
			return err
		}
		if ended && !group.ofTheirOwn(g) {
			v.Skip("%s: its goroutines became %s more until %s; whether they came with connections or calls, the dumps do not say", n.Name, finding.Number(g.Gained()), finding.Clock(g.All.T[g.All.Len()-1]))
			continue
		}
		f := goroutineGrowth(s, n, g, group)
		if ended {
			stopped(g, f)
		}
		v.Find(f)
	}
	return nil
}

// many is how many goroutines that came and stay are worth a finding.
const many = 100

// ofTheirOwn reports whether nearly all goroutines that had come by the last dump are of
// one stack that waits for no peer: a connection has several, and one of them reads it.
func (x *growing) ofTheirOwn(g series.Growth) bool {
	const nearly = 0.8
	if x == nil || x.Blocked == profiles.WaitIO || x.Blocked == profiles.WaitResponse {
		return false
	}
	then, ok := g.All.At(x.at)
	return ok && then > g.Before && float64(x.Count-x.was) >= nearly*(then-g.Before)
}

// stopped says of goroutines that came, and come no more, that they stay.
func stopped(g series.Growth, f *finding.Finding) {
	end := g.All.T[g.All.Len()-1]
	f.End, f.Evidence[0].To = &end, &end
	f.AtMost(finding.Over)
	f.Title = fmt.Sprintf("%s has %s goroutines more than before, nearly all in %s, and they stay", finding.NodeName(f.Subject.Node), finding.Number(g.Gained()), f.Subject.Function)
	f.Summary += fmt.Sprintf(" Hardly more came after %s, and they are still there.", finding.Clock(end))
}

func goroutineGrowth(s *scene.Scene, n *scene.Node, c series.Growth, group *growing) *finding.Finding {
	f := &finding.Finding{
		Kind: finding.GoroutineGrowth, Score: finding.Score(finding.GoroutineGrowth, c.Gained()), Confidence: finding.Medium,
		Title:   fmt.Sprintf("%s has %s goroutines more every minute", finding.NodeName(n.Name), finding.Number(60*c.Slope.PerSecond)),
		Summary: fmt.Sprintf("Since %s the goroutines of %s grew from at most %s to %s, %s a second.", finding.Clock(c.Onset), n.Name, finding.Number(c.Before), finding.Number(c.After), finding.Number(c.Slope.PerSecond)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(c.Onset)},
		Onset:   c.Onset, OnsetErrorS: c.Off.Seconds(),
		Evidence: []finding.Evidence{{
			What: "goroutines of the node", Node: n.Name, Tool: "runtime_stats", Field: "goroutines", From: &c.Onset, To: &s.To, Series: finding.Chart("goroutines", c.All),
		}},
		Recommendation: "Find what starts goroutines of this stack and what should end them: a channel that nobody reads, a context that is never cancelled, a call without a time-out.",
		Confirm:        []string{"pprof_goroutines debug=1 on " + n.Name + ", twice: the group that grew"},
	}
	n.TellGrowth(&f.Evidence[0], c, "runtime_stats", "goroutines")
	f.Evidence[0].Value("per_min", 60*c.Slope.PerSecond, n.Over("runtime_stats", c.Since).Of("60 * slope(goroutines)"))
	if group == nil {
		f.Score = min(f.Score, finding.Unsure)
		f.Caveats = append(f.Caveats, "No goroutine dump shows which stack grows: record pprof_goroutines debug=1.")
		return f
	}
	f.Subject.Function = group.Function
	f.Subject.Behavior = profiles.BehaviorOf(group.Function)
	f.Confidence = finding.High
	waits := ""
	if group.Blocked != profiles.WaitNone {
		waits = ", waiting for " + group.Blocked
	}
	f.Title += " in " + group.Function
	f.Summary += fmt.Sprintf(" %d of them are in %s%s; before there were %d.", group.Count, group.Function, waits, group.was)
	var lines []string
	for _, frame := range group.Stack {
		lines = append(lines, fmt.Sprintf("%s %s:%d", frame.Function, frame.File, frame.Line))
	}
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "the stack that grew", Node: n.Name, Tool: "pprof_goroutines", Lines: lines,
	})
	e := &f.Evidence[len(f.Evidence)-1]
	inFunction := func(at time.Time) finding.Call {
		return finding.Call{Tool: "profile_top", Gives: "functions.0.flat", Arguments: map[string]any{
			"kind": "goroutine", "node": n.Name, "at": at.UTC().Format(time.RFC3339Nano), "function": group.Function, "source": "text",
		}}
	}
	e.Value("before", group.was, inFunction(c.Onset))
	e.Value("after", group.Count, inFunction(s.To))
	if len(group.PIDs) == 1 {
		f.Subject.PID = group.PIDs[0]
		if a := n.Procs.Known[group.PIDs[0]]; a != nil {
			f.Subject.Name = a.Name
		}
	}
	return f
}

// A growing group is one in the last dump, how many of it there were, and when that was.
type growing struct {
	profiles.Group
	was int
	at  time.Time
}

// growingGroup is the group of goroutines that grew most from the dumps before
// an instant to the last one; nil where no dump tells.
func growingGroup(ctx context.Context, s *scene.Scene, n *scene.Node, since time.Time) (*growing, error) {
	before, last, at := map[string]int{}, []profiles.Group(nil), time.Time{}
	for smp, err := range s.Texts(ctx, n, ergo.Goroutines, s.From, s.To) {
		if err != nil {
			return nil, err
		}
		args, err := ergo.ParseArgs(smp.Args)
		if level, _ := args.Int("debug"); err != nil || smp.Failure != nil || level != 1 {
			continue // other dumps are filtered
		}
		dump, err := profiles.ParseGoroutines(string(smp.Text))
		if err != nil {
			continue
		}
		last, at = dump.Groups(), smp.At
		if !smp.At.After(since) {
			for _, g := range last {
				before[stackKey(g)] = max(before[stackKey(g)], g.Count)
			}
		}
	}
	var best *growing
	grown := 4
	for _, g := range last {
		if d := g.Count - before[stackKey(g)]; d > grown {
			best, grown = &growing{g, before[stackKey(g)], at}, d
		}
	}
	return best, nil
}

func stackKey(g profiles.Group) string {
	var b strings.Builder
	for _, f := range g.Stack {
		b.WriteString(f.Function)
		b.WriteByte('\n')
	}
	return b.String()
}
