package chart

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"time"
)

// Paths are drawn in a plane of plotWidth by plotHeight units that the page
// stretches; lines keep their width when stretched. Points that fall into one
// of so many columns are drawn as their lowest and highest.
const (
	plotWidth  = 1000
	plotHeight = 100
	columns    = 400
)

// A Scale maps time and value to the plane.
type Scale struct {
	From, To time.Time
	Lo, Hi   float64
	Log      bool
}

func (s Scale) x(ms int64) float64 {
	w := s.To.Sub(s.From).Milliseconds()
	if w <= 0 {
		return 0
	}
	return float64(ms-s.From.UnixMilli()) / float64(w)
}

// X is a moment's place, 0 at From and 1 at To.
func (s Scale) X(t time.Time) float64 { return s.x(t.UnixMilli()) }

// y is a value's place, 0 on top and 1 at the bottom.
func (s Scale) y(v float64) float64 {
	lo, hi := s.Lo, s.Hi
	if s.Log {
		lo, hi, v = math.Log10(1+lo), math.Log10(1+hi), math.Log10(1+math.Max(v, 0))
	}
	if hi <= lo {
		return 1
	}
	return 1 - (v-lo)/(hi-lo)
}

func (s Scale) atOrNone(t time.Time) string {
	if t.IsZero() || t.Before(s.From) || t.After(s.To) {
		return ""
	}
	return percent(s.X(t))
}

// Stretch is the position and width of a stretch of time, clipped.
func (s Scale) Stretch(from, to time.Time) (x, w string) {
	a := min(max(s.X(from), 0), 1)
	b := min(max(s.X(to), 0), 1)
	return percent(a), percent(max(b-a, 0))
}

// drawn are the indices of the points that are drawn, and whether the line is
// broken before each.
func (s Scale) drawn(c Curve) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		broken := true
		for i := 0; i < len(c.At); {
			if !finite(c.Value[i]) {
				broken = true
				i++
				continue
			}
			col := math.Floor(s.x(c.At[i]) * columns)
			lo, hi := i, i
			for ; i < len(c.At) && finite(c.Value[i]) && math.Floor(s.x(c.At[i])*columns) == col; i++ {
				if c.Value[i] < c.Value[lo] {
					lo = i
				}
				if c.Value[i] > c.Value[hi] {
					hi = i
				}
			}
			if !yield(min(lo, hi), broken) || lo != hi && !yield(max(lo, hi), false) {
				return
			}
			broken = false
		}
	}
}

// Path is the SVG path of a curve. Of points on one level the first and the last are drawn.
func (s Scale) Path(c Curve) string {
	var b strings.Builder
	level, held := "", "" // of the point before, and that point where the next may make it needless
	for i, broken := range s.drawn(c) {
		y := fmt.Sprintf("%.1f", s.y(c.Value[i])*plotHeight)
		point := fmt.Sprintf("%.1f %s", s.x(c.At[i])*plotWidth, y)
		if !broken && y == level {
			held = "L" + point
			continue
		}
		b.WriteString(held)
		pen := "L"
		if broken {
			pen = "M"
		}
		b.WriteString(pen + point)
		level, held = y, ""
	}
	b.WriteString(held)
	return b.String()
}

// ticks are the values that the axis names, those left out whose label would be
// cut off on top.
func (s Scale) ticks(base float64) []float64 {
	var out []float64
	all := niceTicks(s.Lo, s.Hi, 3, base)
	if s.Log {
		all = decades(s.Hi)
	}
	for _, v := range all {
		if s.y(v) >= 0.05 {
			out = append(out, v)
		}
	}
	return out
}

// decades are 0 and at most four powers of ten up to hi.
func decades(hi float64) []float64 {
	out := []float64{0}
	most := int(math.Log10(math.Max(hi, 1)))
	step := most/4 + 1
	for p := 0; p <= most; p += step {
		out = append(out, math.Pow10(p))
	}
	return out
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

// TimeTicks are at most n round times within the window.
func TimeTicks(from, to time.Time, n int) []Tick {
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
		layout = LayoutClock
	case step >= 24*time.Hour:
		layout = "01-02"
	}
	s := Scale{From: from, To: to}
	var out []Tick
	for t := from.UTC().Truncate(step).Add(step); t.Before(to) && len(out) <= 2*n; t = t.Add(step) {
		x := s.x(t.UnixMilli())
		if x < 0.04 || x > 0.96 {
			continue
		}
		out = append(out, Tick{Pos: percent(x), Label: t.UTC().Format(layout), Anchor: "middle", At: t, Layout: layout})
	}
	return out
}
