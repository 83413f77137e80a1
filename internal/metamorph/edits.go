package metamorph

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"ergorecorder/ergo/capture"
)

// A Promise is what a report of an edited recording must still say.
type Promise int

const (
	// Same: each fault is found and named, ranks first, begins when it did, and
	// nothing else is claimed.
	Same Promise = iota
	// Weaker: each fault is found, by its kind or one that may stand beside it,
	// or told as a part of something; nothing else is claimed.
	Weaker
	// CannotBeTold: the recording does not show it; nothing may be claimed
	// elsewhere.
	CannotBeTold
)

func (p Promise) String() string {
	return [...]string{"the same", "weaker", "cannot be told"}[p]
}

// An Edit makes another recording of one.
type Edit struct {
	Name, Means string
	Promise     Promise
	// Fits says of which recordings the promise holds; nil: of all.
	Fits func(c *Case) bool
	Do   func(c *Case) *Case
}

// Edits are all edits.
func Edits() []Edit {
	edits := []Edit{
		{Name: "as it is", Means: "nothing is changed", Do: func(c *Case) *Case { return c }},
		{Name: "thin 2", Means: "every second answer of each stream", Do: edit(func(c *Case) { thin(c, 2) })},
		{Name: "thin 5", Means: "every fifth answer of each stream", Promise: Weaker, Do: edit(func(c *Case) { thin(c, 5) })},
		{Name: "lose 10", Means: "a tenth of the answers are lost", Do: edit(func(c *Case) { lose(c, 0.1) })},
		{Name: "lose 40", Means: "two fifths of the answers are lost", Promise: Weaker, Do: edit(func(c *Case) { lose(c, 0.4) })},
		{Name: "no bystander", Means: "a node without a fault was not recorded", Fits: func(c *Case) bool { return hasBystander(c) && !needsAll(c) }, Do: edit(func(c *Case) {
			n := c.Bystander()
			c.keep(func(l *capture.Line) bool { return l.Call.Node != n })
		})},
		{Name: "no victim", Means: "the node of the fault was not recorded", Promise: CannotBeTold, Fits: hasFault, Do: edit(func(c *Case) {
			c.Unseen = c.Faults[0].Node
			c.keep(func(l *capture.Line) bool { return l.Call.Node != c.Faults[0].Node })
		})},
		{Name: "no tags", Means: "built without -tags=latency,pprof", Do: edit(untag)},
		{Name: "no ages", Means: "an older node: no StateTime, no Kind", Do: edit(func(c *Case) { strip(c, "StateTime", "Kind") })},
		{Name: "no profiles", Means: "neither heap nor goroutines nor CPU were asked for", Promise: Weaker, Do: edit(func(c *Case) {
			c.leave("no profiles")
			without(c, "pprof_heap", "pprof_goroutines", "pprof_cpu", "process_info")
		})},
		{Name: "no logs", Means: "no log was read", Promise: Weaker, Do: edit(func(c *Case) { c.leave("no logs"); without(c, "sample_read") })},
		{Name: "no inspection", Means: "nobody inspected supervisors and pools", Promise: Weaker, Do: edit(func(c *Case) { c.leave("no inspection"); without(c, "process_inspect", "process_info") })},
		{Name: "renamed", Means: "nodes, processes, behaviors and functions have other names", Do: edit(rename)},
		{Name: "another day", Means: "all of it, its clocks too, 40 days later", Do: edit(func(c *Case) { moveAll(c, 40*24*time.Hour) })},
		{Name: "a clock ahead", Means: "the clock of the faulty node is 3 s ahead", Do: edit(func(c *Case) { moveClock(c, victim(c), func(time.Time) time.Duration { return 3 * time.Second }) })},
		{Name: "a clock that drifts", Means: "the clock of the faulty node gains 200 ppm", Do: edit(func(c *Case) {
			from, _ := c.Span()
			moveClock(c, victim(c), func(at time.Time) time.Duration { return at.Sub(from) / 5000 })
		})},
		{Name: "the recorder's clock behind", Means: "the machine that records is 8 s behind all nodes", Do: edit(func(c *Case) { moveRecorder(c, -8*time.Second) })},
		{Name: "cut before", Means: "recorded from 5 s after the fault began", Promise: Weaker, Fits: hasFault, Do: edit(func(c *Case) { cutBefore(c, c.First().Add(5*time.Second)) })},
		{Name: "cut after", Means: "recorded until 30 s after the fault began", Promise: Weaker, Fits: func(c *Case) bool { return hasFault(c) && !grows(c) }, Do: edit(cutAfter)},
		{Name: "cut after, growing", Means: "recorded until 30 s after a slow growth began", Promise: CannotBeTold, Fits: func(c *Case) bool { return hasFault(c) && grows(c) }, Do: edit(cutAfter)},
		{Name: "only healthy", Means: "recorded until 3 s before the fault", Promise: Same, Fits: hasFault, Do: edit(func(c *Case) {
			to := c.First().Add(-3 * time.Second)
			c.keep(func(l *capture.Line) bool { return l.Answer.At.Before(to) })
			c.Faults = nil
		})},
		{Name: "times three", Means: "three times the messages everywhere", Fits: bears, Do: edit(func(c *Case) { scale(c, 3) })},
		{Name: "stretched", Means: "all takes half as long again", Do: edit(func(c *Case) { stretch(c, 1.5) })},
		{Name: "a deploy", Means: "a healthy node is restarted with a new release, 30 s before the end", Fits: func(c *Case) bool { return hasBystander(c) && !needsAll(c) }, Do: edit(func(c *Case) { deploy(c) })},
		{Name: "a batch", Means: "a healthy process works through a batch for 30 s", Fits: hasBystander, Do: edit(batch)},
		{Name: "more load", Means: "twice the load on a healthy node from the middle on", Fits: hasBystander, Do: edit(moreLoad)},
	}
	return edits
}

