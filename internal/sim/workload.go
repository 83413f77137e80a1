package sim

import (
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
// sample to sample. Nothing is wrong on it.
type Workload struct {
	Nodes, Processes int
	Every, Length    time.Duration
	Active           float64 // share of the rows that change in a sample
	Churn            float64 // share of the processes that are replaced in a sample
	Seed             uint64
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
}

// Records are the process listings and node readings, in order of time.
func (w Workload) Records() iter.Seq[*archive.Record] {
	return func(yield func(*archive.Record) bool) {
		rng := rand.New(rand.NewPCG(w.Seed, 3))
		from := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		all := make([][]worker, w.Nodes)
		next := 1000
		for n := range all {
			for range w.Processes {
				next++
				all[n] = append(all[n], worker{pid: next})
			}
		}
		for at := time.Duration(0); at < w.Length; at += w.Every {
			for n, procs := range all {
				w.step(rng, procs, at, &next)
				for _, r := range w.sample(n, procs, from, at) {
					if !yield(r) {
						return
					}
				}
			}
		}
	}
}

func (w Workload) step(rng *rand.Rand, procs []worker, at time.Duration, next *int) {
	for i := range procs {
		p := &procs[i]
		switch x := rng.Float64(); {
		case x < w.Churn && i >= w.Processes/10:
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

func (w Workload) sample(n int, procs []worker, from time.Time, at time.Duration) []*archive.Record {
	node := fmt.Sprintf("n%02d@lab", n)
	crc := fmt.Sprintf("%08X", n)
	const up = 100_000 // s, before the recording
	b := make([]byte, 0, 400*len(procs))
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
			up += 100_000
		}
		b = append(b, sep)
		b = fmt.Appendf(b, `{"PID":"<%s.0.%d>","Name":%q,"Application":"app","Behavior":"app.Worker%d","Kind":"actor","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":0,"MailboxLatency":0,"RunningTime":%d,"InitTime":%d,"Wakeups":%d,"Uptime":%d,"State":"sleep","StateTime":%d,"Parent":"<%s.0.1001>","Leader":"<%s.0.1>","LogLevel":"info"}`,
			crc, p.pid, name, i%20, p.in, p.out, p.running, 1000+p.pid%977, p.wakeups, up, int64(at-p.since)+int64(up)%1000, crc, crc)
	}
	b = append(b, ']')
	t := from.Add(at)
	info := fmt.Appendf(nil, `{"Name":%q,"Uptime":%d,"ServerTime":%q,"ProcessesTotal":%d,"ProcessesZombee":0,"ProcessesSpawned":%d,"ProcessesTerminated":%d,"LogMessages":[0,0,0,0,0,0]}`,
		node, up+int(at/time.Second), t.Format(time.RFC3339Nano), len(procs), 1000+int(at/w.Every)*5, int(at/w.Every)*5)
	record := func(tool string, args ergo.Args, text []byte) *archive.Record {
		return ingest.Record(ergo.Call{Node: node, Tool: tool, Args: args}, nil, ergo.Answer{Text: text, At: t, Took: 5 * time.Millisecond}, nil, ingest.Options{})
	}
	return []*archive.Record{record("node_info", nil, info), record("process_list", ergo.Args{"limit": 1_000_000}, b)}
}
