package analyze

import (
	"fmt"
	"slices"
	"strings"

	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook"
	"ergorecorder/analyze/scene"
	"ergorecorder/coverage"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// Needs are what all detectors need, as coverage looks for it.
func Needs() []coverage.Need { return needs(playbook.All()) }

func needs(books []playbook.Playbook) (list []coverage.Need) {
	for _, b := range books {
		for _, d := range b.Detectors {
			for _, n := range d.Needs {
				list = append(list, coverage.Need{
					Detector: d.Name, Reading: toolOf(n.Reading), Least: n.Least, Whole: n.Whole, Peers: n.Peers, Columns: n.Columns,
				})
			}
		}
	}
	return list
}

// toolOf is the tool that says a reading and nothing else.
func toolOf(r ergo.Reading) string {
	for _, t := range tools48.Tools() {
		if len(t.Says) == 1 && says(t, r) {
			return t.Name
		}
	}
	return string(r)
}

// lacking says of which nodes a detector could not judge anything: a reading
// that it needs was never recorded, or never answered. Where it has said so
// itself, that is enough.
func lacking(s *scene.Scene, d detector.Detector, v *finding.Verdict) {
	for _, n := range s.Nodes {
		for _, need := range d.Needs {
			if need.Peers && len(s.Nodes) < 2 || recorded(s, n, need.Reading) {
				continue
			}
			said := slices.ContainsFunc(v.Skipped, func(e finding.NotEvaluated) bool {
				return strings.HasPrefix(e.Why, n.Name+":") || need.Reading == ergo.Links && strings.HasPrefix(e.Why, "network_nodes")
			})
			if !said {
				v.Skip("%s: %s: it needs %s, of which no answer was recorded", n.Name, d.Looks, tools(need.Reading))
			}
		}
	}
}

// recorded reports whether any answer of a reading of a node was recorded.
func recorded(s *scene.Scene, n *scene.Node, r ergo.Reading) bool {
	for _, st := range s.Rec.Streams() {
		if tool, ok := tools48.Tool(st.Name); ok && st.Node == n.Name && says(tool, r) && st.Records > st.Failures {
			return true
		}
	}
	return false
}

// tools are the tools that give a reading, in words.
func tools(r ergo.Reading) string {
	var names []string
	for _, t := range tools48.Tools() {
		if says(t, r) {
			names = append(names, t.Name)
		}
	}
	if names == nil {
		return fmt.Sprintf("the reading %s", r)
	}
	return strings.Join(names, " or ")
}

func says(t ergo.Tool, r ergo.Reading) bool {
	return slices.ContainsFunc(t.Says, func(s ergo.Said) bool { return s.Reading == r })
}
