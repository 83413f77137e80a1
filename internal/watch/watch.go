// Package watch has the playbooks of analysis watch what a recorder records: it
// is what makes a finding a trigger. The command and tests of whole recordings use it.
package watch

import (
	"context"
	"strings"
	"sync"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/recorder"
	"ergorecorder/recorder/incident"
	"ergorecorder/replay"
)

// window is how far back the playbooks look: long enough for a baseline.
const window = 5 * time.Minute

// A Detector runs the playbooks of analysis, and the user's own rules, on what is
// being recorded. It keeps the recording from one time to the next: what does not
// change of a node is looked for once.
type Detector struct {
	Rules []detector.Detector

	mu  sync.Mutex
	rec *replay.Recording
}

// Detect implements recorder.Detector. What another finding explains, and what
// is no worse than information, triggers nothing.
func (d *Detector) Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]recorder.Trigger, error) {
	rec, err := d.recording(view)
	if err != nil {
		return nil, err
	}
	defer rec.Hold()()
	found, err := analyze.Findings(ctx, rec, analyze.Options{From: now.Add(-window), To: now, Rules: d.Rules, Sturdy: true})
	if err != nil {
		return nil, err
	}
	byID := map[string]*finding.Finding{}
	for _, f := range found {
		byID[f.ID] = f
	}
	var triggers []recorder.Trigger
	for _, f := range found {
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
func (d *Detector) recording(view *archive.Reader) (rec *replay.Recording, err error) {
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

// fetches is what the table of kinds has the recorder fetch.
func fetches(k finding.Kind) []incident.Fetch {
	row, _ := finding.RowOf(k)
	out := make([]incident.Fetch, len(row.Fetch))
	for i, f := range row.Fetch {
		out[i] = incident.Fetch(f)
	}
	return out
}
