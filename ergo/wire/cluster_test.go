package wire_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a-cookie-of-some-length"

// A fixture is a network with peers, and a cluster that joins it. It lives in
// a bubble of synthetic time.
type fixture struct {
	t       *testing.T
	net     wiretest.Network
	ctx     context.Context
	opts    wire.Options
	cluster *wire.Cluster

	mu      sync.Mutex
	notices []string
}

// inBubble runs a test with a fixture; everything has ended afterwards.
func inBubble(t *testing.T, f func(*testing.T, *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		x := &fixture{t: t, ctx: ctx}
		cookie, err := wire.NewCookie(secret)
		if err != nil {
			t.Fatal(err)
		}
		x.opts = wire.Options{
			Node: "recorder@here", Cookie: cookie, Dial: x.net.Dial,
			Jitter: func() float64 { return 0.5 }, Notify: x.notice,
		}
		f(t, x)
		if x.cluster != nil {
			x.cluster.Close()
		}
		cancel()
		x.net.Wait()
	})
}

func (x *fixture) notice(n wire.Notice) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := n.What + " " + n.Node
	if n.Err != nil {
		s += ": " + n.Err.Error()
	}
	x.notices = append(x.notices, s)
}

// told are the notices so far, which begin anew.
func (x *fixture) told() []string {
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.notices
	x.notices = nil
	return n
}

// peer adds a node that listens at port 15000 of its host.
func (x *fixture) peer(p *wiretest.Peer) *wiretest.Peer {
	if p.Cookie == "" {
		p.Cookie = secret
	}
	if p.Creation == 0 {
		p.Creation = 946684000
	}
	_, host, _ := strings.Cut(p.Name, "@")
	x.net.Serve(x.ctx, host+":15000", p)
	x.opts.Targets = append(x.opts.Targets, wire.Target{Node: p.Name, Port: 15000})
	return p
}

func (x *fixture) open() {
	x.t.Helper()
	c, err := wire.Open(x.opts)
	if err != nil {
		x.t.Fatal(err)
	}
	x.cluster = c
}

// echo answers every tool with its name and arguments, and knows the cluster.
func echo(nodes ...string) ergo.Caller {
	return ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		switch call.Tool {
		case "cluster_nodes":
			rows := []string{fmt.Sprintf(`{"name": %q, "status": "self"}`, call.Node), `{"name": "recorder@here", "status": "connected"}`}
			for _, n := range nodes {
				rows = append(rows, fmt.Sprintf(`{"name": %q, "status": "connected"}`, n))
			}
			return ergo.Answer{Text: []byte("[" + strings.Join(rows, ",") + "]")}, nil
		case "network_nodes":
			return ergo.Answer{Text: []byte(`[{"Node": "recorder@here", "BytesIn": 1}]`)}, nil
		case "nothing":
			return ergo.Answer{}, nil
		case "no_such_tool":
			return ergo.Answer{}, &ergo.ToolError{Message: "unknown tool: no_such_tool"}
		case "big":
			return ergo.Answer{Text: make([]byte, 70000)}, nil
		case "slow":
			select {
			case <-time.After(time.Hour):
			case <-ctx.Done():
			}
		}
		return ergo.Answer{Text: []byte(call.Tool + " " + call.Args.String() + " on " + call.Node)}, nil
	})
}

func (x *fixture) call(node, tool string, args ergo.Args) (string, error) {
	a, err := x.cluster.Call(x.t.Context(), ergo.Call{Node: node, Tool: tool, Args: args})
	return string(a.Text), err
}

func TestCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo("bravo@b")})
		x.peer(&wiretest.Peer{Name: "bravo@b", Caller: echo()})
		x.peer(&wiretest.Peer{Name: "charlie@c"})
		x.open()
		if err := x.cluster.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			node, tool string
			args       ergo.Args
			want       string
			is         error  // one of ours, or
			refusal    string // the text of a tool's, or
		}{
			{"alpha@a", "node_info", nil, "node_info {} on alpha@a", nil, ""},
			{"bravo@b", "process_list", ergo.Args{"limit": 5}, `process_list {"limit":5} on bravo@b`, nil, ""},
			{"", "node_info", nil, "node_info {} on alpha@a", nil, ""},
			{"alpha@a", "nothing", nil, "", nil, ""},
			{"alpha@a", "cluster_nodes", nil, "[\n  {\"name\": \"alpha@a\", \"status\": \"self\"},\n  {\"name\": \"bravo@b\", \"status\": \"connected\"}\n]", nil, ""},
			{"alpha@a", "network_nodes", nil, "null", nil, ""},
			{"alpha@a", "no_such_tool", nil, "", nil, "unknown tool: no_such_tool"},
			{"alpha@a", "big", ergo.Args{"timeout": 2}, "", nil, "remote call to 'alpha@a' failed: timed out"},
			{"alpha@a", "slow", nil, "", nil, "remote call to 'alpha@a' failed: timed out"},
			{"charlie@c", "node_info", nil, "", wire.ErrNoMCP, ""},
			{"delta@d", "node_info", nil, "", nil, "remote call to 'delta@d' failed: no route"},
		} {
			begin := time.Now()
			got, err := x.call(c.node, c.tool, c.args)
			if refusal := ergo.AsToolError(err); got != c.want || c.is != nil && !errors.Is(err, c.is) || (err == nil) != (c.is == nil && c.refusal == "") || (refusal != nil) != (c.refusal != "") ||
				refusal != nil && (refusal.Message != c.refusal || refusal.Code != ergo.CodeInternal) {
				t.Errorf("%s on %s: %q, %v", c.tool, c.node, got, err)
			}
			limit := 30 * time.Second
			if s, ok := c.args.Int("timeout"); ok {
				limit = time.Duration(s) * time.Second
			}
			if took := time.Since(begin); strings.Contains(c.refusal, "timed out") != (took == limit) {
				t.Errorf("%s on %s: took %v", c.tool, c.node, took)
			}
		}
		if diff := cmp.Diff([]string{"alpha@a", "bravo@b"}, x.cluster.Nodes()); diff != "" {
			t.Error(diff)
		}
		told := x.told()
		slices.Sort(told)
		if diff := cmp.Diff([]string{"joined alpha@a", "joined bravo@b", "joined charlie@c"}, told); diff != "" {
			t.Error(diff)
		}
	})
}

// TestCallEnds: a caller that goes away is not kept.
func TestCallEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo()})
		x.open()
		if err := x.cluster.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := x.cluster.Call(ctx, ergo.Call{Node: "alpha@a", Tool: "slow"})
		if !errors.Is(err, context.DeadlineExceeded) || ergo.AsToolError(err) != nil || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		_, err = x.call("alpha@a", "node_info", ergo.Args{"long": strings.Repeat("x", 66000)})
		if err == nil || !strings.Contains(err.Error(), "65533") {
			t.Errorf("arguments that are too long: %v", err)
		}
	})
}

