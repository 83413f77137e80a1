// Package lanes is the overview of a stretch of a recording: a lane for each node,
// and what happened above them.
package lanes

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// A Strip is the overview of a stretch of a recording: a lane per node with
// its life and one metric, and what happened above them.
type Strip struct {
	From, To time.Time
	Ticks    []chart.Tick
	Metric   past.Metric
	Metrics  []Choice
	Lanes    []Lane
	Still    bool                                         // no script reads it
	Others   int                                          // nodes that have no lane
	Flags    []Pin                                        // findings and marks
	FlagRows int                                          // rows of flags that are needed
	Whole    bool                                         // curves, gaps and findings are in
	Trouble  string                                       // what could not be read
	Profile  func(node, kind string, at time.Time) string // the address of a profile, nil where there is none
}

// A Choice is a metric that the lanes can show.
type Choice struct {
	Value, Label string
	On           bool
}

// A Lane is one node.
type Lane struct {
	Node   string
	Lives  []chart.Box
	Gaps   []chart.Box
	Bursts []Burst
	Path   string
	Peak   string
	Data   string // of the curve, for the page's script
	Taken  []Pin  // profiles
}

// A Burst is a stretch of a lane in which errors were logged.
type Burst struct {
	chart.Box
	Level int // 1 to 3, by how many
}

// A Pin is a finding or a mark, at its onset.
type Pin struct {
	X, W  string // position and width, percent
	Label string
	Title string
	Class string // critical, warning, info or mark
	URL   string
	Row   int
	at    float64
	kind  string // of marks
	count int    // marks of that kind at about that time
}

// New makes the Strip of a window without anything that needs a scan.
func New(rec *replay.Recording, from, to time.Time, m past.Metric) *Strip {
	st := &Strip{From: from, To: to, Ticks: chart.TimeTicks(from, to, 8), Metric: m}
	s := chart.Scale{From: from, To: to}
	for _, n := range rec.Nodes() {
		l := Lane{Node: n.Name}
		for _, life := range n.Lives {
			if life.To.Before(from) || life.From.After(to) {
				continue
			}
			x, w := s.Stretch(life.From, life.To)
			l.Lives = append(l.Lives, chart.Box{X: x, W: w, Title: fmt.Sprintf("%s, started %s, recorded %s to %s", n.Name, chart.Day(life.Started), chart.Clock(life.From), chart.Clock(life.To))})
		}
		st.Lanes = append(st.Lanes, l)
	}
	return st
}

// Leave leaves only the lanes of those nodes.
func (st *Strip) Leave(nodes []string) {
	all := len(st.Lanes)
	st.Lanes = slices.DeleteFunc(st.Lanes, func(l Lane) bool { return !slices.Contains(nodes, l.Node) })
	st.Others = all - len(st.Lanes)
}

// Fill adds what has to be read from the recording: curves, gaps and bursts of
// errors. What cannot be read is left out, and Trouble says so.
func (st *Strip) Fill(ctx context.Context, rec *replay.Recording) {
	s := chart.Scale{From: st.From, To: st.To}
	var trouble []error
	gaps, err := rec.Gaps(ctx)
	if err != nil {
		trouble = append(trouble, err)
	}
	curves := make([]chart.Curve, len(st.Lanes))
	for i := range st.Lanes {
		l := &st.Lanes[i]
		for _, g := range gaps {
			if g.Node != l.Node && g.Node != "" || g.To.Before(st.From) || g.From.After(st.To) {
				continue
			}
			x, w := s.Stretch(g.From, g.To)
			l.Gaps = append(l.Gaps, chart.Box{X: x, W: w, Title: fmt.Sprintf("not recorded %s to %s: %s", chart.Clock(g.From), chart.Clock(g.To), g.Why)})
		}
		bad, errs := past.Logged(ctx, rec, l.Node, st.From, st.To)
		trouble = append(trouble, errs...)
		l.Bursts = bursts(s, bad)
		curves[i], errs = st.Metric.Read(ctx, rec, l.Node, st.From, st.To)
		trouble = append(trouble, errs...)
	}
	st.draw(curves)
	for pr, err := range rec.Profiles(ctx, "", "", st.From, st.To) {
		if err != nil {
			trouble = append(trouble, err)
			continue
		}
		st.took(pr)
	}
	st.Trouble, st.Whole = InShort(trouble), true
}

// draw draws the nodes' curves on one scale, so that lanes compare; on a
// logarithmic one where the metric asks for it, so that 10 beside 10,000 is still
// seen.
func (st *Strip) draw(curves []chart.Curve) {
	s := chart.Scale{From: st.From, To: st.To, Log: st.Metric.Log, Hi: st.Metric.Least}
	for _, c := range curves {
		for _, v := range c.Value {
			if v > s.Hi && !math.IsInf(v, 0) {
				s.Hi = v
			}
		}
	}
	s.Hi *= 1.05
	for i, c := range curves {
		l := &st.Lanes[i]
		l.Path = s.Path(c)
		if !st.Still {
			l.Data = c.Data(s, st.Metric.Unit)
		}
		l.Peak = "not recorded"
		peak := math.NaN()
		for _, v := range c.Value {
			if !math.IsNaN(v) && !(v <= peak) {
				peak = v
			}
		}
		if !math.IsNaN(peak) {
			l.Peak = "at most " + st.Metric.Unit.Format(peak)
		}
	}
}

