package analyze

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
)

const (
	// hotRatio is by how much the CPU that a node uses must rise, and hotCores
	// how many cores more it must use: a rise of little is still little.
	hotRatio = 2
	hotCores = 0.25
	// hotShare is the share of its CPU that one function of the application
	// must take, with all that it calls, to be named as the reason.
	hotShare = 0.3
	// hotBaseline is how far from a rise the CPU on either side of it is
	// compared: over a day the load itself is another one.
	hotBaseline = time.Hour
)

// cpu finds nodes that burn far more CPU than they did, and the function and
// process that burn it.
func cpu(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		used := cpuUsed(n)
		rates := series.Rates(used, n.starts...)
		if rates.Len() < 8 {
			v.skip("%s: %d rates of UserTime and SystemTime, needs 8", n.Name, rates.Len())
			continue
		}
		profs, err := s.cpuProfiles(ctx, n)
		if err != nil {
			return err
		}
		f, err := s.hotspot(ctx, n, rates, profs)
		if err != nil {
			return err
		}
		if f != nil {
			v.find(f)
			continue
		}
		v.fine("%s: %s of a core used at the median, %s at most; no lasting rise", n.Name, number(series.Median(rates.V)), number(series.Quantile(rates.V, 1)))
		if len(profs) == 0 {
			v.skip("%s: no CPU profile was recorded: what its CPU is spent on cannot be told", n.Name)
		}
	}
	return nil
}

// cpuUsed is the seconds of CPU that the node has used, user and system.
func cpuUsed(n *node) series.Series {
	user, system := n.series("node_info", "UserTime"), n.series("node_info", "SystemTime")
	twice := countsTwice(user, system)
	return sum(inSeconds(user, twice), inSeconds(system, twice))
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

// A cpuProfile is one CPU profile of a node, by function.
type cpuProfile struct {
	from, to time.Time
	table    profiles.Table
	byPID    map[string]int64 // nanoseconds, where the profile has labels
	record   string
}

// cpuProfiles are the CPU profiles of a node, text or raw, by time.
func (s *scene) cpuProfiles(ctx context.Context, n *node) ([]cpuProfile, error) {
	var all []cpuProfile
	for smp, err := range s.rec.Samples(ctx, n.Name, "pprof_cpu", s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		if t, err := profiles.ParseCPU(string(smp.Text)); err == nil && smp.Failure == nil {
			all = append(all, cpuProfile{from: smp.At.Add(-smp.Took), to: smp.At, table: t, record: recordName(n.Name, "pprof_cpu", smp.At)})
		}
	}
	for p, err := range s.rec.Profiles(ctx, n.Name, "cpu", s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		raw, err := profiles.ParseRaw(p.Raw)
		if err != nil {
			continue
		}
		t, err := raw.Top("cpu", "")
		if err != nil {
			continue
		}
		byPID, _ := raw.ByPID("cpu") // it has the measure: Top succeeded
		began := p.At.Add(-time.Duration(t.Seconds * float64(time.Second)))
		all = append(all, cpuProfile{from: began, to: p.At, table: t, byPID: byPID, record: recordName(n.Name, "cpu", p.At)})
	}
	slices.SortStableFunc(all, func(a, b cpuProfile) int { return a.to.Compare(b.to) })
	return all, nil
}

// hotspot is the finding about a node whose use of CPU rose and stayed up, nil
// where it did not.
func (s *scene) hotspot(ctx context.Context, n *node, rates series.Series, profs []cpuProfile) (*Finding, error) {
	changes, err := series.Changes(rates, 0.001)
	if err != nil {
		return nil, nil
	}
	for i, c := range changes {
		since, end := s.from, s.to
		if i > 0 {
			since = changes[i-1].At
		}
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		near := max(hotBaseline, 8*rates.Interval())
		since, until := later(since, c.At.Add(-near)), earlier(end, c.At.Add(near))
		c.Before, c.After = series.Median(rates.Between(since, c.At).V), series.Median(rates.Between(c.At, until).V)
		if c.After < hotRatio*c.Before || c.After-c.Before < hotCores || end.Sub(c.At) < 10*time.Second || s.justStarted(n, c.At) {
			continue
		}
		was, is, err := s.works(ctx, n, Window{since, c.At}, Window{c.At, until})
		if err != nil {
			return nil, err
		}
		load := loadRatio(was, is)
		if expected := load * c.Before; !reshaped(profs, since, c.At, until) && (c.After < hotRatio*expected || c.After-expected < hotCores) {
			continue // it handles as much more
		}
		onset, off := c.At.Add(-rates.Interval()/2), c.Error+rates.Interval()/2
		f := cpuFinding(n, onset, off, end, c, rates)
		if end != s.to {
			f.End = &end
		}
		s.hotFunction(n, c.At, end, profs, f)
		s.allocates(n, f)
		if err := s.hotProcess(ctx, n, c.At, end, profs, f); err != nil {
			return nil, err
		}
		return f, nil
	}
	return s.creep(ctx, n, rates.From(n.thisLife(s)), profs)
}

// cpuFinding words a rise of CPU.
func cpuFinding(n *node, onset time.Time, off time.Duration, end time.Time, c series.Change, rates series.Series) *Finding {
	return &Finding{
		Kind: "cpu_hotspot", Score: 70, Confidence: Medium,
		Title:   fmt.Sprintf("%s uses %s cores, before %s", short2(n.Name), number(c.After), number(c.Before)),
		Summary: fmt.Sprintf("Since %s %s uses %s cores of CPU; before it was %s.", clock(onset), n.Name, number(c.After), number(c.Before)),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(c.At)},
		Onset:   onset, OnsetErrorS: off.Seconds(),
		Evidence: []Evidence{{
			What: "cores used (user and system)", Node: n.Name, Tool: "node_info", Field: "UserTime + SystemTime", From: &onset, To: &end,
			Values: map[string]any{"before_cores": round(c.Before), "after_cores": round(c.After), "p": c.P}, Series: chart("cores", rates),
		}},
		Recommendation: "Read the function that the profile names: a loop that waits by spinning, work repeated for each message, or an input that grew.",
		Confirm:        []string{"pprof_cpu duration=5 on " + n.Name, "process_list sort_by=running_time on " + n.Name + ", twice"},
	}
}