func edit(do func(c *Case)) func(c *Case) *Case {
	return func(c *Case) *Case {
		d := c.clone()
		do(d)
		return d
	}
}

func hasFault(c *Case) bool { return len(c.Faults) > 0 && c.Faults[0].Node != "" }

func hasBystander(c *Case) bool { return c.Bystander() != "" }

// needsAll reports whether what is said of a recording rests on all nodes being in
// it: that nodes are restarted one after the other, that nobody else is at fault for
// whom the members of a cycle of calls could wait, and, of what was so from the first
// sample, that all others are otherwise (one that does not run an application beside one
// that does may stand by for it) and that the way over them is shorter.
func needsAll(c *Case) bool {
	from, _ := c.Span()
	told := []string{"application_down", "overloaded_process", "slow_link"}
	if slices.ContainsFunc(c.Faults, func(f Fault) bool { return slices.Contains(told, f.Kind) && !f.Start.After(from.Add(c.interval())) }) {
		return true
	}
	cycle := slices.ContainsFunc(c.Faults, func(f Fault) bool { return slices.Contains(f.Accept, "call_cycle") })
	return cycle || len(c.Faults) == 0 && restarts(c) > 1
}

// bears reports whether every process can do three times as much: before a fault none is
// at work, or waits, in a third of the listings.
func bears(c *Case) bool {
	listed, busy, first := map[string]int{}, map[string]int{}, c.First()
	c.clone().rows([]string{"process_list"}, func(l *capture.Line, r row) {
		if len(c.Faults) > 0 && !l.Answer.At.Before(first) {
			return
		}
		pid := l.Call.Node + text(r, "PID")
		listed[pid]++
		if text(r, "State") != "sleep" {
			busy[pid]++
		}
	})
	for pid, n := range busy {
		if n >= 10 && 3*n > listed[pid] {
			return false
		}
	}
	return true
}

// restarts is how many nodes began another life while they were recorded.
func restarts(c *Case) int {
	up, again := map[string]float64{}, map[string]bool{}
	c.clone().rows([]string{"node_info"}, func(l *capture.Line, r row) {
		if v, ok := number(r["Uptime"]); ok {
			again[l.Call.Node] = again[l.Call.Node] || v+2 < up[l.Call.Node]
			up[l.Call.Node] = v
		}
	})
	n := 0
	for _, yes := range again {
		if yes {
			n++
		}
	}
	return n
}

// grows reports whether a fault is a slow growth, which needs more than moments to
// show.
func grows(c *Case) bool {
	return slices.ContainsFunc(c.Faults, func(f Fault) bool { return f.grows() })
}

// cutAfter ends the recording 30 s after the first fault began.
func cutAfter(c *Case) {
	to := c.First().Add(30 * time.Second)
	c.keep(func(l *capture.Line) bool { return l.Answer.At.Before(to) })
	c.Faults = slices.DeleteFunc(c.Faults, func(f Fault) bool { return !f.Start.Before(to) })
}

func victim(c *Case) string {
	if hasFault(c) {
		return c.Faults[0].Node
	}
	return c.Nodes()[0]
}

