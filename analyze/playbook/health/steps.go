package health

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// A voter is a node and how far its clock is ahead of the recorder's.
type voter struct {
	node   *scene.Node
	offset series.Series
}

// A jump is a place at which a clock's offset took another level at once.
type jump struct {
	last, next time.Time // the last answer before it, and the first behind it
	by         float64   // s
}

// lasting is how many answers in a row must stand at a level that is one: where
// the recorder's clock goes back, what was recorded before and after stands mixed.
const lasting = 3

// jumps are the places at which an offset took another level, by more than
// least. A drift is none: the level follows it.
func jumps(o series.Series, least float64) []jump {
	var all []jump
	if o.Len() < 2*lasting {
		return nil
	}
	level, last := series.Median(o.V[:lasting]), o.T[lasting-1]
	for i := lasting; i < o.Len(); i++ {
		if math.Abs(o.V[i]-level) <= least {
			level, last = o.V[i], o.T[i]
			continue
		}
		next := o.V[i:min(i+lasting, o.Len())]
		if len(next) == lasting && slices.Max(next)-slices.Min(next) <= least/2 {
			all = append(all, jump{last: last, next: o.T[i], by: series.Median(next) - level})
			level, last = o.V[i], o.T[i]
		}
	}
	return all
}

// stepLimit is by how much a node's clock must step, or be off, to be told: from
// there on its log lines stand in the wrong order among those of others, and among
// what was sampled every second or two.
func stepLimit(s *scene.Scene, n *scene.Node) float64 {
	return min(max(s.Usual(n).Seconds(), 1), 2)
}

// A clockStep is a step of the recorder's own clock: nodes moved against it, at one
// moment and by as much.
type clockStep struct {
	at  time.Time
	off time.Duration          // how far off that may be
	by  float64                // s that the recorder's clock went forward
	of  map[*scene.Node][]jump // as each node shows it
	own *ownTime               // the recorder's own time shows it too; nil where that was not recorded

	// with are the nodes whose clocks were not seen to move: they went with the recorder's, as where it runs on their machine.
	with map[*scene.Node][]jump
}

// recorderSteps finds steps of the recorder's clock where its own time was not recorded. One
// node alone would not tell it from a step of its own.
func recorderSteps(s *scene.Scene, voters []voter) []clockStep {
	var steps []clockStep
	var others []voter
	of := map[*scene.Node][]jump{}
	for _, x := range voters {
		if x.offset.Len() >= 2*lasting {
			others = append(others, x)
			of[x.node] = slices.DeleteFunc(jumps(x.offset, stepLimit(s, x.node)), func(j jump) bool { return steadyOver(x.node, j) })
		}
	}
	if len(others) < 2 {
		return nil
	}
	for _, j := range of[others[0].node] {
		step := clockStep{of: map[*scene.Node][]jump{}}
		var by []float64
		for _, x := range others {
			i := slices.IndexFunc(of[x.node], func(k jump) bool { return together(s, x.node, j, k) })
			if i < 0 {
				break
			}
			k := of[x.node][i]
			step.of[x.node] = []jump{k}
			step.at, step.off, by = series.Later(step.at, k.last), s.Usual(x.node), append(by, k.by)
		}
		if len(step.of) == len(others) {
			step.by = -series.Median(by)
			steps = append(steps, step)
		}
	}
	return steps
}

// together reports whether two nodes moved against the recorder at one moment and
// by as much.
func together(s *scene.Scene, n *scene.Node, a, b jump) bool {
	apart := time.Duration(math.Abs(a.by)*float64(time.Second)) + 2*s.Usual(n) + a.next.Sub(a.last)
	return alikeSteps(b.by, a.by) && b.next.Sub(a.next).Abs() <= apart
}

// alikeSteps reports whether two clocks stepped by as much, as far as answers tell it.
func alikeSteps(a, b float64) bool { return math.Abs(a-b) <= max(0.5, 0.05*math.Abs(b)) }

// without takes the recorder's steps off a node's offsets: they are as they would
// be had it never stepped.
func without(o series.Series, n *scene.Node, steps []clockStep) series.Series {
	if len(steps) == 0 {
		return o
	}
	var out series.Series
	for i, v := range o.V {
		for _, step := range steps {
			for _, j := range step.of[n] {
				// What stands mixed belongs to the level that it is nearer to.
				mixed := !o.T[i].Before(j.next.Add(-time.Duration(math.Abs(j.by) * float64(time.Second))))
				if !o.T[i].Before(j.next) || mixed && j.by > 0 && v > j.by/2 || mixed && j.by < 0 && v < j.by/2 {
					v -= j.by
				}
			}
		}
		out.Add(o.T[i], v)
	}
	return out
}

// alike is up to how many seconds apart clocks agree.
const alike = 1

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
		goesWith(x.node, steps)
	}
	return steps
}

// goesWith adds a node to the steps that the recorder's own time shows over its answers too, though
// its clock did not move against the recorder's: it stepped with that.
func goesWith(n *scene.Node, steps []clockStep) {
	for _, run := range n.Clock.Runs() {
		for i := 1; i < len(run); i++ {
			by, own := run[i-1].Against(run[i]), ownTime{run[i-1], run[i]}
			for k := range steps {
				c, j := &steps[k], own.jump(by)
				if c.own != nil && c.is(own, by) && !slices.Contains(c.of[n], j) {
					c.with[n] = append(c.with[n], j)
				}
			}
		}
	}
}

// wentWith is the step of the recorder's clock with which that of a node went at an instant; nil if it
// did not.
func wentWith(n *scene.Node, steps []clockStep, at time.Time, doubt time.Duration) *clockStep {
	for i, c := range steps {
		for _, j := range c.with[n] {
			if at.After(series.Earlier(j.last, j.next).Add(-doubt)) && at.Before(series.Later(j.last, j.next).Add(doubt)) {
				return &steps[i]
			}
		}
	}
	return nil
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
	j := own.jump(by)
	for i := range steps {
		if o := &steps[i]; o.is(own, by) {
			o.of[n] = append(o.of[n], j)
			o.narrow(own)
			return steps
		}
	}
	step := clockStep{by: by.Seconds(), of: map[*scene.Node][]jump{n: {j}}, with: map[*scene.Node][]jump{}, own: &own}
	step.narrow(own)
	return append(steps, step)
}

// jump is what a step of the recorder's clock is to a clock that keeps the time.
func (o ownTime) jump(by time.Duration) jump {
	return jump{last: o.last.At, next: o.next.At, by: -by.Seconds()}
}

// is reports whether what two answers show is this step: at the same moment and as far.
func (c *clockStep) is(own ownTime, by time.Duration) bool {
	const exact = 0.01 // s: two answers, each to the millisecond
	return math.Abs(c.by-by.Seconds()) <= exact && own.last.Mono < c.own.next.Mono && c.own.last.Mono < own.next.Mono
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
		for _, j := range slices.Concat(c.of[x.node], c.with[x.node]) {
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
