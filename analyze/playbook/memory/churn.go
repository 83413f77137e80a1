package memory

import (
	"context"
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// Churn finds allocation far above what it was, with nothing retained: nil
// where there is none.
func Churn(s *scene.Scene, n *scene.Node, profs scene.Heaps) *finding.Finding {
	rates := n.Rates(ergo.Runtime, "total_alloc")
	changes, err := series.Changes(rates, 0.001)
	if err != nil {
		return nil
	}
	collections := n.Rates(ergo.Runtime, "num_gc")
	for i, c := range changes {
		end := s.To
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		during := rates.Between(c.At, end)
		before, after := aroundChange(collections, changes, i)
		gcBefore, gcAfter := series.Mean(before.V), series.Mean(after.V)
		if during.Len() < 5 || during.Span() < 10*time.Second || c.After < s.Set.Of(churnRatio)*c.Before || gcAfter < s.Set.Of(churnRatio)*gcBefore {
			continue
		}
		if keeps(n, c.At, end, c.After) {
			continue
		}
		f := churning(n, rates, c.At, end)
		f.Title = fmt.Sprintf("%s allocates %s a second, before %s, and throws it away", finding.NodeName(n.Name), finding.Size(c.After), finding.Size(c.Before))
		f.Summary = fmt.Sprintf("Since %s allocation on %s is %s times what it was and collections are %s times as frequent (%s a second); what they leave does not grow.", finding.Clock(c.At), n.Name, finding.Number(c.After/c.Before), finding.Number(gcAfter/math.Max(gcBefore, 1e-9)), finding.Number(gcAfter))
		f.Onset, f.OnsetErrorS = c.At.Add(-rates.Interval()/2), c.Error.Seconds()+rates.Interval().Seconds()/2
		tellChurn(n, &f.Evidence[0], c, changes, i)
		if cost, told := gcCost(n, c.At, end); told {
			f.Score = max(f.Score, finding.Score(finding.HeapChurn, cost))
		} else {
			f.Caveats = append(f.Caveats, "What share of the CPU the collections take cannot be told from the recording.")
		}
		if end != s.To {
			f.End = &end
		}
		blame(n, f, profs, c.After-c.Before)
		return f
	}
	return nil
}

// churning is the finding about what a node allocates over a stretch, and throws away, without
// what it is held against.
func churning(n *scene.Node, rates series.Series, from, to time.Time) *finding.Finding {
	return &finding.Finding{
		Kind: finding.HeapChurn, Score: finding.ScoreWarning, Confidence: finding.Medium,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(from)},
		Evidence: []finding.Evidence{{
			What: "bytes allocated per second", Node: n.Name, Tool: "runtime_stats", Field: "total_alloc", From: &from, To: &to, Series: finding.Chart("bytes/s", rates),
		}},
		Recommendation: "Reuse buffers where the profile shows most allocations (sync.Pool, preallocated slices); look for conversions and formatting in callbacks that run often.",
		Confirm:        []string{"pprof_heap on " + n.Name + ": the alloc column, twice", "pprof_cpu on " + n.Name + ": runtime.mallocgc and runtime.gcBgMarkWorker"},
	}
}

// blame names who allocates so many bytes a second more in the stretch of the evidence: the
// function that a profile shows, and the process that runs it.
func blame(n *scene.Node, f *finding.Finding, profs scene.Heaps, more float64) {
	w := finding.Window{From: *f.Evidence[0].From, To: *f.Evidence[0].To}
	for _, tables := range [][]scene.HeapTable{profs.Text, profs.Raw} {
		if f.Subject.Function == "" {
			f.Subject.Function = allocator(tables, w.From, more)
		}
	}
	holder(n, f.Subject.Function, w, f)
}

// keeps reports whether a heap that something allocates so much a second in grew by most of
// it over a stretch, at its lowest: then it is not thrown away, or was not yet.
func keeps(n *scene.Node, from, to time.Time, perSecond float64) bool {
	heap, third := n.Series(ergo.Runtime, "heap_alloc"), to.Sub(from)/3
	first, last := heap.Between(from, from.Add(third)), heap.Between(to.Add(-third), to)
	if first.Len() == 0 || last.Len() == 0 {
		return false
	}
	grown := series.Quantile(last.V, 0) - series.Quantile(first.V, 0)
	return grown > perSecond*2*third.Seconds()/2
}

// ofRecording reports whether allocation rose with what the recorder asks: listings
// that grow, or that a node passes on piece by piece, are made in memory.
func ofRecording(ctx context.Context, s *scene.Scene, n *scene.Node, f *finding.Finding) (bool, error) {
	const around = 5 * time.Minute
	end := series.Earlier(f.Onset.Add(around), s.To)
	if f.End != nil {
		end = series.Earlier(end, *f.End)
	}
	before, err := served(ctx, s, n, series.Later(s.From, f.Onset.Add(-around)), f.Onset)
	if err != nil {
		return false, err
	}
	since, err := served(ctx, s, n, f.Onset, end)
	if err != nil || before <= 0 || since < 1.5*before {
		return false, err
	}
	values := f.Evidence[0].Values
	was, _ := values["before_bytes_per_s"].(float64)
	is, _ := values["after_bytes_per_s"].(float64)
	return is/max(was, 1) < s.Set.Of(churnRatio)*since/before, nil // else it is far more than that
}

