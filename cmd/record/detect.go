package main

import (
	"context"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/recorder"
	"ergorecorder/replay"
)

// detectWindow is how far back the playbooks look: long enough for a baseline.
const detectWindow = 5 * time.Minute

// detector runs the playbooks of analysis on what is being recorded.
type detector struct{}

// Detect implements recorder.Detector. What another finding explains, and what
// is no worse than information, triggers nothing.
func (detector) Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]recorder.Trigger, error) {
	rec, err := replay.New(view)
	if err != nil {
		return nil, err
	}
	report, err := analyze.Run(ctx, rec, analyze.Options{From: now.Add(-detectWindow), To: now})
	if err != nil {
		return nil, err
	}
	var triggers []recorder.Trigger
	for _, f := range report.Findings {
		if f.CausedBy != nil || f.Severity != finding.Warning && f.Severity != finding.Critical {
			continue
		}
		triggers = append(triggers, recorder.Trigger{
			Kind: string(f.Kind), Node: f.Subject.Node, PID: f.Subject.PID, Name: f.Subject.Name, Behavior: f.Subject.Behavior,
			Onset: f.Onset, Note: f.Title, Fetch: fetches(f.Kind),
		})
	}
	return triggers, nil
}

// fetches is what the table of kinds has the recorder fetch.
func fetches(k finding.Kind) []recorder.Fetch {
	row, _ := finding.RowOf(k)
	out := make([]recorder.Fetch, len(row.Fetch))
	for i, f := range row.Fetch {
		out[i] = recorder.Fetch(f)
	}
	return out
}
