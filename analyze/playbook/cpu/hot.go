package cpu

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// hotFunction names the function that took most of the CPU during the rise,
// against a profile from before.
func hotFunction(s *scene.Scene, n *scene.Node, from, to time.Time, profs []scene.CPUProfile, f *finding.Finding, added float64) {
	var before, during *scene.CPUProfile
	for i := range profs {
		p := &profs[i]
		switch {
		case !p.To.After(from):
			before = p
		case !p.From.Before(from) && p.From.Before(to):
			if during == nil || p.Table.Total > during.Table.Total {
				during = p
			}
		}
	}
	if during == nil {
		f.Caveats = append(f.Caveats, "No CPU profile was taken while it lasted: which function it is cannot be told.")
		return
	}
	diff := during.Table
	if before != nil {
		diff = profiles.Diff(before.Table, during.Table)
	} else {
		f.Caveats = append(f.Caveats, "There is no CPU profile from before to compare with.")
	}
	hot, ok := hottest(diff, during.Table.Total, s.Set.Of(hotShare))
	var lines []string
	for _, r := range diff.Rows[:min(8, len(diff.Rows))] {
		lines = append(lines, fmt.Sprintf("%+.0f ms/s flat, %+.0f ms/s cumulative  %s", perSecondOf(r.Flat, diff), perSecondOf(r.Cum, diff), r.Function))
	}
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "CPU by function, less that of before", Node: n.Name, Tool: "pprof_cpu", From: &during.From, To: &during.To, Records: []string{during.Record}, Lines: lines,
	})
	if ok {
		f.Subject.Function, f.Subject.Behavior = hot.Function, profiles.BehaviorOf(hot.Function)
		f.Confidence = finding.High
		f.Score = finding.Score(finding.CPUHotspot, added)
		f.Title += ": " + hot.Function
		percent := 100 * float64(cumOf(during.Table, hot.Function)) / math.Max(1, float64(during.Table.Total))
		f.Evidence[len(f.Evidence)-1].Value("percent", percent, finding.Call{Tool: "profile_top", Gives: "functions.0.cum_percent", Arguments: map[string]any{
			"kind": "cpu", "node": n.Name, "at": during.To.UTC().Format(time.RFC3339Nano), "function": hot.Function, "source": during.Source,
		}})
		f.Summary += fmt.Sprintf(" %s takes %s %% of it, with what it calls.", hot.Function, finding.Number(percent))
	}
}

// cumOf is what a function takes with what it calls.
func cumOf(t profiles.Table, function string) int64 {
	for _, r := range t.Rows {
		if r.Function == function {
			return r.Cum
		}
	}
	return 0
}

// perSecondOf is milliseconds of CPU per second.
func perSecondOf(v int64, t profiles.Table) float64 {
	return float64(v) / 1e6 / math.Max(t.Seconds, 1)
}

// hottest is the innermost application function to which enough of the CPU
// goes: of those with about the largest cumulative time, the one with most of
// its own.
func hottest(diff profiles.Table, total int64, share float64) (profiles.Row, bool) {
	app := diff.Of(profiles.Application)
	most := int64(0)
	for _, r := range app {
		most = max(most, r.Cum)
	}
	var best profiles.Row
	ok := false
	for _, r := range app {
		if float64(r.Cum) >= share*float64(total) && float64(r.Cum) >= 0.8*float64(most) && (!ok || r.Flat > best.Flat) {
			best, ok = r, true
		}
	}
	return best, ok
}

