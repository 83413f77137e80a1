// Package cost tells what calls cost a node, apart from what they wait. It makes
// no calls and changes no intervals.
package cost

import (
	"maps"
	"math/bits"
	"slices"
	"strings"
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

// Known reports whether there are answers enough for a verdict. One run is not, however
// many calls it had: at a start all are made at once and wait.
func (c *Costs) Known() bool { return c.Sure && len(c.last) > 1 || len(c.last) >= Enough }

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

// Mean is what a call costs on average; from none it is zero. Of what waiting was taken
// off already it says more than [Costs.Service].
func (c *Costs) Mean() time.Duration {
	var sum time.Duration
	for _, d := range c.last {
		sum += d
	}
	return sum / time.Duration(max(len(c.last), 1))
}

// Len is how many of the last calls are known.
func (c *Costs) Len() int { return len(c.last) }

// Spending is what a node's time went into.
type Spending struct {
	tools map[string]*Costs
	forms map[form]*Costs
	sizes map[int]*Costs // by the size of the answer, whatever was asked
	total time.Duration
	cpu   fit
}

// Hear takes in what node_info says, at a steady time, of the CPU time that the
// node used.
func (s *Spending) Hear(info []byte, now time.Time) { s.cpu.hear(info, s.total, now) }

// Believed is by how much our calls cost more, or less, than they seem to, as
// far as the node's CPU counters tell.
func (s *Spending) Believed() float64 { return s.cpu.ratio() }

// Of is what is known of a tool, nil if it has not answered yet.
func (s *Spending) Of(tool string) *Costs { return s.tools[tool] }

// A form is a tool, which of its parameters were given, and the order of magnitude
// of the answer: the same tool gives an empty list and one of thousands of rows, and
// looks at the whole table, sorts it, or stops at the first rows that it finds. What the
// quickest of one form cost says nothing of another.
type form struct {
	tool, given string
	order       int
}

// order is the class of an answer of so many bytes: each is up to four times
// as large as the one before.
func order(bytes int) int { return bits.Len(uint(bytes)) / 2 }

func formOf(tool string, args ergo.Args, bytes int) form {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(args)), func(k string) bool { return k == "timeout" })
	return form{tool, strings.Join(keys, " "), order(bytes)}
}

// A Bill is what a call cost.
type Bill struct {
	Node  time.Duration // the node that answered
	Entry time.Duration // the one that forwarded it, if one did
	Sure  bool          // it is known from enough answers
}

// Charge notes a call with an answer of so many bytes and returns what it cost:
// what its form costs without waiting, nothing for a time-out, and nothing for the time
// that a CPU profile sleeps. Who forwards hands the answer on, however long it took to find:
// that is taken to be half of what the quickest answers of that size take.
func (s *Spending) Charge(tool string, args ergo.Args, took time.Duration, bytes int, timedOut bool) Bill {
	if timedOut {
		return Bill{Sure: true}
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
		s.tools, s.forms, s.sizes = map[string]*Costs{}, map[form]*Costs{}, map[int]*Costs{}
	}
	note(s.tools, tool, took)
	c := note(s.forms, formOf(tool, args, bytes), took)
	size := note(s.sizes, order(bytes), took)
	took = min(took, c.Service())
	s.total += took
	return Bill{took, min(took, size.Service()) / 2, c.Known()}
}

// Forward notes what forwarding for others cost the node.
func (s *Spending) Forward(cost time.Duration) { s.total += cost }

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
	return float64(s.total) * s.cpu.ratio() / float64(ran)
}
