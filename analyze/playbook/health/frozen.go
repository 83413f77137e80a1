package health

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

const (
	// leastPause is the shortest stretch without a sign of life that counts: a
	// scheduler or collector that holds a node for less is not felt as a stop.
	leastPause = 1500 * time.Millisecond
	// leastFreeze is the time-out of a call: a node that stands still for longer
	// fails everybody who asks it.
	leastFreeze = work.CallTimeout
	// fewestPauses make a pattern.
	fewestPauses = 3
)

// standsStill finds nodes that stopped as a whole and went on in the same life:
// once and long, or for seconds again and again.
func standsStill(s *scene.Scene, w *scene.Network, n *scene.Node, v *finding.Verdict) {
	all := s.Freezes(w, n, leastPause)
	collector := n.Pauses()
	var long []scene.Freeze
	for _, f := range all {
		if f.Lasted() >= leastFreeze {
			long = append(long, f)
		}
	}
	switch {
	case len(all) >= fewestPauses || collector.Len() >= 2:
		v.Find(pauses(s, n, all, collector))
	case len(long) > 0:
		for _, f := range long {
			v.Find(frozen(n, f))
		}
	}
}

func frozen(n *scene.Node, z scene.Freeze) *finding.Finding {
	lasted, end := z.Lasted(), z.To
	f := &finding.Finding{
		Kind: finding.NodeFrozen, Score: finding.Score(finding.NodeFrozen, lasted.Seconds()), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(z.From)},
		Onset:   z.From, OnsetErrorS: max(1, n.Heard.Interval().Seconds()), End: &end,
		Title: fmt.Sprintf("%s stood still for %s, from %s", finding.NodeName(n.Name), finding.Duration(lasted), finding.Clock(z.From)),
		Summary: fmt.Sprintf("From %s to %s nobody heard of %s: %s. It then went on in the same life, with the same uptime and counters.",
			finding.Clock(z.From), finding.Clock(z.To), n.Name, unheard(z)),
		Evidence:       stillEvidence(n, []scene.Freeze{z}),
		Recommendation: fmt.Sprintf("Find out what stopped the process of %s: a stop signal, a paused or migrated machine or container, a throttled CPU quota, swapping, a full stop of the collector. Its machine's log for that time says which.", n.Name),
		Confirm:        []string{"node_info on " + n.Name + ": Uptime and counters went on", "cluster_nodes: it was never left"},
		Caveats:        []string{"What stopped it is not visible from inside the cluster: a stopped process, a paused machine and a stop of the whole runtime look the same."},
	}
	wordEdges(f, z)
	if z.Worked {
		f.Or("It worked, and only nobody could reach it: its counters or its log went on meanwhile.", "what its peers received of it in that stretch.")
	}
	if z.Others == 0 {
		f.Or("The recorder, or the way to the node, stood still: no other node was heard of in that stretch.", "the log of the machine that recorded, or a second recorder.")
	}
	return f
}

// wordEdges words a standstill that began before the recording, or lasts to its end.
func wordEdges(f *finding.Finding, z scene.Freeze) {
	name := finding.NodeName(f.Subject.Node)
	switch {
	case z.Open && z.AtStart:
		f.End = nil
		f.Facts = append(f.Facts, finding.Older)
		f.Confidence = finding.Medium
		f.Title = fmt.Sprintf("%s answers nobody, all along", name)
		f.Summary = fmt.Sprintf("It was so when the recording began: up to the end of the window nobody heard of %s: %s. Nobody was refused, and peers keep their connections to it.", f.Subject.Node, unheard(z))
		f.Confirm = []string{"cluster_nodes on a peer: it is still a member", "the state of its process on its machine (stopped, paused, swapping)"}
		f.Or("It is gone, and its peers have not noticed yet.", "whether it goes on in the same life, or its peers lose it.")
	case z.Open:
		f.End = nil
		f.Title = fmt.Sprintf("%s has stood still since %s, for %s so far", name, finding.Clock(z.From), finding.Duration(z.Lasted()))
		f.Summary = fmt.Sprintf("Since %s nobody has heard of %s: %s. Nobody was refused, and peers keep their connections to it.", finding.Clock(z.From), f.Subject.Node, unheard(z))
		f.Confirm = []string{"cluster_nodes on a peer: it is still a member", "the state of its process on its machine (stopped, paused, swapping)"}
		f.Or("It is gone, and its peers have not noticed yet.", "whether it goes on in the same life, or its peers lose it.")
	case z.AtStart:
		f.Facts = append(f.Facts, finding.Older)
		f.Title = fmt.Sprintf("%s stood still when the recording began, until %s", name, finding.Clock(z.To))
		f.Summary = fmt.Sprintf("It was so when the recording began: until %s nobody heard of %s: %s. It then went on in a life that is older than that.", finding.Clock(z.To), f.Subject.Node, unheard(z))
	}
}

// unheard says who asked in vain.
func unheard(z scene.Freeze) string {
	switch {
	case z.Unheard > 0 && z.Late > 0:
		return fmt.Sprintf("calls or pings got no answer, and one was answered only after %s", finding.Duration(z.Late))
	case z.Unheard > 0:
		return "calls or pings got no answer, while other nodes answered"
	}
	return fmt.Sprintf("a call that was under way was answered only after %s, while other nodes answered", finding.Duration(z.Late))
}

