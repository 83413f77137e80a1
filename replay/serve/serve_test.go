package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A world is the time of the world, under the test's control. Waiting moves it.
type world struct {
	mu     sync.Mutex
	now    time.Time
	waited time.Duration
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Wait(ctx context.Context, d time.Duration) error {
	w.pass(d)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited += d
	return ctx.Err()
}

// recording is 60 s of two nodes: a, the entry point, and b, which is down
// from 40 s to 50 s, has a process list that does not fit through a link, and
// logs a line every second.
func recording(tb testing.TB) *replay.Recording {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "x.erg")
	w := archivetest.Writer(tb, path, nil)
	said := func(t time.Time, node, tool string, args ergo.Args, text string, refused *ergo.ToolError) {
		a := ergo.Answer{At: t, Took: time.Millisecond}
		if refused == nil {
			a.Text = []byte(text)
		}
		if _, err := w.Append(ingest.Record(ergo.Call{Node: node, Tool: tool, Args: args}, nil, a, refused, ingest.Options{})); err != nil {
			tb.Fatal(err)
		}
	}
	for s := 0; s <= 60; s += 2 {
		t := start.Add(time.Duration(s) * time.Second)
		said(t, "a@h", "cluster_nodes", nil, `[{"name":"a@h","status":"self"},{"name":"b@h","status":"connected"}]`, nil)
		for _, node := range []string{"a@h", "b@h"} {
			var down *ergo.ToolError
			uptime := 100 + s
			if node == "b@h" && s >= 50 {
				uptime = s - 49
			}
			if node == "b@h" && s >= 40 && s < 50 {
				down = ergo.RemoteError(node, "no route")
			}
			said(t, node, "node_info", nil, fmt.Sprintf(`{"Name":%q,"Uptime":%d,"ServerTime":%q}`, node, uptime, t.Format(time.RFC3339Nano)), down)
			said(t, node, "process_list", ergo.Args{"limit": json.Number("100000")}, ofNode(node, rows(300)), down)
			if down == nil {
				said(t, node, "sample_read", ergo.Args{"sampler_id": "mcp_sampler_0000000" + node[:1], "since": json.Number(fmt.Sprint(max(0, s-2)))}, logLines(s), nil)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { rec.Close() })
	return rec
}

// ofNode is a text whose PIDs are those of a node.
func ofNode(node, text string) string {
	return strings.ReplaceAll(text, "<AB.", fmt.Sprintf("<%08X.", ergo.NameSum(node)))
}

func rows(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"PID":"<AB.0.%d>","Name":"process_number_%d","Behavior":"app.Worker","State":"sleep","MailboxLatency":0,"MessagesIn":%d,"Parent":"<AB.0.1>","Application":"application"}`, 1000+i, i, i))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// logLines are the two lines written before second s, as a sampler gives them.
func logLines(s int) string {
	var list []string
	for i := max(1, s-1); i <= s; i++ {
		t := start.Add(time.Duration(i)*time.Second - time.Millisecond).Format(time.RFC3339Nano)
		level := []string{"info", "error"}[i%2]
		list = append(list, fmt.Sprintf(`{"sequence":%d,"timestamp":%q,"data":{"level":%q,"message":"line %d","source":"<AB.0.1000>","time":%q,"type":"process"}}`, i, t, level, i, t))
	}
	return fmt.Sprintf(`{"sampler_id":"mcp_sampler_0000000a","mode":"passive","sequence":%d,"completed":false,"samples":[%s]}`, s+1, strings.Join(list, ","))
}

// A client talks to one entry point.
type client struct {
	tb    testing.TB
	url   string
	token string
	world *world
}

func newClient(tb testing.TB, rec *replay.Recording, node string, opts Options) *client {
	tb.Helper()
	w := &world{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	opts.Now, opts.Wait = w.Now, w.Wait
	c, err := New(rec, opts)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := c.Node(node)
	if err != nil {
		tb.Fatal(err)
	}
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return &client{tb, s.URL, opts.Token, w}
}

func (c *client) send(method, path, body string, header http.Header) (*http.Response, string) {
	c.tb.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.tb.Fatal(err)
	}
	return resp, string(text)
}

// call calls a tool and gives its text, or its error.
func (c *client) call(tool string, args string) (string, *ergo.ToolError, *http.Response) {
	c.tb.Helper()
	resp, body := c.send("POST", "/mcp", fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, args), nil)
	var r struct {
		Result struct {
			Content []struct{ Text string }
		}
		Error *ergo.ToolError
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		c.tb.Fatalf("%s: %v in %s", tool, err, body)
	}
	if r.Error != nil {
		return "", r.Error, resp
	}
	return r.Result.Content[0].Text, nil, resp
}

// TestContract: the answers of a real node to what is no tool call, byte for
// byte.
func TestContract(t *testing.T) {
	c := newClient(t, recording(t), "", Options{})
	const parse = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}`
	for _, x := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "lab", "version": "1"}}}`, 200, `{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"ergo-mcp","version":"1.0.0"},"instructions":"Ergo Framework MCP server. Use tools/list to discover available inspection tools."}}`},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "method": "notifications/initialized"}`, 202, ""},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 2, "method": "ping"}`, 200, `{"jsonrpc":"2.0","id":2,"result":{}}`},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": "abc", "method": "ping"}`, 200, `{"jsonrpc":"2.0","id":"abc","result":{}}`},
		{"POST", "/mcp", `{"jsonrpc":"2.0","method":"ping"}`, 200, `{"jsonrpc":"2.0","id":null,"result":{}}`},
		{"POST", "/mcp", `{"jsonrpc":`, 200, parse},
		{"POST", "/mcp", ``, 200, parse},
		{"POST", "/mcp", `[{"jsonrpc": "2.0", "id": 112, "method": "ping"}]`, 200, parse},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "` + strings.Repeat("a", 1<<20) + `"}}`, 200, parse},
		{"POST", "/mcp", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid JSON-RPC version"}}`},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 113, "method": "resources/list"}`, 200, `{"jsonrpc":"2.0","id":113,"error":{"code":-32601,"message":"method not found: resources/list"}}`},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 114, "method": "tools/call"}`, 200, `{"jsonrpc":"2.0","id":114,"error":{"code":-32602,"message":"invalid tools/call params"}}`},
		{"POST", "/mcp", `{"jsonrpc": "2.0", "id": 115, "method": "tools/call", "params": {}}`, 200, `{"jsonrpc":"2.0","id":115,"error":{"code":-32602,"message":"unknown tool: "}}`},
		{"POST", "/mcp", `{"jsonrpc":"2.0","id":82,"method":"tools/call","params":{"name":"process_info","arguments":{"pid":"abc","node":"b@h"}}}`, 200, `{"jsonrpc":"2.0","id":82,"error":{"code":-32603,"message":"invalid pid: incorrect PID format, expected \u003ccrc.high.low\u003e"}}`},
		{"POST", "/mcp", `{"jsonrpc":"2.0","id":82,"method":"tools/call","params":{"name":"process_kill","arguments":{"pid":"<0.0.1>"}}}`, 200, `{"jsonrpc":"2.0","id":82,"error":{"code":-32602,"message":"unknown tool: process_kill"}}`},
		{"POST", "/mcp", `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"process_list","arguments":{"name":"nobody"}}}`, 200, `{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"null"}]}}`},
		{"POST", "/mcp", `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"process_list","arguments":{"name":"nobody","node":"b@h"}}}`, 200, `{"jsonrpc":"2.0","id":3,"result":{"content":[{"text":"null","type":"text"}]}}`},
		{"GET", "/mcp", "", 405, "Method Not Allowed\n"},
		{"DELETE", "/mcp", "", 405, "Method Not Allowed\n"},
		{"PUT", "/mcp", "", 405, "Method Not Allowed\n"},
		{"OPTIONS", "/mcp", "", 405, "Method Not Allowed\n"},
		{"HEAD", "/mcp", "", 405, ""},
		{"POST", "/", `{"jsonrpc": "2.0", "id": 118, "method": "ping"}`, 404, "404 page not found\n"},
		{"POST", "/mcp/", `{"jsonrpc": "2.0", "id": 119, "method": "ping"}`, 404, "404 page not found\n"},
	} {
		resp, body := c.send(x.method, x.path, x.body, nil)
		if resp.StatusCode != x.status || body != x.want {
			t.Errorf("%s %s %.80s: got %d %s, want %d %s", x.method, x.path, x.body, resp.StatusCode, body, x.status, x.want)
		}
	}
}

