package scene

import (
	"context"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// CPUUsed is the seconds of CPU that the node has used, user and system.
func CPUUsed(n *Node) series.Series {
	user, system := n.Series(ergo.Node, "UserTime"), n.Series(ergo.Node, "SystemTime")
	twice := countsTwice(user, system)
	return series.Sum(inSeconds(user, twice), inSeconds(system, twice))
}

// CPURates is how many cores the node used, from one answer to the next; where the
// recorder's clock went back nothing is known.
func CPURates(n *Node) series.Series {
	return series.Outside(series.Rates(CPUUsed(n), n.Starts...), n.mixed)
}

// CPUFormula is CPUUsed as the tool measure reckons it.
func CPUFormula(n *Node) string {
	user, system := n.Series(ergo.Node, "UserTime"), n.Series(ergo.Node, "SystemTime")
	if countsTwice(user, system) {
		return "UserTime / 1e9 - floor(UserTime / 2e9) + SystemTime / 1e9 - floor(SystemTime / 2e9)"
	}
	return "(UserTime + SystemTime) / 1e9"
}

// inSeconds is a counter of ns in seconds, of which whole ones were counted
// once or twice.
func inSeconds(ns series.Series, twice bool) series.Series {
	var out series.Series
	for i, t := range ns.T {
		v := ns.V[i] / 1e9
		if twice {
			v -= math.Floor(v / 2)
		}
		out.Add(t, v)
	}
	return out
}

// byChance is how improbable it must be that a counter which counts right
// looks as if it counted twice.
const byChance = 0.01

// countsTwice reports whether a node counts whole seconds of CPU twice, as
// some versions of the framework do: v = t + floor(t). Then no value of its
// counters has an odd number of whole seconds.
//
// Values of a right counter may all be even too, by chance, or because it
// gains two seconds a sample, as one busy core does that is sampled every two
// seconds. A step that is d off a multiple of two seconds leads from an even
// second to another with probability 1 - d. Those that are off by half a
// second or more, which a steady load does not make, must together be too
// improbable; each time that a counter which counts twice gains a second, it
// makes one.
func countsTwice(counters ...series.Series) bool {
	p := 1.0
	for _, c := range counters {
		for i, v := range c.V {
			if int64(v/1e9)%2 != 0 {
				return false
			}
			if i == 0 {
				continue
			}
			if d := math.Abs(math.Remainder((v-c.V[i-1])/1e9, 2)); d >= 0.5 {
				p *= 1 - d
			}
		}
	}
	return p < byChance
}

// A CPUProfile is one CPU profile of a node, by function.
type CPUProfile struct {
	From, To time.Time
	Table    profiles.Table
	ByPID    map[string]int64 // nanoseconds, where the profile has labels
	Record   string
	Source   string // of which of both it is: raw, text
}

// CPUProfiles are the CPU profiles of a node, text or raw, by time.
func (s *Scene) CPUProfiles(ctx context.Context, n *Node) ([]CPUProfile, error) {
	var all []CPUProfile
	for smp, err := range s.Texts(ctx, n, ergo.CPUProfile, s.From, s.To) {
		if err != nil {
			return nil, err
		}
		if t, err := profiles.ParseCPU(string(smp.Text)); err == nil && smp.Failure == nil {
			all = append(all, CPUProfile{From: smp.At.Add(-smp.Took), To: smp.At, Table: t, Record: finding.RecordName(n.Name, "pprof_cpu", smp.At), Source: "text"})
		}
	}
	for p, err := range replay.Readable(s.Rec.Profiles(ctx, n.Name, "cpu", s.From, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		raw, err := profiles.ParseRaw(p.Raw)
		if err != nil {
			s.unreadable("CPU", p, err)
			continue
		}
		t, err := raw.Top("cpu", "")
		if err != nil {
			s.unreadable("CPU", p, err)
			continue
		}
		byPID, _ := raw.ByPID("cpu") // it has the measure: Top succeeded
		began := p.At.Add(-time.Duration(t.Seconds * float64(time.Second)))
		all = append(all, CPUProfile{From: began, To: p.At, Table: t, ByPID: byPID, Record: finding.RecordName(n.Name, "cpu", p.At), Source: "raw"})
	}
	slices.SortStableFunc(all, func(a, b CPUProfile) int { return a.To.Compare(b.To) })
	return all, nil
}

// A WorkRate is what the processes of a behavior did, per second.
type WorkRate struct {
	Busy    float64 // seconds in callbacks
	Handled float64 // messages
	Workers int     // processes that handled some
}

// AtMost is how long a message takes at most, in s: none of those that handled some worked for
// more than all the time.
func (r WorkRate) AtMost() float64 { return float64(r.Workers) / r.Handled }

// Works is the work of each behavior in two stretches.
func (s *Scene) Works(ctx context.Context, n *Node, before, after finding.Window) (was, is map[string]WorkRate, err error) {
	if was, err = s.work(ctx, n, before.From, before.To); err != nil {
		return nil, nil, err
	}
	is, err = s.work(ctx, n, after.From, after.To)
	return was, is, err
}

// work is the work of each behavior in a stretch, without our own.
func (s *Scene) work(ctx context.Context, n *Node, from, to time.Time) (map[string]WorkRate, error) {
	type count struct{ busy, handled float64 }
	seen, rates, worked := map[string]count{}, map[string]WorkRate{}, map[string]bool{}
	span := to.Sub(from).Seconds()
	var ask replay.Fields
	who, what, app := ask.Of("PID"), ask.Of("Behavior"), ask.Of("Application")
	run, in, waits := ask.Of("RunningTime"), ask.Of("MessagesIn"), ask.Of("MessagesMailbox")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Processes, From: from, To: to, Fields: ask}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			c := f.Columns
			pid, behavior := c[who].Text(slot), c[what].Text(slot)
			if ergo.ObservesProcess(c[app].Text(slot), behavior) {
				continue
			}
			now := count{c[run].Float(slot) / 1e9, c[in].Float(slot) - c[waits].Float(slot)}
			if was, ok := seen[pid]; ok {
				r := rates[behavior]
				r.Busy += max(0, now.busy-was.busy) / span
				r.Handled += max(0, now.handled-was.handled) / span
				if now.handled > was.handled && !worked[pid] {
					worked[pid] = true
					r.Workers++
				}
				rates[behavior] = r
			}
			seen[pid] = now
		}
	}
	return rates, nil
}

