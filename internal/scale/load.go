package main

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// A load is what a recording holds.
type load struct {
	Nodes, Processes int
	Length           time.Duration
	Stuck            int // processes that stand still in a callback, with mail, from the first tenth on
	Lines            int // of the log, all together
	Segments         int // 1 is an archive of one file
}

// every is the time between two samples.
const every = 5 * time.Second

// standard is what the dimensions that a case leaves alone are.
func standard() load { return load{Nodes: 1, Processes: 1000, Length: time.Hour, Segments: 1} }

// start is when each of them begins.
func start() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }

// segment is in which segment, from 0, what was said at a time lies.
func (l load) segment(t time.Time) int {
	return int(t.Sub(start()) * time.Duration(max(l.Segments, 1)) / l.Length)
}

func (l load) samples() int { return int(l.Length / every) }

// rows is how many process rows there are.
func (l load) rows() int { return l.Nodes * l.Processes * l.samples() }

// active is the share of rows that change in a sample, and churn the share of
// processes that are replaced, as in the workload of the storage measurements.
const active, churn = 0.156, 0.005

// A worker is one process.
type worker struct {
	pid, born                 int
	in, out, running, wakeups int64
	since                     time.Duration
	stuck                     bool
}

// records are the node readings, process listings and log lines, in order of time.
func (l load) records() iter.Seq[*archive.Record] {
	return func(yield func(*archive.Record) bool) {
		rng := rand.New(rand.NewPCG(7, 11))
		all := make([][]worker, l.Nodes)
		next := 1000
		for n := range all {
			for range l.Processes {
				next++
				all[n] = append(all[n], worker{pid: next})
			}
		}
		for i := range l.samples() {
			at := time.Duration(i) * every
			for n, procs := range all {
				l.step(rng, procs, at, n, &next)
				for _, r := range l.sample(n, procs, i) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

func (l load) step(rng *rand.Rand, procs []worker, at time.Duration, node int, next *int) {
	stuck := l.Stuck / l.Nodes
	if node < l.Stuck%l.Nodes {
		stuck++
	}
	for i := range procs {
		p := &procs[i]
		// They stand still one after the other, so that each has an onset of its own.
		if i < stuck && at >= l.Length/10+l.Length/2*time.Duration(i)/time.Duration(stuck) && (p.wakeups > 20 || p.stuck) {
			if !p.stuck {
				p.stuck, p.since = true, at-every/2
			}
			p.in++
			continue
		}
		switch x := rng.Float64(); {
		case x < churn && i >= max(l.Processes/10, stuck):
			*next++
			*p = worker{pid: *next, born: int(at / time.Second), since: at}
		case x < churn+active:
			k := 1 + rng.Int64N(20)
			p.in, p.wakeups, p.running = p.in+k, p.wakeups+k, p.running+k*(50_000+rng.Int64N(10_000))
			p.out += rng.Int64N(2) * k
			p.since = at - time.Duration(rng.IntN(int(every)))
		}
	}
}

// sample is what one node says at a sample.
func (l load) sample(n int, procs []worker, i int) []*archive.Record {
	node, at := fmt.Sprintf("n%03d@lab", n), time.Duration(i)*every
	t := start().Add(at)
	record := func(tool string, args ergo.Args, text []byte) *archive.Record {
		return ingest.Record(ergo.Call{Node: node, Tool: tool, Args: args}, nil, ergo.Answer{Text: text, At: t, Took: 5 * time.Millisecond}, nil, ingest.Options{})
	}
	up := 100_000 + int(at/time.Second)
	info := fmt.Appendf(nil, `{"Name":%q,"Uptime":%d,"ServerTime":%q,"ProcessesTotal":%d,"ProcessesZombee":0,"ProcessesSpawned":%d,"ProcessesTerminated":%d,"LogMessages":[0,0,0,0,0,0]}`,
		node, up, t.Format(time.RFC3339Nano), len(procs), 1000+i*5, i*5)
	out := []*archive.Record{record("node_info", nil, info), record("process_list", ergo.Args{"limit": 1_000_000}, l.listing(n, procs, at))}
	if lines := l.lines(node, t, n, i); lines != nil {
		out = append(out, record("sample_read", ergo.Args{"sampler_id": "s1", "since": i}, lines))
	}
	return out
}

func (l load) listing(n int, procs []worker, at time.Duration) []byte {
	b := make([]byte, 0, 420*len(procs))
	for i, p := range procs {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		name := ""
		if i < l.Processes/10 {
			name = "service_" + strconv.Itoa(i)
		}
		up := int(at/time.Second) - p.born
		if p.born == 0 {
			up += 100_000
		}
		state, mailbox, latency := "sleep", int64(0), int64(0)
		if p.stuck {
			state, mailbox, latency = "running", p.in-p.wakeups, int64(at-p.since)
		}
		b = append(b, sep)
		b = fmt.Appendf(b, `{"PID":"<%08X.0.%d>","Name":%q,"Application":"app","Behavior":"app.Worker%d","Kind":"actor","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":%d,"MailboxLatency":%d,"RunningTime":%d,"InitTime":%d,"Wakeups":%d,"Uptime":%d,"State":%q,"StateTime":%d,"Parent":"<%08X.0.1001>","Leader":"<%08X.0.1>","LogLevel":"info"}`,
			n, p.pid, name, i%20, p.in, p.out, mailbox, latency, p.running, 1000+p.pid%977, p.wakeups, up, state, int64(at-p.since)+int64(up)%1000, n, n)
	}
	return append(b, ']')
}

// lines is the answer of a log sampler with the lines of one sample, nil where
// there are none.
func (l load) lines(node string, t time.Time, n, i int) []byte {
	share := func(k int) int { return l.Lines * k / (l.samples() * l.Nodes) }
	k := i*l.Nodes + n
	from, to := share(k), share(k+1)
	if from == to {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"sampler_id":"s1","mode":"passive","sequence":%d,"samples":[`, to+1)
	for j := from; j < to; j++ {
		if j > from {
			b.WriteByte(',')
		}
		at := t.Add(-every * time.Duration(to-j) / time.Duration(to-from)).Format(time.RFC3339Nano)
		fmt.Fprintf(&b, `{"sequence":%d,"timestamp":%q,"data":{"level":"info","message":"order %d of customer %d is booked in %d ms","source":"<%08X.0.%d> app.Worker%d","time":%q,"type":"process"}}`,
			j+1, at, j, j*7919%10_007, j%37, n, 1001+j%97, j%20, at)
	}
	b.WriteString("]}")
	return b.Bytes()
}
