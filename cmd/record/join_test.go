package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/internal/exit"
	"ergorecorder/recorder"
	"ergorecorder/replay"
)

const testCookie = "a-cookie-of-some-length"

// A still is a cluster that stands still: a recording at an instant.
type still struct {
	ergo.Caller
	nodes []string
}

// stillOf is the cluster of a capture 20 s before the capture's end.
func stillOf(t *testing.T, name string) still {
	t.Helper()
	path := filepath.Join(t.TempDir(), "original.erg")
	var stderr bytes.Buffer
	if code := run(t.Context(), "record", []string{"import", filepath.Join("..", "..", "testdata", name+".jsonl.gz"), "-o", path}, nil, io.Discard, &stderr); code != exit.OK {
		t.Fatalf("import: exit %d: %s", code, stderr.String())
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	_, to := rec.Window()
	s := still{Caller: rec.At(to.Add(-20 * time.Second))}
	for _, n := range rec.Nodes() {
		s.nodes = append(s.nodes, n.Name)
	}
	return s
}

// entry serves the cluster over HTTP, from one node that forwards.
func (s still) entry(node string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			ID     json.RawMessage
			Params struct {
				Name      string
				Arguments ergo.Args
			}
		}
		d := json.NewDecoder(r.Body)
		d.UseNumber()
		if err := d.Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		call := ergo.Call{Node: node, Tool: req.Params.Name, Args: req.Params.Arguments.Without("node")}
		if n := req.Params.Arguments.Text("node"); n != "" {
			call.Node = n
		}
		reply := map[string]any{"jsonrpc": "2.0", "id": req.ID}
		if answer, err := s.Call(r.Context(), call); err != nil {
			reply["error"] = ergo.ToolError{Code: ergo.CodeInternal, Message: err.Error()}
		} else {
			reply["result"] = map[string]any{"content": []map[string]string{{"type": "text", "text": string(answer.Text)}}}
		}
		_ = json.NewEncoder(w).Encode(reply)
	}
}

// roundTripper carries requests to a handler without a network.
type roundTripper struct{ http.Handler }

