package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/replay"
)

// A strip is the overview of a stretch of a recording: a lane per node with
// the life and the deepest mailbox of each, and what happened above them.
type strip struct {
	From, To time.Time
	Ticks    []tick
	Lanes    []lane
	Flags    []pin  // findings and marks
	FlagRows int    // rows of flags that are needed
	Whole    bool   // curves, gaps and findings are in
	Trouble  string // what could not be read
}

// A lane is one node.
type lane struct {
	Node   string
	Lives  []box
	Gaps   []box
	Bursts []burst
	Path   string
	Peak   string
}

// A burst is a stretch of a lane in which errors were logged.
type burst struct {
	box
	Level int // 1 to 3, by how many
}

// A pin is a finding or a mark, at its onset.
type pin struct {
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

// lanes makes the strip of a window without anything that needs a scan.
func newStrip(rec *replay.Recording, from, to time.Time) *strip {
	st := &strip{From: from, To: to, Ticks: timeTicks(from, to, 8)}
	s := scale{from: from, to: to}
	for _, n := range rec.Nodes() {
		l := lane{Node: n.Name}
		for _, life := range n.Lives {
			if life.To.Before(from) || life.From.After(to) {
				continue
			}
			x, w := s.stretch(life.From, life.To)
			l.Lives = append(l.Lives, box{x, w, fmt.Sprintf("%s, started %s, recorded %s to %s", n.Name, day(life.Started), clock(life.From), clock(life.To))})
		}
		st.Lanes = append(st.Lanes, l)
	}
	return st
}

// fill adds what has to be read from the recording: curves, gaps and bursts of
// errors. What cannot be read is left out, and Trouble says so.
func (st *strip) fill(ctx context.Context, rec *replay.Recording) {
	s := scale{from: st.From, to: st.To}
	var trouble []error
	gaps, err := rec.Gaps(ctx)
	if err != nil {
		trouble = append(trouble, err)
	}
	for i := range st.Lanes {
		l := &st.Lanes[i]
		for _, g := range gaps {
			if g.Node != l.Node && g.Node != "" || g.To.Before(st.From) || g.From.After(st.To) {
				continue
			}
			x, w := s.stretch(g.From, g.To)
			l.Gaps = append(l.Gaps, box{x, w, fmt.Sprintf("not recorded %s to %s: %s", clock(g.From), clock(g.To), g.Why)})
		}
		deep, errs := deepest(ctx, rec, l.Node, st.From, st.To)
		l.Path, l.Peak = lanePath(s, deep)
		bad, more := logged(ctx, rec, l.Node, st.From, st.To)
		l.Bursts = bursts(s, bad)
		trouble = append(trouble, append(errs, more...)...)
	}
	st.Trouble, st.Whole = inShort(trouble), true
}

// inShort is the first of several errors and how many there are.
func inShort(errs []error) string {
	switch len(errs) {
	case 0:
		return ""
	case 1:
		return clip(errs[0].Error(), 200)
	}
	return fmt.Sprintf("%s, and %d more", clip(errs[0].Error(), 200), len(errs)-1)
}

// lanePath draws a curve on a logarithmic scale, so that 10 beside 10,000 is
// still seen.
func lanePath(s scale, c curve) (path, peak string) {
	hi := 0.0
	for i, v := range c.Value {
		hi = max(hi, v)
		c.Value[i] = math.Log10(1 + max(v, 0))
	}
	s.lo, s.hi = 0, max(math.Log10(1+hi), 2)*1.1
	return s.path(c), unitCount.format(hi)
}

// deepest is the deepest mailbox on a node over time.
func deepest(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (c curve, errs []error) {
	for f, err := range rec.Table(ctx, node, "process_list", from, to, []string{"MessagesMailbox"}) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if f.Failure != nil {
			c.add(f.At, math.NaN())
			continue
		}
		deep := 0.0
		for _, slot := range f.Live {
			if n, ok := f.Columns[0].Int(slot); ok {
				deep = max(deep, float64(n))
			}
		}
		c.add(f.At, deep)
	}
	return c, errs
}

// logged is how many errors and panics were logged between samples.
func logged(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (c curve, errs []error) {
	before := int64(-1)
	for f, err := range rec.Table(ctx, node, "node_info", from, to, []string{"LogMessages"}) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if f.Failure != nil || len(f.Live) == 0 {
			continue
		}
		n, ok := errorCount(&f.Columns[0], f.Live[0])
		if !ok {
			continue
		}
		if before >= 0 && n > before {
			c.add(f.At, float64(n-before))
		}
		before = n
	}
	return c, errs
}

// bursts shades where errors were logged: each stretch is a column of pixels.
func bursts(s scale, c curve) []burst {
	const columns = 200
	sums := make([]float64, columns+1)
	for i, at := range c.At {
		if x := int(s.x(at) * columns); x >= 0 && x <= columns {
			sums[x] += c.Value[i]
		}
	}
	var out []burst
	for i, n := range sums {
		if n == 0 {
			continue
		}
		level := 1 + min(int(math.Log10(n)), 2)
		out = append(out, burst{box{percent(float64(i) / columns), percent(1.0 / columns), unitCount.format(n) + " errors and panics logged"}, level})
	}
	return out
}

// flags puts findings and marks above the lanes, in rows so that their labels
// do not cover each other.
func (st *strip) flags(report *analyze.Report, marks []archive.Mark, link func(*finding.Finding) string) {
	s := scale{from: st.From, to: st.To}
	st.Flags = nil
	for _, m := range marks {
		if m.From.Before(st.From) || m.From.After(st.To) {
			continue
		}
		x := s.x(m.From.UnixMilli())
		if n := len(st.Flags) - 1; n >= 0 && st.Flags[n].kind == m.Kind && x-st.Flags[n].at < 0.02 {
			st.Flags[n].add(m)
			continue
		}
		st.Flags = append(st.Flags, pin{X: percent(x), Label: m.Kind, Title: markTitle(m), Class: "mark", at: x, kind: m.Kind, count: 1})
	}
	if report != nil {
		for _, f := range report.Findings {
			if f.Onset.After(st.To) || f.End != nil && f.End.Before(st.From) {
				continue
			}
			end := st.To
			if f.End != nil {
				end = *f.End
			}
			x, w := s.stretch(f.Onset, end)
			title := fmt.Sprintf("%s %s: %s, from %s", f.Display, f.Severity, f.Title, clock(f.Onset))
			st.Flags = append(st.Flags, pin{X: x, W: w, Label: f.Display, Title: title, Class: string(f.Severity), URL: link(f), at: max(s.x(f.Onset.UnixMilli()), 0)})
		}
	}
	slices.SortStableFunc(st.Flags, func(a, b pin) int { return cmp.Compare(a.at, b.at) })
	st.stack()
}

// stack gives every flag the first row in which it has room. What finds none
// shares the last; of findings that are for information only, it is left out.
func (st *strip) stack() {
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
func (st *strip) Height() int { return max(st.FlagRows, 2) * flagHeight }

// Y is where the pin's row begins.
func (f pin) Y() int { return f.Row * flagHeight }

// add puts another mark of the same kind and time into the pin.
func (f *pin) add(m archive.Mark) {
	f.count++
	f.Label = fmt.Sprintf("%s ×%d", f.kind, f.count)
	f.Title += "\n" + markTitle(m)
}

func markTitle(m archive.Mark) string {
	s := m.Kind + " at " + clock(m.From)
	if m.Node != "" {
		s += " on " + m.Node
	}
	if m.Note != "" {
		s += ": " + m.Note
	}
	return s
}
