package series

import "math"

// A Count is how many events were seen in how many seconds.
type Count struct {
	Events  float64
	Seconds float64
}

// Rate is events per second; 0 for no time.
func (c Count) Rate() float64 {
	if c.Seconds <= 0 {
		return 0
	}
	return c.Events / c.Seconds
}

// TestCounts is the probability that events as frequent as in before would by
// chance give as many as after holds: small when they became more frequent.
// It is exact for independent events, whatever their number (Przyborowski and
// Wilenski, "Homogeneity of Results in Testing Samples from Poisson Series",
// 1940): given the sum, the later ones are binomial. It is 1 where one of the
// stretches has no length.
//
// Events that come in clusters are not independent. Give the spread of the
// baseline as dispersion (variance of the counts of equal stretches over
// their mean; see [Dispersion]): counts are divided by it. Values below 1,
// and NaN, are taken as 1.
func TestCounts(before, after Count, dispersion float64) float64 {
	if before.Seconds <= 0 || after.Seconds <= 0 {
		return 1
	}
	if !(dispersion > 1) {
		dispersion = 1
	}
	k, n := after.Events/dispersion, (before.Events+after.Events)/dispersion
	return binomialTail(k, n, after.Seconds/(before.Seconds+after.Seconds))
}

// Dispersion is the variance of the counts over their mean: 1 for independent
// events, above it when they come in clusters. It is NaN for fewer than three
// counts, or when all are 0.
func Dispersion(counts []float64) float64 {
	if len(counts) < 3 {
		return math.NaN()
	}
	mean, variance := meanVar(counts)
	return variance / mean
}