// loadRatio is by how much the messages that a node's processes handle grew
// from one stretch to another, at least 1. Each behavior counts by the time
// that it spent in callbacks before, so that many more of a cheap message do
// not pass for work.
func loadRatio(was, is map[string]workRate) float64 {
	spent, scaled := 0.0, 0.0
	for behavior, b := range was {
		if b.handled > 0 {
			spent += b.busy
			scaled += b.busy * is[behavior].handled / b.handled
		}
	}
	if spent == 0 {
		return 1
	}
	return max(1, scaled/spent)
}

// A workRate is what the processes of a behavior did, per second.
type workRate struct {
	busy    float64 // seconds in callbacks
	handled float64 // messages
}

// works is the work of each behavior in two stretches.
func (s *scene) works(ctx context.Context, n *node, before, after Window) (was, is map[string]workRate, err error) {
	if was, err = s.work(ctx, n, before.From, before.To); err != nil {
		return nil, nil, err
	}
	is, err = s.work(ctx, n, after.From, after.To)
	return was, is, err
}

// work is the work of each behavior in a stretch, without our own.
func (s *scene) work(ctx context.Context, n *node, from, to time.Time) (map[string]workRate, error) {
	type count struct{ busy, handled float64 }
	seen, rates := map[string]count{}, map[string]workRate{}
	span := to.Sub(from).Seconds()
	columns := []string{"PID", "Behavior", "Application", "RunningTime", "MessagesIn", "MessagesMailbox"}
	for f, err := range s.rec.Table(ctx, n.Name, "process_list", from, to, columns) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		if f.Failure != nil {
			continue
		}
		for _, slot := range f.Live {
			if f.Columns[2].Text(slot) == "mcp_app" {
				continue
			}
			pid, behavior := f.Columns[0].Text(slot), f.Columns[1].Text(slot)
			now := count{f.Columns[3].Float(slot) / 1e9, f.Columns[4].Float(slot) - f.Columns[5].Float(slot)}
			if was, ok := seen[pid]; ok {
				r := rates[behavior]
				r.busy += max(0, now.busy-was.busy) / span
				r.handled += max(0, now.handled-was.handled) / span
				rates[behavior] = r
			}
			seen[pid] = now
		}
	}
	return rates, nil
}

