package health

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// clocks compares what each node says the time is with when it said so. All
// clocks have a vote, the recorder's own too: what most agree on is the time, and
// who differs from that is off. So neither the recorder's clock is taken for
// everybody's, nor everybody's for the recorder's.
func clocks(s *scene.Scene, v *finding.Verdict) {
	var voters []voter
	for _, n := range s.Nodes {
		if n.Clock.Offset.Len() > 0 {
			voters = append(voters, voter{n, n.Clock.Offset})
		}
	}
	if len(voters) == 0 {
		return
	}
	steps := stepsByOwnTime(s, voters)
	for i := range voters {
		voters[i].offset = unstepped(voters[i], steps)
	}
	together := recorderSteps(s, voters)
	for i := range voters {
		voters[i].offset = without(voters[i].offset, voters[i].node, together)
	}
	steps = append(steps, together...)
	slices.SortStableFunc(steps, func(a, b clockStep) int { return a.at.Compare(b.at) })
	agreed := agreement(voters)
	if f := recorderClock(s, voters, steps, agreed); f != nil {
		v.Find(f)
	}
	for _, x := range voters {
		clockSkew(s, x, voters, steps, agreed, v)
	}
}

// An agreed time is what most clocks, the recorder's among them, agree on.
type agreed struct {
	of       []voter // the nodes that do
	recorder bool    // the recorder does
	outvotes bool    // they are more than half of all clocks
}

// agreement is the largest group of clocks that agree; of groups as large, the
// recorder's, or else that of the first.
func agreement(voters []voter) agreed {
	mids := make([]float64, len(voters))
	for i, x := range voters {
		mids[i] = series.Median(x.offset.V)
	}
	sorted := slices.Sorted(slices.Values(mids))
	best, most := 0.0, agreeing(sorted, 0) // the recorder's clock, which is never ahead of itself
	for _, mid := range mids {
		if votes := agreeing(sorted, mid); votes > most {
			best, most = mid, votes
		}
	}
	g := agreed{recorder: math.Abs(best) <= alike, outvotes: 2*most > len(voters)+1}
	for i, x := range voters {
		if math.Abs(mids[i]-best) <= alike {
			g.of = append(g.of, x)
		}
	}
	return g
}

// agreeing counts the clocks, the recorder's among them, that agree with one that
// is so far ahead of the recorder's; sorted is how far the nodes' are.
func agreeing(sorted []float64, mid float64) int {
	first := sort.Search(len(sorted), func(i int) bool { return sorted[i]-mid >= -alike })
	behind := sort.Search(len(sorted), func(i int) bool { return sorted[i]-mid > alike })
	votes := behind - first
	if math.Abs(mid) <= alike {
		votes++
	}
	return votes
}

// ahead is how far the agreed time is ahead of the recorder's clock at an instant.
func (g agreed) ahead(at time.Time) float64 {
	if g.recorder {
		return 0
	}
	var v []float64
	for _, x := range g.of {
		if o, ok := x.offset.At(at); ok {
			v = append(v, o)
		} else {
			v = append(v, x.offset.V[0])
		}
	}
	return series.Median(v)
}

// against is a series less the agreed time.
func (g agreed) against(o series.Series) series.Series {
	var out series.Series
	for i, t := range o.T {
		out.Add(t, o.V[i]-g.ahead(t))
	}
	return out
}

