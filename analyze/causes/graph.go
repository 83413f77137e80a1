package causes

import (
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
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
		roots := map[finding.Kind]leaders{} // by the kinds that they may lead to
		for _, f := range g.findings {
			if f.Cause != nil {
				continue
			}
			if _, known := roots[f.Kind]; !known {
				roots[f.Kind] = g.leading(by, f.Kind)
			}
			var cause *finding.Finding
			near := roots[f.Kind].all
			if withinNode(by) {
				near = roots[f.Kind].on[f.Subject.Node]
			}
			for _, root := range near {
				leads := root != f && !finding.LeadsTo(f, root) && stand[by](root, f) && !g.outlives(root, f)
				if leads && (cause == nil || nearer(f, root, cause)) {
					cause = root
				}
			}
			if cause != nil {
				f.FollowsFrom(cause, fmt.Sprintf("%s, %s", by, lag(cause, f)))
			}
		}
	}
}

// nearer reports whether one that may have led to a finding is likelier to have than another:
// the one on the node that the finding is about; else the one that was going on when the other was over.
func nearer(f, root, than *finding.Finding) bool {
	about := func(r *finding.Finding) bool { return r.Subject.Node == f.Subject.Peer }
	over := func(r *finding.Finding) bool { return r.End != nil && f.Onset.After(r.End.Add(slack(r, f))) }
	if about(root) != about(than) {
		return about(root)
	}
	return over(than) && !over(root)
}

// leaders are the findings whose kind may lead to another in a relation, by onset, all and those
// on each node.
type leaders struct {
	all []*finding.Finding
	on  map[string][]*finding.Finding
}

// harmless reports whether a finding is a note about what hurts nobody: who is answered, if late, and who
// uses a little more CPU. Nothing follows from it.
func harmless(f *finding.Finding) bool {
	return f.Score < finding.ScoreWarning && (f.Is(finding.Waits) || f.Kind == finding.CPUHotspot)
}

// leading are the leaders to a kind: of thousands of findings most can lead to nothing.
func (g *graph) leading(by finding.Relation, to finding.Kind) leaders {
	l := leaders{on: map[string][]*finding.Finding{}}
	for _, r := range g.findings {
		if r.Score >= finding.ScoreInfo && !harmless(r) && g.rows[r.Kind].Leads(by, to) {
			l.all = append(l.all, r)
			l.on[r.Subject.Node] = append(l.on[r.Subject.Node], r)
		}
	}
	return l
}

// outlives reports whether a finding goes on long after a planned change: what
// that causes is over in moments, and so is what others after it do; what stays
// is a fault of its own.
func (g *graph) outlives(root, f *finding.Finding) bool {
	const settled = time.Minute
	if !root.Is(finding.Planned) || root.End == nil {
		return false
	}
	end := g.scene.To
	if f.End != nil {
		end = *f.End
	}
	return !slices.ContainsFunc(g.findings, func(p *finding.Finding) bool {
		return p.Is(finding.Planned) && p.End != nil && !p.Onset.Before(root.Onset) && end.Sub(*p.End) <= settled
	})
}

// behind puts a restart behind the fault that went on on its node until then:
// that one may have led to it, and is what to act on.
func (g *graph) behind() {
	for _, f := range g.findings {
		if f.Cause != nil || f.Kind != finding.NodeRestarted && f.Kind != finding.NodeDown || f.End == nil {
			continue
		}
		for _, r := range g.findings {
			lasted := r.End == nil || r.End.After(f.Onset.Add(-10*time.Second))
			if r.Cause == nil && r != f && !finding.Among(r.Kind, finding.NodeDown, finding.NodeRestarted) && r.Subject.Node == f.Subject.Node &&
				r.Score >= finding.ScoreWarning && lasted && r.Onset.Before(f.Onset.Add(-slack(r, f))) {
				f.Score = min(f.Score, r.Score-1)
			}
		}
	}
}

// late is how much later than its caller's trouble a callee's may show: it is
// slow at once, and its mailbox takes time to tell.
const late = 2 * work.CallTimeout

// candidates are the findings that may keep a waiter waiting: of who does not
// wait itself, began before it, or not much later, and lasted until it waited.
func (g *graph) candidates(f *finding.Finding) []*finding.Finding {
	var out []*finding.Finding
	for _, c := range g.findings {
		ended := c.End != nil && f.Onset.After(c.End.Add(slack(c, f))) || f.End != nil && f.End.Before(c.Onset.Add(-slack(c, f))) || g.goesOn(c, f)
		own := c.Kind == finding.ApplicationDown && c.Subject.Application == f.Subject.Application && sameNode(c, f) // it is of that application
		if c == f || own || harmless(c) || c.Is(finding.Waits) || c.Score < finding.ScoreInfo || ended || !g.rows[c.Kind].Leads(finding.WaitsFor, f.Kind) ||
			finding.LeadsTo(f, c) || c.Onset.Sub(f.Onset) > late+slack(c, f) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// goesOn reports whether a finding goes on long after another was over: nobody waits for what is over.
func (g *graph) goesOn(c, f *finding.Finding) bool {
	return c.End != nil && f.End == nil && g.scene.To.Sub(*c.End) > late+slack(c, f)
}

// lag says how long after its cause an effect began.
func lag(root, f *finding.Finding) string {
	d, off := f.Onset.Sub(root.Onset), slack(root, f)-3*time.Second
	switch {
	case d < -off-3*time.Second:
		return "and was seen " + finding.Duration(-d) + " before it"
	case d < off:
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
