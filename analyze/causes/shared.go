package causes

import (
	"slices"

	"ergorecorder/analyze/finding"
)

// shared puts processes of one behavior and node that get as many messages more than before, and than they can
// take, below the first of them: it is one rise of the load, whoever it comes from.
func (g *graph) shared() {
	type code struct{ node, application, behavior string }
	firsts := map[code][]*finding.Finding{}
	for _, f := range g.findings {
		s := f.Subject
		if f.Cause != nil || f.Kind != finding.OverloadedProcess || f.Is(finding.Waits) || s.Behavior == "" {
			continue
		}
		k := code{s.Node, s.Application, s.Behavior}
		if i := slices.IndexFunc(firsts[k], func(first *finding.Finding) bool { return getTheSame(first, f) }); i >= 0 {
			first := firsts[k][i]
			f.FollowsFrom(first, "it has the same code, and its messages rose to as many a second, "+lag(first, f)+": that is one rise of the load, whoever it comes from")
			continue
		}
		firsts[k] = append(firsts[k], f)
	}
}

// getTheSame reports whether the messages to two processes rose at one moment to one rate, and both still come or are over.
func getTheSame(a, b *finding.Finding) bool {
	const (
		rises = 2    // times what came before
		alike = 0.05 // of the rate: counted between listings of each
	)
	wasA, nowA := arrived(a)
	wasB, nowB := arrived(b)
	d := a.Onset.Sub(b.Onset).Abs()
	return d <= slack(a, b) && (a.End == nil) == (b.End == nil) &&
		nowA > rises*wasA && nowB > rises*wasB && max(nowA, nowB) <= (1+alike)*min(nowA, nowB)
}

// arrived is how many messages a second came to an overloaded process, before and since; 0 where that was not counted.
func arrived(f *finding.Finding) (was, now float64) {
	if len(f.Evidence) == 0 {
		return 0, 0
	}
	was, _ = f.Evidence[0].Number("arrived_per_s.before")
	now, _ = f.Evidence[0].Number("arrived_per_s.after")
	return was, now
}