// reshaped reports whether profiles from before and after an instant show that
// one function of the application took a far greater share of the CPU: a load
// that only grew keeps the shares as they were.
func reshaped(profs []cpuProfile, from, at, to time.Time) bool {
	var before, during *cpuProfile
	for i := range profs {
		switch p := &profs[i]; {
		case !p.from.Before(from) && !p.to.After(at):
			before = p
		case !p.from.Before(at) && p.from.Before(to) && (during == nil || p.table.Total > during.table.Total):
			during = p
		}
	}
	if before == nil || during == nil {
		return false
	}
	for _, r := range during.table.Of(profiles.Application) {
		was, _ := before.table.Row(r.Function)
		if float64(r.Cum)/math.Max(1, float64(during.table.Total))-float64(was.Cum)/math.Max(1, float64(before.table.Total)) >= hotShare {
			return true
		}
	}
	return false
}

// allocates puts a rise that allocation explains below the memory playbook's
// finding about it: the CPU then goes to the allocator and the collector.
func (s *scene) allocates(n *node, f *Finding) {
	churn := s.churn(n, heaps{})
	if churn == nil || churn.Onset.Sub(f.Onset).Abs() > 10*time.Second {
		return
	}
	f.Score = min(f.Score, churn.Score-10)
	f.Caveats = append(f.Caveats, fmt.Sprintf("Allocation rose at the same time (heap_churn, %s): much of this CPU may be the allocator's and the collector's.", clock(churn.Onset)))
}

// justStarted reports whether the node had hardly begun its life: starting up
// takes CPU.
func (s *scene) justStarted(n *node, at time.Time) bool {
	up, ok := n.series("node_info", "Uptime").At(at)
	return ok && up < 10
}

// hotFunction names the function that took most of the CPU during the rise,
// against a profile from before.
func (s *scene) hotFunction(n *node, from, to time.Time, profs []cpuProfile, f *Finding) {
	var before, during *cpuProfile
	for i := range profs {
		p := &profs[i]
		switch {
		case !p.to.After(from):
			before = p
		case !p.from.Before(from) && p.from.Before(to):
			if during == nil || p.table.Total > during.table.Total {
				during = p
			}
		}
	}
	if during == nil {
		f.Caveats = append(f.Caveats, "No CPU profile was taken while it lasted: which function it is cannot be told.")
		return
	}
	diff := during.table
	if before != nil {
		diff = profiles.Diff(before.table, during.table)
	} else {
		f.Caveats = append(f.Caveats, "There is no CPU profile from before to compare with.")
	}
	hot, ok := hottest(diff, during.table.Total)
	var lines []string
	for _, r := range diff.Rows[:min(8, len(diff.Rows))] {
		lines = append(lines, fmt.Sprintf("%+.0f ms/s flat, %+.0f ms/s cumulative  %s", perSecondOf(r.Flat, diff), perSecondOf(r.Cum, diff), r.Function))
	}
	f.Evidence = append(f.Evidence, Evidence{
		What: "CPU by function, less that of before", Node: n.Name, Tool: "pprof_cpu", From: &during.from, To: &during.to,
		Values: map[string]any{"total_ns": during.table.Total, "seconds": round(during.table.Seconds)}, Records: []string{during.record}, Lines: lines,
	})
	if ok {
		f.Subject.Function, f.Subject.Behavior = hot.Function, profiles.BehaviorOf(hot.Function)
		f.Confidence = High
		f.Score = 78
		f.Title += ": " + hot.Function
		f.Summary += fmt.Sprintf(" %s takes %s %% of it, with what it calls.", hot.Function, number(100*float64(hot.Cum)/math.Max(1, float64(during.table.Total))))
	}
}