// ofLoad reports whether allocation rose no more than the messages that the node's
// processes handle: each message allocates what it did.
func ofLoad(ctx context.Context, s *scene.Scene, n *scene.Node, f *finding.Finding) (bool, error) {
	const around = 5 * time.Minute
	end := series.Earlier(f.Onset.Add(around), s.To)
	if f.End != nil {
		end = series.Earlier(end, *f.End)
	}
	before := finding.Window{From: series.Later(s.From, f.Onset.Add(-around)), To: f.Onset}
	if f.Is(finding.Older) {
		if f.End == nil {
			return false, nil
		}
		before = finding.Window{From: *f.End, To: series.Earlier(f.End.Add(around), s.To)} // it has an after only
	}
	during := finding.Window{From: f.Onset, To: end}
	was, is, err := s.Works(ctx, n, before, during)
	if err != nil {
		return false, err
	}
	values := f.Evidence[0].Values
	rate, _ := values["before_bytes_per_s"].(float64)
	since, _ := values["after_bytes_per_s"].(float64)
	return rate > 0 && since/rate <= loadGrew(was, is, before.To.Sub(before.From), during.To.Sub(during.From)), nil
}

// loadGrew is how many times as many messages are handled: of all, or of the one behavior that
// most of the more of them are of, if those grew more, for its messages may be the dear ones.
// That one must have handled so many meanwhile that it is known what they take, and as many as
// one before is what none counts for.
func loadGrew(was, is map[string]scene.WorkRate, over, during time.Duration) float64 {
	before, now, most, of := 0.0, 0.0, 0.0, 0.0
	for _, w := range was {
		before += w.Handled
	}
	for behavior, w := range is {
		now += w.Handled
		if b := was[behavior].Handled; w.Handled-b > most {
			if most, of = w.Handled-b, 0; w.Handled*during.Seconds() >= work.FewestBefore {
				of = w.Handled / max(b, 1/max(over.Seconds(), 1))
			}
		}
	}
	grew := now / max(before, 1e-3)
	if before <= 0 {
		return 0 // nothing to hold it against
	}
	if 2*most > now-before {
		grew = max(grew, of)
	}
	return grew
}

// served is how many rows of process listings a second a node made for the
// recorder in a stretch, or passed on from nodes without an endpoint of their own:
// the most that being recorded asks of it.
func served(ctx context.Context, s *scene.Scene, n *scene.Node, from, to time.Time) (perSecond float64, err error) {
	rows := 0
	for _, o := range s.Nodes {
		if o != n && (!n.Entry || o.Entry) {
			continue
		}
		if err := s.Rows(ctx, o, from, to, func(*archive.Frame, int32) { rows++ }); err != nil {
			return 0, err
		}
	}
	return float64(rows) / max(to.Sub(from).Seconds(), 1), nil
}

// tellChurn adds what was allocated and collected a second before the change and
// since, up to the next one.
func tellChurn(n *scene.Node, e *finding.Evidence, c series.Change, changes []series.Change, i int) {
	allocated, collected := n.Series(ergo.Runtime, "total_alloc"), n.Series(ergo.Runtime, "num_gc")
	before, after := aroundChange(n.Rates(ergo.Runtime, "total_alloc"), changes, i)
	gcBefore, gcAfter := aroundChange(n.Rates(ergo.Runtime, "num_gc"), changes, i)
	e.Value("before_bytes_per_s", c.Before, n.OverRates("runtime_stats", allocated, before).Of("median(rates(total_alloc))"))
	e.Value("after_bytes_per_s", c.After, n.OverRates("runtime_stats", allocated, after).Of("median(rates(total_alloc))"))
	if gcBefore.Len() > 0 {
		e.Value("collections_per_s.before", series.Mean(gcBefore.V), n.OverRates("runtime_stats", collected, gcBefore).Of("mean(rates(num_gc))"))
	}
	e.Value("collections_per_s.after", series.Mean(gcAfter.V), n.OverRates("runtime_stats", collected, gcAfter).Of("mean(rates(num_gc))"))
}

// aroundChange is a series between a change and the one before it, and between it
// and the next.
func aroundChange(all series.Series, changes []series.Change, i int) (before, after series.Series) {
	before, after = all.Before(changes[i].At), all.From(changes[i].At)
	if i > 0 {
		before = before.From(changes[i-1].At)
	}
	if i+1 < len(changes) {
		after = after.Before(changes[i+1].At)
	}
	return before, after
}

// gcCost is the share of the CPU, in percent, that collections took in a
// stretch, if the recording tells it. The runtime tells the share since the node's start.
func gcCost(n *scene.Node, from, to time.Time) (percent float64, told bool) {
	share, up := n.Series(ergo.Runtime, "gc_cpu_percent"), n.Series(ergo.Node, "Uptime")
	a, ok1 := share.At(from)
	b, ok2 := share.At(to)
	u, ok3 := up.At(from)
	w, ok4 := up.At(to)
	if !(ok1 && ok2 && ok3 && ok4) || w <= u {
		return 0, false
	}
	return max(0, (b*w-a*u)/(w-u)), true
}
