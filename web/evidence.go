package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// peersShown bounds how many other curves are drawn behind a metric.
const peersShown = 6

// evidenceCharts draws the evidence of a finding that is a number over time:
// the metric with its onset, what it kept to before, and its peers behind it.
func evidenceCharts(ctx context.Context, report *analyze.Report, f *finding.Finding, rec *replay.Recording, url func(*finding.Finding) string) ([]chart.Chart, error) {
	var out []chart.Chart
	drawn := map[string]bool{}
	for _, e := range f.Evidence {
		what := e.Node + e.Tool + e.Field
		if e.Series == nil || len(e.Series.At) < 2 || e.Field != "" && drawn[what] {
			continue
		}
		drawn[what] = true
		c := chart.Chart{
			Title: chartTitle(e), Unit: chart.Unit(e.Series.Unit), Curves: []chart.Curve{seriesCurve(e.Series)},
			Onset: f.Onset, OnsetErr: onsetError(f), Marks: onsets(report, f, url),
		}
		c.From, c.To = chartWindow(e.Series, f)
		for _, g := range report.Archive.Gaps {
			if g.Node == e.Node && g.To.After(c.From) && g.From.Before(c.To) {
				c.Gaps = append(c.Gaps, chart.Gap{From: g.From, To: g.To, Why: g.Why})
			}
		}
		if rec != nil {
			peers, note, err := peersOf(ctx, rec, f, e, c.From, c.To)
			if err != nil {
				return nil, fmt.Errorf("peers of %s: %w", f.ID, err)
			}
			c.Peers, c.Note = peers, note
		}
		out = append(out, c)
	}
	return out, nil
}

func chartTitle(e finding.Evidence) string {
	title := e.Field
	if title == "" {
		title = e.What
	}
	if e.Node != "" {
		title += " on " + past.Short(e.Node)
	}
	return title
}

func seriesCurve(s *finding.Series) chart.Curve {
	var c chart.Curve
	for i := range min(len(s.At), len(s.Value)) {
		c.Add(s.At[i], s.Value[i])
	}
	return c
}

// onsets are the moments at which the findings other than one began, as marks:
// those that somebody has to look at.
func onsets(report *analyze.Report, but *finding.Finding, url func(*finding.Finding) string) []chart.Mark {
	var out []chart.Mark
	for _, f := range report.Findings {
		if f != but && f.Severity != finding.Info {
			out = append(out, chart.Mark{At: f.Onset, Label: f.Display, Title: f.Display + ": " + f.Title, URL: url(f), Class: string(f.Severity)})
		}
	}
	return out
}

// chartWindow spans the series and the onset, whichever reaches further.
func chartWindow(s *finding.Series, f *finding.Finding) (from, to time.Time) {
	from, to = s.At[0], s.At[len(s.At)-1]
	if f.Onset.Before(from) {
		from = f.Onset
	}
	if f.Onset.After(to) {
		to = f.Onset
	}
	return from, to
}

// peersOf are the same metric of those that ought to look alike: of a process,
// the others of its behavior on its node; of a node, the other nodes. Counters
// whose series are rates, and whatever the recording lacks, have none.
func peersOf(ctx context.Context, rec *replay.Recording, f *finding.Finding, e finding.Evidence, from, to time.Time) ([]chart.Curve, string, error) {
	reading := ergo.Define(tools48.Reading(e.Tool))
	if field, _ := reading.Field(e.Field); e.Field == "" || field.Kind == ergo.Cumulative {
		return nil, "", nil
	}
	q := replay.Query{Node: e.Node, Reading: reading.Reading, From: from, To: to, Fields: []string{e.Field}}
	var peers []chart.Curve
	note := ""
	switch {
	case reading.Reading == ergo.Processes && f.Subject.Behavior != "" && f.Subject.PID != "":
		behavior := f.Subject.Behavior
		rows, err := past.RowCurves(ctx, rec, q, "PID", past.RowMatch{Column: "Behavior", Equals: func(b string) bool { return b == behavior }}, 4*peersShown)
		if err != nil {
			return nil, "", err
		}
		delete(rows, f.Subject.PID)
		for _, pid := range slices.Sorted(maps.Keys(rows)) {
			peers = append(peers, rows[pid][0])
		}
		note = "other processes of " + behavior
	case reading.Form == ergo.FormObject && reading.Subject == nil:
		for _, n := range rec.Nodes() {
			if n.Name == e.Node {
				continue
			}
			q.Node = n.Name
			cs, err := past.ObjectCurves(ctx, rec, q)
			if err != nil {
				return nil, "", err
			}
			if slices.ContainsFunc(cs[0].Value, func(v float64) bool { return !math.IsNaN(v) }) {
				peers = append(peers, cs[0])
			}
		}
		note = "the other nodes"
	}
	if len(peers) == 0 {
		return nil, "", nil
	}
	if len(peers) > peersShown {
		note = fmt.Sprintf("%d of %s", peersShown, note)
		peers = peers[:peersShown]
	}
	return peers, "grey: " + note, nil
}

