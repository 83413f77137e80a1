package health

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// An ownTime is between which two answers the recorder's own time shows a step of its
// clock.
type ownTime struct {
	last, next scene.Told
}

// stepsByOwnTime are the steps of the recorder's clock that its own time shows, exact to the
// millisecond, where a node's clock moved against it by as much. Where none did, the
// machine stood still for a while, as when it slept: its clock is right.
func stepsByOwnTime(s *scene.Scene, voters []voter) []clockStep {
	var steps []clockStep
	for _, x := range voters {
		for _, run := range x.node.Clock.Runs() {
			for i := 1; i < len(run); i++ {
				by := run[i-1].Against(run[i])
				if by.Abs().Seconds() < stepLimit(s, x.node) || !shows(run, i, by.Seconds()) {
					continue
				}
				steps = addStep(steps, x.node, ownTime{run[i-1], run[i]}, by)
			}
		}
	}
	for _, x := range voters {
		joins(s, x, steps)
	}
	return steps
}

// joins adds a node with whose answers the recorder's own time was not recorded to the steps
// with which its clock moved at one moment and by as much.
func joins(s *scene.Scene, x voter, steps []clockStep) {
	if len(steps) == 0 || x.node.Clock.Runs() != nil {
		return
	}
	for _, j := range jumps(x.offset, stepLimit(s, x.node)) {
		for _, c := range steps {
			if together(s, x.node, jump{last: c.own.last.At, next: c.own.next.At, by: -c.by}, j) {
				c.of[x.node] = append(c.of[x.node], j)
			}
		}
	}
}

// shows reports whether a node's clock moved against the recorder's at the i-th answer of a
// run by as much as that went forward.
func shows(run []scene.Told, i int, forward float64) bool {
	level := func(told []scene.Told) float64 {
		var v []float64
		for _, t := range told {
			v = append(v, t.Ahead)
		}
		return series.Median(v)
	}
	moved := level(run[i:min(i+lasting, len(run))]) - level(run[max(0, i-lasting):i])
	return alikeSteps(moved, -forward)
}

// addStep takes in what one node shows of a step: it is one that others showed too, at the
// same moment of the recorder's own time and to the millisecond as far, or another.
func addStep(steps []clockStep, n *scene.Node, own ownTime, by time.Duration) []clockStep {
	const exact = 0.01 // s: two answers, each to the millisecond
	j := jump{last: own.last.At, next: own.next.At, by: -by.Seconds()}
	for i := range steps {
		o := &steps[i]
		if math.Abs(o.by-by.Seconds()) <= exact && own.last.Mono < o.own.next.Mono && o.own.last.Mono < own.next.Mono {
			o.of[n] = append(o.of[n], j)
			o.narrow(own)
			return steps
		}
	}
	step := clockStep{by: by.Seconds(), of: map[*scene.Node][]jump{n: {j}}, own: &own}
	step.narrow(own)
	return append(steps, step)
}

// narrow takes in between which answers of another node a step lies.
func (c *clockStep) narrow(own ownTime) {
	if own.last.Mono > c.own.last.Mono {
		c.own.last = own.last
	}
	if own.next.Mono < c.own.next.Mono {
		c.own.next = own.next
	}
	c.at, c.off = c.own.last.At, c.own.next.Mono-c.own.last.Mono
}

// unstepped is a node's offset as it would be had the recorder's clock never made the steps
// that its own time shows.
func unstepped(x voter, steps []clockStep) series.Series {
	runs := x.node.Clock.Runs()
	if runs == nil {
		return without(x.offset, x.node, steps)
	}
	mine := map[int64]float64{} // by when the first answer behind the step came
	for _, c := range steps {
		for _, j := range c.of[x.node] {
			mine[j.next.UnixNano()] = c.by
		}
	}
	if len(mine) == 0 {
		return x.offset
	}
	var out series.Series
	moved := 0.0
	for _, run := range runs {
		for _, t := range run {
			moved += mine[t.At.UnixNano()]
			out.Add(t.At, t.Ahead+moved)
		}
	}
	return out
}

// steadyOver reports whether the recorder's clock kept its own time over a jump of a node's:
// then that is the node's.
func steadyOver(n *scene.Node, j jump) bool {
	for _, run := range n.Clock.Runs() {
		last := slices.IndexFunc(run, func(t scene.Told) bool { return t.At.Equal(j.last) })
		next := slices.IndexFunc(run, func(t scene.Told) bool { return t.At.Equal(j.next) })
		if last >= 0 && next >= 0 {
			return run[last].Against(run[next]).Abs().Seconds() < alike/2.0
		}
	}
	return false
}

// movedByOwnTime is how far the recorder's clock moved in all against its own time, as the
// answers of a node show it.
func movedByOwnTime(s *scene.Scene, n *scene.Node) finding.Evidence {
	e := finding.Evidence{What: "how far the recorder's clock moved against its own time, in all", Node: n.Name, Tool: "node_info"}
	if runs := n.Clock.Runs(); len(runs) == 1 {
		run := runs[0]
		e.Value("recorder_moved_ms", float64(run[0].Against(run[len(run)-1]).Milliseconds()), n.Says("node_info", s.From, s.To).Of("(span(steady) - change(steady)) * 1000"))
	}
	return e
}