// recorderClock tells that the recorder's own clock stepped, or is off against
// what the nodes agree on; nil if it is right.
func recorderClock(s *scene.Scene, voters []voter, steps []clockStep, g agreed) *finding.Finding {
	if len(steps) > 0 {
		return steppedFinding(s, steps)
	}
	if g.recorder || !g.outvotes {
		return nil
	}
	first := g.of[0]
	var names []string
	for _, x := range g.of {
		names = append(names, finding.NodeName(x.node.Name))
	}
	off := series.Median(first.offset.V)
	way := "behind"
	if off < 0 {
		way = "ahead"
	}
	f := &finding.Finding{
		Kind: finding.RecorderClock, Score: min(finding.Score(finding.RecorderClock, math.Abs(off)), finding.Note), Confidence: finding.High,
		Title: fmt.Sprintf("The clock of the recording machine is %s %s", finding.Seconds(math.Abs(off)), way),
		Summary: fmt.Sprintf("The clocks of %s agree, and the recorder's is %s %s theirs: times in this report differ by as much from those in the nodes' own logs.",
			finding.List(names), finding.Seconds(math.Abs(off)), way),
		Onset: first.offset.T[0], OnsetErrorS: s.Usual(first.node).Seconds(),
		Evidence: []finding.Evidence{{
			What: "a node's clock less the recorder's", Node: first.node.Name, Tool: "node_info", Field: "ServerTime", From: &first.offset.T[0], To: &s.To,
			Series: finding.Chart("s", first.offset),
		}},
		Recommendation: "Check the time synchronisation of the machine that records.",
		Confirm:        []string{"the log of the time synchronisation of the machine that recorded"},
	}
	f.Evidence[0].Value("ahead_s", off, first.node.Over("node_info", first.offset).Of("median(offset(ServerTime, took))"))
	return f
}

// stepsSummary says of several steps what shows that they are the recorder's.
func stepsSummary(steps []clockStep) string {
	own := 0
	for _, c := range steps {
		if c.own != nil {
			own++
		}
	}
	times, at := finding.Times(len(steps)), finding.Clock(steps[0].at)
	switch own {
	case 0:
		return fmt.Sprintf("All nodes moved together against the recorder's clock %s, first at %s: it is the recorder's that stepped.", times, at)
	case len(steps):
		return fmt.Sprintf("The recorder's clock moved against its own time, which no step touches, %s, first at %s, and one node or more moved against it by as much each time: it is the recorder's that stepped.", times, at)
	}
	return fmt.Sprintf("The recorder's clock stepped %s, first at %s: against its own time, which no step touches, or all nodes moved together against it.", times, at)
}

// moved are the nodes whose clocks moved against the recorder's when that stepped.
func moved(s *scene.Scene, c clockStep) string {
	var names []string
	for n := range c.of {
		names = append(names, finding.NodeName(n.Name))
	}
	if len(names) == len(s.Nodes) {
		return "all nodes"
	}
	slices.Sort(names)
	return finding.List(names)
}

func steppedFinding(s *scene.Scene, steps []clockStep) *finding.Finding {
	first := steps[0]
	n := s.Nodes[0]
	for _, o := range s.Nodes {
		if first.of[o] != nil {
			n = o
			break
		}
	}
	move := func(c clockStep) string {
		if c.by < 0 {
			return "back by " + finding.Seconds(-c.by)
		}
		return "forward by " + finding.Seconds(c.by)
	}
	f := &finding.Finding{
		Kind: finding.RecorderClock, Score: min(finding.Score(finding.RecorderClock, math.Abs(first.by)), finding.Note), Confidence: finding.High,
		Title:   fmt.Sprintf("The clock of the recording machine went %s", move(first)),
		Summary: fmt.Sprintf("At %s all nodes moved together against the recorder's clock, which went %s: it is the recorder's that stepped.", finding.Clock(first.at), move(first)),
		Onset:   first.at, OnsetErrorS: first.off.Seconds(),
		Evidence: []finding.Evidence{{
			What: "the nodes' clocks less the recorder's", Node: n.Name, Tool: "node_info", Field: "ServerTime", From: &first.at, To: &s.To,
			Series: finding.Chart("s", n.Clock.Offset),
		}},
		Recommendation: "Let the recording machine's clock be slewed, not stepped, and start recording after it is in time.",
		Confirm:        []string{"the log of the time synchronisation of the machine that recorded"},
		Caveats:        []string{"Where the clock went back, what was recorded before and after the step has the same times and stands mixed."},
	}
	if first.own != nil {
		f.Summary = fmt.Sprintf("At %s the recorder's clock went %s against its own time, which no step touches, and %s moved against it by as much: it is the recorder's that stepped.", finding.Clock(first.at), move(first), moved(s, first))
	}
	if len(steps) > 1 {
		f.Title = fmt.Sprintf("The clock of the recording machine stepped %s", finding.Times(len(steps)))
		var all []string
		for _, c := range steps[:min(len(steps), 10)] {
			all = append(all, move(c)+" at "+finding.Clock(c.at))
		}
		f.Evidence = append(f.Evidence, finding.Evidence{What: "the steps", Tool: "node_info", Field: "ServerTime", Lines: all})
		f.Summary = stepsSummary(steps)
	}
	if first.own != nil {
		f.Evidence = append(f.Evidence, movedByOwnTime(s, n))
	}
	for _, n := range s.Nodes {
		if first.of[n] != nil {
			f.Evidence = append(f.Evidence, movedBy(n))
		}
	}
	return f
}

