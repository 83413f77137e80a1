package web

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Charts are drawn in a plane of plotWidth by plotHeight units that the page
// stretches over the space there is; lines keep their width when stretched.
const (
	plotWidth  = 1000
	plotHeight = 100
)

// A curve is values over time, both ascending by time and of the same length.
// Times are Unix milliseconds; a NaN breaks the line.
type curve struct {
	Name  string
	At    []int64
	Value []float64
}

func (c *curve) add(at time.Time, v float64) {
	c.At = append(c.At, at.UnixMilli())
	c.Value = append(c.Value, v)
}

// A chart is one metric over a window: its curve, its peers' behind it, the
// band it kept to before the onset, and what happened meanwhile.
type chart struct {
	Title    string
	Note     string // what the peers and the band are
	Field    string // of process_list, where it shows one as it is
	Unit     unit
	From, To time.Time
	Curve    curve
	Peers    []curve
	Onset    time.Time     // zero: none
	OnsetErr time.Duration // drawn as a band around the onset
	Cursor   time.Time     // zero: none
	Gaps     []shade
}

// A shade is a stretch of the time axis.
type shade struct {
	From, To time.Time
	Why      string
}

// A drawn chart is what the template needs: positions in percent and paths.
type drawn struct {
	Title, Note, Summary string
	Path                 string
	Peers                []string
	Ticks                []tick // of values
	Times                []tick
	Onset, Cursor        string // percent, "" for none
	OnsetFrom, OnsetSpan string
	BandTop, BandHeight  string // the baseline, percent
	Gaps                 []box
	Label                string // of the newest value
}

// A tick is a labelled position along an axis, in percent.
type tick struct {
	Pos, Label string
	Anchor     string // start, middle or end
}

// A box is a stretch along the time axis, in percent.
type box struct {
	X, W  string
	Title string
}

// draw lays the chart out.
func (c chart) draw() drawn {
	hi, lo := c.extent()
	s := scale{c.From, c.To, lo, hi}
	d := drawn{Title: c.Title, Note: c.Note, Summary: c.summary()}
	d.Path = s.path(c.Curve)
	for _, p := range c.Peers {
		d.Peers = append(d.Peers, s.path(p))
	}
	for _, v := range niceTicks(lo, hi, 3, c.Unit.base()) {
		if (hi-v)/(hi-lo) < 0.12 {
			continue // its label would be cut off
		}
		d.Ticks = append(d.Ticks, tick{Pos: percent(1 - (v-lo)/(hi-lo)), Label: c.Unit.tick(v)})
	}
	d.Times = timeTicks(c.From, c.To, 5)
	d.Cursor = s.atOrNone(c.Cursor)
	d.Onset = s.atOrNone(c.Onset)
	if d.Onset != "" && c.OnsetErr > 0 {
		d.OnsetFrom, d.OnsetSpan = s.stretch(c.Onset.Add(-c.OnsetErr), c.Onset.Add(c.OnsetErr))
	}
	if blo, bhi, ok := c.baseline(); ok {
		d.BandTop = percent(1 - (bhi-lo)/(hi-lo))
		d.BandHeight = percent(math.Max((bhi-blo)/(hi-lo), 0.01))
	}
	for _, g := range c.Gaps {
		x, w := s.stretch(g.From, g.To)
		d.Gaps = append(d.Gaps, box{x, w, g.Why})
	}
	if n := len(c.Curve.Value); n > 0 {
		d.Label = c.Unit.format(c.Curve.Value[n-1])
	}
	return d
}

// extent is the range of values that the chart shows: from 0, or from below
// it, to a round number above the highest.
func (c chart) extent() (hi, lo float64) {
	for _, k := range append([]curve{c.Curve}, c.Peers...) {
		for _, v := range k.Value {
			hi, lo = math.Max(hi, nanZero(v)), math.Min(lo, nanZero(v))
		}
	}
	if hi == lo {
		hi = lo + 1
	}
	return hi + (hi-lo)*0.06, lo
}

