package serve

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// joinAll joins all nodes of a replay, over a network in memory.
func joinAll(t *testing.T, c *Cluster, road ergo.Road) *wire.Cluster {
	t.Helper()
	cookie, err := wire.NewCookie("a cookie of some length")
	if err != nil {
		t.Fatal(err)
	}
	var network wiretest.Network
	ctx, cancel := context.WithCancel(context.Background())
	opts := wire.Options{Node: "recorder@here", Cookie: cookie, Dial: network.Dial, Logs: []string{"info", "warning", "error", "panic"}}
	var serving sync.WaitGroup
	for i, node := range c.Nodes() {
		m, err := c.Member(node, road, cookie)
		if err != nil {
			t.Fatal(err)
		}
		opts.Targets = append(opts.Targets, wire.Target{Node: node, Port: uint16(15000 + i)})
		_, host, _ := strings.Cut(node, "@")
		address := net.JoinHostPort(host, strconv.Itoa(15000+i))
		first := network.Listen(address)
		serving.Go(func() {
			_ = m.Serve(ctx, first, func() (net.Listener, error) { return network.Listen(address), nil })
		})
	}
	joined, err := wire.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { joined.Close(); cancel(); serving.Wait(); network.Wait() })
	if err := joined.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return joined
}

// capture is a capture of testdata as a recording.
func capture(t *testing.T, name string) *replay.Recording {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "testdata", name+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "original.erg")
	w := archivetest.Writer(t, path, nil)
	var into ingest.Imported
	if err := errors.Join(ingest.Capture(t.Context(), text, w, ingest.Options{}, &into), w.Close()); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec
}

// inBubble joins the nodes of a replay and lets f look at them, in a bubble of
// synthetic time.
func inBubble(t *testing.T, rec *replay.Recording, road ergo.Road, f func(*testing.T, *Cluster, *wire.Cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(rec, Options{Speed: 10})
		if err != nil {
			t.Fatal(err)
		}
		f(t, c, joinAll(t, c, road))
	})
}

// decoded is JSON as a value.
func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
}

// differs says in what a value is not another, for the fields that both have.
func differs(want, got any, path string) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{path}
		}
		var list []string
		for k, v := range w {
			// MemoryAlloc is that of runtime_stats, which was asked a moment apart.
			if _, there := g[k]; there && k != "MemoryAlloc" {
				list = append(list, differs(v, g[k], path+"."+k)...)
			}
		}
		return list
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{path}
		}
		var list []string
		for i := range w {
			list = append(list, differs(w[i], g[i], path+"[]")...)
		}
		return list
	}
	if !cmp.Equal(want, got) {
		return []string{fmt.Sprintf("%s: %v, not %v", path, got, want)}
	}
	return nil
}

// TestMembers: what is asked of a joined node is what its recording says at that
// moment, over both roads, and it bears the time of the recording.
func TestMembers(t *testing.T) {
	rec := capture(t, "restart_loop")
	tools := map[ergo.Road][]string{
		ergo.RoadLink:   {"node_info", "runtime_stats", "process_list", "network_nodes", "app_list", "event_list", "network_info"},
		ergo.RoadSystem: {"node_info", "process_list", "network_nodes", "app_list", "event_list", "network_info"},
	}
	for road, list := range tools {
		t.Run(string(road), func(t *testing.T) {
			inBubble(t, rec, road, func(t *testing.T, c *Cluster, j *wire.Cluster) {
				time.Sleep(3 * time.Second)
				for _, node := range c.Nodes() {
					for _, tool := range list {
						call := ergo.Call{Node: node, Tool: tool}
						if tool == "process_list" || tool == "event_list" {
							call.Args = ergo.Args{"limit": 20}
						}
						e, err := c.Caller(node)
						if err != nil {
							t.Fatal(err)
						}
						want, err := e.Call(t.Context(), call)
						if err != nil {
							t.Fatal(err)
						}
						got, err := j.Call(t.Context(), call)
						if err != nil {
							t.Errorf("%v: %v", call, err)
							continue
						}
						if got.Road != road || !got.Observed || !got.At.Equal(want.At) || got.Clock.Speed != 10 || !got.Clock.End.Equal(want.Clock.End) {
							t.Errorf("%v: road %q, observed %v at %v, not %v, clock %+v", call, got.Road, got.Observed, got.At, want.At, got.Clock)
						}
						if d := differs(decoded(t, want.Text), decoded(t, got.Text), ""); len(d) > 0 && tool != "process_list" && tool != "event_list" {
							t.Errorf("%v: %v", call, d)
						}
					}
				}
			})
		})
	}
}

