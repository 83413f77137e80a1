package memory

import (
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// fallenChurn finds allocation that was far above the node's own average when the recording
// began, and above what it is since an instant: what it counted in its life before, and what
// came after, are what it is held against.
func fallenChurn(s *scene.Scene, n *scene.Node, profs scene.Heaps) *finding.Finding {
	allocated, collected := n.Series(ergo.Runtime, "total_alloc"), n.Series(ergo.Runtime, "num_gc")
	rates, cycles := n.Rates(ergo.Runtime, "total_alloc"), n.Rates(ergo.Runtime, "num_gc")
	changes, err := series.Changes(rates, 0.001)
	life, lasted, ok := n.LifeBefore(allocated)
	if err != nil || len(changes) == 0 || !ok || len(n.Starts) > 0 {
		return nil
	}
	end := changes[0].At
	during, since := aroundChange(rates, changes, 0)
	gcDuring, gcSince := aroundChange(cycles, changes, 0)
	is, low, ratio := series.Median(during.V), series.Median(since.V), s.Set.Of(churnRatio)
	if during.Len() < 5 || during.Span().Seconds() < 10 || is < ratio*low || is < ratio*life ||
		series.Mean(gcDuring.V) < ratio*series.Mean(gcSince.V) || keeps(n, s.From, end, is) {
		return nil
	}
	f := churning(n, rates, s.From, end)
	f.Title = fmt.Sprintf("%s allocated %s a second, since %s %s, and threw it away", finding.NodeName(n.Name), finding.Size(is), finding.Clock(end), finding.Size(low))
	f.Summary = fmt.Sprintf("It was so when the recording began: until %s allocation on %s was %s times what it is since, with %s collections a second; in the %s of its life before it was %s a second on average.",
		finding.Clock(end), n.Name, finding.Number(is/max(low, 1)), finding.Number(series.Mean(gcDuring.V)), finding.Duration(lasted), finding.Size(life))
	f.Facts, f.Caveats = []finding.Fact{finding.Older}, []string{finding.OnlyItsLife}
	f.Onset, f.OnsetErrorS, f.End = s.From, s.Usual(n).Seconds(), &end
	e := &f.Evidence[0]
	n.TellLife(e, lasted)
	first := n.Says("runtime_stats", allocated.T[0], allocated.T[0])
	e.Value("life_bytes_per_s", life, first.Of(fmt.Sprintf("first(total_alloc) / %v", lasted.Seconds())))
	e.Value("before_bytes_per_s", low, n.OverRates("runtime_stats", allocated, since).Of("median(rates(total_alloc))"))
	e.Value("after_bytes_per_s", is, n.OverRates("runtime_stats", allocated, during).Of("median(rates(total_alloc))"))
	e.Value("rise", is/max(low, 1), n.OverRates("runtime_stats", allocated, during).Of(fmt.Sprintf("median(rates(total_alloc)) / %v", max(low, 1))))
	e.Value("collections_per_s.after", series.Mean(gcDuring.V), n.OverRates("runtime_stats", collected, gcDuring).Of("mean(rates(num_gc))"))
	if cost, told := gcCost(n, rates.T[0], end); told {
		f.Score = max(f.Score, finding.Score(finding.HeapChurn, cost))
	}
	f.Score = min(f.Score, finding.Over)
	blame(n, f, profs, is-low)
	return f
}
