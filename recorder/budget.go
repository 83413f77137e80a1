package recorder

import (
	"slices"
	"time"

	"ergorecorder/ergo"
)

// window is how many of the last answers tell what a call costs.
const window = 20

// costs are those of the last calls.
type costs struct {
	last []time.Duration
	next int
}

func (c *costs) add(d time.Duration) {
	if len(c.last) < window {
		c.last = append(c.last, d)
		return
	}
	c.last[c.next] = d
	c.next = (c.next + 1) % window
}

// median is zero where nothing is known.
func (c *costs) median() time.Duration {
	if len(c.last) == 0 {
		return 0
	}
	s := slices.Clone(c.last)
	slices.Sort(s)
	return s[len(s)/2]
}

// spending is what a node's time went into.
type spending struct {
	tools map[string]*costs
	total time.Duration
}

// charge notes a call and returns what it cost the node: no more than the
// median of its tool's last answers (what is longer was waiting), nothing for
// a time-out, and nothing for the time that a CPU profile sleeps.
func (s *spending) charge(tool string, args ergo.Args, took time.Duration, timedOut bool) time.Duration {
	if timedOut {
		return 0
	}
	if tool == "pprof_cpu" {
		seconds, ok := args.Int("duration")
		if !ok {
			seconds = 5
		}
		took = max(0, took-time.Duration(seconds)*time.Second)
	}
	if s.tools == nil {
		s.tools = map[string]*costs{}
	}
	c := s.tools[tool]
	if c == nil {
		c = &costs{}
		s.tools[tool] = c
	}
	c.add(took)
	took = min(took, c.median())
	s.total += took
	return took
}
