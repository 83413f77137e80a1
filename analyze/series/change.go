package series

import (
	"math"
	"slices"
	"time"
)

const (
	// minSide is the fewest samples on each side of a change: below it the
	// variance of a side is anyone's guess.
	minSide = 4
	// maxSplit bounds the samples over which all distances are taken. Longer
	// stretches are searched over medians first, then finely around the place.
	maxSplit = 400
)

// A Change is an instant at which a series took another level.
type Change struct {
	At     time.Time     // midway between the last sample before and the first after
	Error  time.Duration // half of the time between those two
	Before float64       // median of the stretch before, back to the previous change
	After  float64       // median of the stretch after, up to the next change
	P      float64       // probability of such a difference without a change
}

// Changes are the instants at which the level changed, in order, each with a
// probability of error below p. The place is that of the largest energy
// distance between the two sides (E-divisive: Matteson and James, "A
// Nonparametric Approach for Multiple Change Point Analysis of Multivariate
// Data", 2014); whether it stands is decided by a t-test instead of
// permutations, first top-down, then again between the neighbours that were
// left, those that explain least first (Fleming et al., "Hunter: Using Change Point Detection
// to Hunt for Performance Regressions", 2023). The test is Welch's; the second
// one must stand by Student's too, reduces the number of samples by their
// autocorrelation and allows for the search.
//
// A growth is no change of level: see [FindKnee], or give the [Rates]. It needs
// 8 samples.
func Changes(s Series, p float64) ([]Change, error) {
	if err := enough("change points", s.Len(), 2*minSide); err != nil {
		return nil, err
	}
	cuts := divide(s.V, 0, s.Len(), p, nil)
	cuts = prune(s.V, cuts, p)
	changes := make([]Change, 0, len(cuts))
	for i, k := range cuts {
		a, b := neighbours(cuts, i, s.Len())
		gap := s.T[k].Sub(s.T[k-1])
		changes = append(changes, Change{
			At:     s.T[k-1].Add(gap / 2),
			Error:  gap / 2,
			Before: Median(s.V[a:k]),
			After:  Median(s.V[k:b]),
			P:      differSurely(s.V[a:k], s.V[k:b]),
		})
	}
	return changes, nil
}

// divide finds the cuts in v[a:b], in order, and appends them to cuts.
func divide(v []float64, a, b int, p float64, cuts []int) []int {
	if b-a < 2*minSide {
		return cuts
	}
	k := a + split(v[a:b])
	if differ(v[a:k], v[k:b]) >= p {
		return episode(v, a, b, p, cuts)
	}
	cuts = divide(v, a, k, p, cuts)
	cuts = append(cuts, k)
	return divide(v, k, b, p, cuts)
}

// episode appends to cuts where a stretch of v[a:b] begins and ends that is at another level
// than both sides of it: no single place divides what goes up and comes down again, if it
// lasts for few samples. What is too long for distances is too long for this too.
func episode(v []float64, a, b int, p float64, cuts []int) []int {
	if b-a < 3*minSide || b-a > maxSplit {
		return cuts
	}
	sums := make([]float64, b-a+1)
	for i, x := range v[a:b] {
		sums[i+1] = sums[i] + x
	}
	n := float64(b - a)
	best, from, to := 0.0, 0, 0
	for i := minSide; i+2*minSide <= b-a; i++ {
		for k := i + minSide; k+minSide <= b-a; k++ {
			m, in := float64(k-i), sums[k]-sums[i]
			apart := in/m - (sums[b-a]-in)/(n-m)
			if q := apart * apart * m * (n - m); q > best {
				best, from, to = q, a+i, a+k
			}
		}
	}
	if to == 0 {
		return cuts
	}
	inside, outside, tried := v[from:to], slices.Concat(v[a:from], v[to:b]), n*n/2
	if differ(inside, outside) >= p || student(inside, outside, 1)*tried >= p {
		return cuts
	}
	return append(cuts, from, to)
}

// prune takes out cuts until each stands between its neighbours: of those that do not, the one
// across which the levels differ least, by as much as they explain. What hardly differs must not take along
// the end of an episode, of which it left but a few samples. One that stands nearby is moved there:
// it was found in a stretch that another divides too, which drew it a few samples away.
func prune(v []float64, cuts []int, p float64) []int {
	for moves := len(cuts); ; {
		least, at, moved := math.Inf(1), -1, false
		for i, k := range cuts {
			a, b := neighbours(cuts, i, len(v))
			if differSurely(v[a:k], v[k:b]) < p {
				continue
			}
			if near := place(v, a, k, b); moves > 0 && near != k && differSurely(v[a:near], v[near:b]) < p {
				cuts[i], moved = near, true
				moves--
				break
			}
			apart, n, m := Mean(v[a:k])-Mean(v[k:b]), float64(k-a), float64(b-k)
			if explains := apart * apart * n * m / (n + m); explains < least {
				least, at = explains, i
			}
		}
		switch {
		case moved:
		case at < 0:
			return cuts
		default:
			cuts = slices.Delete(cuts, at, at+1)
		}
	}
}

