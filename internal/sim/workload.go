package sim

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

// A Workload is the load that the design is measured with: nodes of many
// processes of which a few are active at a time and a few are replaced from
// sample to sample. Nothing is wrong on it but what Stuck says.
type Workload struct {
	Nodes, Processes int
	Every, Length    time.Duration
	Active           float64 // share of the rows that change in a sample
	Churn            float64 // share of the processes that are replaced in a sample
	Seed             uint64
	Stuck            int // processes that stand still in a callback, with mail, one after the other from the first tenth on
	Lines            int // of the log, all together, which a sampler reads
}

// Standard is the workload of the storage measurements, for a while.
func Standard(nodes int, length time.Duration) Workload {
	return Workload{Nodes: nodes, Processes: 1000, Every: 5 * time.Second, Length: length, Active: 0.156, Churn: 0.005, Seed: 1}
}

// worker is a process of a workload.
type worker struct {
	pid, born                 int
	in, out, running, wakeups int64
	since                     time.Duration
	stuck                     bool
}

// Start is the time of the first sample.
func (w Workload) Start() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }

// Samples is how often each node is asked.
func (w Workload) Samples() int { return int((w.Length + w.Every - 1) / w.Every) }

// Records are the process listings, node readings and log lines, in order of time.
func (w Workload) Records() iter.Seq[*archive.Record] {
	return func(yield func(*archive.Record) bool) {
		rng := rand.New(rand.NewPCG(w.Seed, 3))
		all := make([][]worker, w.Nodes)
		next := 1000
		for n := range all {
			for range w.Processes {
				next++
				all[n] = append(all[n], worker{pid: next})
			}
		}
		for i := range w.Samples() {
			at := time.Duration(i) * w.Every
			for n, procs := range all {
				w.step(rng, procs, at, w.stuckOf(n), &next)
				for _, r := range w.sample(n, procs, i) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

// stuckOf is how many processes of a node stand still in the end.
func (w Workload) stuckOf(n int) int {
	stuck := w.Stuck / w.Nodes
	if n < w.Stuck%w.Nodes {
		stuck++
	}
	return stuck
}

func (w Workload) step(rng *rand.Rand, procs []worker, at time.Duration, stuck int, next *int) {
	for i := range procs {
		p := &procs[i]
		if i < stuck && w.stands(p, at, i, stuck) {
			continue
		}
		switch x := rng.Float64(); {
		case x < w.Churn && i >= max(w.Processes/10, stuck):
			*next++
			*p = worker{pid: *next, born: int(at / time.Second), since: at}
		case x < w.Churn+w.Active:
			k := 1 + rng.Int64N(20)
			p.in, p.wakeups, p.running = p.in+k, p.wakeups+k, p.running+k*(50_000+rng.Int64N(10_000))
			p.out += rng.Int64N(2) * k
			p.since = at - time.Duration(rng.IntN(int(w.Every)))
		}
	}
}

// stands reports whether a process stands still: the i-th of so many that do, each
// with an onset of its own.
func (w Workload) stands(p *worker, at time.Duration, i, stuck int) bool {
	onset := w.Length/10 + w.Length/2*time.Duration(i)/time.Duration(stuck)
	if !p.stuck && (at < onset || p.wakeups <= 20) {
		return false
	}
	if !p.stuck {
		p.stuck, p.since = true, at-w.Every/2
	}
	p.in++
	return true
}

// sample is what one node says the i-th time that it is asked.
func (w Workload) sample(n int, procs []worker, i int) []*archive.Record {
	node, at := fmt.Sprintf("n%02d@lab", n), time.Duration(i)*w.Every
	t := w.Start().Add(at)
	record := func(tool string, args ergo.Args, text []byte) *archive.Record {
		return ingest.Record(ergo.Call{Node: node, Tool: tool, Args: args}, nil, ergo.Answer{Text: text, At: t, Took: 5 * time.Millisecond}, nil, ingest.Options{})
	}
	info := fmt.Appendf(nil, `{"Name":%q,"Uptime":%d,"ServerTime":%q,"ProcessesTotal":%d,"ProcessesZombee":0,"ProcessesSpawned":%d,"ProcessesTerminated":%d,"LogMessages":[0,0,0,0,0,0]}`,
		node, upBefore+int(at/time.Second), t.Format(time.RFC3339Nano), len(procs), 1000+i*5, i*5)
	out := []*archive.Record{record("node_info", nil, info), record("process_list", ergo.Args{"limit": 1_000_000}, w.listing(n, procs, at))}
	if lines := w.lines(n, i); lines != nil {
		out = append(out, record("sample_read", ergo.Args{"sampler_id": "s1", "since": i}, lines))
	}
	return out
}

// upBefore is how many seconds the nodes were up before the recording.
const upBefore = 100_000

func (w Workload) listing(n int, procs []worker, at time.Duration) []byte {
	crc := fmt.Sprintf("%08X", n)
	b := make([]byte, 0, 420*len(procs))
	for i, p := range procs {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		name := ""
		if i < w.Processes/10 {
			name = "service_" + strconv.Itoa(i)
		}
		up := int(at/time.Second) - p.born
		if p.born == 0 {
			up += upBefore
		}
		state, mailbox, latency := "sleep", int64(0), int64(0)
		if p.stuck {
			state, mailbox, latency = "running", p.in-p.wakeups, int64(at-p.since)
		}
		b = append(b, sep)
		b = fmt.Appendf(b, `{"PID":"<%s.0.%d>","Name":%q,"Application":"app","Behavior":"app.Worker%d","Kind":"actor","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":%d,"MailboxLatency":%d,"RunningTime":%d,"InitTime":%d,"Wakeups":%d,"Uptime":%d,"State":%q,"StateTime":%d,"Parent":"<%s.0.1001>","Leader":"<%s.0.1>","LogLevel":"info"}`,
			crc, p.pid, name, i%20, p.in, p.out, mailbox, latency, p.running, 1000+p.pid%977, p.wakeups, up, state, int64(at-p.since)+int64(up)%1000, crc, crc)
	}
	return append(b, ']')
}

// lines is the answer of a log sampler with the lines of one sample, nil where
// there are none.
func (w Workload) lines(n, i int) []byte {
	share := func(k int) int { return w.Lines * k / (w.Samples() * w.Nodes) }
	k := i*w.Nodes + n
	from, to := share(k), share(k+1)
	if from == to {
		return nil
	}
	t := w.Start().Add(time.Duration(i) * w.Every)
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"sampler_id":"s1","mode":"passive","sequence":%d,"samples":[`, to+1)
	for j := from; j < to; j++ {
		if j > from {
			b.WriteByte(',')
		}
		at := t.Add(-w.Every * time.Duration(to-j) / time.Duration(to-from)).Format(time.RFC3339Nano)
		fmt.Fprintf(&b, `{"sequence":%d,"timestamp":%q,"data":{"level":"info","message":"order %d of customer %d is booked in %d ms","source":"<%08X.0.%d> app.Worker%d","time":%q,"type":"process"}}`,
			j+1, at, j, j*7919%10_007, j%37, n, 1001+j%97, j%20, at)
	}
	b.WriteString("]}")
	return b.Bytes()
}
