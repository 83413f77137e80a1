package causes

import (
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// A graph is what leads to what: findings, and the cause of each.
type graph struct {
	scene    *scene.Scene
	rows     map[finding.Kind]finding.Row
	findings []*finding.Finding // by onset
}

func (g *graph) take(all ...*finding.Finding) {
	for _, f := range all {
		finding.Identify(f)
	}
	g.findings = append(g.findings, all...)
	slices.SortStableFunc(g.findings, func(a, b *finding.Finding) int { return a.Onset.Compare(b.Onset) })
}

// related applies the relations of the table of kinds, strongest first.
func (g *graph) related() {
	stand := predicates(g.scene)
	for _, by := range finding.Relations() {
		if stand[by] == nil {
			continue
		}
		for _, f := range g.findings {
			if f.Cause != nil {
				continue
			}
			i := slices.IndexFunc(g.findings, func(root *finding.Finding) bool {
				return root != f && root.Score >= finding.ScoreInfo && !finding.LeadsTo(f, root) && g.rows[root.Kind].Leads(by, f.Kind) && stand[by](root, f)
			})
			if i >= 0 {
				f.FollowsFrom(g.findings[i], fmt.Sprintf("%s, %s", by, lag(g.findings[i], f)))
			}
		}
	}
}

// lag says how long after its cause an effect began.
func lag(root, f *finding.Finding) string {
	d := f.Onset.Sub(root.Onset)
	if d < slack(root, f)-3*time.Second {
		return "from the same moment on"
	}
	return finding.Duration(d) + " after it began"
}

func rootOf(f *finding.Finding) *finding.Finding {
	for f.Cause != nil {
		f = f.Cause
	}
	return f
}

func roots(all []*finding.Finding) []*finding.Finding {
	var out []*finding.Finding
	for _, c := range all {
		if r := rootOf(c); !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}
