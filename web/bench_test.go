package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/cpu"
	"ergorecorder/recorder/ingest"
)

// A step of the slider, as the script asks for it: a view of 1,000 processes
// at a moment that no earlier request was about.
func BenchmarkSliderStep(b *testing.B) {
	rec := record(b, func(w *archive.Writer) { busyNodes(b, w, 1, 1000, 10*time.Minute, 5*time.Second) })
	for _, path := range []string{"/processes", "/", "/tree"} {
		b.Run("view="+path, func(b *testing.B) {
			s := New(rec, Options{})
			from, to := rec.Window()
			began := cpu.Spent()
			for i := 0; b.Loop(); i++ {
				at := from.Add(time.Duration(i*7919%int(to.Sub(from)/time.Second)) * time.Second)
				ask(b, s, momentURL(path, at), "view")
			}
			cpu.Report(b, b.N, began)
		})
	}
}

// Sorting and filtering 10,000 rows at one moment.
func BenchmarkTenThousandRows(b *testing.B) {
	rec := record(b, func(w *archive.Writer) { busyNodes(b, w, 1, 10_000, 20*time.Second, 5*time.Second) })
	s := New(rec, Options{})
	for _, query := range []string{"sort=-mailbox", "sort=name", "q=worker_77"} {
		b.Run(query, func(b *testing.B) {
			began := cpu.Spent()
			for b.Loop() {
				ask(b, s, "/processes?"+query, "view")
			}
			cpu.Report(b, b.N, began)
		})
	}
}

// The first view of a day, by a server that has just begun; then the overview
// with its curves, which follows.
func BenchmarkFirstViewOfADay(b *testing.B) {
	rec := record(b, func(w *archive.Writer) { busyNodes(b, w, 4, 250, 24*time.Hour, time.Minute) })
	b.Run("page", func(b *testing.B) {
		began := cpu.Spent()
		for b.Loop() {
			ask(b, New(rec, Options{}), "/", "")
		}
		cpu.Report(b, b.N, began)
	})
	b.Run("overview", func(b *testing.B) {
		began := cpu.Spent()
		for b.Loop() {
			ask(b, New(rec, Options{}), "/strip", "")
		}
		cpu.Report(b, b.N, began)
	})
}

// The report of an incident, charts and all.
func BenchmarkReport(b *testing.B) {
	rec := bundled(b, "stuck")
	report, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	began := cpu.Spent()
	for b.Loop() {
		size = len(drawReport(b, report, rec))
	}
	cpu.Report(b, b.N, began)
	b.ReportMetric(float64(size)/1024, "KiB")
}

func ask(b *testing.B, s *Server, url, part string) {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+url, nil)
	r.Header.Set("X-Part", part)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d %.200s", url, w.Code, w.Body)
	}
}

// busyNodes are nodes whose processes all do something between samples.
func busyNodes(b *testing.B, w *archive.Writer, nodes, processes int, length, every time.Duration) {
	for at := time.Duration(0); at < length; at += every {
		up := int64(at / time.Second)
		for n := range nodes {
			name := fmt.Sprintf("node%d@localhost", n)
			answer(b, w, name, "node_info", nil, start().Add(at), row{"Name": name, "Uptime": 1000 + up, "ProcessesTotal": processes, "LogMessages": []int64{0, 0, up, 0, up / 600, 0}})
			answer(b, w, name, "runtime_stats", nil, start().Add(at), row{"goroutines": 30, "heap_alloc": 1_000_000 + up%37*1000})
			var t strings.Builder
			for p := range processes {
				work := up * int64(1+p%7)
				fmt.Fprintf(&t, `,{"PID":"<A%d.0.%d>","Name":"worker_%d","Behavior":"shop.Worker","Application":"shop","Kind":"actor","State":"sleep","StateTime":%d,"Parent":"<A%d.0.%d>","Leader":"<A%d.0.1>","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":%d,"MailboxLatency":0,"RunningTime":%d,"InitTime":1000,"Wakeups":%d,"Uptime":%d,"LogLevel":"info"}`,
					n, 1000+p, p, (up*31+int64(p)*17)%5_000_000_000, n, 1000+p/20, n, 9*work, 8*work, (up/60+int64(p))%11, 70_000*work, 9*work, 900+up)
			}
			text := "[" + t.String()[1:] + "]"
			call := ergo.Call{Node: name, Tool: "process_list", Args: ergo.Args{"limit": 1000000}}
			if _, err := w.Append(ingest.Record(call, call.Args.JSON(), ergo.Answer{Text: []byte(text), At: start().Add(at), Took: time.Millisecond}, nil, ingest.Options{})); err != nil {
				b.Fatal(err)
			}
		}
	}
}