func TestToken(t *testing.T) {
	c := newClient(t, recording(t), "", Options{Token: "open sesame"})
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for _, x := range []struct {
		header string
		method string
		want   int
	}{
		{"", "POST", 401}, {"Bearer no", "POST", 401}, {"bearer open sesame", "POST", 401}, {"Bearer open sesame", "POST", 200}, {"", "GET", 405},
	} {
		resp, body := c.send(x.method, "/mcp", ping, http.Header{"Authorization": {x.header}})
		if resp.StatusCode != x.want || x.want == 401 && body != "" {
			t.Errorf("%s %q: %d %q, want %d", x.method, x.header, resp.StatusCode, body, x.want)
		}
	}
}

// TestClock: it starts with the first call, runs at its speed, ends at the
// end, and every answer says so.
func TestClock(t *testing.T) {
	c := newClient(t, recording(t), "", Options{Speed: 10, From: start.Add(4 * time.Second)})
	c.world.pass(time.Hour)
	for _, x := range []struct {
		pass            time.Duration
		clock, observed string
		uptime          string
	}{
		{0, "2026-01-02T03:04:09Z", "2026-01-02T03:04:09Z", `"Uptime": 104`},
		{130 * time.Millisecond, "2026-01-02T03:04:10.3Z", "2026-01-02T03:04:09Z", `"Uptime": 104`},
		{100 * time.Millisecond, "2026-01-02T03:04:11.3Z", "2026-01-02T03:04:11Z", `"Uptime": 106`},
		{time.Hour, "2026-01-02T03:05:05Z", "2026-01-02T03:05:05Z", `"Uptime": 160`},
	} {
		c.world.pass(x.pass)
		text, refused, resp := c.call("node_info", "{}")
		if got, want := resp.Header.Get(HeaderClock), x.clock+" speed=10 end=2026-01-02T03:05:05Z"; got != want {
			t.Errorf("clock %q, want %q", got, want)
		}
		if got := resp.Header.Get(HeaderObserved); got != x.observed || refused != nil || !strings.Contains(text, x.uptime) {
			t.Errorf("at %s: observed %s, %v, %s", x.clock, got, refused, text)
		}
	}
	if _, err := New(recording(t), Options{From: start.Add(time.Hour)}); err == nil {
		t.Error("a window behind the recording was accepted")
	}
	if _, err := New(recording(t), Options{Speed: -1}); err == nil {
		t.Error("a negative speed was accepted")
	}
}

