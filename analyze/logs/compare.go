package logs

import (
	"cmp"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A Change is a template that was written more often than before.
type Change struct {
	Template *Template
	Before   series.Count
	After    series.Count
	P        float64   // probability of as many without a change
	Since    time.Time // the first line of the second stretch
}

// Compare gives the templates that are more frequent in [split, to) than in
// [from, split), at a probability of error below p: worst level first, then
// the least probable. Counts that vary more than independent lines would in
// the first stretch are held to that (see [series.Dispersion]). A stretch
// without length is compared with nothing, and gives nothing.
func Compare(templates []*Template, from, split, to time.Time, p float64) []Change {
	var changes []Change
	for _, t := range templates {
		c := Change{
			Template: t,
			Before:   series.Count{Events: float64(t.Between(from, split)), Seconds: split.Sub(from).Seconds()},
			After:    series.Count{Events: float64(t.Between(split, to)), Seconds: to.Sub(split).Seconds()},
		}
		if c.P = series.TestCounts(c.Before, c.After, t.dispersion(from, split)); c.P >= p {
			continue
		}
		t.PerSecond(func(at time.Time, _ int) bool {
			c.Since = at
			return at.Unix() < split.Unix()
		})
		changes = append(changes, c)
	}
	slices.SortStableFunc(changes, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(Rank(b.Template.Level), Rank(a.Template.Level)),
			cmp.Compare(a.P, b.P),
			cmp.Compare(a.Template.Text(), b.Template.Text()))
	})
	return changes
}

// stretches is into how many equal parts a baseline is cut to see how its
// counts vary.
const stretches = 10

func (t *Template) dispersion(from, to time.Time) float64 {
	var counts []float64
	width := to.Sub(from) / stretches
	for i := range time.Duration(stretches) {
		counts = append(counts, float64(t.Between(from.Add(i*width), from.Add((i+1)*width))))
	}
	return series.Dispersion(counts)
}
