package series

// Welch is the probability of a difference of means as large as that between a
// and b without a change, on as many independent samples as their
// autocorrelation leaves (Welch, "The Generalization of 'Student's' Problem",
// 1947). It is 1 where a side has fewer than two values.
func Welch(a, b []float64) float64 {
	if len(a) < 2 || len(b) < 2 {
		return 1
	}
	ma, mb := Mean(a), Mean(b)
	rest := make([]float64, 0, len(a)+len(b))
	for _, x := range a {
		rest = append(rest, x-ma)
	}
	for _, x := range b {
		rest = append(rest, x-mb)
	}
	return min(1, welch(a, b, independent(rest)))
}
