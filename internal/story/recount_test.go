package story_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/measure"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A recount asks a recording again for what a finding excluded, by a way that its
// detector does not go: by counts over the raw answers.
type recount struct {
	t     testing.TB
	rec   *replay.Recording
	f     *finding.Finding
	s     finding.Subject
	from  time.Time // of the recording
	since time.Time // the onset
	end   time.Time // of the finding, or of the recording
}

func newRecount(t testing.TB, rec *replay.Recording, f *finding.Finding) *recount {
	c := &recount{t: t, rec: rec, f: f, s: f.Subject, since: f.Onset}
	c.from, c.end = rec.Window()
	if f.End != nil {
		c.end = *f.End
	}
	return c
}

// of asks tool measure for a number; NaN where nothing of it was recorded.
func (c *recount) of(formula, tool, node, row string, where map[string]string, from, to time.Time) float64 {
	c.t.Helper()
	a, err := measure.Of(c.t.Context(), c.rec, measure.Question{Of: formula, Tool: tool, Node: node, Row: row, Where: where, From: from, To: to})
	if err != nil {
		return math.NaN()
	}
	v, ok := a.Value.(float64)
	if !ok {
		return math.NaN()
	}
	return v
}

// process is a number over the rows of the subject while the finding lasts.
func (c *recount) process(formula string) float64 {
	return c.of(formula, "process_list", c.s.Node, c.s.PID, nil, c.since, c.end)
}

// family is a number over the rows of the subject's behavior, in the whole recording.
func (c *recount) family(formula string, from, to time.Time) float64 {
	return c.of(formula, "process_list", c.s.Node, "", map[string]string{"Behavior": c.s.Behavior}, from, to)
}

// node is a number over what the subject's node says while the finding lasts.
func (c *recount) node(formula string) float64 {
	return c.of(formula, "node_info", c.s.Node, "", nil, c.since, c.end)
}

// beforeAndSince is a number before the onset and since.
func (c *recount) beforeAndSince(formula, tool, node, row string) (before, since float64) {
	return c.of(formula, tool, node, row, nil, c.from, c.since), c.of(formula, tool, node, row, nil, c.since, c.end)
}

// lines counts the log lines of the subject's node that hold a text, since shortly before
// the onset, and is how long they went on.
func (c *recount) lines(texts ...string) (n int, lasted time.Duration) {
	var first time.Time
	for _, l := range c.written(texts...) {
		if n++; n == 1 {
			first = l.At
		}
		lasted = l.At.Sub(first)
	}
	return n, lasted
}

// deaths counts those of these lines that tell of a process that it died.
func (c *recount) deaths(texts ...string) (n int) {
	for _, l := range c.written(texts...) {
		if _, died := ergo.Tells(ergo.LineDied, "", "", l.Message); died {
			n++
		}
	}
	return n
}

func (c *recount) written(texts ...string) (out []replay.LogLine) {
	for l, err := range c.rec.Logs(c.t.Context(), c.s.Node, c.since.Add(-time.Minute), time.Time{}) {
		if err != nil {
			c.t.Fatal(err)
		}
		if slices.ContainsFunc(texts, func(x string) bool { return x != "" && strings.Contains(l.Source+" "+l.Message, x) }) {
			out = append(out, l)
		}
	}
	return out
}

// says reports whether a text that a tool gave of the subject's node while the finding
// lasted holds a function.
func (c *recount) says(reading ergo.Reading, function string) bool {
	for x, err := range c.rec.Texts(c.t.Context(), c.s.Node, reading, c.since, time.Time{}) {
		if err == nil && strings.Contains(string(x.Text), function) {
			return true
		}
	}
	return false
}

// unless is why, where something does not hold.
func unless(holds bool, why string) string {
	if holds {
		return ""
	}
	return why
}

const handled = "MessagesIn - MessagesMailbox"

