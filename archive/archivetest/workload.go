package archivetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"ergorecorder/archive"
)

// A Workload is the process tables of a cluster that the archive was designed
// for: of the rows of each sample 15.6 % are active, with about 5 changed
// values each (0.8 a row), and 0.5 % are new. The same seed gives the same
// answers. Answers are JSON as nodes give it, about 395 bytes a row.
type Workload struct {
	Nodes     int
	Processes int // a node
	Every     time.Duration
	Start     time.Time
	nodes     []*workNode
	text      []byte
}

// NewWorkload makes a workload of as many nodes and processes, sampled every 5 s.
func NewWorkload(nodes, processes int, seed uint64) *Workload {
	w := &Workload{Nodes: nodes, Processes: processes, Every: 5 * time.Second, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	for i := range nodes {
		w.nodes = append(w.nodes, newWorkNode(i, processes, seed))
	}
	return w
}

// ProcessSchema describes the tables.
func ProcessSchema() archive.Schema {
	s := archive.Schema{Form: archive.FormTable, Key: []string{"PID"}, Columns: map[string]archive.ColumnKind{
		"StateTime": archive.AgeNS, "Uptime": archive.AgeS, "InitTime": archive.Constant,
		"MessagesIn": archive.Cumulative, "MessagesOut": archive.Cumulative, "RunningTime": archive.Cumulative, "Wakeups": archive.Cumulative,
	}}
	for _, n := range []string{"PID", "Name", "Application", "Behavior", "Kind", "Parent", "Leader", "LogLevel", "State"} {
		s.Columns[n] = archive.Text
	}
	return s
}

// Stream is the stream of a node's tables.
func (w *Workload) Stream(node int) archive.StreamKey {
	return archive.StreamKey{Kind: archive.Sample, Node: w.nodes[node].name, Name: "process_list", Args: `{"limit":100000}`}
}

// Next goes to the node's next sample and returns it as a record. Its text is
// overwritten by the next call.
func (w *Workload) Next(node int) *archive.Record {
	n := w.nodes[node]
	at := w.Start.Add(time.Duration(n.sample) * w.Every).Add(time.Duration(node) * w.Every / time.Duration(w.Nodes))
	at = at.Add(time.Duration(n.rng.Int64N(int64(50 * time.Millisecond)))) // the call's jitter
	n.step(at, w.Every)
	took := time.Duration(2e6 + n.rng.Int64N(8e6))
	w.text = n.appendTable(w.text[:0], at.Add(-took/2))
	return &archive.Record{Stream: w.Stream(node), Schema: ProcessSchema(), At: at, Took: took, Args: []byte(`{"limit":100000}`), Text: w.text}
}

// Bytes is what the workload's own answer buffer holds, for who measures
// memory.
func (w *Workload) Bytes() int64 { return int64(cap(w.text)) }

const (
	idleMax = 0.156 // share of rows active in a sample
	churn   = 0.005 // share of rows that are new in a sample
)

type workNode struct {
	name   string
	crc    string
	rng    *rand.Rand
	sample int
	pids   int
	rows   []workRow
}

type workRow struct {
	pid, parent, leader        string
	name, behavior, app, state string
	kind                       string
	born, since                time.Time
	initTime                   int64
	in, out, running, wakeups  int64
	mailbox, latency           int64
	rate, cost, active, fan    float64
}

func newWorkNode(i, processes int, seed uint64) *workNode {
	n := &workNode{name: fmt.Sprintf("node%02d@10.0.0.%d", i, i+1), crc: fmt.Sprintf("%08X", 0xA1B2C3D4+uint32(i)*7919), rng: rand.New(rand.NewPCG(seed, uint64(i))), pids: 1000}
	for range processes {
		n.rows = append(n.rows, workRow{})
	}
	return n
}

var workBehaviors = []string{"orders.Worker", "orders.Session", "billing.Account", "gateway.Connection", "cache.Shard", "feed.Subscriber", "stats.Collector", "users.Profile"}

// spawn puts a new process into a row.
func (n *workNode) spawn(r *workRow, at time.Time) {
	n.pids++
	b := n.rng.IntN(len(workBehaviors))
	app := []string{"orders", "orders", "billing", "gateway", "cache", "feed", "stats", "users"}[b]
	*r = workRow{
		pid: n.pid(n.pids), parent: n.pid(1001 + b), leader: n.pid(1001), behavior: workBehaviors[b], app: app + "_app",
		kind: "actor", state: "sleep", born: at, since: at, initTime: int64(400 + 2000*n.rng.ExpFloat64()),
		rate: math.Exp(n.rng.NormFloat64()*1.2 + 1), cost: 15e3 * math.Exp(n.rng.NormFloat64()*0.7), fan: n.rng.Float64() * 2,
	}
	if n.rng.Float64() < 0.4 {
		r.name = app + "_" + strconv.Itoa(n.pids)
	}
	// A few processes are nearly always active, most hardly ever.
	r.active = math.Pow(n.rng.Float64(), 4.4) / 0.1852 * idleMax
}

func (n *workNode) pid(id int) string { return "<" + n.crc + ".0." + strconv.Itoa(id) + ">" }

func (n *workNode) step(at time.Time, every time.Duration) {
	for i := range n.rows {
		r := &n.rows[i]
		switch {
		case r.pid == "":
			n.spawn(r, at.Add(-time.Duration(n.rng.Int64N(int64(time.Hour)))))
		case n.rng.Float64() < churn:
			n.spawn(r, at.Add(-time.Duration(n.rng.Int64N(int64(every)))))
		case n.rng.Float64() < r.active:
			n.work(r, at, every)
		}
	}
	n.sample++
}

// work is what a process does in an interval in which it is active.
func (n *workNode) work(r *workRow, at time.Time, every time.Duration) {
	messages := 1 + int64(n.rng.ExpFloat64()*r.rate)
	r.in += messages
	r.wakeups += messages
	if n.rng.Float64() < 0.3 { // some messages came together
		r.wakeups -= n.rng.Int64N(messages)
	}
	r.out += int64(float64(messages) * r.fan * n.rng.Float64() * 2)
	r.running += int64(float64(messages) * r.cost * math.Exp(n.rng.NormFloat64()*0.4))
	idle := min(n.rng.ExpFloat64()/float64(messages), 1)
	r.since = at.Add(-time.Duration(idle * float64(every)))
	r.mailbox, r.latency, r.state = 0, 0, "sleep"
	if n.rng.Float64() < 0.02 {
		r.state, r.mailbox = "running", n.rng.Int64N(4)
		if r.mailbox > 0 {
			r.latency = int64(n.rng.ExpFloat64() * 1e6)
		}
	}
}

// appendTable writes the rows in random order, each read a moment after the
// one before.
func (n *workNode) appendTable(b []byte, at time.Time) []byte {
	b = append(b, '[')
	for i, at2 := range n.rng.Perm(len(n.rows)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = n.rows[at2].append(b, at.Add(time.Duration(i)*300))
	}
	return append(b, "\n]"...)
}

func (r *workRow) append(b []byte, at time.Time) []byte {
	text := func(name, v string) {
		b = append(append(b, "\n    \""...), name...)
		b = append(append(append(b, `": "`...), v...), `",`...)
	}
	num := func(name string, v int64) {
		b = append(append(b, "\n    \""...), name...)
		b = append(strconv.AppendInt(append(b, `": `...), v, 10), ',')
	}
	pid := func(name, v string) { text(name, `\u003c`+v[1:len(v)-1]+`\u003e`) }
	b = append(b, "\n  {"...)
	pid("PID", r.pid)
	text("Name", r.name)
	text("Application", r.app)
	text("Behavior", r.behavior)
	text("Kind", r.kind)
	num("MessagesIn", r.in)
	num("MessagesOut", r.out)
	num("MessagesMailbox", r.mailbox)
	num("MailboxLatency", r.latency)
	num("RunningTime", r.running)
	num("InitTime", r.initTime)
	num("Wakeups", r.wakeups)
	num("Uptime", at.Unix()-r.born.Unix())
	text("State", r.state)
	num("StateTime", max(0, int64(at.Sub(r.since))))
	pid("Parent", r.parent)
	pid("Leader", r.leader)
	text("LogLevel", "info")
	b[len(b)-1] = '\n'
	return append(b, "  }"...)
}
