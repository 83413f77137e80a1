package cpu

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// creepSpan is how long the CPU of a node must have been recorded to be
// compared over all of it: what rises faster shows from one hour to the next.
const creepSpan = 4 * hotBaseline

// creep is the finding about a node whose CPU rose over hours, too slowly to
// show from one hour to the next, because its messages cost more and more: the
// last hour of its life is held against the first. A rise that does not show
// in callbacks is none, for what else a node does has its own daily course.
func creep(ctx context.Context, s *scene.Scene, n *scene.Node, rates series.Series, profs []scene.CPUProfile) (*finding.Finding, error) {
	if rates.Span() < creepSpan {
		return nil, nil
	}
	trend, err := series.MannKendall(rates)
	if err != nil || !trend.Rises(0.001) {
		return nil, nil
	}
	from, to := rates.T[0], rates.T[rates.Len()-1]
	first, last := finding.Window{From: from, To: from.Add(hotBaseline)}, finding.Window{From: to.Add(-hotBaseline), To: to}
	c := series.Change{At: first.To, P: trend.P}
	c.Before, c.After = series.Median(rates.Between(first.From, first.To).V), series.Median(rates.Between(last.From, last.To).V)
	if c.After < s.Set.Of(hotRatio)*c.Before || c.After-c.Before < s.Set.Of(hotCores) {
		return nil, nil
	}
	was, is, err := s.Works(ctx, n, first, last)
	if err != nil {
		return nil, err
	}
	expected := loadRatio(was, is) * c.Before
	behavior, costlier := dearer(was, is)
	if c.After < s.Set.Of(hotRatio)*expected || c.After-expected < s.Set.Of(hotCores) || costlier < (c.After-expected)/2 {
		return nil, nil
	}
	onset, off := from, rates.Interval()
	if knee, err := series.FindKnee(rates); err == nil && knee.P < 0.001 && knee.After > knee.Before {
		onset, off = knee.At, knee.Error
	}
	f := cpuFinding(n, onset, off, s.To, c, rates)
	tellCores(n, &f.Evidence[0], c, rates.Between(first.From, first.To), rates.Between(last.From, last.To))
	f.Summary = fmt.Sprintf("The CPU of %s rose from %s cores in the first hour to %s in the last, and its callbacks take more than as many messages took before.",
		n.Name, finding.Number(c.Before), finding.Number(c.After))
	f.Subject.Behavior = behavior
	hotFunction(s, n, first.To, s.To, profs, f, c.After-c.Before)
	return f, hotProcess(ctx, s, n, first.To, s.To, profs, f)
}

// dearer is how many seconds a second the callbacks of all behaviors take
// beyond what as many messages took before, and the behavior that has most of
// it, "" if none has half.
func dearer(was, is map[string]scene.WorkRate) (behavior string, all float64) {
	most := 0.0
	for name, b := range was {
		if b.Handled == 0 {
			continue
		}
		more := max(0, is[name].Busy-b.Busy*is[name].Handled/b.Handled)
		all += more
		if more > most {
			behavior, most = name, more
		}
	}
	if most < all/2 {
		behavior = ""
	}
	return behavior, all
}
