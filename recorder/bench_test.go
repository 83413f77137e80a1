package recorder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/cpu"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/schedule"
)

// A process is a row of process_list as the nodes send it.
type process struct {
	PID, Name, Application, Behavior, Kind                 string
	MessagesIn, MessagesOut, MessagesMailbox               int64
	MailboxLatency, RunningTime, InitTime, Wakeups, Uptime int64
	State                                                  string
	StateTime                                              int64
	Parent, Leader, LogLevel                               string
}

// A table is a node's processes, of which a share works between two listings.
type table struct {
	rows []process
	rng  *rand.Rand
}

func newTable(n int, seed uint64) *table {
	t := &table{rng: rand.New(rand.NewPCG(seed, 0))}
	for i := range n {
		t.rows = append(t.rows, process{
			PID: fmt.Sprintf("<FA37B81C.0.%d>", 1000+i), Name: fmt.Sprintf("worker_%d", i), Application: "trading", Behavior: fmt.Sprintf("trading.Worker%d", i%40),
			Kind: "actor", InitTime: 6000 + int64(i), State: "sleep", StateTime: 1e6, Parent: "<FA37B81C.0.1001>", Leader: "<FA37B81C.0.1>", LogLevel: "info", Uptime: 100,
		})
	}
	return t
}

// next is the listing some time later, in random order as nodes send it.
func (t *table) next(tb testing.TB, later time.Duration) []byte {
	for i := range t.rows {
		p := &t.rows[i]
		p.Uptime += int64(later / time.Second)
		p.StateTime += int64(later)
		if t.rng.Float64() < 0.156 { // of the rows on the measured workload
			p.MessagesIn += t.rng.Int64N(50)
			p.Wakeups += t.rng.Int64N(50)
			p.RunningTime += t.rng.Int64N(1e6)
			p.StateTime = t.rng.Int64N(int64(later))
		}
	}
	t.rng.Shuffle(len(t.rows), func(i, j int) { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] })
	b, err := json.MarshalIndent(t.rows, "", "  ")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// envelope is a listing as an HTTP answer carries it.
func envelope(tb testing.TB, text []byte) []byte {
	inner, err := json.Marshal(string(text))
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Appendf(nil, `"result":{"content":[{"type":"text","text":%s}]}}`, inner)
}

// A cannedTransport answers every request with the next of some bodies.
type cannedTransport struct {
	bodies [][]byte
	n      int
}

func (c *cannedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var req struct{ ID json.RawMessage }
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, json.Unmarshal(body, &req)); err != nil {
		return nil, err
	}
	text := c.bodies[c.n%len(c.bodies)]
	c.n++
	head := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,`, req.ID)
	return &http.Response{
		StatusCode: 200, ContentLength: int64(len(head) + len(text)), Header: http.Header{},
		Body: io.NopCloser(io.MultiReader(bytes.NewReader(head), bytes.NewReader(text))),
	}, nil
}

// BenchmarkRows is the way of process rows from the HTTP answer to the
// archive on disk: 2,000 rows a listing. cpu-s/Mrow is what the recorder's
// process spends on a million rows, garbage collection and commits included.
func BenchmarkRows(b *testing.B) {
	const rows = 2000
	t := newTable(rows, 1)
	canned := &cannedTransport{}
	for range 16 {
		canned.bodies = append(canned.bodies, envelope(b, t.next(b, 5*time.Second)))
	}
	e, err := live.NewEndpoint("node", live.Options{Transport: canned})
	if err != nil {
		b.Fatal(err)
	}
	w := archivetest.Writer(b, b.TempDir()+"/a.erg", nil)
	call := ergo.Call{Tool: "process_list", Args: ergo.Args{"limit": maxProcesses}}
	at := time.Now()
	b.ResetTimer()
	before := cpu.Spent()
	for b.Loop() {
		answer, err := e.Call(b.Context(), call)
		if err != nil {
			b.Fatal(err)
		}
		at = at.Add(5 * time.Second)
		answer.At = at
		rec := ingest.Record(ergo.Call{Node: "a@h", Tool: call.Tool, Args: call.Args}, nil, answer, nil, ingest.Options{})
		if _, err := w.Append(rec); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	spent := cpu.Spent() - before
	b.ReportMetric(spent.Seconds()*1e6/float64(rows*b.N), "cpu-s/Mrow")
}

// BenchmarkFiftyNodes is one round of listings of 50 nodes of 2,000 processes
// each; heap-MB is what is live after it.
func BenchmarkFiftyNodes(b *testing.B) {
	const nodes, rows = 50, 2000
	tables := map[string][][]byte{}
	for i := range nodes {
		t := newTable(rows, uint64(i))
		tables[fmt.Sprintf("n%d@h", i)] = [][]byte{t.next(b, 5*time.Second), t.next(b, 5*time.Second)}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w := archivetest.Writer(b, b.TempDir()+"/a.erg", nil)
	r, err := New(nil, w, Standard())
	if err != nil {
		b.Fatal(err)
	}
	at := time.Now()
	caller := func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
		at = at.Add(5 * time.Second)
		text := tables[call.Node][at.Unix()/5%2]
		return ergo.Answer{Text: bytes.Clone(text), At: at, Took: time.Millisecond}, nil
	}
	r.caller = ergo.CallerFunc(caller)
	var list []*node
	for name := range tables {
		n := &node{r: r, name: name, total: 1}
		n.schedule = schedule.New(r.clock, r.opts.pace(n))
		list = append(list, n)
	}
	s := &Sampler{Tool: "process_list", Args: ergo.Args{"limit": maxProcesses}}
	for b.Loop() {
		for _, n := range list {
			n.listProcesses(b.Context(), &schedule.Run{}, s)
		}
	}
	if err := w.Sync(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "heap-MB")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(nodes*rows*b.N), "s/Mrow")
	runtime.KeepAlive(list)
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
