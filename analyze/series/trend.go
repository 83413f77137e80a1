package series

import (
	"math"
	"slices"
	"time"
)

// maxPairs bounds the points over which all pairs are taken: longer series
// are thinned to as many medians, which keeps the estimate and its interval
// (1,000 points would cost 50 times what these do).
const maxPairs = 200

// minTrend is the fewest samples for a slope: with fewer, the normal
// approximation of Kendall's S does not hold (Kendall, "Rank Correlation
// Methods", 1975, gives 10; 8 is within 1 % of the exact tail).
const minTrend = 8

// A Slope is a straight growth, in units of the value per second.
type Slope struct {
	PerSecond float64
	Low, High float64 // 95 % confidence interval of PerSecond
	Origin    time.Time
	Level     float64 // the fitted value at Origin
	Samples   int
}

// Value is the fitted value at t.
func (s Slope) Value(t time.Time) float64 {
	return s.Level + s.PerSecond*t.Sub(s.Origin).Seconds()
}

// Grows reports whether the whole confidence interval is above 0.
func (s Slope) Grows() bool { return s.Low > 0 }

// TheilSen is the median of the slopes between all pairs of samples (Theil,
// "A Rank-Invariant Method of Linear and Polynomial Regression Analysis",
// 1950); up to 29 % of the samples may be wild. Its confidence interval is
// Sen's ("Estimates of the Regression Coefficient Based on Kendall's Tau",
// 1968), widened for autocorrelation as in [MannKendall]. It needs 8 samples
// at two or more instants.
func TheilSen(s Series) (Slope, error) {
	if err := enough("theil-sen slope", s.Len(), minTrend); err != nil {
		return Slope{}, err
	}
	p := s.thin(maxPairs)
	x := p.Seconds()
	var slopes []float64
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			if x[j] > x[i] {
				slopes = append(slopes, (p.V[j]-p.V[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return Slope{}, &TooFewError{Method: "theil-sen slope", Have: 1, Need: minTrend}
	}
	slices.Sort(slopes)
	b := sortedQuantile(slopes, 0.5)
	rest := make([]float64, len(x))
	for i := range x {
		rest[i] = p.V[i] - b*x[i]
	}
	const z = 1.96 // 95 %
	half := z * math.Sqrt(kendallVariance(p.V)*inflation(rest)) / float64(2*len(slopes))
	return Slope{
		PerSecond: b,
		Low:       sortedQuantile(slopes, 0.5-half),
		High:      sortedQuantile(slopes, 0.5+half),
		Origin:    p.T[0],
		Level:     Median(rest),
		Samples:   s.Len(),
	}, nil
}

// A Trend is whether values tend to rise or fall, whatever their shape.
type Trend struct {
	Tau     float64 // Kendall's, -1 (always falls) to 1 (always rises)
	Z       float64 // standard deviations from no trend, after correction
	P       float64 // probability of a |Z| as large without a trend
	Samples int
}

// Rises reports whether the values rise, at the given probability of error.
func (t Trend) Rises(p float64) bool { return t.Z > 0 && t.P < p }

// MannKendall tests for a monotonic trend (Mann, "Nonparametric Tests Against
// Trend", 1945; ties after Kendall, 1975). Neighbouring samples resemble each
// other, which makes the plain test see trends everywhere: its variance is
// widened by the autocorrelation of the ranks of the detrended values (Yue and
// Wang, "The Mann-Kendall Test Modified by Effective Sample Size to Detect
// Trend in Serially Correlated Hydrological Series", 2004); it is never narrowed. Use it as a gate before a slope, not as a
// verdict: a sawtooth passes for minutes. It needs 8 samples.
func MannKendall(s Series) (Trend, error) {
	if err := enough("mann-kendall trend", s.Len(), minTrend); err != nil {
		return Trend{}, err
	}
	slope, err := TheilSen(s)
	if err != nil {
		return Trend{}, err
	}
	p := s.thin(maxPairs)
	rest := make([]float64, p.Len())
	sum := 0.0
	for i := range p.V {
		rest[i] = p.V[i] - slope.Value(p.T[i])
		for j := i + 1; j < p.Len(); j++ {
			sum += sign(p.V[j] - p.V[i])
		}
	}
	n := float64(p.Len())
	t := Trend{Tau: sum / (n * (n - 1) / 2), P: 1, Samples: s.Len()}
	if variance := kendallVariance(p.V) * inflation(rest); variance > 0 && sum != 0 {
		t.Z = (sum - sign(sum)) / math.Sqrt(variance)
		t.P = 2 * normalTail(math.Abs(t.Z))
	}
	return t, nil
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// kendallVariance is the variance of Kendall's S without a trend, with ties.
func kendallVariance(v []float64) float64 {
	term := func(n float64) float64 { return n * (n - 1) * (2*n + 5) }
	sum := term(float64(len(v)))
	sorted := slices.Sorted(slices.Values(v))
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		sum -= term(float64(j - i))
		i = j
	}
	return sum / 18
}

// inflation is by how much autocorrelation widens the variance of Kendall's
// S, at least 1: the number of samples over that of independent ones.
func inflation(rest []float64) float64 { return 1 / independent(ranks(rest)) }

// independent is the share of samples that count as independent when each
// resembles the one before: (1-r)/(1+r) for lag-1 autocorrelation r (Bayley
// and Hammersley, "The Effective Number of Independent Observations in an
// Autocorrelated Time Series", 1946). Few samples show too small an r, which is
// corrected for (Marriott and Pope, "Bias in the Estimation of
// Autocorrelations", 1954). Opposing neighbours do not raise the share above 1.
func independent(rest []float64) float64 {
	n := float64(len(rest))
	r := autocorrelation(rest, 1)
	r = min(max(r+(1+4*r)/n, 0), 0.99)
	return (1 - r) / (1 + r)
}

// ranks are the places of the values in their order, equal ones sharing the
// mean of theirs.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(sign(v[a] - v[b])) })
	r := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			r[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return r
}

// autocorrelation of v at a lag; 0 for values without variance.
func autocorrelation(v []float64, lag int) float64 {
	mean := Mean(v)
	top, bottom := 0.0, 0.0
	for i, x := range v {
		bottom += (x - mean) * (x - mean)
		if i+lag < len(v) {
			top += (x - mean) * (v[i+lag] - mean)
		}
	}
	if bottom == 0 {
		return 0
	}
	return top / bottom
}
