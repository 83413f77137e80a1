package analyze

import (
	"time"

	"ergorecorder/analyze/series"
)

// A familyKey tells families apart: processes of one behavior and application
// under one parent. The parent is named, so that a restarted one keeps its
// children.
type familyKey struct{ behavior, application, parent string }

// A family is what the listings leave of all processes of one family.
type family struct {
	familyKey
	node       *node
	parentPID  string // the newest
	parentKind string

	alive  int
	born   int    // seen; those of the first listing are not counted
	count  census // alive at each listing
	births census // born so far at each listing
}

// A census is a number at each listing, thinned when it gets long. Only changes
// are stored, each with the listing before it.
type census struct {
	t        []time.Time
	v        []int
	lastAt   time.Time
	lastV    int
	any      bool
	stride   int
	sinceAdd int
}

const maxCensus = 4096

func (c *census) add(at time.Time, v int) {
	if c.any && v == c.lastV {
		c.lastAt = at
		return
	}
	if c.any && len(c.t) > 0 && c.lastAt.After(c.t[len(c.t)-1]) {
		c.put(c.lastAt, c.lastV)
	}
	c.put(at, v)
	c.lastAt, c.lastV, c.any = at, v, true
}

func (c *census) put(at time.Time, v int) {
	if c.sinceAdd < c.stride {
		c.sinceAdd++
		return
	}
	c.sinceAdd = 0
	c.t, c.v = append(c.t, at), append(c.v, v)
	if len(c.t) < maxCensus {
		return
	}
	n := 0
	for i := 0; i < len(c.t); i += 2 {
		c.t[n], c.v[n] = c.t[i], c.v[i]
		n++
	}
	c.t, c.v = c.t[:n], c.v[:n]
	c.stride = 2*c.stride + 1
}

// sampled is the census at the given listings.
func (c *census) sampled(at []time.Time) series.Series {
	var s series.Series
	if !c.any {
		return s
	}
	i := -1
	for _, t := range at {
		for i+1 < len(c.t) && !c.t[i+1].After(t) {
			i++
		}
		if i < 0 {
			continue
		}
		v := c.v[i]
		if !t.Before(c.lastAt) {
			v = c.lastV
		}
		s.T, s.V = append(s.T, t), append(s.V, float64(v))
	}
	return s
}
