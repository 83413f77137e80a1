package causes

import (
	"context"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// Find finds which findings explain which, and returns what only shows when all
// of them are looked at together: what several processes wait for, and those
// that wait for each other. A finding has at most one cause; of several possible
// ones it takes the first rule's, and of those the one that began first and was not over.
// Nothing explains what began clearly before it.
func Find(ctx context.Context, s *scene.Scene, all []*finding.Finding) (more []*finding.Finding, err error) {
	g := &graph{scene: s, rows: map[finding.Kind]finding.Row{}}
	for _, r := range finding.Kinds() {
		g.rows[r.Kind] = r
	}
	nameBurners(all)
	g.take(all...)
	g.related()
	more = g.dependencies()
	g.take(more...)
	g.resent()
	cycles, err := g.calls(ctx)
	if err != nil {
		return nil, err
	}
	g.take(cycles...)
	g.shared()
	g.behind()
	g.harm()
	for _, f := range g.findings {
		f.SettleCause()
	}
	return append(more, cycles...), nil
}