// TestWall: a forwarded answer that is too large never arrives, and the same
// answer from the node's own port does.
func TestWall(t *testing.T) {
	rec := recording(t)
	c := newClient(t, rec, "", Options{Speed: 4})
	_, refused, resp := c.call("process_list", `{"limit":100000,"node":"b@h","timeout":8}`)
	if refused == nil || refused.Code != -32603 || refused.Message != "remote call to 'b@h' failed: timed out" {
		t.Fatalf("got %v", refused)
	}
	if c.world.waited != 2*time.Second || resp.Header.Get(HeaderObserved) != "" {
		t.Errorf("it took %s of the world, observed %q", c.world.waited, resp.Header.Get(HeaderObserved))
	}
	if text, refused, _ := c.call("process_list", `{"limit":50,"node":"b@h"}`); refused != nil || strings.Count(text, "PID") != 50 {
		t.Errorf("a small one: %d rows, %v", strings.Count(text, "PID"), refused)
	}
	if text, refused, _ := c.call("process_list", `{"limit":100000}`); refused != nil || strings.Count(text, "PID") != 300 {
		t.Errorf("the entry point's own: %v", refused)
	}
	direct := newClient(t, rec, "b@h", Options{})
	if text, refused, _ := direct.call("process_list", `{"limit":100000}`); refused != nil || strings.Count(text, "PID") != 300 {
		t.Errorf("from its own port: %v", refused)
	}
	if text, refused, _ := direct.call("process_list", `{"limit":0}`); refused != nil || strings.Count(text, "PID") != 100 {
		t.Errorf("limit 0: %d rows, %v", strings.Count(text, "PID"), refused)
	}
	if text, _, _ := c.call("process_list", `{"state":"wait_response"}`); text != "null" {
		t.Errorf("wait_response: %s", text)
	}
	if text, refused, _ := direct.call("node_info", `{"node":"a@h"}`); refused != nil || !strings.Contains(text, "a@h") {
		t.Errorf("forwarded the other way: %s %v", text, refused)
	}
}

