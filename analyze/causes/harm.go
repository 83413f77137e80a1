package causes

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"ergorecorder/analyze/finding"
)

// mostHurt is how many of those that a fault hurt its evidence names.
const mostHurt = 3

// harm weighs each root by all that it hurt, its own and that of what it led to: one
// caller may hold up thousands of messages while nothing but its one call waits at the
// root. What others counted raises a score, and never lowers one.
func (g *graph) harm() {
	led := map[*finding.Finding][]*finding.Finding{}
	for _, f := range g.findings {
		root := rootOf(f)
		if root == f || f.Score < finding.ScoreWarning {
			continue
		}
		if f.Harm != nil {
			led[root] = append(led[root], f)
		}
		if failed(root, f) {
			root.Score = max(root.Score, min(f.Score, root.Bound()))
		}
	}
	for _, root := range g.findings {
		if root.Cause != nil || root.Harm == nil && led[root] == nil {
			continue
		}
		all := inAll(root, led[root])
		if score := min(all.Score(root.Kind), root.Bound()); score > root.Score {
			root.Score = score
			tellHurt(root, led[root])
		}
	}
}

// failed reports whether messages came too late at an overloaded process for those who sent them: calls failed, by
// counters or logs, and no longer than it lasted. Its own measure says how late, and not for whom.
func failed(root, f *finding.Finding) bool {
	return root.Kind == finding.OverloadedProcess && finding.Among(f.Kind, finding.DeliveryErrors, finding.ErrorBurst) && (root.End == nil || f.End != nil)
}

// inAll is what a root and those that it led to hurt, together. Messages that wait, and deliveries
// that fail, are others at each of them; work that is not done is not: what a caller
// does not do, those whom it would have called do not do either. Of that the most that
// is missing at one remove from the root counts.
func inAll(root *finding.Finding, led []*finding.Finding) finding.Harm {
	all := finding.Harm{}
	all.Add(root.Harm)
	missing := map[int]float64{0: root.Harm[finding.TrafficStopped]}
	for _, f := range led {
		all.Add(f.Harm)
		removed := 0
		for c := f; c != root; c = c.Cause {
			removed++
		}
		missing[removed] += f.Harm[finding.TrafficStopped]
	}
	if most := slices.Max(slices.Collect(maps.Values(missing))); most > 0 {
		all[finding.TrafficStopped] = most
	}
	return all
}

// tellHurt adds to the evidence of a root whom it hurt most: the evidence is theirs.
func tellHurt(root *finding.Finding, led []*finding.Finding) {
	slices.SortStableFunc(led, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Harm.Score(root.Kind), a.Harm.Score(root.Kind)), cmp.Compare(a.ID, b.ID))
	})
	for _, f := range led[:min(len(led), mostHurt)] {
		if len(f.Evidence) == 0 {
			continue
		}
		e := f.Evidence[0]
		e.What = fmt.Sprintf("what it did to %s, which its severity weighs too: %s", f.Subject.Who(), e.What)
		root.Evidence = append(root.Evidence, e)
	}
}