// place is where v[a:b] is parted best, k where it is too short to ask.
func place(v []float64, a, k, b int) int {
	if b-a < 2*minSide {
		return k
	}
	return a + split(v[a:b])
}

// neighbours are the ends of the stretches on both sides of cut i.
func neighbours(cuts []int, i, n int) (a, b int) {
	b = n
	if i > 0 {
		a = cuts[i-1]
	}
	if i+1 < len(cuts) {
		b = cuts[i+1]
	}
	return a, b
}

// split is the index at which the energy distance between v[:k] and v[k:] is
// largest. v has at least 2*minSide values.
func split(v []float64) int {
	if len(v) <= maxSplit {
		return energySplit(v)
	}
	const blocks = maxSplit / 2
	edge := func(i int) int { return min(max(i, 0), blocks) * len(v) / blocks }
	coarse := make([]float64, blocks)
	for i := range coarse {
		coarse[i] = Median(v[edge(i):edge(i+1)])
	}
	k := energySplit(coarse)
	a, b := edge(k-minSide), edge(k+minSide)
	return a + split(v[a:b])
}

// energySplit is split over all distances between values.
func energySplit(v []float64) int {
	var total, left float64
	right := make([]float64, len(v)+1) // sum of distances within v[k:]
	for k := len(v) - 1; k >= 0; k-- {
		right[k] = right[k+1] + distances(v[k], v[k+1:])
	}
	total = right[0]
	best, at := math.Inf(-1), minSide
	for k := 1; k <= len(v)-minSide; k++ {
		left += distances(v[k-1], v[:k-1])
		if k < minSide {
			continue
		}
		n, m := float64(k), float64(len(v)-k)
		across := total - left - right[k]
		q := n * m / (n + m) * (2*across/(n*m) - left/(n*(n-1)/2) - right[k]/(m*(m-1)/2))
		if q > best {
			best, at = q, k
		}
	}
	return at
}

func distances(x float64, v []float64) float64 {
	sum := 0.0
	for _, y := range v {
		sum += math.Abs(x - y)
	}
	return sum
}

// differ is the probability of a difference of means as large as that between
// a and b without a change, on samples that are independent: Welch's t-test
// ("The Generalization of 'Student's' Problem", 1947).
func differ(a, b []float64) float64 { return welch(a, b, 1) }

// differSurely is differ with as many independent samples as the
// autocorrelation around the two means leaves, and allowing for the fact that
// the best of all places was taken (Bonferroni).
func differSurely(a, b []float64) float64 {
	ma, mb := Mean(a), Mean(b)
	rest := make([]float64, 0, len(a)+len(b))
	for _, x := range a {
		rest = append(rest, x-ma)
	}
	for _, x := range b {
		rest = append(rest, x-mb)
	}
	share := independent(rest)
	return min(1, max(welch(a, b, share), student(a, b, share))*max(1, share*float64(len(rest))))
}

// student is the test of one scatter that both sides have: a few samples that are alike by
// chance have none of their own, and would be beyond doubt among those that are not.
func student(a, b []float64, share float64) float64 {
	ma, va := meanVar(a)
	mb, vb := meanVar(b)
	if ma == mb {
		return 1
	}
	na, nb := max(2, share*float64(len(a))), max(2, share*float64(len(b)))
	df := na + nb - 2
	pooled := ((na-1)*va + (nb-1)*vb) / df * (1/na + 1/nb)
	if pooled == 0 {
		return 0
	}
	return studentTails((ma-mb)/math.Sqrt(pooled), df)
}

// welch takes the given share of the samples as independent.
func welch(a, b []float64, share float64) float64 {
	ma, va := meanVar(a)
	mb, vb := meanVar(b)
	if ma == mb {
		return 1
	}
	na, nb := max(2, share*float64(len(a))), max(2, share*float64(len(b)))
	ea, eb := va/na, vb/nb
	if ea+eb == 0 {
		return 0
	}
	df := (ea + eb) * (ea + eb) / (ea*ea/(na-1) + eb*eb/(nb-1))
	return studentTails((ma-mb)/math.Sqrt(ea+eb), df)
}
