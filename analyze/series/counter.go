package series

// A Counter follows a cumulative number of 64 bits that may wrap around to 0,
// and grows beyond what a float64 counts exactly. The zero value has seen
// nothing.
type Counter struct {
	last uint64
	seen bool
}

// Step is by how much the counter grew since the value before. The first value
// is no step; one that is smaller has wrapped where it was near the end of its
// range, and has begun anew otherwise.
func (c *Counter) Step(v uint64) (grown float64, ok bool) {
	last, seen := c.last, c.seen
	c.last, c.seen = v, true
	const near = 1 << 63
	switch {
	case !seen:
		return 0, false
	case v >= last, last >= near && v < near:
		return float64(v - last), true // modulo 2^64
	}
	return float64(v), true
}
