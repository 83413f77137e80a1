package memory

import (
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// olderChurn finds allocation that was far above the node's own average when the
// recording began, and stayed so: what it counted in its life before is the before.
// That life has nights and lulls in it, so the rise must be twice as great.
func olderChurn(s *scene.Scene, n *scene.Node, profs scene.Heaps) *finding.Finding {
	allocated, collected := n.Series(ergo.Runtime, "total_alloc"), n.Series(ergo.Runtime, "num_gc")
	rates, cycles := n.Rates(ergo.Runtime, "total_alloc"), n.Rates(ergo.Runtime, "num_gc")
	was, life, ok := n.LifeBefore(allocated)
	gcWas, _, told := n.LifeBefore(collected)
	if !ok || !told || rates.Len() < 8 || was <= 0 {
		return nil
	}
	low, is, gcIs := series.Quantile(rates.V, 0.25), series.Median(rates.V), series.Mean(cycles.V)
	rise := 2 * s.Set.Of(churnRatio)
	if low < rise*was || gcIs < rise*gcWas || gcIs < 0.5 {
		return nil
	}
	from := rates.T[0]
	f := churning(n, rates, from, s.To)
	f.Title = fmt.Sprintf("%s allocates %s a second, and throws it away", finding.NodeName(n.Name), finding.Size(is))
	f.Summary = fmt.Sprintf("It was so when the recording began: allocation on %s is %s times what it was on average in the %s of its life before, and collections are %s a second.",
		n.Name, finding.Number(is/was), finding.Duration(life), finding.Number(gcIs))
	f.Facts, f.Caveats = []finding.Fact{finding.Older}, []string{finding.OnlyItsLife}
	f.Onset, f.OnsetErrorS = s.From, s.Usual(n).Seconds()
	e := &f.Evidence[0]
	n.TellLife(e, life)
	first := n.Says("runtime_stats", allocated.T[0], allocated.T[0])
	e.Value("before_bytes_per_s", was, first.Of(fmt.Sprintf("first(total_alloc) / %v", life.Seconds())))
	e.Value("after_bytes_per_s", is, n.OverRates("runtime_stats", allocated, rates).Of("median(rates(total_alloc))"))
	e.Value("rise", is/was, n.OverRates("runtime_stats", allocated, rates).Of(fmt.Sprintf("median(rates(total_alloc)) / %v", was)))
	e.Value("collections_per_s.after", gcIs, n.OverRates("runtime_stats", collected, cycles).Of("mean(rates(num_gc))"))
	if cost, told := gcCost(n, from, s.To); told {
		f.Score = max(f.Score, finding.Score(finding.HeapChurn, cost))
	}
	blame(n, f, profs, is-was)
	return f
}