// perSecondOf is milliseconds of CPU per second.
func perSecondOf(v int64, t profiles.Table) float64 {
	return float64(v) / 1e6 / math.Max(t.Seconds, 1)
}

// hottest is the innermost application function to which enough of the CPU
// goes: of those with about the largest cumulative time, the one with most of
// its own.
func hottest(diff profiles.Table, total int64) (profiles.Row, bool) {
	app := diff.Of(profiles.Application)
	most := int64(0)
	for _, r := range app {
		most = max(most, r.Cum)
	}
	var best profiles.Row
	ok := false
	for _, r := range app {
		if float64(r.Cum) >= hotShare*float64(total) && float64(r.Cum) >= 0.8*float64(most) && (!ok || r.Flat > best.Flat) {
			best, ok = r, true
		}
	}
	return best, ok
}

// hotProcess names the process that spends it: by the profile's labels, else
// the one process of the hot function's behavior, else the one whose running
// time rose by about as much.
func (s *scene) hotProcess(ctx context.Context, n *node, from, to time.Time, profs []cpuProfile, f *Finding) error {
	pid := ""
	for _, p := range profs {
		var sum, most int64
		if p.from.Before(from) || p.from.After(to) {
			continue
		}
		for id, v := range p.byPID {
			sum += v
			if id != "" && v > most {
				most, pid = v, id
			}
		}
		if float64(most) < hotShare*float64(sum) {
			pid = ""
		}
	}
	var of []*actor
	for _, a := range n.procs.actors {
		if a.pid == pid || pid == "" && f.Subject.Behavior != "" && a.behavior == f.Subject.Behavior {
			of = append(of, a)
		}
	}
	if len(of) > 1 || len(of) == 0 {
		busiest, err := s.busiest(ctx, n, from, to, of)
		if err != nil {
			return err
		}
		of = busiest
	}
	if len(of) == 1 {
		a := of[0]
		f.Subject.PID, f.Subject.Name, f.Subject.Application = a.pid, a.name, a.application
		f.Subject.Behavior = cmp.Or(f.Subject.Behavior, a.behavior)
	}
	return nil
}

// busiest is the one process, of those given or of all, whose running time rose
// most between the stretch before an instant and that after it, if it is a
// quarter of a core or more; none where that is not clear.
func (s *scene) busiest(ctx context.Context, n *node, from, to time.Time, among []*actor) ([]*actor, error) {
	span := min(to.Sub(from), from.Sub(s.from), time.Minute)
	if span < 5*time.Second {
		return nil, nil
	}
	was, err := s.runningTime(ctx, n, from.Add(-span), from)
	if err != nil {
		return nil, err
	}
	is, err := s.runningTime(ctx, n, from, from.Add(span))
	if err != nil {
		return nil, err
	}
	if among == nil {
		among = n.procs.actors
	}
	var best *actor
	most, second := 0.0, 0.0
	for _, a := range among {
		if a.own() {
			continue
		}
		switch rise := is[a.pid] - was[a.pid]; {
		case rise > most:
			best, most, second = a, rise, most
		case rise > second:
			second = rise
		}
	}
	if best == nil || most < hotCores || most < 2*second {
		return nil, nil
	}
	return []*actor{best}, nil
}

// runningTime is the share of a stretch that each process spent in callbacks.
func (s *scene) runningTime(ctx context.Context, n *node, from, to time.Time) (map[string]float64, error) {
	type seen struct {
		at  time.Time
		run float64
	}
	first, share := map[string]seen{}, map[string]float64{}
	for f, err := range s.rec.Table(ctx, n.Name, "process_list", from, to, []string{"PID", "RunningTime"}) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		if f.Failure != nil {
			continue
		}
		for _, slot := range f.Live {
			pid, run := f.Columns[0].Text(slot), f.Columns[1].Float(slot)/1e9
			if was, ok := first[pid]; !ok {
				first[pid] = seen{f.At, run}
			} else if dt := f.At.Sub(was.at).Seconds(); dt > 0 {
				share[pid] = (run - was.run) / dt
			}
		}
	}
	return share, nil
}
