// Package cost tells what calls cost a node, apart from what they wait. It makes
// no calls and changes no intervals.
package cost

import (
	"encoding/json"
	"math/bits"
	"slices"
	"time"

	"ergorecorder/ergo"
)

// A node is a queue with a few workers, which are fed round robin: the time
// that a call takes is the time that it costs and the time that it waits, behind
// calls of ours and of others and for the CPU. Waiting only adds, so the quickest
// answers of a tool tell what it costs. How many of the last answers are looked
// at, how many there must be for any verdict, and which part of them counts as
// the quickest.
const (
	Window = 20
	Enough = 5
	eighth = 8
)

// Costs are those of the last calls.
type Costs struct {
	last []time.Duration // the newest at the end
	Sure bool            // the newest was put together from what is known
}

func (c *Costs) Add(d time.Duration) {
	if len(c.last) == Window {
		c.last = append(c.last[:0], c.last[1:]...)
	}
	c.last = append(c.last, d)
}

// Known reports whether there are answers enough for a verdict.
func (c *Costs) Known() bool { return c.Sure || len(c.last) >= Enough }

// Service is what a call costs without the waiting: what an eighth of the last
// answers did not exceed. From fewer answers than are enough it is the quickest;
// from none it is zero.
func (c *Costs) Service() time.Duration {
	if len(c.last) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(c.last))
	return s[len(s)/eighth]
}

// Spending is what a node's time went into.
type Spending struct {
	tools map[string]*Costs
	sizes map[sized]*Costs
	total time.Duration
	cpu   cpuCheck
}

// Hear takes in what node_info says of the CPU time that the node used.
func (s *Spending) Hear(info []byte) { s.cpu.hear(info, s.total) }

// Believed is the part of what our calls seem to cost that the node's CPU
// counters leave room for.
func (s *Spending) Believed() float64 { return s.cpu.believed() }

// Of is what is known of a tool, nil if it has not answered yet.
func (s *Spending) Of(tool string) *Costs { return s.tools[tool] }

// A sized is a tool and the order of magnitude of its answers: the same tool
// gives an empty list and one of thousands of rows, and what the quickest
// of the small ones cost says nothing of the large.
type sized struct {
	tool  string
	order int
}

// sizeOf is the class of an answer of so many bytes: each is up to four times
// as large as the one before.
func sizeOf(tool string, bytes int) sized { return sized{tool, bits.Len(uint(bytes)) / 2} }

// Charge notes a call with an answer of so many bytes and returns what it cost
// the node: what its tool costs for such an answer without waiting, nothing for a time-out, and
// nothing for the time that a CPU profile sleeps. It says whether that is known from enough answers.
func (s *Spending) Charge(tool string, args ergo.Args, took time.Duration, bytes int, timedOut bool) (cost time.Duration, sure bool) {
	if timedOut {
		return 0, true
	}
	if tool == "pprof_cpu" {
		took = max(0, took-ProfileTime(args))
	}
	if waits := s.Of("node_info"); tool == "network_ping" || tool == "process_inspect" {
		if waits != nil { // they wait for a peer, or a process; what they cost is a short call
			took = min(took, waits.Service())
		}
	}
	if s.tools == nil {
		s.tools, s.sizes = map[string]*Costs{}, map[sized]*Costs{}
	}
	note(s.tools, tool, took)
	c := note(s.sizes, sizeOf(tool, bytes), took)
	took = min(took, c.Service())
	s.total += took
	return took, c.Known()
}

// note adds a cost to those under a key.
func note[K comparable](all map[K]*Costs, key K, took time.Duration) *Costs {
	c := all[key]
	if c == nil {
		c = &Costs{}
		all[key] = c
	}
	c.Add(took)
	return c
}

// ProfileTime is how long a call of pprof_cpu sleeps.
func ProfileTime(args ergo.Args) time.Duration {
	seconds, ok := args.Int("duration")
	if !ok {
		seconds = 5
	}
	return time.Duration(seconds) * time.Second
}

// Share is the part of the time ran that went into our calls, as far as the
// node's own CPU counters bear it out.
func (s *Spending) Share(ran time.Duration) float64 {
	if ran <= 0 {
		return 0
	}
	return float64(s.total) * s.cpu.believed() / float64(ran)
}

// A cpuCheck compares what our calls seem to cost with the CPU time that the
// node says it used for everything.
type cpuCheck struct {
	used  time.Duration // as node_info told when the comparison began
	total time.Duration // what our calls seemed to have cost by then
	ratio float64       // of the last comparison; 0 before the first
}

// checkFrom is how much our calls must seem to have cost for a comparison:
// below it the rounding of the counters decides.
const checkFrom = 500 * time.Millisecond

// hear takes in what node_info says of the CPU time used. The counters of some
// versions count whole seconds twice, which makes the bound looser, not wrong.
func (c *cpuCheck) hear(info []byte, total time.Duration) {
	var said struct{ UserTime, SystemTime time.Duration }
	if json.Unmarshal(info, &said) != nil || said.UserTime <= 0 {
		return
	}
	used := said.UserTime + said.SystemTime
	switch {
	case c.used == 0 || used < c.used: // the first, or another life
		c.used, c.total = used, total
	case total-c.total >= checkFrom:
		c.ratio = min(1, float64(used-c.used)/float64(total-c.total))
		c.used, c.total = used, total
	}
}

// believed is the part of what our calls seem to cost that the node's CPU
// counters leave room for.
func (c *cpuCheck) believed() float64 {
	if c.ratio == 0 {
		return 1
	}
	return c.ratio
}
