package mcp

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/door"
	"ergorecorder/internal/cpu"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// benchServer serves the standard workload of 10 nodes of 1,000 processes, for
// an hour or for as long as MCP_BENCH_LENGTH says. The last sample is so long after
// the first.
func benchServer(b *testing.B) (s *Server, last time.Duration) {
	b.Helper()
	length := time.Hour
	if text := os.Getenv("MCP_BENCH_LENGTH"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "load.erg")
	w := archivetest.Writer(b, path, nil)
	load := sim.Standard(10, length)
	for r := range load.Records() {
		if _, err := w.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { rec.Close() })
	return New(Recorded(rec, "load"), Options{}), length - load.Every
}

// benchCalls are read tools as an agent calls them: cut and filtered, and one
// whole listing.
var benchCalls = []struct{ tool, args string }{
	{"node_info", `"node":%q`},
	{"process_list", `"node":%q,"sort_by":"mailbox","limit":20`},
	{"process_list", `"node":%q,"behavior":"Worker7"`},
	{"process_list", `"node":%q,"limit":100000`},
	{"process_children", `"node":%q,"parent":"<0.0.1001>","recursive":true`},
	{"process_state", `"node":%q,"pid":"<0.0.1010>"`},
	{"app_processes", `"node":%q,"name":"app","limit":20`},
}

func (s *Server) benchCall(rng *rand.Rand, length time.Duration) string {
	c := benchCalls[rng.IntN(len(benchCalls))]
	node := fmt.Sprintf("n%02d@lab", rng.IntN(10))
	at := time.Duration(rng.Int64N(int64(length)))
	return toolCall(1, c.tool, fmt.Sprintf(`{"at":%q,`+c.args+`}`, at.String(), node))
}

// BenchmarkReadTool is one call of a read tool on a random node at a random
// instant, from the JSON of the request to that of the answer.
func BenchmarkReadTool(b *testing.B) {
	s, length := benchServer(b)
	rng := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	began := cpu.Spent()
	for b.Loop() {
		line := s.benchCall(rng, length)
		begin := time.Now()
		res := mustJSON(s.handle(context.Background(), []byte(line)))
		took = append(took, time.Since(begin))
		if strings.Contains(string(res), `"isError":true`) && !strings.Contains(string(res), "unknown process") {
			b.Fatalf("%s: %.300s", line, res)
		}
	}
	cpu.Report(b, b.N, began)
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
}

// BenchmarkDiagnose is diagnose of an hour, each time anew.
func BenchmarkDiagnose(b *testing.B) {
	s, _ := benchServer(b)
	began := cpu.Spent()
	for b.Loop() {
		s.reports = reports{}
		res := mustJSON(s.handle(context.Background(), []byte(toolCall(1, "diagnose", `{"from":"-1h"}`))))
		if !strings.Contains(string(res), "n00@lab") || strings.Contains(string(res), `"isError":true`) {
			b.Fatalf("%.300s", res)
		}
	}
	cpu.Report(b, b.N, began)
}

// BenchmarkThousandCalls is 1,000 calls over HTTP, all at once, until each is
// answered: who was told to try again does. refused is how many were told so.
func BenchmarkThousandCalls(b *testing.B) {
	s, length := benchServer(b)
	web := httptest.NewServer(s.Handler(door.Options{}))
	defer web.Close()
	var refused atomic.Int64
	began := cpu.Spent()
	for b.Loop() {
		var all sync.WaitGroup
		for i := range 1000 {
			line := s.benchCall(rand.New(rand.NewPCG(uint64(i), 3)), length)
			all.Go(func() {
				for answered := false; !answered && !b.Failed(); {
					if answered = post(b, web, line); !answered {
						refused.Add(1)
					}
				}
			})
		}
		all.Wait()
	}
	cpu.Report(b, b.N, began)
	b.ReportMetric(float64(refused.Load())/float64(b.N), "refused/op")
}

// post makes a call and tells whether it was answered.
func post(b *testing.B, web *httptest.Server, line string) bool {
	res, err := web.Client().Post(web.URL+Path, "application/json", strings.NewReader(line))
	if err != nil {
		b.Error(err)
		return false
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Error(err)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		b.Errorf("status %d", res.StatusCode)
	}
	return res.StatusCode == http.StatusOK
}
