package views

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

// A ProfileQuery selects a profile.
type ProfileQuery struct {
	Node    string
	Kind    string // cpu, heap, alloc or goroutine
	Process string // PID: only what ran for it (raw profiles of nodes built with -tags=pprof)
	At      time.Time
	Source  string // raw, text, or owed (raw, by the application function to whom the memory is owed); empty for the newer of raw and text
	// Function picks one function, by its whole name; empty for all.
	Function string
	Origin   string // application, framework or runtime: only functions of it; empty for all
}

const (
	owed = "owed"
	raw  = "raw"
	text = "text"
)

// A Profile is where time, memory or goroutines are, by function.
type Profile struct {
	Node      string       `json:"node"`
	Kind      string       `json:"kind"`
	At        time.Time    `json:"at"`     // when it was taken
	Source    string       `json:"source"` // raw, or the tool whose text table it is
	Unit      string       `json:"unit"`   // nanoseconds, bytes or count
	Total     int64        `json:"total"`
	Seconds   float64      `json:"seconds"` // for how long was measured; 0 for a state
	Functions []ProfileRow `json:"functions"`
	Rows      int          `json:"functions_total"`
	Notes     []string     `json:"notes,omitempty"` // what is wrong with the profile itself
}

// A ProfileRow is one function.
type ProfileRow struct {
	Function string `json:"function"`
	Origin   string `json:"origin"` // whose code: application, framework, runtime
	Flat     int64  `json:"flat"`   // in itself
	Cum      int64  `json:"cum"`    // with what it called
	// CumPercent is the share of Cum in the total.
	CumPercent float64 `json:"cum_percent"`
}

// measures are what a raw profile and a text table call each kind.
var measures = map[string]struct{ profile, measure, tool string }{
	"cpu":       {"cpu", "cpu", "pprof_cpu"},
	"heap":      {"heap", "inuse_space", "pprof_heap"},
	"alloc":     {"heap", "alloc_space", "pprof_heap"},
	"goroutine": {"goroutine", "goroutine", "pprof_goroutines"},
}

// Top returns the newest profile of a kind at or before a moment, raw or as the
// text of a tool, the limit heaviest functions of it.
func Top(ctx context.Context, rec *replay.Recording, q ProfileQuery, limit int) (*Profile, error) {
	p, table, err := newest(ctx, rec, q)
	if err != nil {
		return nil, err
	}
	if q.Function != "" {
		table.Rows = slices.DeleteFunc(slices.Clone(table.Rows), func(r profiles.Row) bool { return r.Function != q.Function })
		if len(table.Rows) == 0 {
			table.Rows = []profiles.Row{{Function: q.Function}} // it has nothing
		}
	}
	p.fill(table, q.Origin, limit)
	return p, nil
}