// took puts a profile into the lane of its node.
func (st *Strip) took(pr replay.Profile) {
	for i := range st.Lanes {
		if l := &st.Lanes[i]; l.Node == pr.Node {
			taken := Pin{X: share(chart.Scale{From: st.From, To: st.To}.X(pr.At)), Title: pr.Kind + " profile taken at " + chart.Clock(pr.At)}
			if st.Profile != nil {
				taken.URL = st.Profile(pr.Node, pr.Kind, pr.At)
			}
			l.Taken = append(l.Taken, taken)
		}
	}
}

func share(f float64) string { return fmt.Sprintf("%.2f%%", f*100) }

// InShort is the first of several errors and how many there are.
func InShort(errs []error) string {
	switch len(errs) {
	case 0:
		return ""
	case 1:
		return chart.Clip(errs[0].Error(), 200)
	}
	return fmt.Sprintf("%s, and %d more", chart.Clip(errs[0].Error(), 200), len(errs)-1)
}

// bursts shades where errors were logged: each stretch is a column of pixels.
func bursts(s chart.Scale, c chart.Curve) []Burst {
	const columns = 200
	sums := make([]float64, columns+1)
	for i, at := range c.At {
		if x := int(s.X(time.UnixMilli(at)) * columns); x >= 0 && x <= columns {
			sums[x] += c.Value[i]
		}
	}
	var out []Burst
	for i, n := range sums {
		if n == 0 {
			continue
		}
		level := 1 + min(int(math.Log10(n)), 2)
		out = append(out, Burst{chart.Box{X: share(float64(i) / columns), W: share(1.0 / columns), Title: chart.Count.Format(n) + " errors and panics logged"}, level})
	}
	return out
}

// Mark puts findings and marks above the lanes, in rows so that their labels
// do not cover each other.
func (st *Strip) Mark(report *analyze.Report, marks []archive.Mark, link func(*finding.Finding) string) {
	s := chart.Scale{From: st.From, To: st.To}
	st.Flags = nil
	for _, m := range marks {
		if m.From.Before(st.From) || m.From.After(st.To) {
			continue
		}
		x := s.X(m.From)
		if n := len(st.Flags) - 1; n >= 0 && st.Flags[n].kind == m.Kind && x-st.Flags[n].at < 0.02 {
			st.Flags[n].add(m)
			continue
		}
		st.Flags = append(st.Flags, Pin{X: share(x), Label: m.Kind, Title: markTitle(m), Class: "mark", at: x, kind: m.Kind, count: 1})
	}
	if report != nil {
		whole, _ := finding.Fold(report.Findings) // thousands would cover each other
		for _, f := range whole {
			if f.Onset.After(st.To) || f.End != nil && f.End.Before(st.From) {
				continue
			}
			end := st.To
			if f.End != nil {
				end = *f.End
			}
			x, w := s.Stretch(f.Onset, end)
			title := fmt.Sprintf("%s %s: %s, from %s", f.Display, f.Severity, f.Title, chart.Clock(f.Onset))
			st.Flags = append(st.Flags, Pin{X: x, W: w, Label: f.Display, Title: title, Class: string(f.Severity), URL: link(f), at: max(s.X(f.Onset), 0)})
		}
	}
	slices.SortStableFunc(st.Flags, func(a, b Pin) int { return cmp.Compare(a.at, b.at) })
	st.stack()
}

// stack gives every flag the first row in which it has room. What finds none
// shares the last; of findings that are for information only, it is left out.
func (st *Strip) stack() {
	const room, most = 0.045, 5
	var free []float64 // where each row's last label ends
	drawn := st.Flags[:0]
	for _, f := range st.Flags {
		row := slices.IndexFunc(free, func(x float64) bool { return f.at >= x })
		switch {
		case row >= 0:
		case len(free) < most:
			free = append(free, 0)
			row = len(free) - 1
		case f.Class == string(finding.Info):
			continue
		default:
			row = most - 1
		}
		free[row] = f.at + room
		f.Row = row
		drawn = append(drawn, f)
	}
	st.Flags = drawn
	st.FlagRows = len(free)
}

// flagHeight is the height of a row of flags, in pixels.
const flagHeight = 18

// Height is the height of the flags: room for two rows is kept, so that the
// page does not move when findings come in.
func (st *Strip) Height() int { return max(st.FlagRows, 2) * flagHeight }

// Y is where the pin's row begins.
func (f Pin) Y() int { return f.Row * flagHeight }

// add puts another mark of the same kind and time into the pin.
func (f *Pin) add(m archive.Mark) {
	f.count++
	f.Label = fmt.Sprintf("%s ×%d", f.kind, f.count)
	f.Title += "\n" + markTitle(m)
}

func markTitle(m archive.Mark) string {
	s := m.Kind + " at " + chart.Clock(m.From)
	if m.Node != "" {
		s += " on " + m.Node
	}
	if m.Note != "" {
		s += ": " + m.Note
	}
	return s
}
