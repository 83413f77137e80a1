package weigh

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

// Findings weighs findings: their causes are known, and their ranks are not.
func Findings(ctx context.Context, s *scene.Scene, all []*finding.Finding) error {
	if err := secondOpinion(ctx, s, all); err != nil {
		return err
	}
	for _, f := range all {
		if f.Kind == finding.Rule {
			continue // its user knows what it means
		}
		row, _ := finding.RowOf(f.Kind)
		if f.Confidence == finding.High && (row.Excludes == "" || len(f.Alternatives) > 0) {
			f.Confidence = finding.Medium
		}
		f.Weighed = sentence(s, f, row)
	}
	return nil
}

// mostNamed is how many pieces of evidence the sentence names.
const mostNamed = 3

func sentence(s *scene.Scene, f *finding.Finding, row finding.Row) string {
	var parts []string
	var seen []string
	for _, e := range f.Evidence {
		if e.What != "" && !e.Blind && len(seen) < mostNamed {
			seen = append(seen, e.What)
		}
	}
	if seen != nil {
		parts = append(parts, "For it: "+strings.Join(seen, "; ")+".")
	}
	if f.Confidence == finding.High {
		parts = append(parts, "Excluded: "+row.Excludes+".")
	}
	switch {
	case len(f.Alternatives) > 0:
		parts = append(parts, fmt.Sprintf("Against it: %d other %s not excluded.", len(f.Alternatives), finding.Plural(len(f.Alternatives), "explanation is", "explanations are")))
	case slices.ContainsFunc(f.Evidence, func(e finding.Evidence) bool { return e.Blind }):
		parts = append(parts, "Against it: what changed most is elsewhere.")
	default:
		parts = append(parts, "Against it: nothing was found.")
	}
	if missing := unseen(s, f); missing != nil {
		parts = append(parts, "Not seen: "+strings.Join(missing, "; ")+".")
	}
	return strings.Join(parts, " ")
}

// unseen is what was not recorded of the node of a finding and would bear on it.
func unseen(s *scene.Scene, f *finding.Finding) []string {
	n := s.Node(f.Subject.Node)
	if n == nil {
		return nil
	}
	var out []string
	switch listed := len(n.Procs.Listings); {
	case listed == 0:
		out = append(out, "its processes")
	case n.Procs.Partial > 0:
		out = append(out, fmt.Sprintf("all processes: %d of %d listings were cut", n.Procs.Partial, listed))
	}
	row, _ := finding.RowOf(f.Kind)
	if !s.Rec.Logged(n.Name) {
		out = append(out, "its log")
	}
	if slices.Contains(row.Fetch, finding.FetchStacks) && !s.Rec.Holds(n.Name, ergo.Goroutines) {
		out = append(out, "goroutine stacks")
	}
	if slices.Contains(row.Fetch, finding.FetchHeap) && !s.Rec.Holds(n.Name, ergo.Heap) {
		out = append(out, "heap profiles")
	}
	if slices.Contains(row.Fetch, finding.FetchCPU) && !s.Rec.Holds(n.Name, ergo.CPUProfile) {
		out = append(out, "CPU profiles")
	}
	return out
}