func pauses(s *scene.Scene, n *scene.Node, all []scene.Freeze, collector series.Series) *finding.Finding {
	var lengths, starts []float64
	onset, off, last := time.Time{}, time.Duration(0), time.Time{}
	for _, z := range all {
		lengths = append(lengths, z.Lasted().Seconds())
		starts = append(starts, float64(z.From.UnixMilli())/1000)
		if onset.IsZero() {
			onset, off = z.From, n.Heard.Interval()
		}
		last = z.To
	}
	if collector.Len() > 0 {
		lengths = append([]float64(nil), collector.V...)
		if starts = nil; onset.IsZero() || collector.T[0].Before(onset) {
			onset, off = collector.T[0].Add(-time.Duration(collector.V[0]*float64(time.Second))), n.Heard.Interval()
		}
		for _, t := range collector.T {
			starts = append(starts, float64(t.UnixMilli())/1000)
		}
		last = series.Later(last, collector.T[collector.Len()-1])
	}
	var every []float64
	for i := 1; i < len(starts); i++ {
		every = append(every, starts[i]-starts[i-1])
	}
	typical := series.Median(lengths)
	f := &finding.Finding{
		Kind: finding.NodePauses, Score: finding.Score(finding.NodePauses, typical), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset)},
		Onset:   onset, OnsetErrorS: max(1, off.Seconds()),
		Title:    fmt.Sprintf("%s stops as a whole for seconds, %s so far", finding.NodeName(n.Name), finding.Times(len(lengths))),
		Summary:  fmt.Sprintf("Since %s %s stopped %s, for %s typically.", finding.Clock(onset), n.Name, finding.Times(len(lengths)), finding.Seconds(typical)),
		Evidence: stillEvidence(n, all),
		Confirm:  []string{"runtime_stats on " + n.Name + ": last_gc_pause_ns, gc_cpu_percent", "network_ping name=" + n.Name + " from a peer, several times"},
	}
	if len(every) > 0 {
		f.Summary += fmt.Sprintf(" The pauses that were seen came every %s typically.", finding.Seconds(series.Median(every)))
		if len(f.Evidence) > 0 && collector.Len() == 0 {
			tellTypical(&f.Evidence[0], n, all, lengths, every)
		}
	}
	if collector.Len() > 0 {
		f.Summary += fmt.Sprintf(" The collector itself reports %d pauses of up to %s.", collector.Len(), finding.Seconds(series.Quantile(collector.V, 1)))
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: "pauses of the collector of a second and more", Node: n.Name, Tool: "runtime_stats", Field: "last_gc_pause_ns",
			Series: finding.Chart("s", collector),
		})
		e := &f.Evidence[len(f.Evidence)-1]
		e.Value("longest_s", series.Quantile(collector.V, 1), n.Over("runtime_stats", collector).Of("max(last_gc_pause_ns) / 1e9"))
		f.Recommendation = "The collector stops the node: look at the size and growth of its heap, at the memory of its machine (swapping), and at the CPU that it may use."
	} else {
		f.Recommendation = "Find out what stops the process: a CPU quota that is used up, a noisy neighbour, swapping, a machine that is paused. The steal time and throttling counters of its machine say which."
		f.Caveats = append(f.Caveats, "The collector's own pauses do not explain it, or were not recorded.")
	}
	f.Caveats = append(f.Caveats, "Pauses between two readings leave no trace: there may have been more.")
	if quiet := s.To.Sub(last); len(every) > 0 && quiet > 4*time.Duration(series.Quantile(every, 1)*float64(time.Second)) {
		f.End = &last
	}
	return f
}

// tellTypical adds how long the pauses that were seen last, and how long it is from one to the
// next, at the median.
func tellTypical(e *finding.Evidence, n *scene.Node, all []scene.Freeze, lengths, every []float64) {
	says := n.Says("node_info", all[0].From, all[len(all)-1].To)
	between := func(from, to time.Time) string {
		return "seconds(" + finding.Instant(from) + ", " + finding.Instant(to) + ")"
	}
	e.Value("lasts_s", series.Median(lengths), says.Of(medianOf(lengths, func(i int) string { return between(all[i].From, all[i].To) })))
	e.Value("every_s", series.Median(every), says.Of(medianOf(every, func(i int) string { return between(all[i].From, all[i+1].From) })))
}

// medianOf is the formula of the median of stretches, each with a formula of its own.
func medianOf(of []float64, stretch func(i int) string) string {
	order := make([]int, len(of))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int { return cmp.Compare(of[i], of[k]) })
	return "(" + stretch(order[(len(order)-1)/2]) + " + " + stretch(order[len(order)/2]) + ") / 2"
}

// stillEvidence shows how long the node took to answer.
func stillEvidence(n *scene.Node, all []scene.Freeze) []finding.Evidence {
	if len(all) == 0 {
		return nil
	}
	from, to := all[0].From, all[len(all)-1].To
	var records []string
	for _, z := range all {
		if len(records) < 6 && !z.Open {
			records = append(records, finding.RecordName(n.Name, "node_info", z.To))
		}
	}
	e := finding.Evidence{
		What: "time that its answers took, and stretches without any", Node: n.Name, Tool: "node_info", From: &from, To: &to,
		Records: records, Series: finding.Chart("s", n.Heard),
	}
	says := n.Says("node_info", from, to)
	for i, z := range all[:min(len(all), 20)] {
		e.Value(fmt.Sprintf("stretch_s.%d", i+1), z.Lasted().Seconds(), says.Of("seconds("+finding.Instant(z.From)+", "+finding.Instant(z.To)+")"))
	}
	for _, z := range all {
		if z.Late > 0 {
			e.Value("late_s", z.Late.Seconds(), n.Says("*", z.To, z.To).Of("max(took)"))
			break
		}
	}
	if n.Heard.Len() == 0 {
		e.What = "calls and pings that got no answer"
		return []finding.Evidence{e}
	}
	e.Value("median_answer_s", series.Median(n.Heard.V), n.Over("node_info", n.Heard).Of("median(took)"))
	return []finding.Evidence{e}
}
