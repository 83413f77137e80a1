package wire_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
)

// loopback serves nodes on ports of this machine and joins them.
func loopback(t testing.TB, n int, caller ergo.Caller) *wire.Cluster {
	t.Helper()
	cookie, err := wire.NewCookie(secret)
	if err != nil {
		t.Fatal(err)
	}
	opts := wire.Options{Node: "recorder@127.0.0.1", Cookie: cookie}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := &wiretest.Peer{Name: fmt.Sprintf("n%d@127.0.0.1", i), Cookie: secret, Creation: 1, Caller: caller}
		serving.Go(func() { p.Serve(ctx, l) })
		opts.Targets = append(opts.Targets, wire.Target{Node: p.Name, Port: uint16(l.Addr().(*net.TCPAddr).Port)})
	}
	c, err := wire.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); cancel(); serving.Wait() })
	if err := c.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestManyPeers joins 200 nodes over loopback and calls each of them several
// times at once; what is held afterwards is bounded.
func TestManyPeers(t *testing.T) {
	const nodes, calls = 200, 10
	text := strings.Repeat("x", 20_000)
	caller := ergo.CallerFunc(func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{Text: []byte(call.Node + text)}, nil
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := loopback(t, nodes, caller)
	var all sync.WaitGroup
	for i := range nodes {
		node := fmt.Sprintf("n%d@127.0.0.1", i)
		for range calls {
			all.Go(func() {
				a, err := c.Call(t.Context(), ergo.Call{Node: node, Tool: "process_list"})
				if err != nil || string(a.Text) != node+text {
					t.Errorf("%s: %d bytes, %v", node, len(a.Text), err)
				}
			})
		}
	}
	all.Wait()
	if n := len(c.Nodes()); n != nodes {
		t.Errorf("%d nodes are joined", n)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// Both ends of every link are in this process.
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 200*nodes<<10 {
		t.Errorf("%d KB are held for each node", held>>10/nodes)
	}
}

// benchmarkCalls calls node_info, an answer of 1.6 KB, with some under way.
func benchmarkCalls(b *testing.B, caller ergo.Caller, node string, parallel int) {
	b.ReportAllocs()
	b.SetParallelism(parallel)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := caller.Call(context.Background(), ergo.Call{Node: node, Tool: "node_info"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkCalls compares a call over a link with the same call over HTTP:
// both to a peer in this process that answers at once.
func BenchmarkCalls(b *testing.B) {
	text := []byte(strings.Repeat("x", 1600))
	b.Run("link", func(b *testing.B) {
		c := loopback(b, 1, ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) {
			return ergo.Answer{Text: text}, nil
		}))
		for _, parallel := range []int{1, 10} {
			b.Run(fmt.Sprint(parallel), func(b *testing.B) { benchmarkCalls(b, c, "n0@127.0.0.1", parallel) })
		}
	})
	b.Run("http", func(b *testing.B) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := make([]byte, 512)
			n, _ := r.Body.Read(id)
			_, rest, _ := strings.Cut(string(id[:n]), `"id":`)
			number, _, _ := strings.Cut(rest, ",")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}`, number, text)
		}))
		b.Cleanup(s.Close)
		e, err := live.NewEndpoint(s.URL, live.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(e.Close)
		for _, parallel := range []int{1, 10} {
			b.Run(fmt.Sprint(parallel), func(b *testing.B) { benchmarkCalls(b, e, "", parallel) })
		}
	})
}
