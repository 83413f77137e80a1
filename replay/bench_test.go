package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/internal/cpu"
	"ergorecorder/internal/sim"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// busyNode is a recording of one node with n processes, listed every 5 s for
// the given time; a sixth of the processes works between two listings.
func busyNode(b *testing.B, n int, over time.Duration) (*replay.Recording, time.Time) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "x.erg")
	w := archivetest.Writer(b, path, nil)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	put := func(t time.Time, tool string, args ergo.Args, text string) {
		rec := ingest.Record(ergo.Call{Node: "one@host", Tool: tool, Args: args}, nil, ergo.Answer{At: t, Text: []byte(text)}, nil, ingest.Options{})
		if _, err := w.Append(rec); err != nil {
			b.Fatal(err)
		}
	}
	work := make([]int, n)
	for i := 0; i < int(over/(5*time.Second)); i++ {
		t := at.Add(time.Duration(i) * 5 * time.Second)
		put(t, "node_info", nil, fmt.Sprintf(`{"Name":"one@host","Uptime":%d,"ProcessesTotal":%d,"ServerTime":%q}`, 100+5*i, n, t.Format(time.RFC3339Nano)))
		text := []byte{'['}
		for p := range n {
			if (p+i)%6 == 0 {
				work[p] += 1 + (p*i)%17
			}
			if p > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `{"PID":"<ABCD.0.%d>","Name":"worker_%d","Application":"app","Behavior":"app.Worker","Kind":"actor","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":%d,"MailboxLatency":0,"RunningTime":%d,"InitTime":7123,"Wakeups":%d,"Uptime":%d,"State":"sleep","StateTime":%d,"Parent":"<ABCD.0.%d>","Leader":"<ABCD.0.1>","LogLevel":"info"}`,
				1000+p, p, work[p], work[p]/2, work[p]%3, work[p]*12345, work[p], 50+5*i, 1000000*(i+p), 1000+p/10)
		}
		put(t, "process_list", ergo.Args{"limit": json.Number("1000000")}, string(append(text, ']')))
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { rec.Close() })
	return rec, at
}

// BenchmarkCall asks a node of 1,000 processes at instants spread over half an
// hour; p99 is reported beside the mean.
func BenchmarkCall(b *testing.B) {
	const over = 30 * time.Minute
	rec, at := busyNode(b, 1000, over)
	rec.Nodes()
	for _, call := range []ergo.Call{
		{Tool: "node_info"},
		{Tool: "process_list", Args: ergo.Args{"limit": json.Number("0")}},
		{Tool: "process_list", Args: ergo.Args{"sort_by": "mailbox", "limit": json.Number("10")}},
		{Tool: "process_list", Args: ergo.Args{"name": "worker_77", "min_messages_in": json.Number("5")}},
		{Tool: "process_children", Args: ergo.Args{"parent": "worker_3", "recursive": true}},
		{Tool: "process_state", Args: ergo.Args{"pid": "<0.0.1900>"}},
	} {
		b.Run(call.Tool+"/"+call.Args.String(), func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				t := at.Add(time.Duration(i) * 7919 * time.Millisecond % over)
				from := time.Now()
				if _, err := rec.At(t).Call(context.Background(), call); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(from))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "p99-ms")
		})
	}
}

// BenchmarkWide asks a node of 100,000 processes, listed for six minutes: what the recording holds, the deepest mailboxes, and one
// process. Each question opens the recording anew, as a command does.
func BenchmarkWide(b *testing.B) {
	load := sim.Standard(1, 6*time.Minute)
	load.Processes = 100_000
	path := os.Getenv("ERGO_BENCH_WIDE") // such a recording that was made before
	if path == "" {
		path = recorded(b, load)
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) // when the workload begins
	ask := func(call ergo.Call) func(b *testing.B, rec *replay.Recording, at time.Time) {
		return func(b *testing.B, rec *replay.Recording, at time.Time) {
			if _, err := rec.At(at).Call(context.Background(), call); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		do   func(b *testing.B, rec *replay.Recording, at time.Time)
	}{
		{"inventory", func(b *testing.B, rec *replay.Recording, _ time.Time) {
			if _, err := rec.Inventory(context.Background()); err != nil {
				b.Fatal(err)
			}
		}},
		{"list", ask(ergo.Call{Tool: "process_list", Args: ergo.Args{"sort_by": "mailbox", "limit": json.Number("5")}})},
		{"state", ask(ergo.Call{Tool: "process_state", Args: ergo.Args{"pid": "<00000000.0.1777>"}})},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpu.Spent()
			for i := 0; b.Loop(); i++ {
				rec, err := replay.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				c.do(b, rec, at.Add(time.Duration(i)*79*time.Second%load.Length))
				if err := rec.Close(); err != nil {
					b.Fatal(err)
				}
			}
			cpu.Report(b, b.N, began)
		})
	}
}

// recorded is a recording of a workload.
func recorded(b *testing.B, load sim.Workload) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "x.erg")
	w := archivetest.Writer(b, path, nil)
	for r := range load.Records() {
		if _, err := w.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkDeepest finds the deepest mailbox of each answer of an hour of 1,000 processes, from what changed and from
// all rows.
func BenchmarkDeepest(b *testing.B) {
	rec, _ := busyNode(b, 1000, time.Hour)
	q := replay.Query{Node: "one@host", Reading: ergo.Processes, Fields: []string{"MessagesMailbox"}}
	b.Run("changes", func(b *testing.B) {
		began := cpu.Spent()
		for b.Loop() {
			for t, err := range rec.Tallies(context.Background(), q) {
				if err != nil || t.Count() != 1000 || t.Most() > 2 {
					b.Fatal(t.Count(), t.Most(), err)
				}
			}
		}
		cpu.Report(b, b.N, began)
	})
	b.Run("rows", func(b *testing.B) {
		began := cpu.Spent()
		for b.Loop() {
			for f, err := range rec.Answers(context.Background(), q) {
				most := 0.0
				for _, slot := range f.Live {
					most = max(most, f.Columns[0].Float(slot))
				}
				if err != nil || len(f.Live) != 1000 || most > 2 {
					b.Fatal(len(f.Live), most, err)
				}
			}
		}
		cpu.Report(b, b.N, began)
	})
}
