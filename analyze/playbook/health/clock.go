package health

import (
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// clocks compares what each node says the time is with when it said so. Nodes
// are compared with each other, so that the recorder's own clock is not taken
// for theirs.
func clocks(s *scene.Scene, v *finding.Verdict) {
	offsets := map[string]series.Series{}
	var middles []float64
	step, stepped := recorderStep(s)
	if stepped {
		v.Find(step.finding(s))
	}
	for _, n := range s.Nodes {
		o := n.Clock.Offset
		if stepped {
			o = step.without(n.Name, o)
		}
		if o.Len() > 0 {
			offsets[n.Name] = o
			middles = append(middles, series.Median(o.V))
		}
	}
	common := 0.0
	if len(middles) >= 3 {
		common = series.Median(middles)
	}
	for _, n := range s.Nodes {
		if o, ok := offsets[n.Name]; ok {
			clockSkew(s, n, o, common, v)
		}
	}
}

// A clockStep is a step of the recorder's own clock: all nodes moved against
// it, at one moment and by as much.
type clockStep struct {
	at   time.Time
	by   float64               // s that the recorder's clock went forward
	ends map[string][2]float64 // of each node: its offset before and after
	part map[string]int        // over how many answers, the first and the last
}

// recorderStep finds a step of the recorder's clock. One node alone would not
// tell it from a step of its own.
func recorderStep(s *scene.Scene) (clockStep, bool) {
	const least = 8 // answers of a node, for two medians
	step := clockStep{ends: map[string][2]float64{}, part: map[string]int{}}
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, n := range s.Nodes {
		o := n.Clock.Offset
		if o.Len() < least {
			continue
		}
		part := max(least/2, o.Len()/10)
		before, after := series.Median(o.V[:part]), series.Median(o.V[o.Len()-part:])
		jump := after - before
		if math.Abs(jump) <= max(s.Usual(n).Seconds(), 1) || !twoLevels(o.V, before, after) {
			return step, false
		}
		step.ends[n.Name], step.part[n.Name] = [2]float64{before, after}, part
		lowest, highest = min(lowest, jump), max(highest, jump)
		for i, v := range o.V {
			if math.Abs(v-before) < math.Abs(v-after) {
				step.at = series.Later(step.at, o.T[i])
			}
		}
	}
	step.by = -(lowest + highest) / 2
	return step, len(step.ends) > 1 && highest-lowest <= max(0.5, 0.05*math.Abs(step.by))
}

// twoLevels reports whether nearly all values are near one of two: a step has
// nothing between, a drift has.
func twoLevels(v []float64, a, b float64) bool {
	near := 0
	for _, x := range v {
		if d := min(math.Abs(x-a), math.Abs(x-b)); d <= 0.2*math.Abs(b-a) {
			near++
		}
	}
	return near >= len(v)*9/10
}

// without takes the step off a node's offsets.
func (c clockStep) without(node string, o series.Series) series.Series {
	ends, ok := c.ends[node]
	if !ok {
		return o
	}
	var out series.Series
	for i, v := range o.V {
		if math.Abs(v-ends[1]) < math.Abs(v-ends[0]) {
			v -= ends[1] - ends[0]
		}
		out.Add(o.T[i], v)
	}
	return out
}

func (c clockStep) finding(s *scene.Scene) *finding.Finding {
	way := "forward"
	if c.by < 0 {
		way = "back"
	}
	by := finding.Seconds(math.Abs(c.by))
	f := &finding.Finding{
		Kind: finding.RecorderClock, Score: min(finding.Score(finding.RecorderClock, math.Abs(c.by)), finding.Note), Confidence: finding.High,
		Title:   fmt.Sprintf("The clock of the recording machine went %s by %s", way, by),
		Summary: fmt.Sprintf("At %s all nodes moved together against the recorder's clock, by %s: it is the recorder's that stepped. The times of what was recorded since then are off by as much.", finding.Clock(c.at), by),
		Onset:   c.at, OnsetErrorS: s.Usual(s.Nodes[0]).Seconds(),
		Evidence: []finding.Evidence{{
			What: "the nodes' clocks less the recorder's", Node: s.Nodes[0].Name, Tool: "node_info", Field: "ServerTime", From: &c.at, To: &s.To,
			Series: finding.Chart("s", s.Nodes[0].Clock.Offset),
		}},
		Recommendation: "Let the recording machine's clock be slewed, not stepped, and start recording after it is in time.",
		Confirm:        []string{"the log of the time synchronisation of the machine that recorded"},
		Caveats:        []string{"Where the clock went back, what was recorded before and after the step has the same times and stands mixed."},
	}
	for _, n := range s.Nodes {
		if ends, ok := c.ends[n.Name]; ok {
			f.Evidence = append(f.Evidence, c.movedBy(n, ends))
		}
	}
	return f
}

// movedBy is how far a node's clock was ahead in its first answers and in its last.
func (c clockStep) movedBy(n *scene.Node, ends [2]float64) finding.Evidence {
	o, part := n.Clock.Offset, c.part[n.Name]
	e := finding.Evidence{What: "how far the node's clock was ahead, in its first answers and its last", Node: n.Name, Tool: "node_info", Field: "ServerTime"}
	for i, answers := range [][]time.Time{o.T[:part], o.T[len(o.T)-part:]} {
		said := n.Says("node_info", answers[0], answers[part-1])
		e.Value("ahead_s."+[]string{"before", "after"}[i], ends[i], said.Of("median(offset(ServerTime, took))"))
	}
	return e
}

// clockSkew reports a clock that is off by more than the sampling interval, now
// or since it jumped.
func clockSkew(s *scene.Scene, n *scene.Node, o series.Series, common float64, v *finding.Verdict) {
	limit := max(s.Usual(n).Seconds(), 1)
	off := series.Median(o.V) - common
	onset, onsetOff := o.T[0], s.Usual(n)
	part := o
	if changes, err := series.Changes(o, 0.001); err == nil && len(changes) > 0 {
		last := changes[len(changes)-1]
		if jump := last.After - last.Before; jump > limit || jump < -limit {
			off, onset, onsetOff = last.After-common, last.At, last.Error
			part = o.From(last.At)
		}
	}
	if off < limit && off > -limit {
		return
	}
	way := "ahead"
	if off < 0 {
		way = "behind"
	}
	f := &finding.Finding{
		Kind: finding.ClockSkew, Score: finding.Score(finding.ClockSkew, math.Abs(off)), Confidence: finding.High,
		Title:   fmt.Sprintf("The clock of %s is %s %s", finding.NodeName(n.Name), finding.Seconds(max(off, -off)), way),
		Summary: fmt.Sprintf("ServerTime of %s is %s s %s of the time at which it was heard, the other nodes' common offset taken off; the sampling interval is %s.", n.Name, finding.Number(max(off, -off)), way, finding.Duration(s.Usual(n))),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset)},
		Onset:   onset, OnsetErrorS: onsetOff.Seconds(),
		Evidence: []finding.Evidence{{
			What: "the node's clock less the recorder's", Node: n.Name, Tool: "node_info", Field: "ServerTime", From: &onset, To: &s.To,
			Series: finding.Chart("s", o),
		}},
		Recommendation: fmt.Sprintf("Check the time synchronisation of %s's host; times in its log are off by as much.", n.Name),
		Confirm:        []string{"node_info on every node at once: ServerTime"},
	}
	if len(s.Nodes) < 3 {
		f.Or("The clock of the machine that records is off, or that of the other node: with fewer than three nodes none outvotes another.", "the time synchronisation of each machine.")
	}
	f.Evidence[0].Value("ahead_s", off, n.Over("node_info", part).Of(fmt.Sprintf("median(offset(ServerTime, took)) - %v", common)))
	f.Evidence[0].Value("every_s", s.Usual(n).Seconds(), n.Over("node_info", n.Heard).Of("greatest(median(steps(Uptime)), 1)"))
	v.Find(f)
}