// TestDown: calls that are forwarded to a node that was down are refused as
// they were, and its own port says nothing.
func TestDown(t *testing.T) {
	rec := recording(t)
	c := newClient(t, rec, "", Options{From: start.Add(44 * time.Second)})
	_, refused, resp := c.call("node_info", `{"node":"b@h"}`)
	if refused == nil || refused.Message != "remote call to 'b@h' failed: no route" || resp.Header.Get(HeaderObserved) == "" {
		t.Errorf("forwarded: %v", refused)
	}
	direct := newClient(t, rec, "b@h", Options{From: start.Add(44 * time.Second)})
	_, err := http.Post(direct.url+"/mcp", "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
	if !errors.Is(err, io.EOF) {
		t.Errorf("its own port: %v, want the end of the connection", err)
	}
	direct.world.pass(8 * time.Second)
	if text, refused, _ := direct.call("node_info", "{}"); refused != nil || !strings.Contains(text, `"Uptime": 3`) {
		t.Errorf("when it is back: %s, %v", text, refused)
	}
}

type readings struct {
	SamplerID string `json:"sampler_id"`
	Sequence  int
	Completed bool
	Samples   []struct {
		Sequence int
		Data     struct{ Level, Message string }
	}
}

func (c *client) read(args string) (r readings, refused *ergo.ToolError) {
	c.tb.Helper()
	text, refused, _ := c.call("sample_read", args)
	if refused == nil {
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			c.tb.Fatalf("%v in %s", err, text)
		}
	}
	return r, refused
}

// TestListen: a sampler delivers the recorded lines as the clock passes them,
// loses one to who goes on from its sequence, and dies with its duration and
// with its node.
func TestListen(t *testing.T) {
	c := newClient(t, recording(t), "", Options{From: start.Add(10 * time.Second)})
	text, refused, _ := c.call("sample_listen", `{"log_levels":["error","info"],"duration_sec":20,"node":"b@h"}`)
	if refused != nil {
		t.Fatal(refused)
	}
	var begun readings
	if err := json.Unmarshal([]byte(text), &begun); err != nil {
		t.Fatal(err)
	}
	args := func(since int) string {
		return fmt.Sprintf(`{"sampler_id":%q,"since":%d,"node":"b@h"}`, begun.SamplerID, since)
	}
	if r, refused := c.read(args(0)); refused != nil || len(r.Samples) != 0 || r.Sequence != 1 {
		t.Errorf("at once: %+v %v", r, refused)
	}
	c.world.pass(3 * time.Second)
	r, refused := c.read(args(0))
	if refused != nil || len(r.Samples) != 3 || r.Sequence != 4 || r.Samples[0].Data.Message != "line 11" || r.Completed {
		t.Errorf("3 s later: %+v %v", r, refused)
	}
	c.world.pass(2 * time.Second)
	if r, _ = c.read(args(3)); len(r.Samples) != 2 || r.Samples[0].Data.Message != "line 14" {
		t.Errorf("on from the last entry: %+v", r)
	}
	if r, _ = c.read(args(4)); len(r.Samples) != 1 {
		t.Errorf("on from the sequence: %+v, want one lost", r)
	}
	if list, _, _ := c.call("sample_list", `{"node":"b@h"}`); !strings.Contains(list, begun.SamplerID) {
		t.Errorf("sample_list: %s", list)
	}
	if _, refused := c.read(strings.Replace(args(0), "b@h", "a@h", 1)); refused == nil {
		t.Error("the sampler of one node was found on another")
	}
	c.world.pass(20 * time.Second)
	if _, refused := c.read(args(0)); refused == nil || refused.Message != "sampler "+begun.SamplerID+" not found or not responding: unknown process" {
		t.Errorf("after its end: %v", refused)
	}
	text, _, _ = c.call("sample_listen", `{"duration_sec":3000,"node":"b@h"}`)
	_ = json.Unmarshal([]byte(text), &begun)
	c.world.pass(20 * time.Second) // the node has died and is back
	if _, refused := c.read(args(0)); refused == nil {
		t.Error("the sampler outlived its node")
	}
}