// TestRefused: why a node could not be joined, in words that help, and once.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		peer *wiretest.Peer
		want string
		is   error
	}{
		{"wrong cookie", &wiretest.Peer{Name: "alpha@a", Cookie: "other"}, "wrong cookie or TLS mismatch", wire.ErrCookie},
		{"name taken", &wiretest.Peer{Name: "alpha@a", NameTaken: true}, "name already connected", wire.ErrNameTaken},
		{"another node", &wiretest.Peer{Name: "bravo@a"}, `"bravo@a"`, wire.ErrOtherNode},
		{"no first answer", &wiretest.Peer{Name: "alpha@a", NoAnswers: true}, "no answer over the new link", nil},
		{"silence", &wiretest.Peer{Name: "alpha@a", Mute: true}, "timeout", nil},
		{"busy", &wiretest.Peer{Name: "alpha@a", Busy: true}, `busy with other handshakes: it says "busy"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, x *fixture) {
				x.peer(c.peer)
				x.opts.Targets = []wire.Target{{Node: "alpha@a", Port: 15000}}
				x.open()
				err := x.cluster.Wait(t.Context())
				if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.is) && c.is != nil || strings.Contains(err.Error(), secret) {
					t.Errorf("error %v", err)
				}
				_, err = x.call("alpha@a", "node_info", nil)
				if refusal := ergo.AsToolError(err); refusal == nil || refusal.Message != "remote call to 'alpha@a' failed: no route" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("call: %v", err)
				}
				time.Sleep(10 * time.Minute)
				if told := x.told(); len(told) != 1 || !strings.HasPrefix(told[0], "refused alpha@a") {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// TestBackoff: who will not have us is asked again after 1, 2, 4 … seconds, a
// minute at most; where nobody is, every second.
func TestBackoff(t *testing.T) {
	attempts := func(t *testing.T, x *fixture) (at func(s int) int) {
		x.opts.Targets = []wire.Target{{Node: "alpha@a", Port: 15000}}
		x.open()
		var list []int
		for range 5 * 60 {
			synctest.Wait()
			list = append(list, len(x.net.Dialled()))
			time.Sleep(time.Second)
		}
		return func(s int) int { return list[s] }
	}
	inBubble(t, func(t *testing.T, x *fixture) {
		x.peer(&wiretest.Peer{Name: "alpha@a", Cookie: "another"})
		at := attempts(t, x)
		if got := []int{at(0), at(1), at(3), at(7), at(15), at(31), at(63), at(123), at(183)}; !slices.Equal(got, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("refused: attempts %v", got)
		}
	})
	inBubble(t, func(t *testing.T, x *fixture) {
		at := attempts(t, x)
		for s := range 299 {
			if at(s+1) <= at(s) && at(s+1) < s {
				t.Fatalf("nobody there: %d attempts after %d s", at(s+1), s+1)
			}
		}
	})
}

// TestLost: what is under way fails at once when a node dies, and the node is
// joined again; a new start of it is noticed.
func TestLost(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		p := x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo()})
		x.open()
		if err := x.cluster.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() { _, err := x.call("alpha@a", "slow", nil); result <- err }()
		synctest.Wait()
		p.Drop()
		if refusal := ergo.AsToolError(<-result); refusal == nil || refusal.Message != "remote call to 'alpha@a' failed: no connection" {
			t.Errorf("the call under way: %v", refusal)
		}
		time.Sleep(2 * time.Second)
		p.Restart()
		time.Sleep(3 * time.Second)
		want := []string{
			"joined alpha@a",
			"lost alpha@a: link to alpha@a: the peer closed the connection (EOF)", "joined alpha@a",
			"lost alpha@a: link to alpha@a: the peer closed the connection (EOF)", "restarted alpha@a",
		}
		if diff := cmp.Diff(want, x.told()); diff != "" {
			t.Error(diff)
		}
		if s := x.cluster.Status(); len(s) != 1 || s[0].Creation.Unix() != p.Creation || !s[0].Joined || s[0].Address != "a:15000" {
			t.Errorf("status %+v", s)
		}
	})
}

// TestRoutes: nothing is dialled that was not named, unless that is allowed.
func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		name    string
		follow  bool
		tls     bool
		target  string
		route   wiretest.Route
		dialled []string
		fails   string
	}{
		{"the port by the registrar", false, false, "alpha@a", wiretest.Route{Port: 15000}, []string{"udp4 a:4499", "tcp a:15000"}, ""},
		{"a route elsewhere", false, false, "alpha@a", wiretest.Route{Host: "evil", Port: 15000}, []string{"udp4 a:4499"}, "--follow-routes"},
		{"a route elsewhere, followed", true, false, "alpha@a", wiretest.Route{Host: "b", Port: 15000}, []string{"udp4 a:4499", "tcp b:15000"}, "another node"},
		{"a route without TLS", false, true, "alpha@a", wiretest.Route{Port: 15000}, []string{"udp4 a:4499"}, "does not speak TLS"},
		{"not registered", false, false, "zulu@a", wiretest.Route{Port: 15000}, []string{"udp4 a:4499"}, "--join zulu@a:11144"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, x *fixture) {
				x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo("bravo@b")})
				x.peer(&wiretest.Peer{Name: "bravo@b", Caller: echo()})
				x.net.Register("alpha@a", c.route)
				x.opts.Targets, x.opts.FollowRoutes, x.opts.TLS = []wire.Target{{Node: c.target}}, c.follow, c.tls
				x.open()
				err := x.cluster.Wait(t.Context())
				if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v", err)
				}
				if got := x.net.Dialled(); len(got) < len(c.dialled) || !slices.Equal(got[:len(c.dialled)], c.dialled) {
					t.Errorf("dialled %q, want %q", got, c.dialled)
				}
			})
		})
	}
}

// TestOthers: nodes that others name are told of, or joined if that is allowed.
func TestOthers(t *testing.T) {
	for _, follow := range []bool{false, true} {
		inBubble(t, func(t *testing.T, x *fixture) {
			x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo("bravo@b", "bad name@x", "recorder@here")})
			x.peer(&wiretest.Peer{Name: "bravo@b", Caller: echo("alpha@a")})
			x.net.Register("bravo@b", wiretest.Route{Port: 15000})
			x.opts.Targets, x.opts.FollowRoutes = x.opts.Targets[:1], follow
			x.open()
			want := []string{"joined alpha@a", "passed bravo@b: not dialled: name it with --join bravo@b, or allow --follow-routes"}
			dialled := []string{"tcp a:15000"}
			if follow {
				want[1] = "joined bravo@b"
				dialled = append(dialled, "udp4 b:4499", "tcp b:15000")
			}
			time.Sleep(time.Minute)
			if diff := cmp.Diff(want, x.told()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(dialled, x.net.Dialled()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHide: our own row is left out, and nothing else changes.
func TestHide(t *testing.T) {
	for _, c := range []struct{ tool, text, want string }{
		{"cluster_nodes", `[{"name":"a@a"},{"name":"me@h"}]`, "[\n  {\"name\":\"a@a\"}\n]"},
		{"cluster_nodes", `[{"name":"me@h"}]`, "null"},
		{"cluster_nodes", `[{"name":"me@host"}]`, "[\n  {\"name\":\"me@host\"}\n]"},
		{"cluster_nodes", `[ {"name":"a@a"} ]`, `[ {"name":"a@a"} ]`},
		{"cluster_nodes", "null", "null"},
		{"cluster_nodes", "no JSON of me@h", "no JSON of me@h"},
		{"network_nodes", `[{"Node":"me@h"},{"Node":"b@b","N":12345678901234567890}]`, "[\n  {\"Node\":\"b@b\",\"N\":12345678901234567890}\n]"},
		{"network_nodes", `[{"Node":7},["me@h"]]`, "[\n  {\"Node\":7},\n  [\"me@h\"]\n]"},
		{
			"sample_read",
			`{"sequence": 3, "samples": [{"sequence": 1, "data": {"type": "node", "message": "new connection with 'me@h' (1)"}}, {"sequence": 2, "data": {"type":"process","message":"'me@h' is a node"}}]}`,
			`{"sequence": 3, "samples": [{"sequence": 1, "data": null}, {"sequence": 2, "data": {"type":"process","message":"'me@h' is a node"}}]}`,
		},
		{"sample_read", `{"samples": null, "of": "me@h"}`, `{"samples": null, "of": "me@h"}`},
		{"node_info", `{"name":"me@h"}`, `{"name":"me@h"}`},
	} {
		said := ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) {
			return ergo.Answer{Text: []byte(c.text)}, nil
		})
		got, err := wire.Hide(said, "me@h").Call(t.Context(), ergo.Call{Tool: c.tool})
		if err != nil || string(got.Text) != c.want {
			t.Errorf("%s of %s: %s, %v; want %s", c.tool, c.text, got.Text, err, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	cookie, _ := wire.NewCookie(secret)
	target := []wire.Target{{Node: "alpha@a"}}
	for _, c := range []struct {
		opts wire.Options
		want string
	}{
		{wire.Options{Cookie: cookie, Targets: target}, "not the name of a node"},
		{wire.Options{Node: "recorder", Cookie: cookie, Targets: target}, "not the name of a node"},
		{wire.Options{Node: "recorder@h:1", Cookie: cookie, Targets: target}, "no port"},
		{wire.Options{Node: "recorder@h", Targets: target}, "--cookie-file"},
		{wire.Options{Node: "recorder@h", Cookie: cookie}, "no node to join"},
		{wire.Options{Node: "alpha@a", Cookie: cookie, Targets: target}, "no other node"},
		{wire.Options{Node: "recorder@h", Cookie: cookie, Targets: target, Logs: []string{"loud"}}, `"loud"`},
	} {
		if _, err := wire.Open(c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.opts, err, c.want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]wire.Target{
		"alpha@host":               {Node: "alpha@host"},
		"alpha@host:11144":         {Node: "alpha@host", Port: 11144},
		"a.b@127.0.0.1:1":          {Node: "a.b@127.0.0.1", Port: 1},
		"alpha@host=127.0.0.1:7":   {Node: "alpha@host", Port: 7, Host: "127.0.0.1"},
		"alpha@[::1]=[::1]:7":      {Node: "alpha@[::1]", Port: 7, Host: "::1"},
		"alpha@host:3=127.0.0.1:7": {}, "alpha@host=127.0.0.1": {}, "alpha@host=:7": {}, "alpha@host=x:0": {}, "=x:1": {},
		"alpha": {}, "@host": {}, "alpha@": {}, "alpha@host:0": {}, "alpha@host:x": {}, "alpha@host:70000": {},
		"alpha@host@x": {}, "al pha@host": {}, "alpha@:7": {}, "alpha@host/x": {},
	} {
		got, err := wire.ParseTarget(in)
		if got != want || (err == nil) != (want != wire.Target{}) {
			t.Errorf("ParseTarget(%q) = %+v, %v", in, got, err)
		}
	}
}

// TestReady: a node that stalls in the handshake delays nobody who waits for the
// first; where none can be joined, it is said when all have failed.
func TestReady(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		x.peer(&wiretest.Peer{Name: "alpha@a", Mute: true})
		x.peer(&wiretest.Peer{Name: "bravo@b", Caller: echo()})
		x.open()
		began := time.Now()
		if err := x.cluster.Ready(t.Context()); err != nil || time.Since(began) > 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := x.cluster.Wait(t.Context()); err != nil || time.Since(began) < time.Second {
			t.Errorf("all: %v after %v", err, time.Since(began))
		}
	})
	inBubble(t, func(t *testing.T, x *fixture) {
		x.peer(&wiretest.Peer{Name: "alpha@a", Mute: true})
		x.open()
		if err := x.cluster.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("nobody: %v", err)
		}
	})
}
