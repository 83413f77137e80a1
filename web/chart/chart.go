// Package chart draws metrics over time as SVG. It lays charts out in Go; the
// templates that place what is laid out are the pages' own.
package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Curve is values over time, both ascending by time and of the same length.
// Times are Unix milliseconds; a NaN breaks the line.
type Curve struct {
	Name  string
	URL   string // where more is said of it, "" for nowhere
	At    []int64
	Value []float64
}

// Add puts a value behind the others.
func (c *Curve) Add(at time.Time, v float64) {
	c.At = append(c.At, at.UnixMilli())
	c.Value = append(c.Value, v)
}

// Flat reports whether the curve never leaves zero.
func (c Curve) Flat() bool {
	return !slices.ContainsFunc(c.Value, func(v float64) bool { return finite(v) && v != 0 })
}

// Rate is the curve's growth a second; a counter that falls began anew.
func (c Curve) Rate() Curve {
	r := Curve{Name: c.Name, URL: c.URL}
	for i := 1; i < len(c.At); i++ {
		dt := float64(c.At[i]-c.At[i-1]) / 1000
		d := c.Value[i] - c.Value[i-1]
		if dt <= 0 {
			continue
		}
		if d < 0 {
			d = math.NaN()
		}
		r.At = append(r.At, c.At[i])
		r.Value = append(r.Value, d/dt)
	}
	return r
}