// secondPaths are, for each kind that says what was excluded, what speaks against that in
// the recording; "" where nothing does. What was not recorded speaks against nothing.
func secondPaths() map[finding.Kind]func(*recount) string {
	waits := func(c *recount) string {
		return unless(c.process("max(is(State, 'wait response'))") > 0, "it was never listed waiting for a response")
	}
	newLife := func(c *recount) string { return unless(!c.begun(c.since, c.end), "it began a new life") }
	return map[finding.Kind]func(*recount) string{
		finding.OverloadedProcess: func(c *recount) string {
			return unless(c.s.PID == "" || c.process("increase("+handled+")") > 0, "it handled nothing")
		},
		finding.BlockedCallback: func(c *recount) string {
			return unless(c.s.PID == "" || !(c.process("min(abs(steps("+handled+")))") > 0), "it handled messages all the time")
		},
		finding.StuckCall: waits,
		finding.CallCycle: waits,
		finding.SlowDependency: func(c *recount) string {
			return unless(c.says(ergo.Goroutines, c.s.Function), "no goroutine dump of that time holds the function")
		},
		finding.BusyLoop: busyThemselves,
		finding.TrafficStopped: func(c *recount) string {
			return unless(!(c.process("median(MessagesMailbox)") > 0), "messages wait for it")
		},
		finding.PoolOverflow: func(c *recount) string {
			return unless(c.of("increase(messages_unhandled)", "process_inspect", c.s.Node, c.s.PID, nil, c.from, time.Time{}) > 0, "its own count of dropped messages never grew")
		},
		finding.RestartLoop: func(c *recount) string {
			return unless(c.s.Behavior == "" || c.family("sum(born) - first(born)", time.Time{}, time.Time{}) >= 2 || c.deaths(c.s.Behavior) >= 2,
				"no two were born of its behavior, and no two wrote that they ended")
		},
		finding.SupervisorLimit: func(c *recount) string {
			born := c.of("sum(born) - first(born)", "process_list", c.s.Node, "", map[string]string{"Parent": c.s.PID}, time.Time{}, time.Time{})
			wrote := slices.ContainsFunc(c.written(c.s.Name, c.s.PID), func(l replay.LogLine) bool { return strings.Contains(l.Message, "exceeded") })
			return unless(born > 0 || wrote || c.deaths(c.s.Name, c.s.PID) > 0, "no child of it was born anew, and no line tells of a death or that it gave up")
		},
		finding.ProcessLeak: func(c *recount) string {
			return unless(c.family("last(rows)", c.since, c.end) > c.family("first(rows)", c.since, c.end), "they are as many as before")
		},
		finding.RegistrationLeak: func(c *recount) string {
			most := 0.0
			for _, field := range []string{"RegisteredNames", "RegisteredAliases", "RegisteredEvents"} {
				most = max(most, c.node("last("+field+") - first("+field+")"))
			}
			return unless(most > max(0, c.node("last(ProcessesTotal) - first(ProcessesTotal)")), "processes grew by as much, or nothing grew")
		},
		finding.ZombieProcesses: func(c *recount) string {
			killed := c.of("max(rows)", "process_list", c.s.Node, "", map[string]string{"Behavior": c.s.Behavior, "State": "zombee"}, c.since, c.end)
			return unless(killed > 0, "none was listed as killed")
		},
		finding.NodeDown: wasAway,
		finding.NodeRestarted: func(c *recount) string {
			return unless(c.of("falls(Uptime)", "node_info", c.s.Node, "", nil, time.Time{}, time.Time{}) > 0, "its uptime never began again")
		},
		finding.NodeFrozen: newLife,
		finding.NodePauses: newLife,
		finding.NodeSlow: func(c *recount) string {
			before, since := c.beforeAndSince("rate(UserTime + SystemTime) / 1e9", "node_info", c.s.Node, "")
			return unless(!(since > 2*before+0.1), "it uses far more CPU")
		},
		finding.ClockSkew:     differsFromMost,
		finding.RecorderClock: recorderMoved,
		finding.ErrorBurst: func(c *recount) string {
			const bad = "element(LogMessages, 4) + element(LogMessages, 5)"
			const all = bad + " + element(LogMessages, 0) + element(LogMessages, 1) + element(LogMessages, 2) + element(LogMessages, 3)"
			for _, lines := range []string{bad, all} {
				const around = 10 * time.Second // a burst may lie between two answers
				before := c.of("rate("+lines+")", "node_info", c.s.Node, "", nil, c.from, c.since.Add(-around))
				since := c.of("rate("+lines+")", "node_info", c.s.Node, "", nil, c.since.Add(-around), c.end.Add(around))
				const farMore = 2 // times, though the stretch around it has none
				if since > farMore*before || math.IsNaN(before) && since > 0 {
					return ""
				}
			}
			return "the node counted hardly more lines than before"
		},
		finding.DeliveryErrors: failedByThemselves,
		finding.DeadLetters: func(c *recount) string {
			const restart = 5 * time.Second
			_, lasted := c.lines(c.s.PID)
			return unless(lasted > restart, "it wrote of it for no longer than a restart takes")
		},
		finding.ShutdownStuck: func(c *recount) string {
			n, _ := c.lines(c.s.PID)
			return unless(n >= 2, "the node named it once at most")
		},
		finding.LinkFlap:  connectionChanged,
		finding.LinkDown:  bothHeard,
		finding.Partition: bothHeard,
		finding.MessageLoss: func(c *recount) string {
			sent := c.of("change(MessagesOut)", "network_nodes", c.s.Node, c.s.Peer, nil, c.since, c.end)
			got := c.of("change(MessagesIn)", "network_nodes", c.s.Peer, c.s.Node, nil, c.since, c.end)
			return unless(sent > got, "as much arrived as was sent")
		},
		finding.SlowLink: func(c *recount) string {
			for _, way := range [][2]string{{c.s.Node, c.s.Peer}, {c.s.Peer, c.s.Node}} {
				before, since := c.beforeAndSince("median(says('rtt '))", "network_ping", way[0], way[1])
				if since > 1.5*before || math.IsNaN(since) {
					return "" // or none was answered since
				}
			}
			return "pings take no longer than before"
		},
		finding.CPUHotspot: func(c *recount) string {
			before, since := c.beforeAndSince("increase(RunningTime) / span(RunningTime)", "process_list", c.s.Node, c.s.PID)
			return unless(c.s.Function != "" && c.says(ergo.CPUProfile, c.s.Function) || c.s.PID != "" && since > 1.2*before,
				"no profile holds the function, and its running time grows no faster")
		},
		finding.MemoryLeak: func(c *recount) string {
			return unless(c.of("slope(low(heap_alloc, num_gc))", "runtime_stats", c.s.Node, "", nil, c.since, c.end) > 0, "what collections leave does not grow")
		},
		finding.GoroutineGrowth: func(c *recount) string {
			return unless(c.of("slope(goroutines)", "runtime_stats", c.s.Node, "", nil, c.since, c.end) > 0, "their number does not grow")
		},
	}
}

