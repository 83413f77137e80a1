package series

import "math"

// normalTail is the probability that a standard normal value is above z.
func normalTail(z float64) float64 { return 0.5 * math.Erfc(z/math.Sqrt2) }

// studentTails is the probability that |t| of Student's distribution with df
// degrees of freedom is at least that large (DLMF 8.17).
func studentTails(t, df float64) float64 {
	if math.IsInf(t, 0) {
		return 0
	}
	return betaRatio(df/(df+t*t), df/2, 0.5)
}

// binomialTail is the probability of k or more successes in n trials of
// chance p.
func binomialTail(k, n, p float64) float64 {
	if k <= 0 {
		return 1
	}
	return betaRatio(p, k, n-k+1)
}

// betaRatio is the regularised incomplete beta function I_x(a, b), by its
// continued fraction (DLMF 8.17.22) evaluated by Lentz's method.
func betaRatio(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaRatio(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front * betaFraction(x, a, b)
}

func betaFraction(x, a, b float64) float64 {
	const (
		steps   = 1000 // more than sqrt(max(a, b)) for any count met here
		precise = 1e-12
		tiny    = 1e-300
	)
	keep := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/keep(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m <= steps; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/keep(1+even*d), keep(1+even/c)
		f *= d * c
		d, c = 1/keep(1+odd*d), keep(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < precise {
			break
		}
	}
	return f
}