func (h roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// recordMinute records a minute of synthetic time.
func recordMinute(t *testing.T, ways []live.Way, pushes recorder.Pushes) map[string]string {
	t.Helper()
	opts := recorder.Standard()
	opts.For, opts.Pushes, opts.Jitter, opts.Budget = time.Minute, pushes, func() float64 { return 0.5 }, 0
	router := live.NewRouter(ways, time.Now, nil)
	opts.Routes = router
	path := filepath.Join(t.TempDir(), "recorded.erg")
	w := archivetest.Writer(t, path, nil)
	r, err := recorder.New(router, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Run(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return recordedTexts(t, path)
}

// recordedTexts is what an archive holds of each stream and subject, but for
// what is told by the recorder's own listeners, and logs.
func recordedTexts(t *testing.T, path string) map[string]string {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	texts := map[string]string{}
	for s, err := range rec.Samples(t.Context(), "", "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(s.Tool, "sample_") {
			continue
		}
		key := fmt.Sprintf("%s on %s about %s", s.Tool, s.Node, s.Subject)
		text := rows(s.Text)
		if s.Failure != nil {
			text = "refused: " + s.Failure.Text
		}
		text = timeLimit.ReplaceAllString(text, "") // less for a call that is forwarded
		had, again := texts[key]
		switch {
		case again && s.Tool == "process_list" && len(had) > len(text):
			text = had // a listing in pieces may lack rows, and says how many
		case again && s.Tool != "process_list" && had != text:
			t.Errorf("%s: changed from %.200s to %.200s", key, had, text)
		}
		texts[key] = text
	}
	for line, err := range rec.Logs(t.Context(), "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		texts["log of "+line.Node+": "+line.Message] = line.Level
	}
	return texts
}

// timeLimit is the time-out of a call, as a refusal that repeats it says it.
var timeLimit = regexp.MustCompile(`"timeout":\s*\d+,?`)

// rows is a table with its rows in order, as order means nothing there.
func rows(text []byte) string {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || len(list) == 0 || list[0][0] != '{' {
		return string(text)
	}
	slices.SortFunc(list, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s\n", r)
	}
	return b.String()
}

// joinStill serves the cluster's nodes on a network in memory, and joins it.
func joinStill(t *testing.T, s still) *joined {
	t.Helper()
	var network wiretest.Network
	ctx, cancel := context.WithCancel(context.Background())
	cookie, err := wire.NewCookie(testCookie)
	if err != nil {
		t.Fatal(err)
	}
	opts := wire.Options{Node: "recorder@localhost", Cookie: cookie, Dial: network.Dial, Logs: []string{"info"}}
	var peers []*wiretest.Peer
	port := uint16(15000)
	for _, node := range s.nodes {
		port++
		p := &wiretest.Peer{Name: node, Cookie: testCookie, Creation: 946684000, Caller: s, LogPush: true}
		network.Serve(ctx, fmt.Sprintf("localhost:%d", port), p)
		opts.Targets = append(opts.Targets, wire.Target{Node: node, Port: port})
		peers = append(peers, p)
	}
	c, err := wire.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); cancel(); network.Wait() })
	j := &joined{Cluster: c, pushed: c.Subscribe(pushBuffer)}
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	timer := time.AfterFunc(10*time.Second, func() {
		for _, p := range peers {
			if err := p.Log(time.Now(), "risk", "journal flushed"); err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() { timer.Stop() })
	return j
}

// TestJoinRecordsTheSame: a cluster that is joined as a node is recorded as
// the same cluster is over HTTP: the same streams, subjects and texts; and the
// log lines that its nodes push are in the recording.
func TestJoinRecordsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("two recordings, each twice")
	}
	for _, name := range []string{"restart_loop", "stuck"} {
		t.Run(name, func(t *testing.T) {
			s := stillOf(t, name)
			var overHTTP, overLinks map[string]string
			synctest.Test(t, func(t *testing.T) {
				e, err := live.NewEndpoint("entry", live.Options{Transport: roundTripper{s.entry("alpha@localhost")}})
				if err != nil {
					t.Fatal(err)
				}
				overHTTP = recordMinute(t, []live.Way{{Name: "entry", Caller: e}}, nil)
			})
			synctest.Test(t, func(t *testing.T) {
				j := joinStill(t, s)
				overLinks = recordMinute(t, []live.Way{j.way()}, j)
			})
			for _, node := range s.nodes {
				line := "log of " + node + ": journal flushed"
				if overLinks[line] != "info" {
					t.Errorf("%s was pushed and not recorded", line)
				}
				delete(overLinks, line)
			}
			if len(overHTTP) < 40 {
				t.Errorf("only %d streams and subjects were recorded", len(overHTTP))
			}
			if diff := cmp.Diff(overHTTP, overLinks); diff != "" {
				t.Errorf("over HTTP (-) and over links (+):\n%.6000s", diff)
			}
		})
	}
}