// hotProcess names the process that spends it: by the profile's labels, else
// the one process of the hot function's behavior, else the one whose running
// time rose by about as much.
func hotProcess(ctx context.Context, s *scene.Scene, n *scene.Node, from, to time.Time, profs []scene.CPUProfile, f *finding.Finding) error {
	pid := ""
	for _, p := range profs {
		var sum, most int64
		if p.From.Before(from) || p.From.After(to) {
			continue
		}
		for id, v := range p.ByPID {
			sum += v
			if id != "" && v > most {
				most, pid = v, id
			}
		}
		if float64(most) < s.Set.Of(hotShare)*float64(sum) {
			pid = ""
		}
	}
	var of []*scene.Actor
	for _, a := range n.Procs.Actors {
		if a.Pid == pid || pid == "" && f.Subject.Behavior != "" && a.Behavior == f.Subject.Behavior {
			of = append(of, a)
		}
	}
	if len(of) > 1 || len(of) == 0 {
		busiest, err := busiest(ctx, s, n, from, to, of)
		if err != nil {
			return err
		}
		of = busiest
	}
	if len(of) == 1 {
		a := of[0]
		f.Subject.PID, f.Subject.Name, f.Subject.Application = a.Pid, a.Name, a.Application
		f.Subject.Behavior = cmp.Or(f.Subject.Behavior, a.Behavior)
	}
	return nil
}

// busiest is the one process, of those given or of all, whose running time rose
// most between the stretch before an instant and that after it, if it is a
// quarter of a core or more; none where that is not clear.
func busiest(ctx context.Context, s *scene.Scene, n *scene.Node, from, to time.Time, among []*scene.Actor) ([]*scene.Actor, error) {
	span := min(to.Sub(from), from.Sub(s.From), time.Minute)
	if span < 5*time.Second {
		return nil, nil
	}
	was, err := s.RunningTime(ctx, n, from.Add(-span), from)
	if err != nil {
		return nil, err
	}
	is, err := s.RunningTime(ctx, n, from, from.Add(span))
	if err != nil {
		return nil, err
	}
	if among == nil {
		among = n.Procs.Actors
	}
	var best *scene.Actor
	most, second := 0.0, 0.0
	for _, a := range among {
		if a.Own() {
			continue
		}
		switch rise := is[a.Pid] - was[a.Pid]; {
		case rise > most:
			best, most, second = a, rise, most
		case rise > second:
			second = rise
		}
	}
	if best == nil || most < s.Set.Of(hotCores) || most < 2*second {
		return nil, nil
	}
	return []*scene.Actor{best}, nil
}

// profiled reports whether a profile was taken within a stretch.
func profiled(profs []scene.CPUProfile, from, to time.Time) bool {
	return slices.ContainsFunc(profs, func(p scene.CPUProfile) bool { return !p.From.Before(from) && p.From.Before(to) })
}

// shortOfCPU reports whether a rise that is little in itself is all that the machine had
// to give: a process that works all the time since then is in the function that burns
// what the node gets, as far as there are profiles. It says so in the finding.
func shortOfCPU(ctx context.Context, s *scene.Scene, n *scene.Node, f *finding.Finding, from, to time.Time, profs []scene.CPUProfile, rise float64) (bool, error) {
	if f.Subject.PID == "" || f.Subject.Function == "" && profiled(profs, from, to) {
		return false, nil
	}
	from, to = from.Add(n.Interval/2), series.Earlier(to, from.Add(time.Minute))
	is, err := s.RunningTime(ctx, n, from, to)
	if err != nil || is[f.Subject.PID] < s.Set.Of(hotBusy) {
		return false, err
	}
	inside := is[f.Subject.PID]
	f.Score = min(finding.Score(finding.CPUHotspot, inside), finding.Unsure)
	f.Summary += fmt.Sprintf(" %s is inside callbacks %s %% of the time, and the node got %s of a core more meanwhile: it waits for the rest, for the CPU or for something else.",
		cmp.Or(f.Subject.Name, f.Subject.PID), finding.Number(100*inside), finding.Number(rise))
	rows := finding.Source{Tool: "process_list", Node: n.Name, Row: f.Subject.PID, From: from, To: to}
	f.Evidence[0].Value("inside_callbacks", inside, rows.Of("change(RunningTime) / span(RunningTime) / 1e9"))
	f.Evidence[0].Value("inside_callbacks_percent", 100*inside, rows.Of("100 * change(RunningTime) / span(RunningTime) / 1e9"))
	return true, nil
}