// stream is what an answer is one of.
func stream(l *capture.Line) string {
	args := maps.Clone(l.Call.Args)
	for _, k := range []string{"timeout", "since", "sampler_id"} {
		delete(args, k)
	}
	return fmt.Sprint(l.Call.Node, l.Call.Tool, args)
}

// thin keeps every kth answer of each stream. Of logs it keeps all: what was
// not read at one time is read at the next.
func thin(c *Case, k int) {
	met := map[string]int{}
	c.Lines = slices.DeleteFunc(c.Lines, func(l *capture.Line) bool {
		if l.Call.Tool == "sample_read" || strings.HasPrefix(l.Call.Tool, "pprof") {
			return false
		}
		s := stream(l)
		met[s]++
		return met[s]%k != 1
	})
}

func lose(c *Case, share float64) {
	rng := chances(17)
	c.Lines = slices.DeleteFunc(c.Lines, func(*capture.Line) bool { return rng.Float64() < share })
	for i := range c.Faults {
		c.Faults[i].loose += 4 * time.Second
	}
}

func without(c *Case, tools ...string) {
	c.keep(func(l *capture.Line) bool { return !slices.Contains(tools, l.Call.Tool) })
	c.Profiles = nil
}

var labels = regexp.MustCompile(`(?m)^# labels: .*\n| labels:\{[^}]*\}`)

func untag(c *Case) {
	c.rows([]string{"process_list", "process_info"}, func(_ *capture.Line, r row) {
		if _, ok := r["MailboxLatency"]; ok {
			r["MailboxLatency"] = -1
		}
		if q, ok := r["MailboxQueues"].(row); ok {
			for k := range q {
				if strings.HasPrefix(k, "Latency") {
					q[k] = -1
				}
			}
		}
	})
	for _, l := range c.Lines {
		if l.Call.Tool == "pprof_goroutines" && l.Answer.Text != nil {
			l.Answer.Text = labels.ReplaceAll(l.Answer.Text, nil)
		}
	}
	c.Profiles = nil
}

func strip(c *Case, columns ...string) {
	c.rows([]string{"process_list", "process_info"}, func(_ *capture.Line, r row) {
		for _, k := range columns {
			delete(r, k)
		}
	})
}

// rename gives other names to what the application chose.
func rename(c *Case) {
	names := map[string]bool{}
	c.rows([]string{"process_list"}, func(_ *capture.Line, r row) {
		app := text(r, "Application")
		if app == "system_app" || app == "mcp_app" || app == "" {
			return
		}
		for _, k := range []string{"Name", "Application"} {
			if n := text(r, k); len(n) > 3 {
				names[n] = true
			}
		}
		if pkg, typ, ok := strings.Cut(text(r, "Behavior"), "."); ok && len(typ) > 3 {
			names[typ] = true
			_ = pkg
		}
	})
	for _, n := range c.Nodes() {
		names[n] = true
		if short, _, _ := strings.Cut(n, "@"); len(short) > 3 { // a letter is a part of everything
			names[short] = true
		}
	}
	all := slices.Collect(maps.Keys(names))
	sort.Slice(all, func(i, k int) bool { return len(all[i]) > len(all[k]) || len(all[i]) == len(all[k]) && all[i] < all[k] })
	var pairs []string
	for _, n := range all {
		pairs = append(pairs, n, other(n))
	}
	to := strings.NewReplacer(pairs...)
	for _, l := range c.Lines {
		l.Call.Node = to.Replace(l.Call.Node)
		l.Call.Args = maps.Clone(l.Call.Args)
		for k, v := range l.Call.Args {
			if s, ok := v.(string); ok {
				l.Call.Args[k] = to.Replace(s)
			}
		}
		l.Args = nil
		if l.Answer.Text != nil {
			l.Answer.Text = []byte(to.Replace(string(l.Answer.Text)))
		}
		if l.Refused != nil {
			e := *l.Refused
			e.Message = to.Replace(e.Message)
			l.Refused = &e
		}
	}
	c.Profiles = nil // their strings are packed
	for i := range c.Faults {
		f := &c.Faults[i]
		f.Node, f.Peer = to.Replace(f.Node), to.Replace(f.Peer)
		f.Names = slices.Clone(f.Names)
		for k := range f.Names {
			f.Names[k] = to.Replace(f.Names[k])
		}
	}
}

