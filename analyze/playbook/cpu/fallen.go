package cpu

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// fallenHotspot is the finding about a node that used far more CPU when the recording
// began than since an instant, and than in its life before: nil where it did not, or
// where it handled as many more messages.
func fallenHotspot(ctx context.Context, s *scene.Scene, n *scene.Node, rates series.Series, changes []series.Change, profs []scene.CPUProfile) (*finding.Finding, error) {
	used := scene.CPUUsed(n)
	life, lasted, ok := n.LifeBefore(used)
	if !ok || len(changes) == 0 || len(n.Starts) > 0 {
		return nil, nil
	}
	end, until := changes[0].At, s.To
	if len(changes) > 1 {
		until = changes[1].At
	}
	during, since := rates.Before(end), rates.Between(end, until)
	is, low := series.Median(during.V), series.Median(since.V)
	if end.Sub(s.From) < 10*time.Second || !risen(s, low, is, false) || !risen(s, life, is, false) {
		return nil, nil
	}
	quiet, busy, err := s.Works(ctx, n, finding.Window{From: end, To: until}, finding.Window{From: s.From, To: end})
	if err != nil || !risen(s, loadRatio(quiet, busy)*low, is, false) {
		return nil, err
	}
	f := cpuFinding(n, s.From, s.Usual(n), end, series.Change{At: s.From, Before: low, After: is}, rates)
	f.Facts, f.End = append(f.Facts, finding.Older), &end
	f.Title = fmt.Sprintf("%s used %s cores, since %s %s", finding.NodeName(n.Name), finding.Number(is), finding.Clock(end), finding.Number(low))
	f.Summary = fmt.Sprintf("It was so when the recording began: until %s %s used %s cores of CPU, since then %s, and in the %s of its life before %s on average; it does not handle so many fewer messages.",
		finding.Clock(end), n.Name, finding.Number(is), finding.Number(low), finding.Duration(lasted), finding.Number(life))
	f.Score = min(f.Score, finding.Over)
	f.Caveats = append(f.Caveats, "Since when is not known: its average before is what it had used by its first answer, over its uptime.")
	e := &f.Evidence[0]
	n.TellLife(e, lasted)
	tellCores(n, e, series.Change{Before: low, After: is}, since, during)
	e.Value("life_cores", life, n.Says("node_info", used.T[0], used.T[0]).Of(fmt.Sprintf("first(%s) / %v", scene.CPUFormula(n), lasted.Seconds())))
	hotFunction(s, n, s.From, end, profs, f, is-low)
	f.Score = min(f.Score, finding.Over)
	if err := hotProcess(ctx, s, n, s.From, end, profs, f); err != nil {
		return nil, err
	}
	if f.Subject.PID == "" {
		if err := spentUntil(ctx, s, n, f, end, until, is-low); err != nil {
			return nil, err
		}
	}
	if costs(quiet, busy, f.Subject.Behavior) != more {
		return nil, nil // its work came to an end, each message as dear as any, or nobody is seen to spend it
	}
	return f, nil
}

// spentUntil names the one process that was inside callbacks for at least half of what a
// node used more, until an instant, than since.
func spentUntil(ctx context.Context, s *scene.Scene, n *scene.Node, f *finding.Finding, end, until time.Time, rise float64) error {
	was, err := s.RunningTime(ctx, n, s.From, end)
	if err != nil {
		return err
	}
	is, err := s.RunningTime(ctx, n, end, until)
	if err != nil {
		return err
	}
	var found *scene.Actor
	for _, a := range n.Procs.Actors {
		if a.Own() || was[a.Pid]-is[a.Pid] < rise/2 {
			continue
		}
		if found != nil {
			return nil // which of them is not clear
		}
		found = a
	}
	if found != nil {
		f.Subject.PID, f.Subject.Name, f.Subject.Behavior, f.Subject.Application = found.Pid, found.Name, found.Behavior, found.Application
	}
	return nil
}
