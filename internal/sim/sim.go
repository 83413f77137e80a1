// Package sim makes up clusters for tests: nodes and actors that get messages,
// handle them one at a time and go wrong as told, and what the inspection tools
// of such nodes would have said about them at each sampling instant.
//
// An actor is a queue with one server, simulated message by message, so that
// the counters, the depth and age of the mailbox and the state agree with each
// other as they do on a real node: RunningTime and Wakeups are added only when
// the mailbox has drained, a blocked callback is running, a killed one a
// zombee. Everything follows from a seed.
package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// A Cluster is what is recorded. Set its fields, then call Records.
type Cluster struct {
	From     time.Time     // the first sample
	Length   time.Duration // of the recording
	Interval time.Duration // between samples
	Seed     uint64
	Latency  bool // nodes are built with -tags=latency
	Ages     bool // nodes report StateTime
	Nodes    []*Node
	// Also gives further answers of a node at an instant, nil for none.
	Also func(n *Node, at time.Duration) []Answer
	// Edit changes an answer before it is recorded. What it makes an
	// *ergo.ToolError is a call that was refused.
	Edit func(n *Node, tool string, at time.Duration, answer any) any
}

// An Answer is what a tool says: a value that becomes JSON, a string that is
// text as it is, or an *ergo.ToolError.
type Answer struct {
	Tool string
	Args ergo.Args
	Says any
}

