package cpu

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// olderHotspot is the finding about a node that used far more CPU than in its life before
// when the recording began, and went on, though its processes do not handle so many times as
// many messages; nil where it did not. That life has its lulls, so the rise must be twice as
// great, and a process must be seen to spend it.
func olderHotspot(ctx context.Context, s *scene.Scene, n *scene.Node, rates series.Series, profs []scene.CPUProfile) (*finding.Finding, error) {
	used := scene.CPUUsed(n)
	was, life, ok := n.LifeBefore(used)
	if !ok || len(n.Starts) > 0 || rates.Len() < 8 {
		return nil, nil
	}
	is, low := series.Median(rates.V), series.Quantile(rates.V, 0.1)
	ratio := s.Set.Of(hotRatio)
	little := is-was < s.Set.Of(hotCores)
	if is < ratio*ratio*was || low < ratio*was || !risen(s, was, is, little) {
		return nil, nil
	}
	c := series.Change{At: s.From, Before: was, After: is}
	f := cpuFinding(n, s.From, s.Usual(n), s.To, c, rates)
	f.Facts = append(f.Facts, finding.Older)
	f.Summary = fmt.Sprintf("It was so when the recording began: %s uses %s cores of CPU; in the %s of its life before it was %s on average, and its processes do not handle so many times as many messages.",
		n.Name, finding.Number(is), finding.Duration(life), finding.Number(was))
	f.Caveats = append(f.Caveats, "Since when is not known: its average before is what it had used by its first answer, over its uptime.")
	e := &f.Evidence[0]
	n.TellLife(e, life)
	e.Value("before_cores", was, n.Says("node_info", used.T[0], used.T[0]).Of(fmt.Sprintf("first(%s) / %v", scene.CPUFormula(n), life.Seconds())))
	e.Value("after_cores", is, n.OverRates("node_info", used, rates).Of("median(rates("+scene.CPUFormula(n)+"))"))
	hotFunction(s, n, s.From, s.To, profs, f, is-was)
	if err := hotProcess(ctx, s, n, s.From, s.To, profs, f); err != nil {
		return nil, err
	}
	if f.Subject.PID == "" {
		spends(n, f, life, is-was)
	}
	allocates(s, n, f)
	switch more := was * handledMore(n, life, f.Subject.PID); {
	case f.Subject.PID == "" || fed(s, n, f.Subject.PID):
		return nil, nil // nobody is seen to spend it, or he does so for others
	case is < ratio*ratio*more || !risen(s, more, is, little):
		return nil, nil
	case little:
		short, err := shortOfCPU(ctx, s, n, f, s.From, s.To, profs, is-was)
		if err != nil || !short {
			return nil, err
		}
	}
	return f, nil
}

// handledMore is how many times as many messages a second the processes of a node handle
// as they did in their lives before they were first seen, at least 1: each counts by the
// time that it spent on them then. The one who is accused is left out.
func handledMore(n *scene.Node, life time.Duration, accused string) float64 {
	spent, scaled := 0.0, 0.0
	for _, a := range n.Procs.Actors {
		span := a.Now().At.Sub(a.Begin.At).Seconds()
		if was := float64(a.Begin.Handled()) / life.Seconds(); !a.Own() && a.Pid != accused && was > 0 && span > 0 {
			busy := float64(a.Begin.Run) / 1e9 / life.Seconds()
			spent += busy
			scaled += busy * float64(a.Now().Handled()-a.Begin.Handled()) / span / was
		}
	}
	if spent == 0 {
		return 1
	}
	return max(1, scaled/spent)
}

// fed reports whether a process has more to do than in its life before: it gets many more
// messages, and does not send them to itself, or others send as many more as it gets.
func fed(s *scene.Scene, n *scene.Node, pid string) bool {
	gets, sends, got, others := 0.0, 0.0, 0.0, 0.0
	for _, o := range s.Nodes {
		_, life, ok := o.LifeBefore(scene.CPUUsed(o))
		for _, a := range o.Procs.Actors {
			span := a.Now().At.Sub(a.Begin.At).Seconds()
			if a.Own() || span <= 0 || !ok {
				continue
			}
			more := func(first, last int64) float64 { return float64(last-first)/span - float64(first)/life.Seconds() }
			if o == n && a.Pid == pid {
				got = float64(a.Begin.In) / life.Seconds()
				gets, sends = more(a.Begin.In, a.Now().In), more(a.Begin.Out, a.Now().Out)
			} else {
				others += max(0, more(a.Begin.Out, a.Now().Out))
			}
		}
	}
	itself := sends >= gets*(1-s.Set.Of(busyShare))
	return gets > 0 && (others >= gets/2 || gets >= got && !itself)
}

// spends names the one process that is inside callbacks for at least half of the rise
// more than in its life before.
func spends(n *scene.Node, f *finding.Finding, life time.Duration, rise float64) {
	var found *scene.Actor
	for _, a := range n.Procs.Actors {
		span := a.Now().At.Sub(a.Begin.At).Seconds()
		if a.Own() || span <= 0 {
			continue
		}
		more := float64(a.Now().Run-a.Begin.Run)/1e9/span - float64(a.Begin.Run)/1e9/life.Seconds()
		if more < rise/2 {
			continue
		}
		if found != nil {
			return // which of them is not clear
		}
		found = a
	}
	if found != nil {
		f.Subject.PID, f.Subject.Name, f.Subject.Behavior, f.Subject.Application = found.Pid, found.Name, found.Behavior, found.Application
	}
}
