package compare

import (
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/escape"
)

// What is counted per second is counted by the clock of the machine that
// recorded, and log lines carry the time of their node. Where one of these was
// off by more than a fiftieth of a side, and by more than a second, it says
// nothing about that side.
const (
	clockShare = 0.02
	clockLeast = time.Second
)

// A clock is what the answers of a node say of its clock and the recorder's.
type clock struct {
	last    time.Time     // when the answer before came
	mono    time.Duration // and when by the recorder's own time, 0 where that is not known
	stepped time.Duration // the furthest that the recorder's clock moved between two answers
	lowest  time.Duration // by how much the node's clock was ahead, at the least
	highest time.Duration // and at the most
	heard   bool
}

// hear takes in an answer, and what the node said the time was.
func (c *clock) hear(f *archive.Frame, said time.Time) {
	if c.mono > 0 && f.Mono > c.mono {
		c.stepped = further(c.stepped, f.At.Sub(c.last)-(f.Mono-c.mono))
	}
	c.last, c.mono = f.At, f.Mono
	if said.IsZero() {
		return
	}
	ahead := time.Duration(0) // what it said was so at some time of the call
	switch began := f.At.Add(-f.Took); {
	case said.After(f.At):
		ahead = said.Sub(f.At)
	case said.Before(began):
		ahead = said.Sub(began)
	}
	if !c.heard {
		c.lowest, c.highest, c.heard = ahead, ahead, true
	}
	c.lowest, c.highest = min(c.lowest, ahead), max(c.highest, ahead)
}

func further(a, b time.Duration) time.Duration {
	if b.Abs() > a.Abs() {
		return b
	}
	return a
}

// recorderStepped is by how much the recorder's clock moved within the side: by
// its own time, or else by that by which all of several nodes moved against it.
func (s *sheet) recorderStepped() time.Duration {
	var own time.Duration
	together, heard := time.Duration(math.MaxInt64), 0
	for _, c := range s.clocks {
		own = further(own, c.stepped)
		if c.heard {
			heard++
			together = min(together, c.highest-c.lowest)
		}
	}
	if own.Abs() < clockLeast && heard > 1 {
		return together
	}
	return own
}

// gateClocks says which clocks were off, and leaves out what was counted by them.
func gateClocks(a, b *sheet) (left []string) {
	for _, s := range []*sheet{a, b} {
		limit := max(clockLeast, time.Duration(clockShare*float64(s.To.Sub(s.From))))
		if by := s.recorderStepped(); by.Abs() > limit {
			left = append(left, fmt.Sprintf("%s: the clock of the machine that recorded moved by %s: what is counted per second is not compared", s.label(), finding.Duration(by.Abs())))
			a.drop(perSecondMetrics()...)
			b.drop(perSecondMetrics()...)
			continue
		}
		for _, n := range s.nodes {
			c := s.clocks[n.Name]
			if off := further(c.lowest, c.highest); off.Abs() > limit {
				way := "ahead"
				if off < 0 {
					way = "behind"
				}
				left = append(left, fmt.Sprintf("%s: the clock of %s was up to %s %s, and dates its log lines: lines are not compared", s.label(), escape.Name(n.Name), finding.Duration(off.Abs()), way))
				a.drop(Lines, Errors)
				b.drop(Lines, Errors)
			}
		}
	}
	return left
}

// perSecondMetrics are counted by the recorder's clock.
func perSecondMetrics() []Metric {
	return []Metric{Rate, Births, CPU, Errors, FailedSends, LinkTraffic, Published, Lines}
}
