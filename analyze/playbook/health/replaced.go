package health

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

// overlap is how long before a node goes its successor may have joined, and how long
// after: a rolling update starts the new one, lets it take over, and stops the old.
const overlap = 5 * time.Minute

// settled is how long a node must have been there when its successor joined: nodes that
// start together are one cluster that starts.
const settled = time.Minute

// replaced is the note about a node that announced its stop and went for good, where
// another with the same applications had joined; nil where none had.
func replaced(ctx context.Context, s *scene.Scene, n *scene.Node, d scene.Absence) (*finding.Finding, error) {
	if d.Back || d.AtStart {
		return nil, nil
	}
	if told, err := announced(ctx, s, n, d); err != nil || !told {
		return nil, err
	}
	had, err := running(ctx, s, n)
	if err != nil || len(had) == 0 {
		return nil, err
	}
	began, ok := joinedAt(n)
	if !ok {
		return nil, nil
	}
	for _, o := range s.Nodes {
		joined, ok := joinedAt(o)
		if o == n || !ok || joined.Sub(began) < settled || d.From.Sub(joined) > overlap || joined.Sub(d.From) > overlap {
			continue
		}
		has, err := running(ctx, s, o)
		if err != nil {
			return nil, err
		}
		if same(had, has) {
			return replacedBy(n, o, d, joined), nil
		}
	}
	return nil, nil
}

// joinedAt is when a node's life began, by its first answer.
func joinedAt(n *scene.Node) (time.Time, bool) {
	up := n.Series(ergo.Node, "Uptime")
	if up.Len() == 0 {
		return time.Time{}, false
	}
	return up.T[0].Add(-ergo.Lasting(up.V[0])), true
}

// running are the applications that ran on a node at any time.
func running(ctx context.Context, s *scene.Scene, n *scene.Node) (map[string]bool, error) {
	all, _, err := s.Applications(ctx, n)
	ran := map[string]bool{}
	for _, a := range all {
		if a.Ran {
			ran[a.Name] = true
		}
	}
	return ran, err
}

func same(had, has map[string]bool) bool {
	for name := range had {
		if !has[name] {
			return false
		}
	}
	return true
}

func replacedBy(n, by *scene.Node, d scene.Absence, joined time.Time) *finding.Finding {
	up := by.Series(ergo.Node, "Uptime")
	first := up.T[0]
	e := finding.Evidence{What: "how old the successor was in its first answer", Node: by.Name, Tool: "node_info", Field: "Uptime", From: &joined, To: &first}
	e.Value("uptime_s", ergo.Lasting(up.V[0]).Seconds(), by.Says("node_info", first, first).Of("first(Uptime)"))
	return &finding.Finding{
		Kind: finding.NodeReplaced, Score: finding.Note, Confidence: finding.Medium, Facts: []finding.Fact{finding.Planned},
		Title:   fmt.Sprintf("Planned: %s went at %s, replaced by %s", finding.NodeName(n.Name), finding.Clock(d.From), finding.NodeName(by.Name)),
		Summary: fmt.Sprintf("%s logged that it stops and went; %s, which runs the same applications, had begun its life at %s.", n.Name, by.Name, finding.Clock(joined)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(d.Lastly), Peer: by.Name},
		Onset:   d.From, OnsetErrorS: d.Off.Seconds(), End: &d.From, Evidence: []finding.Evidence{e},
		Confirm: []string{"cluster_nodes", "app_list on " + by.Name},
		Caveats: []string{"That it was meant is told by these signs only: whoever deploys nodes knows."},
	}
}