// RunningTime is the share of a stretch that each process spent in callbacks.
func (s *Scene) RunningTime(ctx context.Context, n *Node, from, to time.Time) (map[string]float64, error) {
	type seen struct {
		at  time.Time
		run float64
	}
	first, share := map[string]seen{}, map[string]float64{}
	var ask replay.Fields
	who, ran := ask.Of("PID"), ask.Of("RunningTime")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Processes, From: from, To: to, Fields: ask}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			pid, run := f.Columns[who].Text(slot), f.Columns[ran].Float(slot)/1e9
			if was, ok := first[pid]; !ok {
				first[pid] = seen{f.At, run}
			} else if dt := f.At.Sub(was.at).Seconds(); dt > 0 {
				share[pid] = (run - was.run) / dt
			}
		}
	}
	return share, nil
}

// A Flow is what a process gets, sends and does a second.
type Flow struct{ In, Out, Busy float64 }

// Flows are the flows of a node's processes in a stretch, by PID.
func (s *Scene) Flows(ctx context.Context, n *Node, from, to time.Time) (map[string]Flow, error) {
	type seen struct {
		at           time.Time
		in, out, run float64
	}
	first, flows := map[string]seen{}, map[string]Flow{}
	var ask replay.Fields
	who, in, out, run := ask.Of("PID"), ask.Of("MessagesIn"), ask.Of("MessagesOut"), ask.Of("RunningTime")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Processes, From: from, To: to, Fields: ask}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			c := f.Columns
			pid, now := c[who].Text(slot), seen{f.At, c[in].Float(slot), c[out].Float(slot), c[run].Float(slot) / 1e9}
			was, ok := first[pid]
			if !ok {
				first[pid] = now
				continue
			}
			if dt := f.At.Sub(was.at).Seconds(); dt > 0 {
				flows[pid] = Flow{(now.in - was.in) / dt, (now.out - was.out) / dt, (now.run - was.run) / dt}
			}
		}
	}
	return flows, nil
}

// HasMetas reports whether a process is known to have meta processes: what does
// I/O for it, and brings messages from outside.
func (s *Scene) HasMetas(ctx context.Context, a *Actor) (bool, error) {
	for f, err := range s.answers(ctx, replay.Query{Node: a.Node.Name, Reading: ergo.Process, From: s.From, To: s.To, Fields: []string{"PID", "Metas"}}) {
		if err != nil {
			return false, err
		}
		for _, slot := range f.Live {
			if metas := f.Columns[1].Text(slot); f.Columns[0].Text(slot) == a.Pid && len(metas) > len("null") {
				return true, nil
			}
		}
	}
	return false, nil
}
