package health

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

const (
	// longestChange is how long a node may be away for a change that was meant:
	// a new release is put in place and started.
	longestChange = 5 * time.Minute
	// aStep is how long each node of a rolling restart may be away.
	aStep = time.Minute
	// fewestSteps is how many nodes make a row of restarts a rolling one: two
	// may be chance.
	fewestSteps = 3
)

// meant is what says that an operator took a node down and started it again, in
// words; "" where nothing does: it came back as another release, or it had
// announced that it stops, or all nodes went so, one after the other.
func meant(ctx context.Context, s *scene.Scene, w *scene.Network, n *scene.Node, d scene.Absence) (string, error) {
	if !d.Back || d.AtStart || d.To.Sub(d.From) > longestChange {
		return "", nil
	}
	releases, err := s.Releases(ctx, n)
	if err != nil {
		return "", err
	}
	was, is := "", ""
	for _, r := range releases {
		if r.Since.Before(d.To) && !r.Since.After(d.Lastly) {
			was = r.Name
		}
		if !r.Since.Before(d.Lastly) {
			is = r.Name
			break
		}
	}
	if was != "" && is != "" {
		return fmt.Sprintf("It came back as release %s, before it was %s.", is, was), nil
	}
	told, err := announced(ctx, s, n, d)
	if err != nil || told {
		return "It logged that it stops, as a node does that is told to.", err
	}
	if at := rolling(s, w); slices.Contains(at, d.From) {
		return "All nodes were away once each, one after the other, for about as long, and came back: as in a rolling restart.", nil
	}
	return "", nil
}

// announced reports whether a node logged a graceful shutdown just before it
// went: it does so when a signal tells it to stop, never when it crashes.
func announced(ctx context.Context, s *scene.Scene, n *scene.Node, d scene.Absence) (bool, error) {
	said, err := s.Log(ctx, n)
	if err != nil {
		return false, err
	}
	for _, l := range said.Own {
		if _, told := ergo.Tells(ergo.LineShutdown, l.Type, l.Source, l.Message); told && l.At.After(d.From.Add(-3*time.Minute)) && l.At.Before(d.To) {
			return true, nil
		}
	}
	return false, nil
}

// rolling are the moments at which the nodes went, if all of them went once
// each, one after the other, each back before the next, in equal steps.
func rolling(s *scene.Scene, w *scene.Network) []time.Time {
	if len(s.Nodes) < fewestSteps {
		return nil
	}
	var all []scene.Absence
	for _, n := range s.Nodes {
		own := s.Absences(w, n)
		if len(own) != 1 || !own[0].Back || own[0].AtStart || own[0].To.Sub(own[0].From) > aStep {
			return nil
		}
		all = append(all, own[0])
	}
	slices.SortFunc(all, func(a, b scene.Absence) int { return a.From.Compare(b.From) })
	var steps []time.Duration
	at := []time.Time{all[0].From}
	for i := 1; i < len(all); i++ {
		if all[i].From.Before(all[i-1].To) {
			return nil
		}
		steps, at = append(steps, all[i].From.Sub(all[i-1].From)), append(at, all[i].From)
	}
	if slices.Max(steps) > 3*slices.Min(steps) {
		return nil
	}
	return at
}

// plannedRestart notes a restart that was meant.
func plannedRestart(n *scene.Node, d scene.Absence, why string) *finding.Finding {
	return &finding.Finding{
		Kind: finding.NodeRestarted, Score: finding.Note, Confidence: finding.Medium, Facts: []finding.Fact{finding.Planned},
		Title:   fmt.Sprintf("Planned: %s was restarted at %s, and away for %s", finding.NodeName(n.Name), finding.Clock(d.From), finding.Duration(d.To.Sub(d.From))),
		Summary: why,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(d.To)},
		Onset:   d.From, OnsetErrorS: d.Off.Seconds(), End: &d.To,
		Confirm: []string{"node_info on " + n.Name + ": Uptime, Version"},
		Caveats: []string{"That it was meant is told by these signs only: whoever restarts nodes knows."},
	}
}