// processCharts draw the life of the process that a finding accuses, from
// before the onset on: what the evidence begins with too late to show. Metrics
// that the evidence has are left out.
func processCharts(ctx context.Context, report *analyze.Report, f *finding.Finding, rec *replay.Recording, url func(*finding.Finding) string) ([]chart.Chart, error) {
	if f.Subject.PID == "" || rec == nil {
		return nil, nil
	}
	from, to := f.Onset.Add(-time.Minute), report.Window.To
	if f.End != nil {
		to = earliest(to, f.End.Add(time.Minute))
	}
	from, to = latest(from, report.Window.From), earliest(to, f.Onset.Add(lifeWindow))
	l, err := past.LifeOf(ctx, rec, f.Subject.Node, f.Subject.PID, from, to)
	if err != nil {
		return nil, fmt.Errorf("life of %s: %w", f.Subject.PID, err)
	}
	if len(l.At) < 2 {
		return nil, nil
	}
	var out []chart.Chart
	for _, c := range l.Charts(from, to, time.Time{}) {
		if c.Field == "" || c.Curves[0].Flat() || slices.ContainsFunc(f.Evidence, func(e finding.Evidence) bool { return e.Field == c.Field && e.Series != nil }) {
			continue
		}
		c.Onset, c.OnsetErr, c.Marks = f.Onset, onsetError(f), onsets(report, f, url)
		e := finding.Evidence{Node: f.Subject.Node, Tool: "process_list", Field: c.Field}
		if c.Peers, c.Note, err = peersOf(ctx, rec, f, e, from, to); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func onsetError(f *finding.Finding) time.Duration {
	return time.Duration(f.OnsetErrorS * float64(time.Second))
}

// A value is one figure of a piece of evidence.
type value struct{ Name, Text string }

// values are the figures of a piece of evidence. The end of a figure's name
// says its unit: oldest_s, before_bytes, handled_per_s.
func values(figures map[string]any) []value {
	var out []value
	for _, k := range slices.Sorted(maps.Keys(figures)) {
		name, u := unitOf(k)
		out = append(out, value{strings.ReplaceAll(name, "_", " "), figure(figures[k], u)})
	}
	return out
}

func unitOf(name string) (string, chart.Unit) {
	if name == "bytes_per_s" {
		return "growth", "B/s"
	}
	for _, s := range []struct {
		suffix string
		unit   chart.Unit
	}{{"_bytes_per_s", "B/s"}, {"_per_s", chart.PerSecond}, {"_per_min", "/min"}, {"_s", chart.Seconds}, {"_ms", "ms"}, {"_ns", chart.Nanoseconds}, {"_bytes", chart.Bytes}, {"_percent", chart.Percent}} {
		if rest, ok := strings.CutSuffix(name, s.suffix); ok {
			return rest, s.unit
		}
	}
	return name, chart.Count
}

// figure writes a value; a pair of before and after as the step that it is.
func figure(v any, u chart.Unit) string {
	switch x := v.(type) {
	case float64:
		return u.Format(x)
	case int:
		return u.Format(float64(x))
	case int64:
		return u.Format(float64(x))
	case map[string]any:
		_, before := x["before"]
		if _, after := x["after"]; before || after {
			return figure(x["before"], u) + " → " + figure(x["after"], u)
		}
		var all []string
		for _, k := range slices.SortedFunc(maps.Keys(x), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) {
			all = append(all, figure(x[k], u))
		}
		return strings.Join(all, ", ")
	case string:
		if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return chart.Clock(t) + " UTC"
		}
		return x
	case time.Time:
		return chart.Clock(x)
	case nil:
		return "–"
	}
	return fmt.Sprint(v)
}