// TestActive: an active sampler that is told to take 3 takes 2, as live ones
// do, and can be stopped.
func TestActive(t *testing.T) {
	c := newClient(t, recording(t), "", Options{From: start.Add(10 * time.Second)})
	text, refused, _ := c.call("sample_start", `{"tool":"node_info","interval_ms":2000,"count":3}`)
	if refused != nil {
		t.Fatal(refused)
	}
	var begun readings
	if err := json.Unmarshal([]byte(text), &begun); err != nil {
		t.Fatal(err)
	}
	c.world.pass(9 * time.Second)
	r, refused := c.read(fmt.Sprintf(`{"sampler_id":%q}`, begun.SamplerID))
	if refused != nil || len(r.Samples) != 2 || !r.Completed || r.Sequence != 3 {
		t.Errorf("%+v %v", r, refused)
	}
	if text, _, _ := c.call("sample_stop", fmt.Sprintf(`{"sampler_id":%q}`, begun.SamplerID)); text != "sampler "+begun.SamplerID+" stopping" {
		t.Errorf("sample_stop: %s", text)
	}
	if _, refused := c.read(fmt.Sprintf(`{"sampler_id":%q}`, begun.SamplerID)); refused == nil {
		t.Error("a stopped sampler was read")
	}
	if _, refused, _ := c.call("sample_start", `{}`); refused == nil || refused.Message != "tool is required" {
		t.Errorf("without a tool: %v", refused)
	}
}

// TestIntervalBounds: whatever interval is asked for, reading ends.
func TestIntervalBounds(t *testing.T) {
	for asked, want := range map[string]string{"9223372036855": "3600000", "-5": "5000", "99": "5000", "100": "100"} {
		c := newClient(t, recording(t), "", Options{From: start.Add(10 * time.Second)})
		text, refused, _ := c.call("sample_start", `{"tool":"node_info","interval_ms":`+asked+`}`)
		if refused != nil || !strings.Contains(text, `"interval_ms": `+want+`,`) {
			t.Fatalf("every %s ms: %s %v", asked, text, refused)
		}
		var begun readings
		if err := json.Unmarshal([]byte(text), &begun); err != nil {
			t.Fatal(err)
		}
		if r, refused := c.read(fmt.Sprintf(`{"sampler_id":%q}`, begun.SamplerID)); refused != nil || len(r.Samples) != 1 {
			t.Errorf("every %s ms: %+v %v", asked, r, refused)
		}
	}
}

// TestReaderGoesAway: who stops waiting stops the work, and takes nothing from
// who reads next.
func TestReaderGoesAway(t *testing.T) {
	rec := recording(t)
	s := session{Cluster: &Cluster{rec: rec}, now: start.Add(20 * time.Second)}
	x := &sampler{node: "a@h", tool: "node_info", interval: time.Second, from: start, to: start.Add(20 * time.Second), buffer: samplerBuffer}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.collected(gone, x); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that went away: %v", err)
	}
	if list, err := s.collected(t.Context(), x); err != nil || len(list) != 21 {
		t.Errorf("the next one: %d entries, %v", len(list), err)
	}
}

// TestManyAtOnce: concurrent calls are answered, malformed ones too.
func TestManyAtOnce(t *testing.T) {
	c := newClient(t, recording(t), "", Options{Speed: 100})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"process_list","arguments":{"limit":%d}}}`, i, i)
			if i%5 == 0 {
				body = body[:i]
			}
			resp, err := http.Post(c.url+"/mcp", "application/json", bytes.NewReader([]byte(body)))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); err != nil || !json.Valid(text) {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	wg.Wait()
}
