package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"ergorecorder/analyze"
	analysis "ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/archive"
	"ergorecorder/recorder"
	"ergorecorder/replay"
)

// detectWindow is how far back the playbooks look: long enough for a baseline.
const detectWindow = 5 * time.Minute

// detector runs the playbooks of analysis, and the user's own rules, on what is
// being recorded.
type detector struct{ rules []rule }

type rule = analysis.Detector

// Detect implements recorder.Detector. What another finding explains, and what
// is no worse than information, triggers nothing.
func (d detector) Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]recorder.Trigger, error) {
	rec, err := replay.New(view)
	if err != nil {
		return nil, err
	}
	report, err := analyze.Run(ctx, rec, analyze.Options{From: now.Add(-detectWindow), To: now, Rules: d.rules})
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
			Rule: f.Rule, Severity: string(f.Severity), Advice: f.Recommendation, Onset: f.Onset, Note: f.Title, Fetch: fetches(f.Kind),
		})
	}
	return triggers, nil
}

// longestRule is how far back a rule may look while it is recorded: as much is
// read again whenever the detectors are asked.
const longestRule = time.Hour

// readRules reads a file of rules for a recorder; "" is none.
func readRules(file string) ([]rule, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	set, err := rules.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("rules %s: %w (analyze rules check %s)", file, err, file)
	}
	for _, r := range set.Rules {
		if span := r.Span(); span > longestRule {
			return nil, fmt.Errorf("rules %s: rule %s looks back over %v: while recording at most %v, for as much is read again every few seconds", file, r.Name, span, longestRule)
		}
	}
	return set.Detectors(), nil
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
