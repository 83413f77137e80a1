package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"ergorecorder/analyze"
	analysis "ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/archive"
	"ergorecorder/internal/limit"
	"ergorecorder/recorder"
	"ergorecorder/recorder/incident"
	"ergorecorder/replay"
)

// detectWindow is how far back the playbooks look: long enough for a baseline.
const detectWindow = 5 * time.Minute

// detector runs the playbooks of analysis, and the user's own rules, on what is
// being recorded. It keeps the recording from one time to the next: what does not
// change of a node is looked for once.
type detector struct {
	rules []rule

	mu  sync.Mutex
	rec *replay.Recording
}

type rule = analysis.Detector

// Detect implements recorder.Detector. What another finding explains, and what
// is no worse than information, triggers nothing.
func (d *detector) Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]recorder.Trigger, error) {
	rec, err := d.recording(view)
	if err != nil {
		return nil, err
	}
	defer rec.Hold()()
	report, err := analyze.Run(ctx, rec, analyze.Options{From: now.Add(-detectWindow), To: now, Rules: d.rules})
	if err != nil {
		return nil, err
	}
	byID := map[string]*finding.Finding{}
	for _, f := range report.Findings {
		byID[f.ID] = f
	}
	var triggers []recorder.Trigger
	for _, f := range report.Findings {
		if rank(f.Severity) == 0 || explained(f, byID) {
			continue
		}
		t := recorder.Trigger{
			Kind: string(f.Kind), Node: f.Subject.Node, PID: f.Subject.PID, Name: f.Subject.Name, Behavior: f.Subject.Behavior,
			Rule: f.Rule, Advice: f.Recommendation, Onset: f.Onset, Note: f.Title, Fetch: fetches(f.Kind), Rank: rank(f.Severity), Score: f.Score,
		}
		for _, id := range f.Effects {
			if e := byID[id]; e != nil {
				t.Explains = append(t.Explains, keyOf(e))
			}
		}
		triggers = append(triggers, t)
	}
	return triggers, nil
}

// recording is what is recorded: the first view shows what is appended later as well.
func (d *detector) recording(view *archive.Reader) (rec *replay.Recording, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rec == nil {
		d.rec, err = replay.New(view)
	}
	return d.rec, err
}

// keyOf is by what the incident of a finding would be told apart.
func keyOf(f *finding.Finding) incident.Key {
	return incident.Claim{Kind: strings.TrimSpace(string(f.Kind) + " " + f.Rule), Node: f.Subject.Node, Name: f.Subject.Name, Behavior: f.Subject.Behavior, PID: f.Subject.PID}.Key()
}

// rank is how severe a finding is as incidents rank claims; 0 triggers nothing.
func rank(s finding.Severity) int {
	switch s {
	case finding.Critical:
		return incident.Severe
	case finding.Warning:
		return incident.Minor
	}
	return 0
}

// explained reports whether another finding stands for one. A rule of the user's
// own is not passed over for one that triggers nothing itself.
func explained(f *finding.Finding, byID map[string]*finding.Finding) bool {
	if f.CausedBy == nil {
		return false
	}
	cause := byID[*f.CausedBy]
	return f.Kind != finding.Rule || cause != nil && rank(cause.Severity) > 0
}

// longestRule is how far back a rule may look while it is recorded: as much is
// read again whenever the detectors are asked.
const longestRule = time.Hour

// readRules reads a file of rules for a recorder; "" is none.
func readRules(file string) ([]rule, error) {
	if file == "" {
		return nil, nil
	}
	text, err := limit.Settings.ReadFile(file)
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
func fetches(k finding.Kind) []incident.Fetch {
	row, _ := finding.RowOf(k)
	out := make([]incident.Fetch, len(row.Fetch))
	for i, f := range row.Fetch {
		out[i] = incident.Fetch(f)
	}
	return out
}