// movedBy is how far a node's clock was ahead in its first answers and in its last.
func movedBy(n *scene.Node) finding.Evidence {
	o := n.Clock.Offset
	e := finding.Evidence{What: "how far the node's clock was ahead, in its first answers and its last", Node: n.Name, Tool: "node_info", Field: "ServerTime"}
	for i, answers := range []series.Series{o.Before(o.T[lasting]), o.From(o.T[o.Len()-lasting])} {
		e.Value("ahead_s."+[]string{"before", "after"}[i], series.Median(answers.V), n.Over("node_info", answers).Of("median(offset(ServerTime, took))"))
	}
	return e
}

// clockSkew reports a clock that is off the agreed time by more than the sampling
// interval: all along, since it stepped or drifted so far, or for a while.
func clockSkew(s *scene.Scene, x voter, voters []voter, recorders []clockStep, g agreed, v *finding.Verdict) {
	n, limit := x.node, stepLimit(s, x.node)
	o := g.against(x.offset)
	steps := jumps(o, limit)
	worst, onset, errorOf, off := isOff(o, steps, limit, s.Usual(n))
	if !off {
		return
	}
	with := wentWith(n, recorders, onset, s.Usual(n))
	if with != nil {
		onset, errorOf = with.at, with.off
	}
	ahead := series.Median(worst.V)
	f := &finding.Finding{
		Kind: finding.ClockSkew, Score: finding.Score(finding.ClockSkew, math.Abs(ahead)), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset)},
		Onset:   onset, OnsetErrorS: errorOf.Seconds(),
		Evidence: []finding.Evidence{{
			What: "the node's clock less the recorder's", Node: n.Name, Tool: "node_info", Field: "ServerTime", From: &onset, To: &s.To,
			Series: finding.Chart("s", x.offset),
		}},
		Recommendation: fmt.Sprintf("Check the time synchronisation of %s's host; times in its log are off by as much.", n.Name),
		Confirm:        []string{"node_info on every node at once: ServerTime"},
	}
	open := undecided(x, voters, recorders, g, worst)
	wordSkew(s, f, n, ahead, open)
	if k := len(steps); k > 0 {
		often := "once"
		if k > 1 {
			often = "again and again"
		}
		f.Summary += fmt.Sprintf(" It stepped %s, first by %s s at %s.", often, finding.Number(steps[0].by), finding.Clock(steps[0].next))
		f.Evidence[0].Value("stepped_at", steps[0].next.UTC().Format(time.RFC3339Nano), n.Says("node_info", steps[0].next, steps[0].next).Of("last(at)"))
	}
	if with != nil {
		f.Summary += " The recorder's clock stepped with it: it is that of the same machine, or both were set."
		f.Evidence[0].What = "the node's clock less the recorder's, had that not stepped"
	}
	if end := worst.T[worst.Len()-1]; end.Before(o.T[o.Len()-1]) {
		f.End, f.Score = &end, min(f.Score, finding.Over)
		f.Title = fmt.Sprintf("The clock of %s was off by %s for %s", finding.NodeName(n.Name), finding.Seconds(math.Abs(ahead)), finding.Duration(end.Sub(onset)))
	}
	if open != "" {
		f.Score = min(f.Score, finding.Note)
		f.Or("The clock of the machine that records is off, or that of another node: "+open+".", "the time synchronisation of each machine.")
	}
	agreedIs := series.Median(n.Clock.Offset.Between(worst.T[0], worst.T[worst.Len()-1].Add(1)).V) - ahead
	f.Evidence[0].Value("ahead_s", ahead, n.Over("node_info", worst).Of(fmt.Sprintf("median(offset(ServerTime, took)) - %v", agreedIs)))
	f.Evidence[0].Value("every_s", s.Usual(n).Seconds(), n.Over("node_info", n.Heard).Of("greatest(median(steps(Uptime)), 1)"))
	v.Find(f)
}

