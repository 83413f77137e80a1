package views

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/replay"
)

// A Moment is one entry of a timeline.
type Moment struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // finding, finding_end, node, gap, log, or the kind of a mark
	Node string    `json:"node,omitempty"`
	Text string    `json:"text"`
	ID   string    `json:"id,omitempty"` // of a finding
	// Message is what the cluster wrote, or what the recorder noted of it.
	Message string `json:"message,omitempty"`
}

// Words are the moment in a sentence.
func (m Moment) Words() string {
	if m.Text != "" && m.Message != "" {
		return m.Text + ": " + m.Message
	}
	return m.Text + m.Message
}

// Timeline puts in order of time what happened within the report's window:
// onsets and ends of findings, lives of nodes, gaps and marks of the
// recording, and the first line of each kind of warning, error and panic.
func Timeline(ctx context.Context, rec *replay.Recording, rep *analyze.Report) ([]Moment, error) {
	w := rep.Window
	out := findingMoments(rep)
	out = append(out, lifeMoments(rec)...)
	gaps, err := rec.Gaps(ctx)
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	for _, g := range gaps {
		out = append(out, Moment{At: g.From, Kind: "gap", Node: g.Node, Text: fmt.Sprintf("%s not recorded for %s", cmp.Or(g.Tool, "node"), g.To.Sub(g.From).Round(time.Second)), Message: g.Why})
	}
	marks, err := rec.Marks(ctx, w.From, w.To)
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	for _, m := range marks {
		out = append(out, Moment{At: m.From, Kind: m.Kind, Node: m.Node, Message: cmp.Or(m.Note, m.Kind)})
	}
	lines, err := logMoments(ctx, rec, w)
	if err != nil {
		return nil, fmt.Errorf("timeline: %w", err)
	}
	out = append(out, lines...)
	out = slices.DeleteFunc(out, func(m Moment) bool { return m.At.Before(w.From) || m.At.After(w.To) })
	slices.SortStableFunc(out, func(a, b Moment) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return out, nil
}

func findingMoments(rep *analyze.Report) (out []Moment) {
	for _, f := range rep.Findings {
		out = append(out, Moment{At: f.Onset, Kind: "finding", Node: f.Subject.Node, ID: f.ID, Text: fmt.Sprintf("%s begins: %s (%s)", f.Display, f.Title, f.Severity)})
		if f.End != nil {
			out = append(out, Moment{At: *f.End, Kind: "finding_end", Node: f.Subject.Node, ID: f.ID, Text: f.Display + " ends: " + f.Title})
		}
	}
	return out
}

// quiet is for how long a life must not have been seen before the end of the
// recording to be called over.
const quiet = 30 * time.Second

func lifeMoments(rec *replay.Recording) (out []Moment) {
	_, end := rec.Window()
	for _, n := range rec.Nodes() {
		for i, l := range n.Lives {
			out = append(out, Moment{At: l.Started, Kind: "node", Node: n.Name, Text: "started"})
			if i < len(n.Lives)-1 || end.Sub(l.To) > quiet {
				out = append(out, Moment{At: l.To, Kind: "node", Node: n.Name, Text: "answered for the last time in this life"})
			}
		}
	}
	return out
}

func logMoments(ctx context.Context, rec *replay.Recording, w finding.Window) (out []Moment, err error) {
	var miner logs.Miner
	for l, err := range replay.Readable(rec.Logs(ctx, "", w.From, w.To), nil) {
		if err != nil {
			return nil, err
		}
		if logs.Rank(l.Level) >= logs.Rank("warning") {
			miner.Add(l)
		}
	}
	for _, t := range miner.Templates() {
		out = append(out, Moment{
			At: t.First, Kind: "log", Node: t.Example.Node,
			Text:    fmt.Sprintf("first of %d lines (%s, last %s)", t.Count, t.Level, t.Last.UTC().Format("15:04:05")),
			Message: t.Example.Source + ": " + t.Example.Message,
		})
	}
	return out, nil
}
