package merge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/archive"
)

// A Clock says how the clock of one recorder was reconciled with the others'.
type Clock struct {
	Offset time.Duration // to be added to its times
	Error  time.Duration // by how much the offset may be wrong
	How    string        // by what it was found; "" where it could not be
	Nodes  int           // that both asked
	Moved  time.Duration // by how much the two moved against each other meanwhile
	Set    bool          // it moved against the clocks of most of its nodes: of what others saw too, they are believed
}

// Below leastShift an offset is left alone: answers take as long.
const leastShift = 20 * time.Millisecond

// Shift is by how much times are moved: not where the offset may be none.
func (c Clock) Shift() time.Duration {
	if c.Offset.Abs() < max(leastShift, 2*c.Error) {
		return 0
	}
	return c.Offset
}

// String says it in words.
func (c Clock) String() string {
	if c.Set {
		steady := c
		steady.Set = false
		return steady.String() + "; it was set while it recorded"
	}
	switch {
	case c.How == "":
		return "its clock could not be compared: no node was asked by both"
	case c.How == reference:
		return reference
	}
	s := fmt.Sprintf("moved by %+.3f s (± %.3f s, by %s of %d nodes)", c.Shift().Seconds(), c.Error.Seconds(), c.How, c.Nodes)
	if c.Moved > leastMove {
		s += fmt.Sprintf("; its clock moved by %.1f s meanwhile", c.Moved.Seconds())
	}
	return s
}

// leastMove is by how much a clock moves that was set: more than clocks drift in a day.
const leastMove = time.Second

const (
	reference = "all times are by its clock"
	byServer  = "the clocks"
	byUptime  = "the uptimes"
)

// A skew is by how much a recorder's clock is ahead of a node's, answer by
// answer; of its start, where the node does not tell its time.
type skew struct {
	server []float64 // ns: when it answered, less what it said the time was
	start  []float64 // ns since 1970: when it answered, less its uptime
}

// skews are those of all nodes of a recording.
func skews(ctx context.Context, r *archive.Reader) (map[string]skew, error) {
	out := map[string]skew{}
	for _, s := range r.Streams() {
		if s.Kind != archive.Sample || s.Name != "node_info" || s.Node == "" {
			continue
		}
		k := out[s.Node]
		for f, err := range r.Scan(ctx, s.StreamKey, time.Time{}, time.Time{}, []string{"ServerTime", "Uptime"}) {
			if err != nil {
				if passOver(err) {
					continue
				}
				return nil, err
			}
			slot, ok := f.Object()
			if !ok {
				continue
			}
			at := f.At.Add(-f.Took / 2) // about when the node said it
			if t, err := time.Parse(time.RFC3339Nano, f.Columns[0].Text(slot)); err == nil {
				k.server = append(k.server, float64(at.Sub(t)))
			}
			if up, ok := f.Columns[1].Int(slot); ok {
				k.start = append(k.start, float64(at.UnixNano()-up*int64(time.Second)))
			}
		}
		out[s.Node] = k
	}
	return out, nil
}

// between is by how much the clock of a is ahead of that of b.
func between(a, b map[string]skew) Clock {
	for _, by := range []struct {
		how  string
		list func(skew) []float64
	}{
		{byServer, func(s skew) []float64 { return s.server }},
		{byUptime, func(s skew) []float64 { return s.start }},
	} {
		var offsets []float64
		worst, moved := 0.0, 0.0
		for node, x := range a {
			y, both := b[node]
			if !both || len(by.list(x)) == 0 || len(by.list(y)) == 0 {
				continue
			}
			mx, ex, rx := centre(by.list(x))
			my, ey, ry := centre(by.list(y))
			offsets = append(offsets, mx-my)
			worst, moved = max(worst, ex+ey), max(moved, rx, ry)
		}
		if len(offsets) == 0 {
			continue
		}
		m, e, _ := centre(offsets)
		return Clock{Offset: time.Duration(m), Error: time.Duration(max(e, worst)), How: by.how, Nodes: len(offsets), Moved: time.Duration(moved)}
	}
	return Clock{}
}

// centre is the median, how wrong it may be, and how far the first and the last
// quarter lie apart, in the middle of each.
func centre(v []float64) (median, wrong, moved float64) {
	sorted := slices.Sorted(slices.Values(v))
	median = sorted[len(sorted)/2]
	off := make([]float64, len(v))
	for i, x := range v {
		off[i] = math.Abs(x - median)
	}
	slices.Sort(off)
	// The standard error of a median, from the median deviation, is about 1.9 of that by the root of
	// the number.
	wrong = 1.9 * off[len(off)/2] / math.Sqrt(float64(len(v)))
	if n := len(v) / 4; n > 0 {
		a, b := slices.Sorted(slices.Values(v[:n])), slices.Sorted(slices.Values(v[len(v)-n:]))
		moved = math.Abs(a[n/2] - b[n/2])
	}
	return median, wrong, moved
}

// reconcile finds the offset of each recorder's clock to that of the one which
// is nearest to the clocks of its nodes.
func reconcile(all []map[string]skew) []Clock {
	clocks := make([]Clock, len(all))
	set := make([]bool, len(all))
	for i := range all {
		set[i] = wasSet(all[i])
	}
	ref := nearest(all, set)
	clocks[ref] = Clock{How: reference}
	done := map[int]bool{ref: true}
	for queue := []int{ref}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		for i := range all {
			if done[i] {
				continue
			}
			c := between(all[from], all[i])
			if c.How == "" {
				continue
			}
			c.Offset += clocks[from].Offset
			c.Error += clocks[from].Error
			clocks[i], done[i] = c, true
			queue = append(queue, i)
		}
	}
	for i := range clocks {
		clocks[i].Set = set[i]
	}
	return clocks
}

// wasSet reports whether a recorder's clock moved against the clocks of most of its nodes.
func wasSet(nodes map[string]skew) bool {
	moved, told := 0, 0
	for _, s := range nodes {
		if len(s.server) > 0 {
			told++
			if _, _, m := centre(s.server); m > float64(leastMove) {
				moved++
			}
		}
	}
	return moved*2 > told
}

// aboutNear: recorders whose clocks are within so much of their nodes' clocks are
// as near; the first counts.
const aboutNear = time.Second

// nearest is the recorder whose clock is nearest to its nodes' clocks, of those whose was not set
// if there are any.
func nearest(all []map[string]skew, set []bool) int {
	best, least := 0, math.Inf(1)
	steady := slices.Contains(set, false)
	for i, nodes := range all {
		if steady && set[i] {
			continue
		}
		var middles []float64
		for _, s := range nodes {
			if len(s.server) > 0 {
				m, _, _ := centre(s.server)
				middles = append(middles, m)
			}
		}
		if len(middles) == 0 {
			continue
		}
		m, _, _ := centre(middles)
		if m = math.Abs(m); m < least-float64(aboutNear) {
			best, least = i, m
		}
	}
	return best
}
