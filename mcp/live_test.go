package mcp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// liveSource is a live cluster that answers with cluster, and a recording.
func liveSource(t *testing.T, cluster ergo.CallerFunc) Source {
	src := Recorded(recording(t, "stuck"), "stuck")
	src.Live = cluster
	return src
}

func saying(text string) ergo.CallerFunc {
	return func(context.Context, ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{Text: []byte(text), At: time.Unix(1_800_000_000, 0)}, nil
	}
}

func TestLiveAndPast(t *testing.T) {
	session := connect(t, New(liveSource(t, saying("from the cluster")), Options{}), nil)
	if text, res := tool(t, session, "node_info", nil); text != "from the cluster" || res.Meta["observed_at"] != "2027-01-15T08:00:00Z" {
		t.Errorf("without at: %q %v", text, res.Meta)
	}
	text, res := tool(t, session, "node_info", map[string]any{"at": "01:14:00"})
	if !strings.Contains(text, `"alpha@localhost"`) || res.Meta["observed_at"] == nil || res.Meta["at"] != "2026-11-22T01:14:00Z" {
		t.Errorf("with at: %.80q %v", text, res.Meta)
	}
	if _, res := tool(t, session, "sample_list", nil); res.IsError {
		t.Error("sample_list is not asked of the cluster")
	}
}

// TestActions: on a recording they do not exist; live only when allowed, and
// then marked destructive.
func TestActions(t *testing.T) {
	actions := map[string]bool{}
	for _, c := range tools48.Tools() {
		if c.Kind == ergo.Action {
			actions[c.Name] = true
		}
	}
	if len(actions) != 8 {
		t.Fatalf("%d actions: %v", len(actions), actions)
	}
	for name, tt := range map[string]struct {
		src   Source
		allow bool
		want  int
	}{
		"recording":         {Recorded(recording(t, "stuck"), "stuck"), false, 0},
		"recording, though": {Recorded(recording(t, "stuck"), "stuck"), true, 0},
		"live":              {liveSource(t, saying("")), false, 0},
		"live, allowed":     {liveSource(t, saying("")), true, 8},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := connect(t, New(tt.src, Options{AllowActions: tt.allow}), nil).ListTools(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, x := range list.Tools {
				if actions[x.Name] {
					found++
				}
				destroys := x.Annotations.DestructiveHint != nil && *x.Annotations.DestructiveHint
				if actions[x.Name] != destroys || actions[x.Name] == x.Annotations.ReadOnlyHint {
					t.Errorf("%s: annotations %+v", x.Name, x.Annotations)
				}
			}
			if found != tt.want || len(list.Tools) != len(Tools())-len(gatewayTools())-8+tt.want {
				t.Errorf("%d actions of %d tools, want %d", found, len(list.Tools), tt.want)
			}
		})
	}
}

func TestLiveRefusal(t *testing.T) {
	refuse := ergo.CallerFunc(func(_ context.Context, c ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{At: time.Unix(1_800_000_000, 0)}, ergo.RemoteError(c.Node, "no route")
	})
	text, res := tool(t, connect(t, New(liveSource(t, refuse), Options{}), nil), "node_info", map[string]any{"node": "b@h"})
	if text != "remote call to 'b@h' failed: no route" || !res.IsError || res.Meta["code"] != float64(ergo.CodeInternal) {
		t.Errorf("got %q %v %v", text, res.IsError, res.Meta)
	}
}

// TestPolite: one call under way per node, other nodes not held up.
func TestPolite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		p := newPolite(ergo.CallerFunc(func(_ context.Context, c ergo.Call) (ergo.Answer, error) {
			mu.Lock()
			now[c.Node]++
			most[c.Node] = max(most[c.Node], now[c.Node])
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now[c.Node]--
			mu.Unlock()
			return ergo.Answer{}, nil
		}))
		begin := time.Now()
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				if _, err := p.Call(t.Context(), ergo.Call{Node: string(rune('a' + i%2))}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most["a"] != 1 || most["b"] != 1 || time.Since(begin) != 5*time.Second {
			t.Errorf("at most %v at once, in %v; want 1 per node, in 5s", most, time.Since(begin))
		}
	})
}

