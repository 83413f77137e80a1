package series

import (
	"math"
	"slices"
	"time"
)

// A Growth is a number that grows and does not come back. Two judgements grow and
// ask another question, with bars of their own. What collections leave of a heap
// (playbook/memory) is known at collections only, which become rare as the heap
// grows, so that six values must suffice, and it comes back in teeth, so that
// their troughs count; where it has samples enough, it asks [Bar.Growth]. CPU that
// creeps (playbook/cpu) has a daily course and noise above its slope, and is no
// fault while the work grows with it: it is held against the work, hour by hour.
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

// A Bar is what a growth must have gained at least: a share of the most that was
// seen before, and a number.
type Bar struct{ Share, Least float64 }

// FindGrowth tells a lasting growth of a gauge whose samples are one a reading:
// it gained half of what there was, and ten.
func FindGrowth(all Series) (Growth, bool) { return Bar{Share: 0.5, Least: 10}.Growth(all) }

// Growth tells a lasting growth: the series bends upwards (or grew from the
// first sample on), its slope since is not chance (Theil-Sen's interval above 0
// and Mann-Kendall at 0.1 %, or, for what counts up by chance, the mean of its
// steps at 0.1 %), and its last values are above all that was seen
// before: by the bar, and by twice the scatter around the slope.
func (b Bar) Growth(all Series) (Growth, bool) {
	if !b.within(all) {
		return Growth{}, false
	}
	return b.growth(all)
}

func (b Bar) growth(all Series) (Growth, bool) {
	knee, err := FindKnee(all)
	if err != nil {
		return Growth{}, false
	}
	g := Growth{All: all, Onset: knee.At, Off: knee.Error}
	before, since := all.Before(knee.At), all.From(knee.At)
	if knee.P >= 0.001 || knee.After <= 2*max(knee.Before, 0) {
		// It grows from the first sample on, or not at all: what only became a
		// little faster began before.
		g.Onset, g.Off = all.T[0], all.Interval()
		before, since = all.Before(all.T[1]), all
	}
	if since.Len() < growthSamples || before.Len() == 0 {
		return g, false
	}
	slope, err := TheilSen(since)
	if err != nil || slope.PerSecond <= 0 {
		return g, false
	}
	const chance = 0.001
	trend, err := MannKendall(since)
	if err != nil || !(slope.Grows() && trend.Rises(chance)) && !drifts(since, chance) {
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
	return g, grown >= b.Share*g.Before && grown >= b.Least && grown > 2*scatter
}

// within reports whether a series can have gained what a growth must: that counts from the
// first sample at least, and to the last tenth. It is asked first, for where a growth began is
// found by hundreds of fits.
func (b Bar) within(all Series) bool {
	n := all.Len()
	if n == 0 {
		return false
	}
	gained := slices.Max(all.V[n-max(1, n/10):]) - all.V[0]
	return gained >= b.Least && gained >= b.Share*all.V[0]
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

// Rise is a count up to where it came close to the most that it reached: to the level at
// which it stays from there on, where it does. Those that come and go let the most lie
// anywhere on that.
//
// How many there are of what comes and goes scatters by the square root of that: by a tenth where there are
// a hundred, so that a count that stands may come no nearer to its most than nearTop, and by a fiftieth
// where there are thousands, which is the most itself to whoever asks when it was reached.
func Rise(count Series) Series {
	const nearTop, theTop = 0.9, 0.98
	most := Quantile(count.V, 1)
	reaches := func(level float64) int {
		return slices.IndexFunc(count.V, func(v float64) bool { return v >= level })
	}
	top := theTop * most
	if near := reaches(nearTop * most); near >= 0 {
		if level := Median(count.V[near:]); level > nearTop*most {
			top = min(top, level)
		}
	}
	i := reaches(top)
	if i < 0 || i == count.Len()-1 {
		return count
	}
	return count.Before(count.T[i+1])
}

// FindPlateau tells a growth that went on steadily, and then stopped at a level from which
// nothing came back: it gained as much as there was, and a number. What comes all at
// once, or ever slower until it is full, is none.
func FindPlateau(all Series, least float64) (Growth, bool) {
	to := Rise(all)
	if to.Len() == all.Len() {
		return Growth{}, false
	}
	g, ok := Bar{Share: 1, Least: least}.Growth(to)
	return g, ok && g.StillGrows() && Quantile(all.From(to.T[to.Len()-1]).V, 0) >= g.After
}

// drifts tests whether the rates of a series are above 0 in the mean: not its
// steps, which are smaller while it is read more often. It is the
// test for a count to which chance adds: its distance from a straight line
// wanders, which leaves Mann-Kendall no independent samples, while its rates are
// independent. What returns to a level has rates that cancel each other.
func drifts(s Series, p float64) bool {
	rates := make([]float64, 0, s.Len())
	for i := 1; i < s.Len(); i++ {
		if dt := s.T[i].Sub(s.T[i-1]).Seconds(); dt > 0 {
			rates = append(rates, (s.V[i]-s.V[i-1])/dt)
		}
	}
	mean, variance := meanVar(rates)
	n := max(2, independent(rates)*float64(len(rates)))
	switch {
	case mean <= 0:
		return false
	case variance == 0:
		return true
	}
	return studentTails(mean/math.Sqrt(variance/n), n-1) < p
}
