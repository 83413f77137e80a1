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
func lacking(s *scene.Scene, d detector.Detector, v *finding.Verdict) error {
	answered, err := answered(s)
	if err != nil {
		return err
	}
	for _, n := range s.Nodes {
		for _, need := range d.Needs {
			if need.Peers && len(s.Nodes) < 2 || answered[n.Name][need.Reading] {
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
	return nil
}

// answered are the readings of which an answer was recorded, by node.
func answered(s *scene.Scene) (map[string]map[ergo.Reading]bool, error) {
	type key struct{}
	all, err := s.Once(key{}, func() (any, error) {
		all := map[string]map[ergo.Reading]bool{}
		for _, st := range s.Rec.Streams() {
			tool, ok := tools48.Tool(st.Name)
			if !ok || st.Records <= st.Failures {
				continue
			}
			if all[st.Node] == nil {
				all[st.Node] = map[ergo.Reading]bool{}
			}
			for _, said := range tool.Says {
				all[st.Node][said.Reading] = true
			}
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return all.(map[string]map[ergo.Reading]bool), nil
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
