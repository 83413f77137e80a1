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
		if !ok {
			v.Fine("%s: no lasting growth of goroutines: %s at the least, %s at most, over %d samples", n.Name, finding.Number(series.Quantile(total.V, 0)), finding.Number(series.Quantile(total.V, 1)), total.Len())
			continue
		}
		f, err := goroutineGrowth(ctx, s, n, g)
		if err != nil {
			return err
		}
		v.Find(f)
	}
	return nil
}

func goroutineGrowth(ctx context.Context, s *scene.Scene, n *scene.Node, c series.Growth) (*finding.Finding, error) {
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
	group, was, err := growingGroup(ctx, s, n, c.Onset)
	if err != nil {
		return nil, err
	}
	if group == nil {
		f.Score = min(f.Score, finding.Unsure)
		f.Caveats = append(f.Caveats, "No goroutine dump shows which stack grows: record pprof_goroutines debug=1.")
		return f, nil
	}
	f.Subject.Function = group.Function
	f.Subject.Behavior = profiles.BehaviorOf(group.Function)
	f.Confidence = finding.High
	waits := ""
	if group.Blocked != profiles.WaitNone {
		waits = ", waiting for " + group.Blocked
	}
	f.Title += " in " + group.Function
	f.Summary += fmt.Sprintf(" %d of them are in %s%s; before there were %d.", group.Count, group.Function, waits, was)
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
	e.Value("before", was, inFunction(c.Onset))
	e.Value("after", group.Count, inFunction(s.To))
	if len(group.PIDs) == 1 {
		f.Subject.PID = group.PIDs[0]
		if a := n.Procs.Known[group.PIDs[0]]; a != nil {
			f.Subject.Name = a.Name
		}
	}
	return f, nil
}

// growingGroup is the group of goroutines that grew most from the dumps before
// an instant to the last one, and how many there were; nil where no dump tells.
func growingGroup(ctx context.Context, s *scene.Scene, n *scene.Node, since time.Time) (*profiles.Group, int, error) {
	before, last := map[string]int{}, []profiles.Group(nil)
	for smp, err := range s.Texts(ctx, n, ergo.Goroutines, s.From, s.To) {
		if err != nil {
			return nil, 0, err
		}
		args, err := ergo.ParseArgs(smp.Args)
		if level, _ := args.Int("debug"); err != nil || smp.Failure != nil || level != 1 {
			continue // other dumps are filtered
		}
		dump, err := profiles.ParseGoroutines(string(smp.Text))
		if err != nil {
			continue
		}
		last = dump.Groups()
		if !smp.At.After(since) {
			for _, g := range last {
				before[stackKey(g)] = max(before[stackKey(g)], g.Count)
			}
		}
	}
	var best *profiles.Group
	grown, was := 4, 0
	for i, g := range last {
		if d := g.Count - before[stackKey(g)]; d > grown {
			best, grown, was = &last[i], d, before[stackKey(g)]
		}
	}
	return best, was, nil
}

func stackKey(g profiles.Group) string {
	var b strings.Builder
	for _, f := range g.Stack {
		b.WriteString(f.Function)
		b.WriteByte('\n')
	}
	return b.String()
}
