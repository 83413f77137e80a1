package series

import (
	"math"
	"time"
)

// A Knee is the instant from which a series grew at another pace.
type Knee struct {
	At     time.Time
	Error  time.Duration // half of the 95 % interval of At, at least half a sample interval
	Before float64       // slope before, in units per second
	After  float64       // slope after
	P      float64       // probability of such a bend in a straight line
}

// minKnee is the fewest samples for two straight lines and their joint.
const minKnee = 2 * minSide

// FindKnee fits two straight lines that meet (two-phase regression: Hinkley,
// "Inference in Two-Phase Regression", 1971) and gives where. The interval of
// the place is that of the likelihood ratio, and P that of the F test against
// one line, both with the number of samples reduced by their autocorrelation.
// It finds the onset of a growth, for which a change of level would be found
// in the middle of the slope. It needs 8 samples, and gives the best joint
// even where a straight line does as well: mind P.
func FindKnee(s Series) (Knee, error) {
	if err := enough("knee", s.Len(), minKnee); err != nil {
		return Knee{}, err
	}
	full := s
	s = s.thin(maxSplit)
	x := s.Seconds()
	line := fitBent(x, s.V, x[len(x)-1])
	best, errs := bestBend(x, s.V)
	k := Knee{Before: best.slope, After: best.slope + best.bend, P: 1}

	rest := best.residuals(x, s.V)
	free := max(1, independent(rest)*float64(len(x))-4)
	limit := best.sse * (1 + 3.84/free) // 3.84: 95 % of chi squared with 1 degree of freedom
	first, last := best.at, best.at
	for i, sse := range errs {
		if sse <= limit {
			first, last = min(first, x[i]), max(last, x[i])
		}
	}
	usual := full.Interval().Seconds()
	k.Error = seconds(max((last-first)/2, usual/2))
	k.At = s.T[0].Add(seconds(best.at))
	switch {
	case line.sse <= best.sse:
	case best.sse <= line.sse*1e-12:
		k.P = 0
	default:
		f := (line.sse - best.sse) / 2 / (best.sse / free)
		k.P = betaRatio(free/(free+2*f), free/2, 1)
	}
	return k, nil
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// bestBend is the fit with the least error, and the least error of a bend at
// each sample. Between samples the place is found by golden section.
func bestBend(x, y []float64) (best bent, errs []float64) {
	best.sse = math.Inf(1)
	errs = make([]float64, len(x))
	at := 0
	for i := range x {
		errs[i] = math.Inf(1)
		if i < 2 || i > len(x)-3 {
			continue
		}
		f := fitBent(x, y, x[i])
		if errs[i] = f.sse; f.sse < best.sse {
			best, at = f, i
		}
	}
	a, b := x[max(at-1, 0)], x[min(at+1, len(x)-1)]
	const golden = 0.6180339887498949
	for range 24 { // (b-a) shrinks by 1e5
		l, r := fitBent(x, y, b-golden*(b-a)), fitBent(x, y, a+golden*(b-a))
		if l.sse < r.sse {
			b = r.at
		} else {
			a = l.at
		}
		for _, f := range []bent{l, r} {
			if f.sse < best.sse {
				best = f
			}
		}
	}
	return best, errs
}

// A bent line is level + slope*x, and bend*(x-at) more beyond at.
type bent struct {
	at, level, slope, bend float64
	sse                    float64 // sum of squared errors
}

func (f bent) value(x float64) float64 {
	return f.level + f.slope*x + f.bend*max(0, x-f.at)
}

func (f bent) residuals(x, y []float64) []float64 {
	r := make([]float64, len(x))
	for i := range x {
		r[i] = y[i] - f.value(x[i])
	}
	return r
}

// fitBent is the bent line through the samples by least squares, for a given
// place of the bend. With no sample beyond it, the line is straight.
func fitBent(x, y []float64, at float64) bent {
	mx, my, mh := Mean(x), Mean(y), 0.0
	for _, x := range x {
		mh += max(0, x-at) / float64(len(y))
	}
	var xx, xh, hh, xy, hy float64
	for i := range x {
		dx, dh, dy := x[i]-mx, max(0, x[i]-at)-mh, y[i]-my
		xx, xh, hh = xx+dx*dx, xh+dx*dh, hh+dh*dh
		xy, hy = xy+dx*dy, hy+dh*dy
	}
	f := bent{at: at}
	if det := xx*hh - xh*xh; det > 1e-9*xx*hh {
		f.slope, f.bend = (xy*hh-hy*xh)/det, (hy*xx-xy*xh)/det
	} else if xx > 0 {
		f.slope = xy / xx
	}
	f.level = my - f.slope*mx - f.bend*mh
	for i := range x {
		r := y[i] - f.value(x[i])
		f.sse += r * r
	}
	return f
}
