package series

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// A Series is samples in order of time. T and V have the same length; T never
// decreases and V holds finite numbers only. The zero value is empty.
type Series struct {
	T []time.Time
	V []float64
}

// Add puts a sample in its place by time (captures are not strictly in order).
// Values that are not finite are dropped.
func (s *Series) Add(t time.Time, v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	i := len(s.T)
	for i > 0 && s.T[i-1].After(t) {
		i--
	}
	s.T = append(s.T, time.Time{})
	s.V = append(s.V, 0)
	copy(s.T[i+1:], s.T[i:])
	copy(s.V[i+1:], s.V[i:])
	s.T[i], s.V[i] = t, v
}

// Len is the number of samples.
func (s Series) Len() int { return len(s.T) }

// Between is the samples with from <= t < to. It shares memory with s.
func (s Series) Between(from, to time.Time) Series {
	return s.slice(s.search(from), s.search(to))
}

// Before is the samples earlier than t, From those at t or later. Both share
// memory with s.
func (s Series) Before(t time.Time) Series { return s.slice(0, s.search(t)) }

// From is described at [Series.Before].
func (s Series) From(t time.Time) Series { return s.slice(s.search(t), len(s.T)) }

func (s Series) slice(i, j int) Series {
	if j < i {
		j = i
	}
	return Series{T: s.T[i:j:j], V: s.V[i:j:j]}
}

// search is the index of the first sample at t or later.
func (s Series) search(t time.Time) int {
	return sort.Search(len(s.T), func(i int) bool { return !s.T[i].Before(t) })
}

// At is the newest value at or before t; ok is false before the first sample.
func (s Series) At(t time.Time) (v float64, ok bool) {
	i := sort.Search(len(s.T), func(i int) bool { return s.T[i].After(t) })
	if i == 0 {
		return 0, false
	}
	return s.V[i-1], true
}

// Span is the time from the first sample to the last.
func (s Series) Span() time.Duration {
	if len(s.T) < 2 {
		return 0
	}
	return s.T[len(s.T)-1].Sub(s.T[0])
}

// Seconds is the times in seconds after the first sample.
func (s Series) Seconds() []float64 {
	x := make([]float64, len(s.T))
	for i, t := range s.T {
		x[i] = t.Sub(s.T[0]).Seconds()
	}
	return x
}

// Every is the interval of what came at these times.
func Every(at []time.Time) time.Duration {
	var s Series
	for _, t := range at {
		s.Add(t, 0)
	}
	return s.Interval()
}

// Interval is the usual time between two samples: the median. It is 0 for
// fewer than two samples.
func (s Series) Interval() time.Duration {
	if len(s.T) < 2 {
		return 0
	}
	d := make([]float64, len(s.T)-1)
	for i := range d {
		d[i] = float64(s.T[i+1].Sub(s.T[i]))
	}
	return time.Duration(Median(d))
}

// thin reduces a long series to at most n points, each the medians of the
// time and the value of as many consecutive samples. Short ones are returned
// as they are.
func (s Series) thin(n int) Series {
	if len(s.T) <= n {
		return s
	}
	x := s.Seconds()
	var t Series
	for i := range n {
		a, b := i*len(s.T)/n, (i+1)*len(s.T)/n
		mid := time.Duration(Median(x[a:b]) * float64(time.Second))
		t.T = append(t.T, s.T[0].Add(mid))
		t.V = append(t.V, Median(s.V[a:b]))
	}
	return t
}

// A TooFewError is the refusal of a method that was given too few samples for
// its answer to mean anything.
type TooFewError struct {
	Method     string
	Have, Need int
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("%s: %d samples, needs %d", e.Method, e.Have, e.Need)
}

// enough is nil, or a [*TooFewError].
func enough(method string, have, need int) error {
	if have < need {
		return &TooFewError{Method: method, Have: have, Need: need}
	}
	return nil
}
