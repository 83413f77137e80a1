package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A word is what an expression may ask of the past of a number.
type word string

// The words.
const (
	rate     word = "rate"     // by how much it grows a second
	delta    word = "delta"    // by how much it changed within the window
	mean     word = "mean"     // within the window
	lowest   word = "min"      // likewise
	highest  word = "max"      // likewise
	baseline word = "baseline" // its median within the window, without the answers of which the rule held
)

var words = []word{rate, delta, mean, lowest, highest, baseline}

// usualBaseline is the window of a baseline of which none is given: as much as
// says what is usual, and little enough that the load of another time of day is
// not.
const usualBaseline = 30 * time.Minute

// leastBaseline is how many answers say what is usual.
const leastBaseline = 10

// A measure is a word about a field, or about the rate of it.
type measure struct {
	word   word
	field  int           // whose
	of     int           // the measure that it is of, -1 for the field itself
	window time.Duration // 0: from the answer before to this one
}

// shown is the measure as a user writes it.
func (m measure) shown(field string) string {
	if m.of >= 0 {
		field = "rate(" + field + ")"
	}
	if m.window == 0 {
		return fmt.Sprintf("%s(%s)", m.word, field)
	}
	return fmt.Sprintf("%s(%s, %q)", m.word, field, short(m.window))
}

// short is a time without the parts that are nothing: 10m, not 10m0s.
func short(d time.Duration) string {
	text := d.String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// A past is what is remembered of one number for one measure.
type past struct {
	at      time.Time // of the last value, for a rate
	last    float64
	buckets []bucket
}

// parts is into how many buckets a window is cut: what is remembered of a row is
// bounded, however often it was asked.
const parts = 32

// A bucket is what was seen within a part of a window.
type bucket struct {
	from, to         time.Time // of its first and last value
	n                int
	sum, low, high   float64
	earliest, newest float64
}

// value is the measure of x at a time; NaN where it cannot be told.
func (p *past) value(m measure, counter bool, at time.Time, x float64) float64 {
	switch {
	case m.word == baseline:
		return p.usual()
	case m.word == rate && m.window == 0:
		return p.rate(counter, at, x)
	case math.IsNaN(x):
		return x
	}
	p.add(m.window, at, x)
	return p.within(m, at)
}

// rate is by how much a number grew a second since the answer before. A counter
// that fell began anew: how much it counted cannot be told.
func (p *past) rate(counter bool, at time.Time, x float64) float64 {
	before, last := p.at, p.last
	if math.IsNaN(x) {
		return x
	}
	p.at, p.last = at, x
	if dt := at.Sub(before).Seconds(); !before.IsZero() && dt > 0 && (x >= last || !counter) {
		return (x - last) / dt
	}
	return math.NaN()
}

// add takes a value into the window.
func (p *past) add(window time.Duration, at time.Time, x float64) {
	if n := len(p.buckets); n > 0 && at.Sub(p.buckets[n-1].from) < window/parts {
		p.buckets[n-1].add(at, x)
	} else {
		p.buckets = append(p.buckets, bucket{from: at, to: at, n: 1, sum: x, low: x, high: x, earliest: x, newest: x})
	}
	begin := at.Add(-window)
	old := 0
	for old+1 < len(p.buckets) && !p.buckets[old+1].from.After(begin) {
		old++
	}
	p.buckets = slices.Delete(p.buckets, 0, old)
}

func (b *bucket) add(at time.Time, x float64) {
	b.to, b.newest = at, x
	b.n++
	b.sum += x
	b.low, b.high = min(b.low, x), max(b.high, x)
}

// within is the measure over the window; NaN while less than that was seen.
func (p *past) within(m measure, at time.Time) float64 {
	first, last := p.buckets[0], p.buckets[len(p.buckets)-1]
	if at.Sub(first.from) < m.window {
		return math.NaN()
	}
	all := first
	for _, b := range p.buckets[1:] {
		all.n += b.n
		all.sum += b.sum
		all.low, all.high = min(all.low, b.low), max(all.high, b.high)
	}
	switch m.word {
	case delta:
		return last.newest - first.earliest
	case lowest:
		return all.low
	case highest:
		return all.high
	}
	return all.sum / float64(all.n)
}

// usual is the median of what was seen; NaN while that is too little.
func (p *past) usual() float64 {
	n := 0
	var means []float64
	for _, b := range p.buckets {
		n += b.n
		means = append(means, b.sum/float64(b.n))
	}
	if n < leastBaseline {
		return math.NaN()
	}
	slices.Sort(means)
	k := len(means) / 2
	if len(means)%2 == 1 {
		return means[k]
	}
	return (means[k-1] + means[k]) / 2
}