// New is a cluster of three healthy nodes, each with n actors under a
// supervisor, recorded for three minutes.
func New(seed uint64, n int) *Cluster {
	c := &Cluster{From: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Length: 3 * time.Minute, Interval: 2 * time.Second, Seed: seed, Latency: true, Ages: true}
	for i, name := range []string{"north@lab", "east@lab", "south@lab"} {
		node := &Node{Name: name, App: "shop", Up: 10 * time.Second, crc: fmt.Sprintf("%08X", 0xA0000000+i)}
		sup := node.Add(&Actor{Name: "shop_sup", Behavior: "shop.Sup", Kind: "supervisor", Rate: 0})
		for k := range n {
			node.Add(&Actor{
				Name: fmt.Sprintf("clerk_%02d", k), Behavior: "shop.Clerk", Parent: sup,
				Rate: 1 + float64(k%7)*3, Service: time.Duration(200+300*(k%5)) * time.Microsecond,
			})
		}
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

// At is the instant d after the first sample.
func (c *Cluster) At(d time.Duration) time.Time { return c.From.Add(d) }

// A Node is one node and its actors.
type Node struct {
	Name   string
	App    string
	Up     time.Duration // how long it was up when the recording began
	Actors []*Actor
	Logs   []Log
	// AppDown is when the application is seen stopped; zero: never.
	AppDown time.Duration

	crc  string
	next int
}

// A Log is one line.
type Log struct {
	At      time.Duration // after the first sample
	Level   string
	Message string
	By      *Actor // nil: the node itself
}

// An Actor is one process. Times are after the first sample; those before it
// are negative.
type Actor struct {
	Name, Behavior, Kind string
	Parent               *Actor
	PID                  string

	Born, Dies time.Duration // zero: before the recording; never
	Rate       float64       // messages a second, as a Poisson process unless Regular
	Service    time.Duration // of one message
	Regular    bool          // messages come evenly spaced and take equally long
	// Change gives another rate and service from an instant on.
	Change []Change
	// Blocks are stretches in which the callback that is under way does not
	// return.
	Blocks []Block
	Killed time.Duration // it is a zombee from then on, while it is blocked
	Calls  bool          // its service time is spent waiting for a response
	// Limit bounds the mailbox; messages beyond are lost to its Pool.
	Limit int
	// Inspect is what process_inspect says, by instant; nil: not inspected.
	Inspect func(at time.Duration) map[string]string

	arrive, begin, end []float64 // of every message, in s after the first sample
	lost               []float64
}

// A Change is a new pace.
type Change struct {
	At      time.Duration
	Rate    float64
	Service time.Duration
}

// A Block is a stretch in which nothing is handled.
type Block struct {
	From, To time.Duration // To zero: for good
	Waiting  bool          // in wait response
}

// Add puts an actor on the node and gives it a PID.
func (n *Node) Add(a *Actor) *Actor {
	if a.Kind == "" {
		a.Kind = "actor"
	}
	n.next++
	a.PID = fmt.Sprintf("<%s.0.%d>", n.crc, 1000+n.next)
	n.Actors = append(n.Actors, a)
	return a
}

// Find is the actor of that name, nil if there is none.
func (n *Node) Find(name string) *Actor {
	for _, a := range n.Actors {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Say adds a log line.
func (n *Node) Say(at time.Duration, level, message string, by *Actor) {
	n.Logs = append(n.Logs, Log{at, level, message, by})
}

// Restart lets the actor die at some instants: each time another one with a new
// PID is born under the same name.
func (n *Node) Restart(a *Actor, at ...time.Duration) {
	for _, t := range at {
		a.Dies = t
		next := *a
		next.Born, next.Dies = t, 0
		a = n.Add(&next)
	}
}

// run works out when each message arrives, is begun and is done.
func (a *Actor) run(rng *rand.Rand, from, to float64) {
	if a.Born != 0 {
		from = a.Born.Seconds()
	}
	if a.Dies != 0 {
		to = min(to, a.Dies.Seconds())
	}
	free := from
	for t := from; ; {
		rate, _ := a.pace(t)
		if rate <= 0 {
			if t = a.nextChange(t); t >= to {
				return
			}
			continue
		}
		step := 1 / rate
		if !a.Regular {
			step *= rng.ExpFloat64()
		}
		if next := a.nextChange(t); t+step > next {
			t = next
			continue
		}
		if t += step; t >= to {
			return
		}
		if a.Limit > 0 && len(a.arrive)-a.begunBy(t) >= a.Limit {
			a.lost = append(a.lost, t)
			continue
		}
		free = a.handle(rng, t, free)
	}
}

// handle queues the message that arrives at t, and says when it is done.
func (a *Actor) handle(rng *rand.Rand, t, free float64) float64 {
	begin := max(t, free)
	_, service := a.pace(begin)
	end := begin + service.Seconds()
	if !a.Regular {
		end = begin + service.Seconds()*(0.8+0.4*rng.Float64())
	}
	for _, b := range a.Blocks {
		if from := b.From.Seconds(); end >= from && begin < b.until() {
			end = max(end, b.until()) // the message under way at that time, or the next one
			break
		}
	}
	a.arrive, a.begin, a.end = append(a.arrive, t), append(a.begin, begin), append(a.end, end)
	return end
}

func (b Block) until() float64 {
	if b.To == 0 {
		return 1e12
	}
	return b.To.Seconds()
}

func (a *Actor) pace(t float64) (float64, time.Duration) {
	rate, service := a.Rate, a.Service
	for _, c := range a.Change {
		if t >= c.At.Seconds() {
			rate, service = c.Rate, c.Service
		}
	}
	return rate, service
}

func (a *Actor) nextChange(t float64) float64 {
	next := 1e12
	for _, c := range a.Change {
		if s := c.At.Seconds(); s > t {
			next = min(next, s)
		}
	}
	return next
}

// by is how many of the sorted times are at or before t.
func by(times []float64, t float64) int {
	n, _ := slices.BinarySearch(times, t+1e-12)
	return n
}

func (a *Actor) begunBy(t float64) int { return by(a.begin, t) }

// alive reports whether the actor is listed at t.
func (a *Actor) alive(t float64) bool {
	return (a.Born == 0 || t >= a.Born.Seconds()) && (a.Dies == 0 || t < a.Dies.Seconds())
}

// row is what a listing says of the actor at t.
func (a *Actor) row(c *Cluster, n *Node, t float64) map[string]any {
	born := a.Born.Seconds()
	if a.Born == 0 {
		born = -n.Up.Seconds() // with its node
	}
	in, taken := by(a.arrive, t), a.begunBy(t)
	drained, run, wakeups := a.drained(t, taken)
	state, since := "sleep", born
	switch {
	case taken > 0 && a.end[taken-1] > t:
		state, since = "running", a.wokeAt(taken-1)
		if a.Calls || a.waits(t) {
			state, since = "wait response", a.begin[taken-1]
		}
		if a.Killed > 0 && t >= a.Killed.Seconds() {
			state, since = "zombee", a.Killed.Seconds()
		}
	case drained > 0:
		since = a.end[drained-1]
	}
	r := map[string]any{
		"PID": a.PID, "Name": a.Name, "Application": n.App, "Behavior": a.Behavior, "Kind": a.Kind,
		"MessagesIn": in, "MessagesOut": by(a.end, t), "MessagesMailbox": in - taken, "MailboxLatency": -1,
		"RunningTime": int64(run * 1e9), "InitTime": 5000, "Wakeups": wakeups + 1, "Uptime": int64(t - born),
		"State": state, "Parent": "<" + n.crc + ".0.1>", "Leader": "<" + n.crc + ".0.1>", "LogLevel": "info",
	}
	if a.Parent != nil {
		r["Parent"] = a.Parent.PID
	}
	if c.Ages {
		r["StateTime"] = int64((t - since) * 1e9)
	}
	if c.Latency {
		r["MailboxLatency"] = 0
		if in > taken {
			r["MailboxLatency"] = int64((t - a.arrive[taken]) * 1e9)
		}
	}
	return r
}

// drained is how many messages had been handled when the mailbox was last
// empty, with the running time and wake-ups up to then.
func (a *Actor) drained(t float64, taken int) (n int, run float64, wakeups int) {
	done := by(a.end, t)
	for i := range done {
		idle := i+1 >= len(a.arrive) || a.arrive[i+1] > a.end[i]
		if idle && a.end[i] <= t {
			n = i + 1
		}
	}
	for i := range n {
		run += a.end[i] - a.begin[i]
		if i == 0 || a.arrive[i] > a.end[i-1] {
			wakeups++
		}
	}
	return n, run, wakeups
}

// wokeAt is when the stretch of work began in which message i is handled.
func (a *Actor) wokeAt(i int) float64 {
	for i > 0 && a.arrive[i] <= a.end[i-1] {
		i--
	}
	return a.begin[i]
}

func (a *Actor) waits(t float64) bool {
	for _, b := range a.Blocks {
		if b.Waiting && t >= b.From.Seconds() && t < b.until() {
			return true
		}
	}
	return false
}

// Dropped is how many messages its mailbox had no room for until t.
func (a *Actor) Dropped(t time.Duration) int { return by(a.lost, t.Seconds()) }

// Records are the records of the whole recording, in order of time.
func (c *Cluster) Records() []*archive.Record {
	rng := rand.New(rand.NewPCG(c.Seed, 7))
	var out []*archive.Record
	for _, n := range c.Nodes {
		for _, a := range n.Actors {
			a.arrive, a.begin, a.end, a.lost = nil, nil, nil, nil
			a.run(rng, -n.Up.Seconds(), c.Length.Seconds())
		}
		shift := time.Duration(rng.IntN(int(c.Interval)))
		for d := shift; d < c.Length; d += c.Interval {
			out = append(out, c.sample(n, d)...)
		}
		out = append(out, c.logs(n, shift)...)
	}
	slices.SortStableFunc(out, func(a, b *archive.Record) int { return a.At.Compare(b.At) })
	return out
}

// sample is what a node answers at d.
func (c *Cluster) sample(n *Node, d time.Duration) []*archive.Record {
	t := d.Seconds()
	rows := []map[string]any{}
	zombees, waiting, spawned, ended := 0, 0, 0, 0
	for _, a := range n.Actors {
		if t >= a.Born.Seconds() {
			spawned++
		}
		if a.Dies != 0 && t >= a.Dies.Seconds() {
			ended++
		}
		if !a.alive(t) || n.AppDown != 0 && d >= n.AppDown {
			continue
		}
		r := a.row(c, n, t)
		switch r["State"] {
		case "zombee":
			zombees++
		case "wait response":
			waiting++
		}
		rows = append(rows, r)
	}
	heap := 8e6 + 4e6*(t/20-float64(int(t/20)))
	state := "running"
	if n.AppDown != 0 && d >= n.AppDown {
		state = "loaded"
	}
	out := []*archive.Record{
		c.record(n, "node_info", nil, d, map[string]any{
			"Name": n.Name, "Uptime": int64(t + n.Up.Seconds()), "ServerTime": c.At(d).Format(time.RFC3339Nano),
			"ProcessesTotal": len(rows), "ProcessesZombee": zombees, "ProcessesWaitResponse": waiting,
			"ProcessesSpawned": spawned, "ProcessesTerminated": ended,
			"SendErrorsLocal": 0, "SendErrorsRemote": 0, "CallErrorsLocal": 0, "CallErrorsRemote": 0,
			"LogMessages": []int{0, 0, 0, 0, 0, 0},
		}),
		c.record(n, "runtime_stats", nil, d, map[string]any{
			"goroutines": 40, "cpus": 2, "heap_alloc": int64(heap), "total_alloc": int64(1e6 * t), "num_gc": int(t / 20), "sys": 30_000_000, "gc_cpu_percent": 0.5,
		}),
		c.record(n, "process_list", ergo.Args{"limit": 100000}, d, rows),
		c.record(n, "app_list", nil, d, []map[string]any{{"name": n.App, "state": state, "mode": "permanent", "uptime": int64(t)}}),
	}
	if c.Also != nil {
		for _, a := range c.Also(n, d) {
			out = append(out, c.record(n, a.Tool, a.Args, d, a.Says))
		}
	}
	for _, a := range n.Actors {
		if a.Inspect != nil && a.alive(t) {
			out = append(out, c.record(n, "process_inspect", ergo.Args{"pid": a.PID}, d, a.Inspect(d)))
		}
	}
	return out
}

// logs are a node's lines, read from a sampler with each sample.
func (c *Cluster) logs(n *Node, shift time.Duration) []*archive.Record {
	lines := slices.SortedStableFunc(slices.Values(n.Logs), func(a, b Log) int { return int(a.At - b.At) })
	var out []*archive.Record
	i := 0
	for d := shift; d < c.Length; d += c.Interval {
		samples := []map[string]any{}
		for ; i < len(lines) && lines[i].At <= d; i++ {
			l := lines[i]
			source, kind := n.Name, "node"
			if l.By != nil {
				source, kind = l.By.PID+" "+l.By.Behavior, "process"
				if l.By.Name != "" {
					source = fmt.Sprintf("%s ('%s') %s", l.By.PID, l.By.Name, l.By.Behavior)
				}
			}
			at := c.At(l.At).Format(time.RFC3339Nano)
			samples = append(samples, map[string]any{"sequence": i + 1, "timestamp": at, "data": map[string]any{
				"level": l.Level, "message": l.Message, "source": source, "time": at, "type": kind,
			}})
		}
		out = append(out, c.record(n, "sample_read", ergo.Args{"sampler_id": "s1", "since": i}, d,
			map[string]any{"sampler_id": "s1", "mode": "passive", "sequence": i + 1, "samples": samples}))
	}
	return out
}

func (c *Cluster) record(n *Node, tool string, args ergo.Args, d time.Duration, answer any) *archive.Record {
	if c.Edit != nil {
		answer = c.Edit(n, tool, d, answer)
	}
	call := ergo.Call{Node: n.Name, Tool: tool, Args: args}
	ans := ergo.Answer{At: c.At(d), Took: 3 * time.Millisecond}
	switch says := answer.(type) {
	case *ergo.ToolError:
		return ingest.Record(call, nil, ans, says, ingest.Options{})
	case string:
		ans.Text = []byte(says)
	default:
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err) // only what this package makes up gets here
		}
		ans.Text = text
	}
	return ingest.Record(call, nil, ans, nil, ingest.Options{})
}