// TestJoinedNodeIsBackAtOnce: a joined node that was away is in the recording
// again as soon as there is a link to it, not only at the recorder's next question.
func TestJoinedNodeIsBackAtOnce(t *testing.T) {
	s := stillOf(t, "stuck")
	synctest.Test(t, func(t *testing.T) {
		j := joinStill(t, s)
		opts := recorder.Standard()
		opts.Pushes, opts.Jitter = j, func() float64 { return 0.5 }
		router := live.NewRouter([]live.Way{j.way()}, time.Now, nil)
		opts.Routes = router
		w := archivetest.Writer(t, filepath.Join(t.TempDir(), "a.erg"), &archive.Options{CommitEvery: time.Minute})
		asked := make(chan string, 8)
		caller := ergo.CallerFunc(func(ctx context.Context, c ergo.Call) (ergo.Answer, error) {
			if c.Tool == "node_info" {
				select {
				case asked <- c.Node:
				default:
				}
				if c.Node == s.nodes[0] {
					return ergo.Answer{}, ergo.RemoteError(c.Node, "no route")
				}
			}
			return router.Call(ctx, c)
		})
		r, err := recorder.New(caller, w, opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(30 * time.Second)
		next := func() (wait time.Duration) {
			for len(asked) > 0 {
				<-asked
			}
			for began := time.Now(); ; {
				if <-asked == s.nodes[0] {
					return time.Since(began)
				}
			}
		}
		next()
		if wait := next(); wait < time.Second {
			t.Fatalf("a lost node is asked after %v: this test shows nothing", wait)
		}
		j.nudge(r)
		j.tell(wire.Notice{What: wire.Joined, Node: s.nodes[0]})
		if wait := next(); wait > 100*time.Millisecond {
			t.Errorf("asked %v after there was a link to it", wait)
		}
		cancel()
		if err := errors.Join(<-ended, w.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestRunJoin drives the command: it links to a peer over loopback with the
// cookie from the environment, and says plainly when the cookie is wrong.
func TestRunJoin(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := stillOf(t, "restart_loop")
	p := &wiretest.Peer{Name: "alpha@localhost", Cookie: testCookie, Creation: 946684000, Caller: s}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { p.Serve(ctx, l) })
	defer func() { cancel(); serving.Wait() }()
	target := fmt.Sprintf("alpha@localhost:%d", l.Addr().(*net.TCPAddr).Port)
	t.Run("check", func(t *testing.T) {
		t.Setenv(cookieEnv, testCookie)
		var stdout, stderr bytes.Buffer
		run(t.Context(), "record", []string{"check", "--join", target, "--node-name", "recorder@localhost", "--node", "alpha@*"}, nil, &stdout, &stderr)
		if says := "alpha@localhost is asked over its link: it has no entry point of its own"; !strings.Contains(stdout.String(), says) {
			t.Errorf("check does not say %q but\n%s%s", says, stdout.String(), stderr.String())
		}
	})
	for _, c := range []struct {
		name, cookie string
		code         exit.Code
		says         string
	}{
		{"joins", testCookie, exit.OK, "alpha@localhost: joined"},
		{"wrong cookie", "other", exit.Usage, "wrong cookie or TLS mismatch"},
		{"no cookie", "", exit.Usage, "--cookie-file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(cookieEnv, c.cookie)
			out := filepath.Join(t.TempDir(), "joined.erg")
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), "record", []string{
				"run", "--join", target, "--node-name", "recorder@localhost", "-o", out, "--for", "1s", "--node", "alpha@*", "--fail-fast",
			}, nil, &stdout, &stderr)
			if code != c.code || !strings.Contains(stderr.String(), c.says) {
				t.Errorf("exit %d, %s", code, stderr.String())
			}
			if c.cookie != "" && strings.Contains(stdout.String()+stderr.String(), c.cookie+"\n") || strings.Contains(stderr.String(), testCookie) {
				t.Errorf("the cookie is shown")
			}
			if code == exit.OK && len(recordedTexts(t, out)) < 5 {
				t.Errorf("little was recorded: %v", recordedTexts(t, out))
			}
		})
	}
}

// TestWays: check says which way each node is asked, and why.
func TestWays(t *testing.T) {
	s := stillOf(t, "restart_loop")
	found := &recorder.Checkup{Nodes: []recorder.NodeCheckup{
		{Node: "alpha@localhost", Direct: true, Road: ergo.RoadMCP}, {Node: "beta@localhost"}, {Node: "delta@localhost"},
	}}
	words := func(ways []wayCheckup) (list []string) {
		for _, w := range ways {
			list = append(list, w.Way+": "+w.Why)
		}
		return list
	}
	synctest.Test(t, func(t *testing.T) {
		want := []string{
			"directly: its entry point gives answers of any size",
			"over its link: it has no entry point of its own",
			"by forwarding: it is not linked to: name it with --join delta@localhost, or allow --follow-routes",
		}
		if diff := cmp.Diff(want, words(joinStill(t, s).ways(found))); diff != "" {
			t.Error(diff)
		}
	})
	var none *joined
	if diff := cmp.Diff([]string{"directly: its entry point gives answers of any size", "by forwarding: ", "by forwarding: "}, words(none.ways(found))); diff != "" {
		t.Error(diff)
	}
}