// Times multiplies the curve.
func (c Curve) Times(f float64) Curve {
	r := Curve{Name: c.Name, URL: c.URL, At: c.At, Value: make([]float64, len(c.Value))}
	for i, v := range c.Value {
		r.Value[i] = v * f
	}
	return r
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// A Chart is one metric over a window: its curves, their peers behind them, the
// range that the first kept to before the onset, and what happened meanwhile.
type Chart struct {
	Title    string
	Note     string // what the peers are
	Field    string // of the process table, where it shows one as it is
	Unit     Unit
	From, To time.Time
	Log      bool // a logarithmic scale, for values from 0 up
	Curves   []Curve
	Peers    []Curve
	Onset    time.Time     // zero: none
	OnsetErr time.Duration // drawn as a band around the onset
	Marks    []Mark        // what else happened
	Cursor   time.Time     // zero: none
	Gaps     []Gap
}

// A Mark is a labelled moment: a finding's onset.
type Mark struct {
	At                time.Time
	Label, Title, URL string
	Class             string // critical, warning or info
}

// A Gap is a stretch in which nothing was recorded.
type Gap struct {
	From, To time.Time
	Why      string
}

// Drawn is what a template needs of a chart: positions in percent, and paths in
// a plane of 1000 by 100 that the page stretches over the space there is.
type Drawn struct {
	Title, Note, Summary string
	Lines                []Line // the curves
	Peers                []string
	Ticks                []Tick // of values
	Times                []Tick
	Onset, Cursor        string // "" for none
	OnsetTime            time.Time
	OnsetFrom, OnsetSpan string
	Marks                []Flag
	BandTop, BandHeight  string // what the first curve kept to before the onset
	Gaps                 []Box
	Label                string // of the newest value
	From, To             time.Time
	Data                 string // of the curves, as JSON for the page's script
}

// A Line is a curve as drawn.
type Line struct{ Name, URL, Path, Class, Newest string }

// A Tick is a labelled position along an axis, in percent.
type Tick struct {
	Pos, Label string
	Anchor     string // start, middle or end
	At         time.Time
	Layout     string // the form of a time
}

// A Box is a stretch along the time axis, in percent.
type Box struct{ X, W, Title string }

// A Flag is a mark as drawn.
type Flag struct {
	Mark
	X, Anchor string
}

// Draw lays the chart out.
func (c Chart) Draw() Drawn {
	d := c.Still()
	d.Data = c.data(c.scale())
	return d
}

// Still lays the chart out where no script reads it.
func (c Chart) Still() Drawn {
	s := c.scale()
	d := Drawn{Title: c.Title, Note: c.Note, Summary: c.summary(), From: c.From, To: c.To}
	for i, k := range c.Curves {
		d.Lines = append(d.Lines, Line{k.Name, k.URL, s.Path(k), "c" + strconv.Itoa(i%Colours), c.Unit.Format(newest(k))})
	}
	for _, p := range c.Peers {
		d.Peers = append(d.Peers, s.Path(p))
	}
	for _, v := range s.ticks(c.Unit.base()) {
		d.Ticks = append(d.Ticks, Tick{Pos: percent(s.y(v)), Label: c.Unit.tick(v)})
	}
	d.Times = TimeTicks(c.From, c.To, 5)
	d.Cursor = s.atOrNone(c.Cursor)
	if d.Onset = s.atOrNone(c.Onset); d.Onset != "" {
		d.OnsetTime = c.Onset
		if c.OnsetErr > 0 {
			d.OnsetFrom, d.OnsetSpan = s.Stretch(c.Onset.Add(-c.OnsetErr), c.Onset.Add(c.OnsetErr))
		}
	}
	d.Marks = c.flags(s)
	if lo, hi, ok := c.before(); ok {
		d.BandTop = percent(s.y(hi))
		d.BandHeight = percent(math.Max(s.y(lo)-s.y(hi), 0.01))
	}
	for _, g := range c.Gaps {
		x, w := s.Stretch(g.From, g.To)
		d.Gaps = append(d.Gaps, Box{x, w, g.Why})
	}
	if len(c.Curves) == 1 && len(c.Curves[0].Value) > 0 {
		d.Label = d.Lines[0].Newest
	}
	return d
}

// Colours is how many colours the style has for curves.
const Colours = 8

func newest(c Curve) float64 {
	if n := len(c.Value); n > 0 {
		return c.Value[n-1]
	}
	return math.NaN()
}

// flags are the marks that have room for their labels.
func (c Chart) flags(s Scale) []Flag {
	const room = 0.08
	var out []Flag
	taken := []float64{}
	if !c.Onset.IsZero() {
		taken = append(taken, s.x(c.Onset.UnixMilli()))
	}
	for _, m := range c.Marks {
		at := s.atOrNone(m.At)
		x := s.x(m.At.UnixMilli())
		if at == "" || slices.ContainsFunc(taken, func(t float64) bool { return math.Abs(t-x) < room }) {
			continue
		}
		taken = append(taken, x)
		f := Flag{Mark: m, X: at, Anchor: "start"}
		if x > 0.9 {
			f.Anchor = "end"
		}
		out = append(out, f)
	}
	return out
}

// scale spans the window, and the values from 0, or from below it, to a little
// above the highest.
func (c Chart) scale() Scale {
	s := Scale{From: c.From, To: c.To, Log: c.Log}
	for _, k := range slices.Concat(c.Curves, c.Peers) {
		for _, v := range k.Value {
			if finite(v) {
				s.Hi, s.Lo = math.Max(s.Hi, v), math.Min(s.Lo, v)
			}
		}
	}
	if c.Log {
		s.Lo = 0
	}
	if s.Hi <= s.Lo {
		s.Hi = s.Lo + 1
	}
	s.Hi += (s.Hi - s.Lo) * 0.06
	return s
}

// before is the range of the first curve before the onset.
func (c Chart) before() (lo, hi float64, ok bool) {
	if c.Onset.IsZero() || len(c.Curves) == 0 {
		return 0, 0, false
	}
	k := c.Curves[0]
	end := c.Onset.Add(-c.OnsetErr).UnixMilli()
	lo, hi = math.Inf(1), math.Inf(-1)
	n := 0
	for i, at := range k.At {
		if at < end && finite(k.Value[i]) {
			lo, hi = math.Min(lo, k.Value[i]), math.Max(hi, k.Value[i])
			n++
		}
	}
	return lo, hi, n >= 3
}

// summary says in words what the chart shows, for those who cannot see it.
func (c Chart) summary() string {
	lo, hi, last := math.Inf(1), math.Inf(-1), math.NaN()
	for _, k := range c.Curves {
		for _, v := range k.Value {
			if finite(v) {
				lo, hi, last = math.Min(lo, v), math.Max(hi, v), v
			}
		}
	}
	if lo > hi {
		return c.Title + ": nothing was recorded in this window"
	}
	s := fmt.Sprintf("%s from %s to %s UTC: between %s and %s", c.Title, Clock(c.From), Clock(c.To), c.Unit.Format(lo), c.Unit.Format(hi))
	if len(c.Curves) == 1 {
		s += ", " + c.Unit.Format(last) + " at the end"
	}
	if !c.Onset.IsZero() {
		s += "; onset at " + Clock(c.Onset)
	}
	return s
}

// data are the curves for the script that says their values under the cursor:
// {"unit": …, "curves": [{"name", "t": [ms since From], "v": [values]}]}, as many
// points as are drawn, and a null where nothing was recorded from then on.
func (c Chart) data(s Scale) string {
	type points struct {
		Name string     `json:"name"`
		T    []int64    `json:"t"`
		V    []*float64 `json:"v"` // null where the line is broken
	}
	out := struct {
		Unit   Unit     `json:"unit"`
		Curves []points `json:"curves"`
	}{Unit: c.Unit}
	from := c.From.UnixMilli()
	for _, k := range c.Curves {
		p := points{Name: k.Name, T: []int64{}, V: []*float64{}}
		next := 0 // behind the point that was taken last
		pause := func(until int) {
			for ; next < until; next++ {
				if !finite(k.Value[next]) {
					p.T, p.V = append(p.T, k.At[next]-from), append(p.V, nil)
					return
				}
			}
		}
		for i, broken := range s.drawn(k) {
			if broken {
				pause(i)
			}
			v, _ := strconv.ParseFloat(strconv.FormatFloat(k.Value[i], 'g', 5, 64), 64)
			p.T, p.V = append(p.T, k.At[i]-from), append(p.V, &v)
			next = i + 1
		}
		pause(len(k.At))
		out.Curves = append(out.Curves, p)
	}
	b, err := json.Marshal(out)
	if err != nil {
		return "" // values are finite, so there is nothing that JSON cannot hold
	}
	return string(b)
}

// Data is the one curve on a scale as Chart.Draw gives it to the script.
func (c Curve) Data(s Scale, u Unit) string {
	return Chart{From: s.From, To: s.To, Unit: u, Curves: []Curve{c}}.data(s)
}

// CSV are the curves' samples as lines of metric, time, curve and value below a
// heading.
func CSV(charts []Chart) string {
	var b strings.Builder
	b.WriteString("metric,time,curve,value\n")
	for _, c := range charts {
		c.csv(&b)
	}
	return b.String()
}

func (c Chart) csv(b *strings.Builder) {
	for _, k := range c.Curves {
		name := k.Name
		if strings.ContainsAny(name, "\",\n\r") {
			name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
		for i, at := range k.At {
			if finite(k.Value[i]) {
				fmt.Fprintf(b, "%s,%s,%s,%s\n", c.Title, InURL(time.UnixMilli(at)), name, strconv.FormatFloat(k.Value[i], 'g', -1, 64))
			}
		}
	}
}