// undecided says why it cannot be told which clock is right while a node's is off; "" where
// it can: no time has most clocks, or most moved to the node's since.
func undecided(x voter, voters []voter, recorders []clockStep, g agreed, worst series.Series) string {
	if !g.outvotes {
		return "no more clocks agree with the one than with the other"
	}
	from, to := worst.T[0], worst.T[worst.Len()-1].Add(1)
	own, alikeNow, recorder := series.Median(x.offset.Between(from, to).V), 0, 0.0
	for _, c := range recorders {
		if c.own != nil && c.at.Before(to) {
			recorder += c.by
		}
	}
	if recorder != 0 && math.Abs(recorder-own) <= alike {
		alikeNow++ // the recorder's clock stepped to where the node's is
	}
	for _, o := range voters {
		if there := o.offset.Between(from, to); there.Len() > 0 && math.Abs(series.Median(there.V)-own) <= alike {
			alikeNow++
		}
	}
	if 2*alikeNow > len(voters)+1 {
		return "most clocks agree with it since"
	}
	return ""
}

func wordSkew(s *scene.Scene, f *finding.Finding, n *scene.Node, ahead float64, open string) {
	way, of, what := "ahead", "ahead of", "what most clocks say at the same moment"
	if ahead < 0 {
		way, of = "behind", "behind"
	}
	if open != "" {
		what = "the recorder's clock, and " + open + ": which is right cannot be told"
	}
	f.Title = fmt.Sprintf("The clock of %s is %s %s", finding.NodeName(n.Name), finding.Seconds(math.Abs(ahead)), way)
	f.Summary = fmt.Sprintf("ServerTime of %s is %s s %s %s; the sampling interval is %s.", n.Name, finding.Number(math.Abs(ahead)), of, what, finding.Duration(s.Usual(n)))
}

// isOff is the stretch in which a clock is off: the newest level between its
// steps if that is, else the one that is off most. What drifts is off since it
// passed the limit, and by what it is of late.
func isOff(o series.Series, steps []jump, limit float64, usual time.Duration) (worst series.Series, onset time.Time, errorOf time.Duration, off bool) {
	from := o.T[0]
	for i := 0; i <= len(steps); i++ {
		level := o.From(from)
		if i < len(steps) {
			level = level.Before(steps[i].next)
			from = steps[i].next
		}
		if level.Len() == 0 {
			continue
		}
		late := level.From(level.T[max(0, level.Len()-max(lasting, level.Len()/10))])
		m := math.Abs(series.Median(level.V))
		if last := math.Abs(series.Median(late.V)); last > m+limit/2 { // it drifts
			level, m = late, last
		}
		if m < limit || off && i < len(steps) && m <= math.Abs(series.Median(worst.V)) {
			continue
		}
		worst, off = level, true
	}
	if !off {
		return worst, onset, 0, false
	}
	onset, errorOf = o.T[0], usual
	for i, v := range o.V {
		if math.Abs(v) >= limit*0.9 && (i+1 == o.Len() || math.Abs(o.V[i+1]) >= limit*0.9) {
			if i > 0 {
				onset, errorOf = series.Middle(o.T[i-1], o.T[i])
			}
			break
		}
	}
	return worst, onset, errorOf, true
}