// TestMemberLacks: a field that was not recorded is not in the answer, though the
// message that brings it has no way to leave it out; and whole tables come over
// the system application.
func TestMemberLacks(t *testing.T) {
	inBubble(t, recording(t), ergo.RoadSystem, func(t *testing.T, c *Cluster, j *wire.Cluster) {
		a, err := j.Call(t.Context(), ergo.Call{Node: "b@h", Tool: "process_list", Args: ergo.Args{"limit": 1000}})
		if err != nil {
			t.Fatal(err)
		}
		list := decoded(t, a.Text).([]any)
		row := list[7].(map[string]any)
		if len(list) != 300 || row["Name"] != "process_number_7" || row["PID"] != string(ergo.PIDOf("b@h", 1007)) || row["State"] != "sleep" || row["MessagesIn"] != 7.0 || row["MailboxLatency"] != 0.0 {
			t.Errorf("%d rows, such as %v", len(list), row)
		}
		for _, field := range []string{"Wakeups", "RunningTime", "Kind", "Uptime"} {
			if v, there := row[field]; there {
				t.Errorf("%s was not recorded and is %v", field, v)
			}
		}
	})
	inBubble(t, recording(t), ergo.RoadLink, func(t *testing.T, c *Cluster, j *wire.Cluster) {
		began := time.Now()
		_, err := j.Call(t.Context(), ergo.Call{Node: "b@h", Tool: "process_list", Args: ergo.Args{"limit": 1000, "timeout": 10}})
		_, failed := ergo.AsToolError(err).LinkFailed()
		if !failed || time.Since(began) != time.Second {
			t.Errorf("an answer that is too long for the link: %v after %v", err, time.Since(began))
		}
	})
}

// TestMemberGoes: a node that was down is lost and comes back, in its next life;
// what it logs is pushed, once and at its time.
func TestMemberGoes(t *testing.T) {
	for _, road := range []ergo.Road{ergo.RoadLink, ergo.RoadSystem} {
		t.Run(string(road), func(t *testing.T) {
			inBubble(t, recording(t), road, func(t *testing.T, c *Cluster, j *wire.Cluster) {
				pushed := j.Subscribe(1000)
				defer pushed.Close()
				ask := func() (creation time.Time, up bool) {
					_, err := j.Call(t.Context(), ergo.Call{Node: "b@h", Tool: "node_info"})
					for _, s := range j.Status() {
						if s.Node == "b@h" {
							creation = s.Creation
						}
					}
					return creation, err == nil
				}
				first, up := ask()
				if !up {
					t.Fatal("not there at first")
				}
				time.Sleep(4500 * time.Millisecond) // the clock is at 45 s
				if _, up := ask(); up {
					t.Error("there while it was down")
				}
				time.Sleep(900 * time.Millisecond) // 54 s: it is up since 50 s
				second, up := ask()
				if !up || !second.After(first) {
					t.Errorf("up %v, in the life of %v after that of %v", up, second, first)
				}
				time.Sleep(time.Second)
				seen := map[string]int{}
				for len(pushed.C()) > 0 {
					m := <-pushed.C()
					if m.Log == nil || m.Node != "a@h" {
						continue
					}
					seen[m.Log.Message]++
					if late := m.Received.Sub(m.Log.Time); late < 0 || late > 2*time.Second {
						t.Errorf("%s of %v was received at %v", m.Log.Message, m.Log.Time, m.Received)
					}
				}
				if len(seen) < 55 {
					t.Errorf("%d lines were pushed", len(seen))
				}
				for line, n := range seen {
					if n != 1 {
						t.Errorf("%s was pushed %d times", line, n)
					}
				}
			})
		})
	}
}
