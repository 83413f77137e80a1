package cpu

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/memory"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// risen reports whether a node uses far more CPU than what is expected; a little, as a
// machine that is short of CPU gives, must be many times as much.
func risen(s *scene.Scene, expected, is float64, little bool) bool {
	const felt = 0.1 // cores
	ratio := s.Set.Of(hotRatio)
	return is >= ratio*expected && is-expected >= s.Set.Of(hotCores) || little && is >= ratio*ratio*expected && is-expected >= felt
}

// cpuFinding words a rise of CPU.
func cpuFinding(n *scene.Node, onset time.Time, off time.Duration, end time.Time, c series.Change, rates series.Series) *finding.Finding {
	return &finding.Finding{
		Kind: finding.CPUHotspot, Score: min(finding.Score(finding.CPUHotspot, c.After-c.Before), finding.Unsure), Confidence: finding.Medium,
		Title:   fmt.Sprintf("%s uses %s cores, before %s", finding.NodeName(n.Name), finding.Number(c.After), finding.Number(c.Before)),
		Summary: fmt.Sprintf("Since %s %s uses %s cores of CPU; before it was %s.", finding.Clock(onset), n.Name, finding.Number(c.After), finding.Number(c.Before)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(c.At)},
		Onset:   onset, OnsetErrorS: off.Seconds(),
		Evidence: []finding.Evidence{{
			What: "cores used (user and system)", Node: n.Name, Tool: "node_info", Field: "UserTime + SystemTime", From: &onset, To: &end,
			Series: finding.Chart("cores", rates),
		}},
		Recommendation: "Read the function that the profile names: a loop that waits by spinning, work repeated for each message, or an input that grew.",
		Confirm:        []string{"pprof_cpu duration=5 on " + n.Name, "process_list sort_by=running_time on " + n.Name + ", twice"},
	}
}

// tellCores adds the cores used before and since.
func tellCores(n *scene.Node, e *finding.Evidence, c series.Change, before, after series.Series) {
	used, formula := scene.CPUUsed(n), "median(rates("+scene.CPUFormula(n)+"))"
	e.Value("before_cores", c.Before, n.OverRates("node_info", used, before).Of(formula))
	e.Value("after_cores", c.After, n.OverRates("node_info", used, after).Of(formula))
}

// allocates puts a rise that allocation explains below the memory playbook's
// finding about it: the CPU then goes to the allocator and the collector.
func allocates(s *scene.Scene, n *scene.Node, f *finding.Finding) {
	churn := memory.Churn(s, n, scene.Heaps{})
	if churn == nil || churn.Onset.Sub(f.Onset).Abs() > 10*time.Second {
		return
	}
	f.Score = min(f.Score, churn.Score-1)
	f.Caveats = append(f.Caveats, fmt.Sprintf("Allocation rose at the same time (heap_churn, %s): much of this CPU may be the allocator's and the collector's.", finding.Clock(churn.Onset)))
}

// loadRatio is by how much the messages that a node's processes handle grew
// from one stretch to another, at least 1. Each behavior counts by the time
// that it spent in callbacks before, so that many more of a cheap message do
// not pass for work.
func loadRatio(was, is map[string]scene.WorkRate) float64 {
	spent, scaled := 0.0, 0.0
	for behavior, b := range was {
		if b.Handled > 0 {
			spent += b.Busy
			scaled += b.Busy * is[behavior].Handled / b.Handled
		}
	}
	if spent == 0 {
		return 1
	}
	return max(1, scaled/spent)
}

// grewAcross is by how much the messages grew at an instant, by the two listings around it where no
// two came since: what they show is of both sides. It is not known where none came since, or
// the node began anew between them.
func grewAcross(ctx context.Context, s *scene.Scene, n *scene.Node, before finding.Window, at time.Time) (grew float64, known bool, err error) {
	i, _ := slices.BinarySearchFunc(n.Procs.Listings, at, time.Time.Compare)
	if i == 0 || i == len(n.Procs.Listings) {
		return 1, false, nil
	}
	from, to := n.Procs.Listings[i-1], n.Procs.Listings[i]
	if slices.ContainsFunc(n.Starts, func(t time.Time) bool { return t.After(from) && !t.After(to) }) {
		return 1, false, nil
	}
	was, mixed, err := s.Works(ctx, n, before, finding.Window{From: from, To: to.Add(1)})
	since := to.Sub(at).Seconds() / to.Sub(from).Seconds()
	return 1 + (loadRatio(was, mixed)-1)/max(since, 0.1), len(mixed) > 0, err
}

// A cost is what a message of a behavior costs, against before.
type cost uint8

const (
	untold cost = iota
	asBefore
	more
)

// costs compares the time in callbacks for each message of a behavior. It is
// untold where nothing was handled before, or no callback's time was added: that
// of a process whose mailbox does not drain is not, unless it handles so many that
// each cannot take much longer than before.
func costs(was, is map[string]scene.WorkRate, behavior string) cost {
	b, now := was[behavior], is[behavior]
	if b.Handled <= 0 || b.Busy <= 0 || now.Handled <= 0 {
		return untold
	}
	const dearer = 1.5 // times
	switch limit := dearer * b.Busy / b.Handled; {
	case now.AtMost() <= limit:
		return asBefore
	case now.Busy <= 0:
		return untold
	case now.Busy/now.Handled > limit:
		return more
	}
	return asBefore
}