// TestPanic: a panic in a tool is an error to that call, not the end.
func TestPanic(t *testing.T) {
	var calls atomic.Int32
	session := connect(t, New(liveSource(t, func(context.Context, ergo.Call) (ergo.Answer, error) {
		if calls.Add(1) == 1 {
			panic("a bad pointer")
		}
		return ergo.Answer{Text: []byte("fine")}, nil
	}), Options{}), nil)
	if text, res := tool(t, session, "node_info", nil); !res.IsError || text != "node_info: internal error: a bad pointer" {
		t.Errorf("the call that panics: %q", text)
	}
	if text, _ := tool(t, session, "node_info", nil); text != "fine" {
		t.Errorf("the next call: %q", text)
	}
}

// hanging answers when its call is given up.
func hanging(ctx context.Context, _ ergo.Call) (ergo.Answer, error) {
	<-ctx.Done()
	return ergo.Answer{}, context.Cause(ctx)
}

// TestCallLimit: a call ends with its time limit, and says so.
func TestCallLimit(t *testing.T) {
	src := liveSource(t, hanging)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := New(src, Options{CallLimit: 30 * time.Second})
		m := talk(t, s, toolCall(1, "node_info", `{}`))["1"]
		if !m.Result.IsError || !strings.Contains(m.Result.Content[0].Text, "no answer within the limit of 30s") {
			t.Errorf("got %+v", m)
		}
		if d := time.Since(begin); d != 30*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// TestCancel: a client cancels its call; others go on.
func TestCancel(t *testing.T) {
	src := liveSource(t, hanging)
	synctest.Test(t, func(t *testing.T) {
		s := New(src, Options{CallLimit: time.Hour})
		in, write := io.Pipe()
		var out bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- s.ServeStdio(t.Context(), in, &out) }()
		begin := time.Now()
		fmt.Fprintln(write, toolCall(1, "node_info", `{}`))
		synctest.Wait()
		fmt.Fprintln(write, toolCall(2, "node_info", `{"node":"b@h"}`))
		synctest.Wait()
		fmt.Fprintln(write, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
		synctest.Wait()
		write.Close()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		got := messages(t, &out)
		if m := got["1"]; m.Result.Content[0].Text != "node_info: cancelled" {
			t.Errorf("the cancelled call: %+v", m)
		}
		if m := got["2"]; !strings.Contains(m.Result.Content[0].Text, "limit of 1h") || time.Since(begin) != time.Hour {
			t.Errorf("the other call, after %v: %+v", time.Since(begin), m)
		}
	})
}

// TestServeStdioEnds: a server that is told to end does, whoever hangs.
func TestServeStdioEnds(t *testing.T) {
	in, write := io.Pipe()
	defer write.Close()
	read, out := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(liveSource(t, saying("x")), Options{}).ServeStdio(ctx, in, out) }()
	fmt.Fprintln(write, ping) // the answer is not read
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("got %v", err)
	}
	read.Close() // lets the writer go
}

// TestNothingYet: a recorder that has only begun says so.
func TestNothingYet(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "new.erg"), nil)
	defer w.Close()
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	src := Recorded(rec, "new")
	src.Live = saying("live")
	session := connect(t, New(src, Options{}), nil)
	for name, args := range map[string]map[string]any{
		"recording_info": nil, "diagnose": nil, "timeline": nil, "who_waits": nil,
		"node_info": {"at": "-1m"}, "trend": {"metric": "heap_alloc"},
	} {
		if text, res := tool(t, session, name, args); !res.IsError || !strings.Contains(text, "nothing has been recorded yet") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text, _ := tool(t, session, "node_info", nil); text != "live" {
		t.Errorf("live: %s", text)
	}
}