// busyThemselves adds up what all others send, and what the members get.
func busyThemselves(c *recount) string {
	members := map[string]bool{}
	for _, m := range append([]finding.Subject{c.s}, c.f.Members...) {
		members[m.Node+m.PID] = true
	}
	theirs, others := 0.0, 0.0
	for _, n := range c.rec.Nodes() {
		for pid, v := range c.moved(n.Name) {
			if members[n.Name+pid] {
				theirs += v.in
			} else {
				others += v.out
			}
		}
	}
	return unless(theirs > others, "all others together send as many more")
}

// A more is how many messages a second a process gets and sends more since the onset.
type more struct{ in, out float64 }

// moved is that of each process of a node that was there before.
func (c *recount) moved(node string) map[string]more {
	type seen struct {
		first, last [2]float64
		since       [2]time.Time
	}
	var ask replay.Fields
	pid, in, out := ask.Of("PID"), ask.Of("MessagesIn"), ask.Of("MessagesOut")
	sides := [2]map[string]*seen{{}, {}}
	for f, err := range c.rec.Answers(c.t.Context(), replay.Query{Node: node, Reading: ergo.Processes, To: c.end, Fields: ask}) {
		if err != nil {
			c.t.Fatal(err)
		}
		side := sides[0]
		if !f.At.Before(c.since) {
			side = sides[1]
		}
		for _, slot := range f.Live {
			who, now := f.Columns[pid].Text(slot), [2]float64{f.Columns[in].Float(slot), f.Columns[out].Float(slot)}
			if side[who] == nil {
				side[who] = &seen{first: now, since: [2]time.Time{f.At}}
			}
			side[who].last, side[who].since[1] = now, f.At
		}
	}
	rate := func(x *seen, i int) float64 {
		return (x.last[i] - x.first[i]) / max(x.since[1].Sub(x.since[0]).Seconds(), 1)
	}
	all := map[string]more{}
	for who, now := range sides[1] {
		was := sides[0][who]
		if was == nil {
			was = &seen{}
		}
		all[who] = more{rate(now, 0) - rate(was, 0), rate(now, 1) - rate(was, 1)}
	}
	return all
}

