package series

import (
	"math"
	"slices"
)

// Quantile is the value below which the share q (0 to 1) of v lies, by linear
// interpolation between the closest ranks (Hyndman and Fan, "Sample Quantiles
// in Statistical Packages", 1996, type 7). It is NaN for no values.
func Quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return sortedQuantile(slices.Sorted(slices.Values(v)), q)
}

func sortedQuantile(v []float64, q float64) float64 {
	at := min(max(q, 0), 1) * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}

// Median is the middle value; NaN for no values.
func Median(v []float64) float64 { return Quantile(v, 0.5) }

// Mean is the arithmetic mean; NaN for no values.
func Mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// meanVar is the mean and the unbiased variance of v.
func meanVar(v []float64) (mean, variance float64) {
	mean = Mean(v)
	for _, x := range v {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(v)-1)
}