func nanZero(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// baseline is the range of the curve before its onset.
func (c chart) baseline() (lo, hi float64, ok bool) {
	if c.Onset.IsZero() {
		return 0, 0, false
	}
	end := c.Onset.Add(-c.OnsetErr).UnixMilli()
	n := 0
	for i, at := range c.Curve.At {
		v := c.Curve.Value[i]
		if at >= end || math.IsNaN(v) {
			continue
		}
		if n == 0 || v < lo {
			lo = v
		}
		if n == 0 || v > hi {
			hi = v
		}
		n++
	}
	return lo, hi, n >= 3
}

// flat reports whether the curve never leaves zero.
func (c chart) flat() bool {
	return !slices.ContainsFunc(c.Curve.Value, func(v float64) bool { return nanZero(v) != 0 })
}

// summary says in words what the chart shows, for those who cannot see it.
func (c chart) summary() string {
	if len(c.Curve.Value) == 0 {
		return c.Title + ": nothing was recorded in this window"
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range c.Curve.Value {
		if !math.IsNaN(v) {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	s := fmt.Sprintf("%s from %s to %s: between %s and %s, %s at the end", c.Title, clock(c.From), clock(c.To),
		c.Unit.format(lo), c.Unit.format(hi), c.Unit.format(c.Curve.Value[len(c.Curve.Value)-1]))
	if !c.Onset.IsZero() {
		s += "; onset at " + clock(c.Onset)
	}
	return s
}

// A scale maps time and value to the plot.
type scale struct {
	from, to time.Time
	lo, hi   float64
}

func (s scale) x(ms int64) float64 {
	w := s.to.Sub(s.from).Milliseconds()
	if w <= 0 {
		return 0
	}
	return float64(ms-s.from.UnixMilli()) / float64(w)
}

func (s scale) atOrNone(t time.Time) string {
	if t.IsZero() || t.Before(s.from) || t.After(s.to) {
		return ""
	}
	return percent(s.x(t.UnixMilli()))
}

// stretch is the position and width of a stretch of time, clipped.
func (s scale) stretch(from, to time.Time) (x, w string) {
	a := min(max(s.x(from.UnixMilli()), 0), 1)
	b := min(max(s.x(to.UnixMilli()), 0), 1)
	return percent(a), percent(max(b-a, 0))
}

// path is the SVG path of a curve. Runs of points that fall into one column
// of pixels are drawn as their lowest and highest.
func (s scale) path(c curve) string {
	var b strings.Builder
	pen := "M"
	put := func(x, v float64) {
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x*plotWidth, (1-(v-s.lo)/(s.hi-s.lo))*plotHeight)
		pen = "L"
	}
	const columns = 500
	for i := 0; i < len(c.At); {
		if math.IsNaN(c.Value[i]) || math.IsInf(c.Value[i], 0) {
			pen = "M"
			i++
			continue
		}
		col := int(s.x(c.At[i]) * columns)
		lo, hi, n := i, i, 0
		for ; i < len(c.At) && !math.IsNaN(c.Value[i]) && int(s.x(c.At[i])*columns) == col; i++ {
			if c.Value[i] < c.Value[lo] {
				lo = i
			}
			if c.Value[i] > c.Value[hi] {
				hi = i
			}
			n++
		}
		if n == 0 {
			i++
			continue
		}
		first, second := min(lo, hi), max(lo, hi)
		put(s.x(c.At[first]), c.Value[first])
		if second != first {
			put(s.x(c.At[second]), c.Value[second])
		}
	}
	return b.String()
}

func percent(f float64) string { return fmt.Sprintf("%.2f%%", f*100) }

// niceTicks are about n values within [lo, hi] that are round when written
// with prefixes of the given base, 1000 or 1024.
func niceTicks(lo, hi float64, n int, base float64) []float64 {
	raw := (hi - lo) / float64(n)
	if raw <= 0 || math.IsInf(raw, 0) || math.IsNaN(raw) {
		return nil
	}
	prefix := 1.0
	for base == 1024 && raw >= prefix*base {
		prefix *= base
	}
	mag := prefix * math.Pow(10, math.Floor(math.Log10(raw/prefix)))
	step := mag * 10
	for _, m := range []float64{1, 2, 5} {
		if mag*m >= raw {
			step = mag * m
			break
		}
	}
	var out []float64
	for v := math.Ceil(lo/step) * step; v <= hi && len(out) < 10; v += step {
		out = append(out, v)
	}
	return out
}

// timeSteps are the distances between ticks that people read easily.
func timeSteps() []time.Duration {
	return []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 168 * time.Hour,
	}
}

// timeTicks are at most n round times within the window.
func timeTicks(from, to time.Time, n int) []tick {
	w := to.Sub(from)
	if w <= 0 {
		return nil
	}
	step := w
	for _, s := range timeSteps() {
		if w/s <= time.Duration(n) {
			step = s
			break
		}
	}
	layout := "15:04"
	switch {
	case step < time.Minute:
		layout = layoutClock
	case step >= 24*time.Hour:
		layout = "01-02"
	}
	s := scale{from: from, to: to}
	var out []tick
	for t := from.UTC().Truncate(step).Add(step); t.Before(to) && len(out) <= 2*n; t = t.Add(step) {
		x := s.x(t.UnixMilli())
		if x < 0.04 || x > 0.96 {
			continue
		}
		out = append(out, tick{Pos: percent(x), Label: t.UTC().Format(layout), Anchor: "middle"})
	}
	return out
}
