package analyze

import (
	"context"
	"fmt"

	"ergorecorder/analyze/series"
)

// creepSpan is how long the CPU of a node must have been recorded to be
// compared over all of it: what rises faster shows from one hour to the next.
const creepSpan = 4 * hotBaseline

// creep is the finding about a node whose CPU rose over hours, too slowly to
// show from one hour to the next, because its messages cost more and more: the
// last hour of its life is held against the first. A rise that does not show
// in callbacks is none, for what else a node does has its own daily course.
func (s *scene) creep(ctx context.Context, n *node, rates series.Series, profs []cpuProfile) (*Finding, error) {
	if rates.Span() < creepSpan {
		return nil, nil
	}
	trend, err := series.MannKendall(rates)
	if err != nil || !trend.Rises(0.001) {
		return nil, nil
	}
	from, to := rates.T[0], rates.T[rates.Len()-1]
	first, last := Window{from, from.Add(hotBaseline)}, Window{to.Add(-hotBaseline), to}
	c := series.Change{At: first.To, P: trend.P}
	c.Before, c.After = series.Median(rates.Between(first.From, first.To).V), series.Median(rates.Between(last.From, last.To).V)
	if c.After < hotRatio*c.Before || c.After-c.Before < hotCores {
		return nil, nil
	}
	was, is, err := s.works(ctx, n, first, last)
	if err != nil {
		return nil, err
	}
	expected := loadRatio(was, is) * c.Before
	behavior, costlier := dearer(was, is)
	if c.After < hotRatio*expected || c.After-expected < hotCores || costlier < (c.After-expected)/2 {
		return nil, nil
	}
	onset, off := from, rates.Interval()
	if knee, err := series.FindKnee(rates); err == nil && knee.P < 0.001 && knee.After > knee.Before {
		onset, off = knee.At, knee.Error
	}
	f := cpuFinding(n, onset, off, s.to, c, rates)
	f.Summary = fmt.Sprintf("The CPU of %s rose from %s cores in the first hour to %s in the last, and its callbacks take %s seconds a second more than as many messages took before.",
		n.Name, number(c.Before), number(c.After), number(costlier))
	f.Subject.Behavior = behavior
	s.hotFunction(n, first.To, s.to, profs, f)
	return f, s.hotProcess(ctx, n, first.To, s.to, profs, f)
}

// dearer is how many seconds a second the callbacks of all behaviors take
// beyond what as many messages took before, and the behavior that has most of
// it, "" if none has half.
func dearer(was, is map[string]workRate) (behavior string, all float64) {
	most := 0.0
	for name, b := range was {
		if b.handled == 0 {
			continue
		}
		more := max(0, is[name].busy-b.busy*is[name].handled/b.handled)
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
