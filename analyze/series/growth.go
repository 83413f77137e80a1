package series

import (
	"math"
	"time"
)

// A Growth is a number that grows and does not come back.
type Growth struct {
	All           Series
	Onset         time.Time
	Off           time.Duration
	Slope         Slope   // since the onset
	Before, After float64 // the most before the onset, the median of the last tenth

	Was, Since, Late Series // the samples before, since, and of the last tenth
}

// Gained is how much it grew.
func (g Growth) Gained() float64 { return g.After - g.Before }

// growthSamples is how many samples since its onset a growth needs: fewer give
// no slope that chance does not.
const growthSamples = 8

// FindGrowth tells a lasting growth of a gauge whose samples are one a reading:
// it bends upwards (or grew from the first sample on), its slope since is not
// chance (Theil-Sen's interval above 0 and Mann-Kendall at 0.1 %), and its last
// values are far above all that was seen before: by half, by ten, and by twice
// the scatter around the slope.
func FindGrowth(all Series) (Growth, bool) {
	knee, err := FindKnee(all)
	if err != nil {
		return Growth{}, false
	}
	g := Growth{All: all, Onset: knee.At, Off: knee.Error}
	before, since := all.Before(knee.At), all.From(knee.At)
	if knee.P >= 0.001 || knee.After <= knee.Before {
		// It grows from the first sample on, or not at all.
		g.Onset, g.Off = all.T[0], all.Interval()
		before, since = all.Before(all.T[1]), all
	}
	if since.Len() < growthSamples || before.Len() == 0 {
		return g, false
	}
	slope, err := TheilSen(since)
	if err != nil || !slope.Grows() {
		return g, false
	}
	trend, err := MannKendall(since)
	if err != nil || !trend.Rises(0.001) {
		return g, false
	}
	g.Slope = slope
	late := since.Len() - max(1, since.Len()/10)
	g.Was, g.Since, g.Late = before, since, since.slice(late, since.Len())
	g.Before, g.After = Quantile(before.V, 1), Median(g.Late.V)
	scatter := 0.0
	for i, t := range since.T {
		scatter = math.Max(scatter, math.Abs(since.V[i]-slope.Value(t)))
	}
	grown := g.Gained()
	return g, grown >= 0.5*g.Before && grown >= 10 && grown > 2*scatter
}

// StillGrows reports whether the last third of the growth gained its part: a
// warm-up that has come to its end did not.
func (g Growth) StillGrows() bool {
	since := g.All.From(g.Onset)
	if since.Len() < 3 {
		return false
	}
	last := since.V[2*since.Len()/3:]
	return g.After-last[0] >= 0.15*g.Gained()
}
