package recorder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
)

// TestFaults: whatever a node does, the recording goes on, the other node is
// sampled as it should be, and the calls under way stay few.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("every fault of an entry point")
	}
	var many []string
	for i := range 50_000 {
		many = append(many, fmt.Sprintf(`{"PID":"<A.0.%d>","Name":"x"}`, 1000+i))
	}
	huge := []byte("[" + strings.Join(many, ",") + "]")
	var n atomic.Int64
	faults := map[string]func(call ergo.Call) (ergo.Answer, error, bool){
		"wrong JSON": func(ergo.Call) (ergo.Answer, error, bool) { return ergo.Answer{Text: []byte(`]{"a":`)}, nil, true },
		"half answers": func(ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{Text: []byte(`[{"PID":"<A.0`)}, nil, true
		},
		"no text": func(ergo.Call) (ergo.Answer, error, bool) { return ergo.Answer{}, nil, true },
		"other types": func(ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{Text: []byte(`{"Uptime":"x","ServerTime":5,"samples":{},"sampler_id":7}`)}, nil, true
		},
		"null": func(ergo.Call) (ergo.Answer, error, bool) { return ergo.Answer{Text: []byte(`null`)}, nil, true },
		"huge": func(c ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{Text: huge}, nil, c.Tool == "process_list"
		},
		"slow": func(ergo.Call) (ergo.Answer, error, bool) {
			time.Sleep(9 * time.Second)
			return ergo.Answer{}, nil, false
		},
		"bursts of errors": func(ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{}, errors.New("connection reset"), n.Add(1)/7%2 == 0
		},
		"refusals": func(c ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{}, &ergo.ToolError{Code: ergo.CodeInternal, Message: c.Tool + ": unknown process"}, true
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newFakeCluster("a@h", "b@h")
				c.nodes["b@h"].fault = fault
				opts := quick()
				opts.Samplers = append(opts.Samplers,
					Sampler{Tool: "process_inspect", Every: 5 * time.Second, Targets: []string{TargetSupervisors, TargetPools, "p*"}},
					Sampler{Tool: "process_info", Every: 5 * time.Second, Targets: []string{TargetDeepest}})
				tr := record(t, c, opts)
				time.Sleep(time.Minute)
				recs := tr.stop()
				steady(t, of(recs, "a@h", "process_list"), 2*time.Second, 150*time.Millisecond)
				if got := len(of(recs, "a@h", "process_list")); got < 29 {
					t.Errorf("%d samples of the other node", got)
				}
				// Some ask whether it is there, and may still be answered when the next calls begin.
				if c.nodes["b@h"].maxBusy > 2*opts.Parallel+probesPassed.each*probesPassed.waves {
					t.Errorf("%d calls under way", c.nodes["b@h"].maxBusy)
				}
			})
		})
	}
}

// TestHangingCallsAndStop: with every call hanging, a stop still takes no
// longer than five seconds.
func TestHangingCallsAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h")
		tr := record(t, c, quick())
		time.Sleep(10 * time.Second)
		for _, name := range []string{"a@h", "b@h"} {
			c.node(name, func(n *fakeNode) { n.took = time.Hour })
		}
		time.Sleep(10 * time.Second)
		begin := time.Now()
		recs := tr.stop()
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if len(marks(recs, "stop")) != 1 {
			t.Error("the stop is not marked")
		}
	})
}

// TestSecretsAreNotStored: what mcp_web tells of its own options holds its
// token; it must not reach the archive, nor may environment values.
func TestSecretsAreNotStored(t *testing.T) {
	const secret = "s3cret-of-mcp-web"
	inspect := fmt.Sprintf(`{"options": %q, "cookie": "%s-c", "name":"mcp_web"}`, `{"Port":9922,"Token":"`+secret+`-t","Deep":"{\"Authorization\":\"`+secret+`-a\"}"}`, secret)
	answers := map[string]string{
		"process_inspect": inspect,
		"node_env":        `{"DB_URL": "` + secret + `-e"}`,
		"process_info":    `{"PID":"<A.0.1>","Env":{"K":"` + secret + `-e"}}`,
	}
	for _, keepEnv := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newFakeCluster("a@h")
			c.nodes["a@h"].fault = func(call ergo.Call) (ergo.Answer, error, bool) {
				text, ok := answers[call.Tool]
				return ergo.Answer{Text: []byte(text)}, nil, ok
			}
			opts := quick()
			opts.KeepEnv = keepEnv
			opts.Samplers = append(opts.Samplers,
				Sampler{Tool: "process_inspect", Every: 5 * time.Second, Targets: []string{"p1"}},
				Sampler{Tool: "process_info", Every: 5 * time.Second, Targets: []string{"p1"}},
				Sampler{Tool: "node_env", Every: 5 * time.Second})
			tr := record(t, c, opts)
			time.Sleep(20 * time.Second)
			seen := 0
			for _, rec := range tr.stop() {
				if answers[rec.Stream.Name] != "" {
					seen++
				}
				for _, kind := range []string{"-t", "-a", "-c", "-e"} {
					if bytes.Contains(rec.Text, []byte(secret+kind)) && (kind != "-e" || !keepEnv) {
						t.Errorf("keep-env %v: a secret is in %v: %s", keepEnv, rec.Stream, rec.Text)
					}
				}
			}
			if seen < 9 {
				t.Errorf("%d samples that had secrets", seen)
			}
		})
	}
}

// TestSoak: two hours of a cluster whose nodes come, go, restart, log and fail
// leave no goroutine behind (the bubble sees to that) and no heap that grows.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h", "c@h")
		opts := quick()
		opts.Samplers[1].Every = 10 * time.Second
		opts.Samplers = append(opts.Samplers, Sampler{Tool: "process_inspect", Every: 30 * time.Second, Targets: []string{"p1"}})
		w := archivetest.Writer(t, t.TempDir()+"/a.erg", seldom())
		r, err := New(c, w, opts)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- r.Run(ctx) }()
		var heap []uint64
		for minute := range 120 {
			c.log("a@h", fmt.Sprint("minute ", minute))
			c.node("b@h", func(n *fakeNode) {
				n.down = minute%10 == 5
				if minute%10 == 6 {
					n.began = time.Now()
					n.reset(10 + minute%5)
				}
			})
			time.Sleep(time.Minute)
			if minute%30 == 29 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				heap = append(heap, m.HeapAlloc)
			}
		}
		cancel()
		if err := errors.Join(<-ended, w.Close()); err != nil {
			t.Error(err)
		}
		if last, first := heap[len(heap)-1], heap[0]; last > first*3/2+8<<20 {
			t.Errorf("the heap grew from %d to %d bytes: %v", first, last, heap)
		}
	})
}

// TestAnswersAreKeptAsTheyCame: even what makes no sense is stored, byte for byte.
func TestAnswersAreKeptAsTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		const odd = `{"tool":"of the future","n":1.50,"list":[1,2,{"a":null}]}`
		c.nodes["a@h"].fault = func(call ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{Text: []byte(odd)}, nil, call.Tool == "registrar_info"
		}
		opts := quick()
		opts.Samplers = append(opts.Samplers, Sampler{Tool: "registrar_info", Args: ergo.Args{"x": json.Number("1.50")}, Every: time.Second})
		tr := record(t, c, opts)
		time.Sleep(10 * time.Second)
		got := of(tr.stop(), "a@h", "registrar_info")
		if len(got) < 9 || string(got[0].Text) != odd || got[0].Stream.Args != `{"x":1.50}` {
			t.Errorf("%d samples, the first %s of %s", len(got), got[0].Text, got[0].Stream.Args)
		}
	})
}
