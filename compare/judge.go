package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

const (
	// alpha is how probable it may be that anything is claimed where nothing
	// changed, over all questions together.
	alpha = 0.001
	// leastEffect is the least relative change that is worth a person's time.
	leastEffect = 0.1
	// mostBlocks and leastBlocks are into how many blocks a side is cut. Seven
	// against seven is the least that permutations of them can tell from chance.
	mostBlocks, leastBlocks = 30, 7
	// perBlock is how many answers a block should hold, so that one odd answer is
	// not a block; of few answers it holds what there is.
	perBlock = 3
	// unsettledRatio is from how many times as much on a difference is told that
	// cannot be claimed; of rare events it must be less probable than unsettledP if
	// each came by itself: that they came in a burst is why it cannot be.
	unsettledRatio, unsettledP = 3, 0.01
	// permutations are made of those that pass the first test, and must differ as
	// much no more often than byChance.
	permutations = 4000
	byChance     = 0.002
	// resamples are made for an interval.
	resamples = 400
)

// A tested question is a measure of both sides with what the test says.
type tested struct {
	key
	before, after    spread
	x, y             []float64 // blocks
	ratio, low, high float64   // after over before, with its 95 % interval
	load             float64   // that was taken off
	p                float64
	each             float64  // of rare events, as if each came by itself
	nodes            []string // that show it, where it is of several
}

// A spread is where the blocks of a side lie.
type spread struct {
	Total  float64 `json:"whole"`  // over the whole side
	Usual  float64 `json:"value"`  // the mean of the blocks, those far out drawn in
	Median float64 `json:"median"` // of the blocks
	Low    float64 `json:"low"`    // their first quartile
	High   float64 `json:"high"`   // their third
}

func spreadOf(t track, blocks []float64) spread {
	num, den := t.total()
	s := spread{Total: num / den, Usual: num / den}
	if len(blocks) > 0 {
		s.Usual = series.Mean(tamed(blocks))
		s.Median, s.Low, s.High = series.Median(blocks), series.Quantile(blocks, 0.25), series.Quantile(blocks, 0.75)
	}
	return s
}

// ask tests a measure that both sides have. load is by how much more messages
// there were later; ok is false where there is too little to test.
func ask(k key, a, b track, x, y *sheet, load float64) (t tested, ok bool) {
	_, da := a.total()
	_, db := b.total()
	if da <= 0 || db <= 0 {
		return t, false
	}
	trait := k.metric.trait()
	t = tested{key: k, load: 1}
	if trait.load {
		t.load = load
	}
	if trait.rare {
		return t.askRare(counted(a, x), counted(b, y))
	}
	few := min(len(a), len(b))
	n := min(mostBlocks, max(few/perBlock, min(few, leastBlocks)))
	if k.metric == HeapKept {
		n = min(mostBlocks, few) // a sample is a collection
	}
	if n < leastBlocks {
		return t, false
	}
	t.x, t.y = a.blocks(x.From, x.To, n), b.blocks(y.From, y.To, n)
	if len(t.x) < leastBlocks || len(t.y) < leastBlocks {
		return t, false
	}
	t.before, t.after = spreadOf(a, t.x), spreadOf(b, t.y)
	t.y = scaled(t.y, 1/t.load)
	p, q := tamed(t.x), tamed(t.y)
	t.p = series.Welch(p, q)
	t.ratio, t.low, t.high = effect(p, q)
	return t, true
}

// askRare tests counts of events that are rare: exactly, as far as they vary like
// independent ones.
func (t tested) askRare(a, b track) (tested, bool) {
	na, da := a.total()
	nb, db := b.total()
	t.before, t.after = spreadOf(a, nil), spreadOf(b, nil)
	if na+nb == 0 {
		return t, false
	}
	before, after := series.Count{Events: na, Seconds: da * t.load}, series.Count{Events: nb, Seconds: db}
	spreads := 1.0
	for _, side := range []track{a, b} {
		if d := series.Dispersion(nums(side)); d > spreads { // it is NaN where there are none
			spreads = d
		}
	}
	twoSided := func(spreads float64) float64 {
		return min(1, 2*min(series.TestCounts(before, after, spreads), series.TestCounts(after, before, spreads)))
	}
	t.p, t.each = twoSided(spreads), twoSided(1)
	t.ratio = (nb + 0.5) / db / ((na + 0.5) / da) / t.load
	wide := 1.96 * math.Sqrt(spreads*(1/(na+0.5)+1/(nb+0.5)))
	t.low, t.high = t.ratio*math.Exp(-wide), t.ratio*math.Exp(wide)
	return t, true
}

