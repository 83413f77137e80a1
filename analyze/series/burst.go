package series

import (
	"math"
	"slices"
	"time"
)

// A Step is how many events were counted in a stretch.
type Step struct {
	From, To time.Time
	First    time.Time // when the first of them was, if that is known
	Events   float64
}

// Steps are what a cumulative counter gained between samples. Steps across a
// restart are left out.
func Steps(counter Series, breaks ...time.Time) []Step {
	var all []Step
	for i := 1; i < counter.Len(); i++ {
		pair := Series{T: counter.T[i-1 : i+1], V: counter.V[i-1 : i+1]}
		if gained, seen := Increase(pair, breaks...); seen > 0 {
			all = append(all, Step{From: counter.T[i-1], To: counter.T[i], Events: gained})
		}
	}
	return all
}

// A Burst is events that became far more frequent from an instant on.
type Burst struct {
	Onset         time.Time
	Off           time.Duration
	End           time.Time // of the last step with events
	Before, After Count
	P             float64

	From, Since time.Time // where the stretch before began, and where the burst's first step did
}

const (
	// burstP is the probability of error at which events count as more
	// frequent, after allowing for every place that was tried; minBurst the
	// fewest events worth a warning, and burstRatio by how much their rate must
	// rise: all three, so that neither a rare event nor a busy log is a burst.
	burstP     = 1e-4
	minBurst   = 5
	burstRatio = 3
	// baseline is how long, at least, a stretch must be to compare with.
	baseline = 10 * time.Second
)

// FindBurst is the most telling stretch in which events are more frequent than
// before it: a scan over all places for the greatest likelihood ratio (Kulldorff,
// "A Spatial Scan Statistic", 1997), first of where it began, then of where it
// ended, and an exact test of what was found. Without a baseline there is none.
func FindBurst(all []Step) (b Burst, ok bool) {
	last := lastEvent(all)
	total := countOf(all[:last+1])
	var before Count
	best, at, places := 0.0, -1, 0
	for i, s := range all[:last+1] {
		if s.Events > 0 && before.Seconds >= baseline.Seconds() {
			places++
			after := Count{Events: total.Events - before.Events, Seconds: total.Seconds - before.Seconds}
			if l := likelihood(before, after); l > best {
				best, at, b.Before = l, i, before
			}
		}
		before.Events += s.Events
		before.Seconds += s.To.Sub(s.From).Seconds()
	}
	if at < 0 {
		return b, false
	}
	b.Onset, b.Off = Middle(all[at].From, all[at].To)
	if !all[at].First.IsZero() {
		b.Onset, b.Off = all[at].First, 0
	}
	b.From, b.Since = all[0].From, all[at].From
	end := at + spanOf(b.Before, all[at:last+1])
	b.After, b.End = countOf(all[at:end]), all[end-1].To
	// What came later, once it was over, belongs to what is usual: one batch
	// of several is no burst.
	usual := slices.Concat(all[:at], all[end:])
	rest := countOf(usual)
	b.P = TestCounts(rest, b.After, Dispersion(eventsOf(usual))) * float64(places)
	return b, b.P < burstP && b.After.Events >= minBurst && b.After.Rate() > burstRatio*rest.Rate()
}

// spanOf is how many steps, from the first on, differ most from before.
func spanOf(before Count, all []Step) (n int) {
	var after Count
	best := 0.0
	for i, s := range all {
		after.Events += s.Events
		after.Seconds += s.To.Sub(s.From).Seconds()
		if l := likelihood(before, after); s.Events > 0 && l >= best {
			best, n = l, i+1
		}
	}
	return n
}

func eventsOf(all []Step) []float64 {
	v := make([]float64, len(all))
	for i, s := range all {
		v[i] = s.Events
	}
	return v
}

// likelihood is the logarithm of how much likelier the counts are with two
// rates than with one, 0 where the later rate is not the higher.
func likelihood(before, after Count) float64 {
	if after.Rate() <= before.Rate() {
		return 0
	}
	sum := before.Events + after.Events
	expected := sum * after.Seconds / (before.Seconds + after.Seconds)
	l := after.Events * math.Log(after.Events/expected)
	if before.Events > 0 {
		l += before.Events * math.Log(before.Events/(sum-expected))
	}
	return l
}

func lastEvent(all []Step) int {
	last := -1
	for i, s := range all {
		if s.Events > 0 {
			last = i
		}
	}
	return last
}

func countOf(all []Step) (c Count) {
	for _, s := range all {
		c.Events += s.Events
		c.Seconds += s.To.Sub(s.From).Seconds()
	}
	return c
}

// Within is the steps of a stretch.
func Within(all []Step, from, to time.Time) []Step {
	var out []Step
	for _, s := range all {
		if !s.From.Before(from) && !s.To.After(to) {
			out = append(out, s)
		}
	}
	return out
}

// PerSecond counts instants in equal steps, of a second or of a thousandth of
// the stretch, so that a day has no more than a thousand. Only the first step
// of a run of events needs to be sharp: the onset is then the instant itself.
func PerSecond(from, to time.Time, at []time.Time) []Step {
	if !to.After(from) || len(at) == 0 {
		return nil
	}
	width := max(time.Second, to.Sub(from)/1000)
	all := make([]Step, int(to.Sub(from)/width)+1)
	for i := range all {
		all[i] = Step{From: from.Add(time.Duration(i) * width), To: from.Add(time.Duration(i+1) * width)}
	}
	for _, t := range at {
		i := int(t.Sub(from) / width)
		if t.Before(from) || i >= len(all) {
			continue
		}
		all[i].Events++
		if all[i].First.IsZero() || t.Before(all[i].First) {
			all[i].First = t
		}
	}
	return all
}