// wasAway counts the answers of a node meanwhile, and how often its peers named it.
func wasAway(c *recount) string {
	off := time.Duration(c.f.OnsetErrorS * float64(time.Second))
	if c.of("count(Uptime)", "node_info", c.s.Node, "", nil, c.since.Add(off), c.end.Add(-off-time.Millisecond)) > 1 {
		return "it answered meanwhile"
	}
	_, end := c.rec.Window()
	if c.f.End == nil || c.begun(c.since.Add(-off), end) {
		return ""
	}
	for _, n := range c.rec.Nodes() {
		if n.Name != c.s.Node && c.of("count(rows) - sum(rows)", "network_nodes", n.Name, c.s.Node, nil, c.since, end) > 0 {
			return ""
		}
	}
	return "no peer lost it, it began no new life, and it answered again"
}

// begun reports whether a life of the node began within a stretch.
func (c *recount) begun(from, to time.Time) bool {
	for _, n := range c.rec.Nodes() {
		for _, l := range n.Lives {
			if n.Name == c.s.Node && l.Started.After(from) && l.Started.Before(to) {
				return true
			}
		}
	}
	return false
}

const offset = "median(offset(ServerTime, took))"

// differsFromMost holds the clock of a node against all others, the recorder's among them.
func differsFromMost(c *recount) string {
	const off = 0.9 // s
	own := c.node(offset)
	all, differ := 1, 0
	if math.Abs(own) > off {
		differ++
	}
	for _, n := range c.rec.Nodes() {
		if n.Name == c.s.Node {
			continue
		}
		all++
		if o := c.of(offset, "node_info", n.Name, "", nil, c.since, c.end); math.Abs(o-own) > off {
			differ++
		}
	}
	return unless(2*differ >= all, "most clocks say what it says")
}

// recorderMoved reports what the offsets of all nodes, and the recorder's own time, say of its clock.
func recorderMoved(c *recount) string {
	const off = 0.9 // s
	moved, away := true, true
	for _, n := range c.rec.Nodes() {
		of := func(formula string) float64 {
			return c.of(formula, "node_info", n.Name, "", nil, time.Time{}, time.Time{})
		}
		if math.Abs(of("span(steady) - change(steady)")) > off {
			return ""
		}
		moved = moved && of("max(offset(ServerTime, took)) - min(offset(ServerTime, took))") > off
		away = away && math.Abs(of(offset)) > off
	}
	return unless(moved || away, "not all nodes moved against it, nor are they away from it")
}

// failedByThemselves takes off as many failures as the recorder had with the node.
func failedByThemselves(c *recount) string {
	if c.s.PID != "" {
		return "" // a router's own count
	}
	around := 10 * time.Second
	from, to := c.since.Add(-around), c.end.Add(around)
	failed := 0.0
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote"} {
		if v := c.of("increase("+field+")", "node_info", c.s.Node, "", nil, from, to); !math.IsNaN(v) {
			failed += v
		}
	}
	ours := c.of("sum(failed)", "*", c.s.Node, "", nil, from, to)
	return unless(failed > 0 && !(ours >= failed), "the recorder had as many failures")
}

// connectionChanged looks at what the nodes themselves say of their connection.
func connectionChanged(c *recount) string {
	for _, way := range [][2]string{{c.s.Node, c.s.Peer}, {c.s.Peer, c.s.Node}} {
		for _, formula := range []string{"falls(ConnectionUptime)", "count(rows) - sum(rows)", "change(Reconnections)"} {
			if c.of(formula, "network_nodes", way[0], way[1], nil, time.Time{}, time.Time{}) > 0 {
				return ""
			}
		}
	}
	return "their connection was never lost nor made anew"
}

// bothHeard reports whether either end was heard of since.
func bothHeard(c *recount) string {
	for _, n := range []string{c.s.Node, c.s.Peer} {
		if !(c.of("count(Uptime)", "node_info", n, "", nil, c.since, c.end) > 0) {
			return n + " was not heard of since"
		}
	}
	return ""
}