// counted is a measure in ten equal parts of its side: what comes in clusters
// varies from one to the next.
func counted(t track, s *sheet) track {
	width := s.To.Sub(s.From) / stretches
	out := make(track, stretches)
	for i := range out {
		out[i].at = s.From.Add(time.Duration(i+1) * width)
	}
	for _, b := range t {
		i := min(max(int(b.at.Add(-1).Sub(s.From)/max(width, 1)), 0), stretches-1)
		out[i].num, out[i].den = out[i].num+b.num, out[i].den+b.den
	}
	return out
}

func nums(t track) []float64 {
	out := make([]float64, len(t))
	for i, b := range t {
		out[i] = b.num
	}
	return out
}

func scaled(v []float64, by float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x * by
	}
	return out
}

// tamed draws what lies far out to one and a half times the quartiles' distance
// from them (Tukey), so that one odd block decides nothing.
func tamed(v []float64) []float64 {
	low, high := series.Quantile(v, 0.25), series.Quantile(v, 0.75)
	far := 1.5 * (high - low)
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = min(max(x, low-far), high+far)
	}
	return out
}

// effect is the ratio of the means of two sides and its 95 % interval, by drawing
// blocks anew (the bootstrap).
func effect(x, y []float64) (ratio, low, high float64) {
	ratio = quotient(series.Mean(x), series.Mean(y))
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([]float64, resamples)
	for i := range all {
		all[i] = quotient(drawn(rng, x), drawn(rng, y))
	}
	return ratio, series.Quantile(all, 0.025), series.Quantile(all, 0.975)
}

func drawn(rng *rand.Rand, v []float64) float64 {
	sum := 0.0
	for range v {
		sum += v[rng.IntN(len(v))]
	}
	return sum / float64(len(v))
}

// quotient is after over before; of what was nothing before, a large one.
func quotient(before, after float64) float64 {
	switch {
	case before > 0:
		return after / before
	case after > 0:
		return 1000
	}
	return 1
}

// permuted is how often the blocks, mixed by chance, differ as much as they do.
func permuted(x, y []float64) float64 {
	all := slices.Concat(tamed(x), tamed(y))
	differ := func() float64 { return math.Abs(series.Mean(all[:len(x)]) - series.Mean(all[len(x):])) }
	seen, as := differ(), 0
	rng := rand.New(rand.NewPCG(3, 4))
	for range permutations {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if differ() >= seen {
			as++
		}
	}
	return float64(as+1) / (permutations + 1)
}

// stands leaves the questions whose answer stands after correction for their
// number (Holm, 1979), is large enough to matter, and outlasts a permutation of
// its blocks.
func stands(all []tested) []tested {
	slices.SortStableFunc(all, func(a, b tested) int { return compareFloats(a.p, b.p) })
	var out []tested
	for i, t := range all {
		if t.p > alpha/float64(len(all)-i) {
			break
		}
		if t.matters() && (t.x == nil || permuted(t.x, t.y) <= byChance) {
			out = append(out, t)
		}
	}
	return out
}

// matters reports whether a change is large enough to tell.
func (t tested) matters() bool {
	return t.least() && t.size() >= leastEffect && (t.low > 1 || t.high < 1) && t.whole() > 1 == (t.ratio > 1)
}

// least reports whether the difference is one that anybody would act on.
func (t tested) least() bool {
	return math.Abs(t.after.Usual-t.before.Usual) >= t.metric.trait().least
}

// whole is after over before of the whole sides. Where it goes the other way than
// the blocks do, a part of the processes or of the time did something of its own,
// and one figure cannot tell it.
func (t tested) whole() float64 { return quotient(t.before.Total, t.after.Total) / t.load }

// open reports whether a difference is large and cannot be claimed.
func (t tested) open() bool {
	w := t.whole()
	return max(w, 1/max(w, 1e-9)) >= unsettledRatio && (t.x != nil || t.each <= unsettledP) &&
		math.Abs(t.after.Total-t.before.Total) >= t.metric.trait().least
}

// size is how large a change is: by how much more, or as much less.
func (t tested) size() float64 {
	if t.ratio <= 0 {
		return 1000
	}
	return max(t.ratio, 1/t.ratio) - 1
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
