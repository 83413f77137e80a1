package serve

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// slowNode is a minute of one node with a process that does not answer, and a CPU
// profile of 5 s.
func slowNode(t *testing.T) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	said := func(at time.Time, tool string, args ergo.Args, took time.Duration, text string, refused *ergo.ToolError) {
		a := ergo.Answer{At: at, Took: took}
		if refused == nil {
			a.Text = []byte(text)
		}
		records = append(records, ingest.Record(ergo.Call{Node: "a@h", Tool: tool, Args: args}, nil, a, refused, ingest.Options{}))
	}
	for s := 0; s <= 60; s += 2 {
		at := start.Add(time.Duration(s) * time.Second)
		said(at, "cluster_nodes", nil, time.Millisecond, `[{"name":"a@h","status":"self"}]`, nil)
		said(at, "node_info", nil, time.Millisecond, fmt.Sprintf(`{"Name":"a@h","Uptime":%d}`, 100+s), nil)
		said(at, "process_inspect", ergo.Args{"pid": string(ergo.PIDOf("a@h", 1001))}, 5*time.Second, "", ergo.RemoteError("a@h", "timed out"))
		said(at, "pprof_cpu", ergo.Args{"duration": 5}, 5*time.Second, "CPU profile", nil)
	}
	return fixture.Recorded(t, records)
}

// heldUp makes a slow call and, while that is under way, n quick ones after each
// other; it says which of them were not answered at once.
func heldUp(t *testing.T, n int, slow, quick func() error) (late []int, all []time.Duration) {
	t.Helper()
	began := time.Now()
	var calls sync.WaitGroup
	calls.Go(func() { _ = slow() })
	synctest.Wait()
	took := make([]time.Duration, n)
	for i := range n {
		calls.Go(func() {
			if err := quick(); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(began)
		})
		synctest.Wait()
	}
	calls.Wait()
	for i, d := range took {
		if d > 0 {
			late = append(late, i+1)
		}
	}
	return late, took
}

// TestWorkers: five workers answer for the 48 tools, 25 for an Observer, 15 for the
// system application; they are fed round robin, so that a stuck process or a CPU
// profile holds up every fifth, 25th or 15th call behind it, for 5 s of the
// recording's time.
func TestWorkers(t *testing.T) {
	rec := slowNode(t)
	stuck := ergo.Call{Node: "a@h", Tool: "process_inspect", Args: ergo.Args{"pid": string(ergo.PIDOf("a@h", 1001))}}
	profile := ergo.Call{Node: "a@h", Tool: "pprof_cpu", Args: ergo.Args{"duration": 5}}
	info := ergo.Call{Node: "a@h", Tool: "node_info"}
	check := func(t *testing.T, every int, late []int, all []time.Duration) {
		t.Helper()
		if len(late) != 2 || late[0] != every || late[1] != 2*every || all[every-1] != 500*time.Millisecond {
			t.Errorf("held up were calls %v, %v", late, all)
		}
	}
	for what, slow := range map[string]ergo.Call{"stuck": stuck, "profile": profile} {
		t.Run("mcp "+what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := New(rec, Options{Speed: 10})
				if err != nil {
					t.Fatal(err)
				}
				e, err := c.Caller("")
				if err != nil {
					t.Fatal(err)
				}
				ask := func(call ergo.Call) func() error {
					return func() error { _, err := e.Call(t.Context(), call); return err }
				}
				late, all := heldUp(t, 11, ask(slow), ask(info))
				check(t, toolWorkers, late, all)
			})
		})
	}
	t.Run("system", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(rec, Options{Speed: 10})
			if err != nil {
				t.Fatal(err)
			}
			m := &Member{Cluster: c, name: "a@h"}
			ask := func(request string, args ergo.Args) func() error {
				return func() error {
					_, err := m.request(t.Context(), ergo.Call{Node: "a@h", Tool: request, Args: args})
					return err
				}
			}
			late, all := heldUp(t, 31, ask("GetProcessState", stuck.Args.Without("pid").With("PID", string(ergo.PIDOf("a@h", 1001)))), ask("GetNode", nil))
			check(t, systemWorkers, late, all)
		})
	})
	t.Run("observer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(rec, Options{Speed: 10})
			if err != nil {
				t.Fatal(err)
			}
			h, err := c.Observer("")
			if err != nil {
				t.Fatal(err)
			}
			ask := func(tool, args string) func() error {
				return func() error { return observe(h, tool, args) }
			}
			late, all := heldUp(t, 51, ask("process_state", `{"node":"a@h","pid":"1001.0"}`), ask("node", `{"node":"a@h"}`))
			check(t, observerWorkers, late, all)
		})
	})
}

// observe makes a call of an Observer.
func observe(h http.Handler, tool, args string) error {
	const version = "2026-07-28"
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientCapabilities":{}}}}`, tool, args, version)
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
	r.Header.Set("MCP-Protocol-Version", version)
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Mcp-Method", "tools/call")
	r.Header.Set("Mcp-Name", tool)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Errorf("%d %s", w.Code, w.Body.String())
	}
	return nil
}