// DiffProfiles returns what each function has in the profile at q.At beyond what it
// had in the one at before; negative where it has less. Both are raw, or both
// texts: a text shows only the heaviest functions.
func DiffProfiles(ctx context.Context, rec *replay.Recording, q ProfileQuery, before time.Time, limit int) (base, diff *Profile, err error) {
	early := q
	early.At = before
	for _, source := range []string{raw, text} {
		q.Source, early.Source = source, source
		after, newer, aerr := newest(ctx, rec, q)
		first, older, berr := newest(ctx, rec, early)
		if err = errors.Join(aerr, berr); err != nil || first.At.Equal(after.At) {
			continue
		}
		first.fill(older, q.Origin, limit)
		after.fill(profiles.Diff(older, newer), q.Origin, limit)
		return first, after, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return nil, nil, fmt.Errorf("difference of %s profiles of %s: the same profile is the newest at both moments; recorded are %s", q.Kind, q.Node, times(ctx, rec, q))
}

func (p *Profile) fill(t profiles.Table, origin string, limit int) {
	p.Unit, p.Total, p.Seconds, p.Notes = t.Unit, t.Total, t.Seconds, t.Notes
	p.Functions = []ProfileRow{}
	for _, r := range t.Rows {
		whose := profiles.OriginOf(r.Function).String()
		if origin != "" && origin != whose {
			continue
		}
		if p.Rows++; p.Rows <= limit {
			p.Functions = append(p.Functions, ProfileRow{r.Function, whose, r.Flat, r.Cum, 100 * float64(r.Cum) / math.Max(1, float64(t.Total))})
		}
	}
}

func newest(ctx context.Context, rec *replay.Recording, q ProfileQuery) (*Profile, profiles.Table, error) {
	if err := rec.HasNode(q.Node); err != nil {
		return nil, profiles.Table{}, err
	}
	m, known := measures[q.Kind]
	if !known {
		return nil, profiles.Table{}, fmt.Errorf("profile: there is no kind %q; there are cpu, heap, alloc and goroutine", q.Kind)
	}
	var p *Profile
	var table profiles.Table
	var err error
	if q.Source != text {
		if p, table, err = newestRaw(ctx, rec, q); err != nil {
			return nil, table, err
		}
	}
	if q.Source != raw && q.Source != owed && q.Process == "" {
		t, rows, err := newestText(ctx, rec, q)
		if err != nil {
			return nil, table, err
		}
		if t != nil && (p == nil || t.At.After(p.At)) {
			p, table = t, rows
		}
	}
	if p == nil {
		return nil, table, fmt.Errorf("no %s profile of %s was recorded at or before %s; recorded are %s; record run takes %s on its slow schedule, and raw profiles with --pprof",
			q.Kind, q.Node, q.At.UTC().Format(time.RFC3339), times(ctx, rec, q), m.tool)
	}
	return p, table, nil
}

// Raw returns the newest raw profile of a kind at or before a moment, as it
// was recorded: go tool pprof reads it.
func Raw(ctx context.Context, rec *replay.Recording, q ProfileQuery) (*replay.Profile, error) {
	m, known := measures[q.Kind]
	if !known {
		return nil, fmt.Errorf("profile: there is no kind %q; there are cpu, heap, alloc and goroutine", q.Kind)
	}
	last, err := lastRaw(ctx, rec, q)
	if err == nil && last == nil {
		err = fmt.Errorf("no raw %s profile of %s was recorded at or before %s; record run takes them with --pprof", m.profile, q.Node, q.At.UTC().Format(time.RFC3339))
	}
	return last, err
}

// Peek returns a function of the newest raw profile with those that called it
// and those that it called.
func Peek(ctx context.Context, rec *replay.Recording, q ProfileQuery, function string) (*Profile, profiles.View, error) {
	last, err := Raw(ctx, rec, q)
	if err != nil {
		return nil, profiles.View{}, err
	}
	parsed, err := profiles.ParseRaw(last.Raw)
	if err != nil {
		return nil, profiles.View{}, err
	}
	table, err := parsed.Top(measures[q.Kind].measure, "")
	if err != nil {
		return nil, profiles.View{}, err
	}
	view, err := parsed.Peek(measures[q.Kind].measure, function)
	if err != nil {
		return nil, view, fmt.Errorf("peek into %s profile of %s: %w", q.Kind, q.Node, err)
	}
	p := &Profile{Node: last.Node, Kind: q.Kind, At: last.At, Source: raw}
	p.fill(table, q.Origin, 0)
	return p, view, nil
}

func lastRaw(ctx context.Context, rec *replay.Recording, q ProfileQuery) (last *replay.Profile, err error) {
	for p, err := range replay.Readable(rec.Profiles(ctx, q.Node, measures[q.Kind].profile, time.Time{}, q.At), nil) {
		if err != nil {
			return nil, err
		}
		last = &p
	}
	return last, nil
}

func newestRaw(ctx context.Context, rec *replay.Recording, q ProfileQuery) (*Profile, profiles.Table, error) {
	m := measures[q.Kind]
	last, err := lastRaw(ctx, rec, q)
	if err != nil || last == nil {
		return nil, profiles.Table{}, err
	}
	parsed, err := profiles.ParseRaw(last.Raw)
	if err != nil {
		return nil, profiles.Table{}, fmt.Errorf("read %s profile of %s: %w", q.Kind, q.Node, err)
	}
	table, err := parsed.Top(m.measure, q.Process)
	if q.Source == owed {
		table, err = parsed.Attributed(m.measure)
	}
	if err != nil {
		return nil, table, fmt.Errorf("read %s profile of %s: %w", q.Kind, q.Node, err)
	}
	if q.Process != "" && table.Rows == nil {
		by, err := parsed.ByPID(m.measure)
		if err != nil {
			return nil, table, fmt.Errorf("read %s profile of %s: %w", q.Kind, q.Node, err)
		}
		delete(by, "")
		return nil, table, fmt.Errorf("%s profile of %s at %s: no sample of it ran for process %q%s",
			q.Kind, q.Node, last.At.UTC().Format(time.RFC3339), q.Process, nearest.Hint(q.Process, slices.Collect(maps.Keys(by))))
	}
	return &Profile{Node: last.Node, Kind: q.Kind, At: last.At, Source: raw}, table, nil
}

// newestText is the newest text that shows the whole node.
func newestText(ctx context.Context, rec *replay.Recording, q ProfileQuery) (*Profile, profiles.Table, error) {
	tool := measures[q.Kind].tool
	var last *replay.Sample
	for s, err := range replay.Readable(rec.Texts(ctx, q.Node, tools48.Reading(tool), time.Time{}, q.At), nil) {
		if err != nil {
			return nil, profiles.Table{}, err
		}
		if s.Failure == nil && !filtered(s.Args) {
			last = &s
		}
	}
	if last == nil {
		return nil, profiles.Table{}, nil
	}
	table, err := parseTable(q.Kind, string(last.Text))
	if err != nil {
		return nil, table, fmt.Errorf("read %s of %s at %s: %w", tool, q.Node, last.At.Format(time.RFC3339), err)
	}
	return &Profile{Node: last.Node, Kind: q.Kind, At: last.At, Source: tool}, table, nil
}

func filtered(args []byte) bool {
	a, err := ergo.ParseArgs(args)
	return err != nil || a.Text("filter") != "" || a.Text("exclude") != "" || a.Text("pid") != ""
}

func parseTable(kind, body string) (profiles.Table, error) {
	switch kind {
	case "cpu":
		return profiles.ParseCPU(body)
	case "goroutine":
		d, err := profiles.ParseGoroutines(body)
		t := profiles.Table{Unit: "count", Total: int64(d.Total)}
		for _, g := range d.Groups() {
			t.Rows = append(t.Rows, profiles.Row{Function: g.Function, Flat: int64(g.Count), Cum: int64(g.Count)})
		}
		return t, err
	}
	inUse, allocated, err := profiles.ParseHeap(body)
	if kind == "alloc" {
		return allocated, err
	}
	return inUse, err
}

// timesShown is how many times of profiles an error lists.
const timesShown = 12

// times lists when profiles of the kind were taken, or says that none were.
func times(ctx context.Context, rec *replay.Recording, q ProfileQuery) string {
	m := measures[q.Kind]
	var at []time.Time
	for p, err := range rec.Profiles(ctx, q.Node, m.profile, time.Time{}, time.Time{}) {
		if err == nil {
			at = append(at, p.At)
		}
	}
	for s, err := range rec.Texts(ctx, q.Node, tools48.Reading(m.tool), time.Time{}, time.Time{}) {
		if err == nil && s.Failure == nil {
			at = append(at, s.At)
		}
	}
	if at == nil {
		return "none"
	}
	var shown []string
	for _, t := range first(at, timesShown) {
		shown = append(shown, t.UTC().Format("15:04:05"))
	}
	return fmt.Sprintf("%d, at %s", len(at), strings.Join(shown, " "))
}