// other is another word for a name, of letters that are turned by seven.
func other(name string) string {
	host := ""
	if i := strings.IndexByte(name, '@'); i >= 0 {
		name, host = name[:i], name[i:]
	}
	b := []byte(name)
	for i, x := range b {
		switch {
		case x >= 'a' && x <= 'z':
			b[i] = 'a' + (x-'a'+7)%26
		case x >= 'A' && x <= 'Z':
			b[i] = 'A' + (x-'A'+7)%26
		}
	}
	return string(b) + host
}

func moveFaults(c *Case, by func(at time.Time) time.Time) {
	for i := range c.Faults {
		f := &c.Faults[i]
		f.Start = by(f.Start)
		if !f.End.IsZero() {
			f.End = by(f.End)
		}
	}
}

// nodeTimes lets every instant that a node's own clock gave be another one.
func nodeTimes(c *Case, node string, to func(at time.Time) time.Time) {
	stamp := func(r row, k string) {
		if t, err := time.Parse(time.RFC3339Nano, text(r, k)); err == nil && t.Year() > 2000 {
			r[k] = to(t).Format(time.RFC3339Nano)
		}
	}
	mine := func(l *capture.Line) bool { return node == "" || l.Call.Node == node }
	c.rows([]string{"node_info"}, func(l *capture.Line, r row) {
		if mine(l) {
			stamp(r, "ServerTime")
		}
	})
	c.rows([]string{"process_inspect"}, func(l *capture.Line, r row) {
		for k := range r { // the history of a supervisor
			if strings.HasSuffix(k, ":time") && mine(l) {
				stamp(r, k)
			}
		}
	})
	c.rows([]string{"cron_info"}, func(l *capture.Line, r row) {
		jobs, _ := r["Jobs"].([]any)
		for _, x := range jobs {
			if j, ok := x.(row); ok && mine(l) {
				stamp(j, "LastRun")
			}
		}
	})
	c.rows([]string{"event_list"}, func(l *capture.Line, r row) {
		if !mine(l) {
			return
		}
		for _, k := range []string{"CreatedAt", "LastPublishedAt"} {
			change(r, k, func(v float64) float64 {
				if v <= 0 {
					return v
				}
				return float64(to(time.Unix(0, int64(v))).UnixNano())
			})
		}
	})
	c.rows([]string{"sample_read"}, func(l *capture.Line, r row) {
		if !mine(l) {
			return
		}
		list, _ := r["samples"].([]any)
		for _, x := range list {
			s, _ := x.(row)
			stamp(s, "timestamp")
			if d, ok := s["data"].(row); ok {
				stamp(d, "time")
			}
		}
	})
}

func moveAll(c *Case, by time.Duration) {
	to := func(at time.Time) time.Time { return at.Add(by) }
	nodeTimes(c, "", to)
	for _, l := range c.Lines {
		l.Answer.At = to(l.Answer.At)
	}
	for _, r := range c.Profiles {
		r.At = to(r.At)
	}
	moveFaults(c, to)
}

// moveClock lets a node's clock be off. What it says is its age is the
// difference of two of its own instants.
func moveClock(c *Case, node string, by func(at time.Time) time.Duration) {
	c.Also = append(slices.Clone(c.Also), "clock_skew") // that the clock is told is right
	nodeTimes(c, node, func(at time.Time) time.Time { return at.Add(by(at)) })
}

func moveRecorder(c *Case, by time.Duration) {
	for _, l := range c.Lines {
		l.Answer.At = l.Answer.At.Add(by)
	}
	for _, r := range c.Profiles {
		r.At = r.At.Add(by)
	}
	moveFaults(c, func(at time.Time) time.Time { return at.Add(by) })
}

func cutBefore(c *Case, from time.Time) {
	c.keep(func(l *capture.Line) bool { return !l.Answer.At.Before(from) })
	for i := range c.Faults {
		if f := &c.Faults[i]; f.Start.Before(from) {
			f.began, f.Start = f.Start, from
		}
	}
}

// Merge puts two recordings of different clusters into one; the second begins
// when the first does.
func Merge(a, b *Case) *Case {
	x, y := a.clone(), b.clone()
	rename(y)
	fromA, _ := x.Span()
	fromB, _ := y.Span()
	moveAll(y, fromA.Sub(fromB))
	x.Name += " with " + b.Name
	x.Lines = append(x.Lines, y.Lines...)
	x.Profiles = append(x.Profiles, y.Profiles...)
	x.Faults = append(x.Faults, y.Faults...)
	slices.SortStableFunc(x.Lines, func(p, q *capture.Line) int { return p.Answer.At.Compare(q.Answer.At) })
	return x
}
