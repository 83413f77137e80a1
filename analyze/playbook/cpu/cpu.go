package cpu

import (
	"context"
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// hotBaseline is how far from a rise the CPU on either side of it is compared:
// over a day the load itself is another one.
const hotBaseline = time.Hour

// judge finds nodes that burn far more CPU than they did, and the function and
// process that burn it.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		rates := scene.CPURates(n)
		if rates.Len() < 8 {
			v.Skip("%s: %d rates of UserTime and SystemTime, needs 8", n.Name, rates.Len())
			continue
		}
		profs, err := s.CPUProfiles(ctx, n)
		if err != nil {
			return err
		}
		f, err := hotspot(ctx, s, n, rates, profs)
		if err != nil {
			return err
		}
		if f != nil {
			v.Find(f)
			continue
		}
		steady(s, n, rates, v)
		if len(profs) == 0 {
			v.Skip("%s: no CPU profile that can be read was recorded: what its CPU is spent on cannot be told", n.Name)
		}
	}
	return nil
}

// steady says so of a node without a finding, unless what it used rose all the
// same: it may have had as much more to do, which is none of a fault, nor steady.
func steady(s *scene.Scene, n *scene.Node, rates series.Series, v *finding.Verdict) {
	half := rates.T[0].Add(rates.Span() / 2)
	first, second := series.Median(rates.Before(half).V), series.Median(rates.From(half).V)
	said := fmt.Sprintf("%s of a core used at the median of the first half, %s of the second, %s at most", finding.Number(first), finding.Number(second), finding.Number(series.Quantile(rates.V, 1)))
	if second >= s.Set.Of(hotRatio)*first && second-first >= s.Set.Of(hotCores) {
		v.Skip("%s: %s: no finding, for it handles as much more, has just started, or the rise is too short", n.Name, said)
		return
	}
	v.Fine("%s: no rise of CPU by %s of a core or more that is not explained by its load: %s, over %d samples", n.Name, finding.Number(s.Set.Of(hotCores)), said, rates.Len())
}

// hotspot is the finding about a node whose use of CPU rose and stayed up, nil
// where it did not, or where the messages explain it.
func hotspot(ctx context.Context, s *scene.Scene, n *scene.Node, rates series.Series, profs []scene.CPUProfile) (*finding.Finding, error) {
	changes, err := series.Changes(rates, 0.001)
	if err != nil {
		return nil, nil
	}
	var noted *finding.Finding // of a rise that is little
	for i, c := range changes {
		since, end := s.From, s.To
		if i > 0 {
			since = changes[i-1].At
		}
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		near := max(hotBaseline, 8*rates.Interval())
		since, until := series.Later(since, c.At.Add(-near)), series.Earlier(end, c.At.Add(near))
		c.Before, c.After = series.Median(rates.Between(since, c.At).V), series.Median(rates.Between(c.At, until).V)
		if !risen(s, c.Before, c.After, true) || end.Sub(c.At) < 10*time.Second || justStarted(n, c.At) {
			continue
		}
		onset, off := c.At.Add(-rates.Interval()/2), c.Error+rates.Interval()/2
		// What lies within the error of the moment is of both sides, and of a load that rises
		// many times over a second of it would pass for half of what was before.
		before, after := finding.Window{From: since, To: c.At}, finding.Window{From: c.At, To: until}
		if sure := onset.Add(-off); sure.Sub(since) >= 3*rates.Interval() {
			before.To = sure
		}
		was, is, err := s.Works(ctx, n, before, after)
		if err != nil {
			return nil, err
		}
		grew, shift, known := loadRatio(was, is), reshaped(s, profs, since, c.At, until), true
		if len(is) == 0 && len(was) > 0 {
			if grew, known, err = grewAcross(ctx, s, n, before, c.At); err != nil {
				return nil, err
			}
		}
		if shift != nil && costs(was, is, profiles.BehaviorOf(shift.Function)) == asBefore {
			shift = nil // there are more messages of that kind, each as dear as before
		}
		little := c.After-c.Before < s.Set.Of(hotCores)
		if shift == nil && !risen(s, grew*c.Before, c.After, little) {
			continue
		}
		f := cpuFinding(n, onset, off, end, c, rates)
		if !known && shift == nil {
			f.AtMost(finding.Note)
			f.Caveats = append(f.Caveats, "No listing of processes since tells whether as many more messages came.")
		}
		tellCores(n, &f.Evidence[0], c, rates.Between(since, c.At), rates.Between(c.At, until))
		if end != s.To {
			f.End = &end
		}
		hotFunction(s, n, c.At, end, profs, f, c.After-c.Before)
		allocates(s, n, f)
		if err := hotProcess(ctx, s, n, c.At, end, profs, f); err != nil {
			return nil, err
		}
		if little {
			short, err := shortOfCPU(ctx, s, n, f, c.At, end, profs, c.After-c.Before)
			if err != nil {
				return nil, err
			}
			if !short {
				if noted == nil && noteworthy(s, f, c.After-c.Before) {
					noted = f
				}
				continue
			}
		}
		return f, nil
	}
	f, err := creep(ctx, s, n, rates.From(n.ThisLife(s)), profs)
	if f != nil || err != nil {
		return f, err
	}
	if f, err = fallenHotspot(ctx, s, n, rates, changes, profs); f != nil || err != nil {
		return f, err
	}
	if f, err = olderHotspot(ctx, s, n, rates, profs); f != nil || err != nil {
		return f, err
	}
	if f = dearHotspot(s, n, rates, profs); f != nil {
		return f, nil
	}
	return noted, nil
}

// noteworthy makes a note of a rise that is little, and no load, if it is half of what is more, and a profile
// says of what.
func noteworthy(s *scene.Scene, f *finding.Finding, rise float64) bool {
	if least := s.Set.Of(hotCores); f.Subject.Function == "" || rise < least/2 {
		return false
	}
	f.AtMost(finding.Note)
	f.Caveats = append(f.Caveats, fmt.Sprintf("It is less than %s of a core more (the setting %s): little, unless the node has little to give.", finding.Number(s.Set.Of(hotCores)), hotCores.Name))
	return true
}

// reshaped is the function of the application that took a far greater share of
// the CPU, by profiles from before and after an instant, nil where none did: a
// load that only grew keeps the shares as they were.
func reshaped(s *scene.Scene, profs []scene.CPUProfile, from, at, to time.Time) *profiles.Row {
	var before, during *scene.CPUProfile
	for i := range profs {
		switch p := &profs[i]; {
		case !p.From.Before(from) && !p.To.After(at):
			before = p
		case !p.From.Before(at) && p.From.Before(to) && (during == nil || p.Table.Total > during.Table.Total):
			during = p
		}
	}
	if before == nil || during == nil {
		return nil
	}
	for _, r := range during.Table.Of(profiles.Application) {
		was, _ := before.Table.Row(r.Function)
		if float64(r.Cum)/math.Max(1, float64(during.Table.Total))-float64(was.Cum)/math.Max(1, float64(before.Table.Total)) >= s.Set.Of(hotShare) {
			return &r
		}
	}
	return nil
}

// justStarted reports whether the node had hardly begun its life: starting up
// takes CPU.
func justStarted(n *scene.Node, at time.Time) bool {
	up, ok := n.Series(ergo.Node, "Uptime").At(at)
	return ok && up < 10
}
