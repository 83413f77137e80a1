package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/door"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/replay"
)

// observing is a server with the Observer's names over a recording.
func observing(t *testing.T, rec *replay.Recording) *httptest.Server {
	t.Helper()
	web := httptest.NewServer(New(Recorded(rec, "test"), Options{Set: ObserverTools, Version: "1"}).Handler(door.Options{}))
	t.Cleanup(web.Close)
	return web
}

// TestClientOf33: our own client of an Observer, pointed at our own server, gets
// of every reading what the recording says under the 48 names.
func TestClientOf33(t *testing.T) {
	rec := recording(t, "stuck")
	web := observing(t, rec)
	client, err := observer.New(web.URL+Path, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	caller := observer.NewCaller(client)
	_, end := rec.Window()
	then := rec.Moment(end)
	const node = "gamma@localhost"
	var pid string
	for _, call := range []ergo.Call{
		{Tool: "node_info"},
		{Tool: "network_info"},
		{Tool: "network_nodes"},
		{Tool: "app_list"},
		{Tool: "process_list", Args: ergo.Args{"limit": 1_000_000}},
		{Tool: "event_list", Args: ergo.Args{"limit": 1_000_000}},
		{Tool: "process_inspect"},
		{Tool: "process_info"},
		{Tool: "process_state"},
	} {
		call.Node = node
		if slices.Contains([]string{"process_inspect", "process_info", "process_state"}, call.Tool) {
			call.Args = ergo.Args{"pid": pid}
		}
		want, err := then.Call(t.Context(), call)
		have, herr := caller.Call(t.Context(), call)
		if err != nil {
			if herr == nil {
				t.Errorf("%s: answers, though nothing was recorded: %v", call, err)
			}
			continue
		}
		if herr != nil {
			t.Errorf("%s: %v", call, herr)
			continue
		}
		if call.Tool == "process_list" {
			pid = findPID(t, want.Text, "book_eth")
		}
		covers(t, call.String(), want.Text, have.Text)
	}
	said, err := caller.Call(t.Context(), ergo.Call{Tool: "cluster_nodes"})
	if err != nil || !strings.Contains(string(said.Text), `"alpha@localhost","status":"self"`) || !strings.Contains(string(said.Text), `"gamma@localhost","status":"connected"`) {
		t.Errorf("cluster: %s, %v", said.Text, err)
	}
}

func findPID(t *testing.T, table []byte, name string) string {
	t.Helper()
	var rows []struct{ PID, Name string }
	if err := json.Unmarshal(table, &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if strings.Trim(r.Name, "'") == name {
			return r.PID
		}
	}
	t.Fatalf("no process %s", name)
	return ""
}

// covers reports what of an answer the other lacks or says otherwise. Rows are
// told apart by their first identifying field. An Observer tells memory with the
// figures of the runtime, which are of another moment than node_info.
func covers(t *testing.T, what string, want, have []byte) {
	t.Helper()
	w, h := rowsOf(want), rowsOf(have)
	if w == nil {
		if string(bytes.TrimSpace(want)) != string(bytes.TrimSpace(have)) {
			t.Errorf("%s: %s, not %s", what, have, want)
		}
		return
	}
	if len(w) != len(h) {
		t.Errorf("%s: %d rows, not %d", what, len(h), len(w))
	}
	for key, row := range w {
		for field, v := range row {
			if other := h[key][field]; other != v && v != "null" && v != "[]" && field != "MemoryAlloc" && field != "MemoryUsed" && !(field == "description" && v == `""`) {
				t.Errorf("%s: %s: %s is %s, not %s", what, key, field, other, v)
				return
			}
		}
	}
}

// rowsOf are the rows of a table, or the one object, by what identifies them;
// each field as its compact JSON.
func rowsOf(text []byte) map[string]map[string]string {
	var list []map[string]any
	if json.Unmarshal(text, &list) != nil {
		one := map[string]any{}
		if json.Unmarshal(text, &one) != nil {
			return nil
		}
		list = append(list, one)
	}
	out := map[string]map[string]string{}
	for _, m := range list {
		key, row := "", map[string]string{}
		for _, id := range []string{"PID", "Event", "Node", "name", "Name"} {
			if s, ok := m[id].(string); ok && key == "" {
				key = s
			}
		}
		for field, v := range m {
			row[field] = string(mustJSON(v))
		}
		out[key] = row
	}
	return out
}

// TestLogOf33: the log is read on from a cursor: the last lines at first, then
// nothing again; and from an earlier moment what came after it.
func TestLogOf33(t *testing.T) {
	rec := recording(t, "stuck")
	web := observing(t, rec)
	client, err := observer.New(web.URL+Path, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const uri = "ergo://gamma@localhost/log?levels=info,warning,error,panic&limit=100000"
	type batch struct {
		Node    string
		Entries []observer.LogEntry
	}
	read := func(uri string) (lines int, last time.Time, r *observer.Result) {
		t.Helper()
		r, err := client.Read(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		var list []batch
		if err := json.Unmarshal(r.Text, &list); err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			lines += len(b.Entries)
			last = time.Unix(0, b.Entries[len(b.Entries)-1].Timestamp)
		}
		return lines, last, r
	}
	all, last, r := read(uri)
	if all == 0 || r.NextSeq() == "" || r.Dropped() {
		t.Fatalf("%d lines, next %q, dropped %v", all, r.NextSeq(), r.Dropped())
	}
	if again, _, _ := read(uri + "&since=" + r.NextSeq()); again != 0 {
		t.Errorf("%d lines behind the end", again)
	}
	_, _, before := read(uri + "&at=" + last.UTC().Add(-time.Second).Format(time.RFC3339))
	if rest, _, _ := read(uri + "&since=" + before.NextSeq()); rest == 0 || rest > all {
		t.Errorf("%d lines behind an earlier moment, of %d", rest, all)
	}
	if _, _, r := read(uri + "&since=1788500000-1990.41"); !r.Dropped() {
		t.Error("a cursor of another owner loses nothing")
	}
}

// TestVectorsAsked: the requests of the vectors, put to our server, are taken or
// refused as by an Observer. What carries no or an older version of the protocol
// is not 3.3's, and served as ever.
func TestVectorsAsked(t *testing.T) {
	web := observing(t, recording(t, "stuck"))
	f, err := os.Open("../ergo/observer/testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	asked := 0
	for lines.Scan() {
		var v struct {
			Name    string
			Request struct {
				Method, Path, Body string
				Headers            map[string]string
			}
			Status   int
			Response struct{ Body string }
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.Request.Headers[observer.HeaderVersion] != observer.Version || slices.Contains([]int{401, 403, 429, 503}, v.Status) {
			continue
		}
		asked++
		// The nodes of the vectors are those of the recording here.
		body := strings.NewReplacer("beta@demo.example", "gamma@localhost", "alpha@demo.example", "alpha@localhost").Replace(v.Request.Body)
		req, err := http.NewRequestWithContext(t.Context(), v.Request.Method, web.URL+Path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, h := range v.Request.Headers {
			req.Header.Set(k, strings.ReplaceAll(h, "beta@demo.example", "gamma@localhost"))
		}
		resp, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if v.Name == "unknown_method" { // our prompts
			continue
		}
		if resp.StatusCode != v.Status {
			t.Errorf("%s: status %d, not %d: %.200s", v.Name, resp.StatusCode, v.Status, text)
			continue
		}
		sameForm(t, v.Name, text, []byte(v.Response.Body))
	}
	if asked < 55 {
		t.Errorf("%d vectors asked", asked)
	}
}

// sameForm compares what an answer is: its error in code and words, or that it
// is the result of a tool or a resource.
func sameForm(t *testing.T, name string, have, want []byte) {
	t.Helper()
	type answer struct {
		Error  *observer.Refusal
		Result struct {
			ResultType string
			Content    []struct{ Type, Text string }
			Contents   []struct{ URI string }
			IsError    bool
		}
	}
	var h, w answer
	if json.Unmarshal(want, &w) != nil { // a stream
		if !bytes.HasPrefix(have, []byte(`data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged"`)) {
			t.Errorf("%s: %s", name, have)
		}
		return
	}
	if err := json.Unmarshal(have, &h); err != nil {
		t.Errorf("%s: %v: %s", name, err, have)
		return
	}
	there := strings.NewReplacer("beta@demo.example", "gamma@localhost", "alpha@demo.example", "alpha@localhost")
	switch {
	case (h.Error == nil) != (w.Error == nil):
		t.Errorf("%s: %s", name, have)
	case w.Error != nil:
		if h.Error.Code != w.Error.Code || h.Error.Message != there.Replace(w.Error.Message) {
			t.Errorf("%s: %d %s, not %d %s", name, h.Error.Code, h.Error.Message, w.Error.Code, w.Error.Message)
		}
	case h.Result.ResultType != "complete":
		t.Errorf("%s: result type %q", name, h.Result.ResultType)
	case len(w.Result.Contents) > 0 && (len(h.Result.Contents) != 1 || h.Result.Contents[0].URI != there.Replace(w.Result.Contents[0].URI)):
		t.Errorf("%s: %+v", name, h.Result.Contents)
	case w.Result.IsError && strings.HasPrefix(name, "refusal_") && !strings.Contains(w.Result.Content[0].Text, "timed out") && !strings.Contains(w.Result.Content[0].Text, "permitted"):
		if h.Result.Content[0].Text != there.Replace(w.Result.Content[0].Text) {
			t.Errorf("%s: %q, not %q", name, h.Result.Content[0].Text, w.Result.Content[0].Text)
		}
	}
}

// TestObserverBesideDiagnosis: any client lists and calls the Observer's tools,
// beside those that diagnose.
func TestObserverBesideDiagnosis(t *testing.T) {
	rec := recording(t, "stuck")
	session := dial(t, &sdk.StreamableClientTransport{Endpoint: observing(t, rec).URL + Path, DisableStandaloneSSE: true}, nil)
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	if !slices.Contains(names, "processes") || !slices.Contains(names, "diagnose") || slices.Contains(names, "process_list") || slices.Contains(names, "kill") {
		t.Errorf("listed: %v", names)
	}
	text, res := tool(t, session, "processes", map[string]any{"node": "gamma@localhost", "limit": 2, "at": "end"})
	if res.IsError || !strings.Contains(text, `"Truncated":true`) || !strings.Contains(text, `"PID":"gamma@localhost:`) {
		t.Errorf("processes: %s", text)
	}
	if text, res := tool(t, session, "node", map[string]any{"node": "nobody@x"}); !res.IsError || !strings.Contains(text, "is not connected") {
		t.Errorf("an unknown node: %s", text)
	}
	read, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "ergo://gamma@localhost/log?limit=10&levels=error"})
	if err != nil || read.Meta[observer.MetaNextSeq] == nil {
		t.Errorf("log: %+v, %v", read, err)
	}
	if read, err = session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "ergo://cluster"}); err != nil || !strings.Contains(read.Contents[0].Text, `"alpha@localhost"`) {
		t.Errorf("cluster: %+v, %v", read, err)
	}
	for _, uri := range []string{"file:///etc/passwd", "ergo://../../etc/passwd", "ergo://gamma@localhost/../../../etc/passwd", "/etc/passwd"} { // no handler reaches a file
		if res, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s is %v", uri, res.Contents)
		}
	}
	if _, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "ergo://gamma@localhost/heap"}); err == nil || !strings.Contains(err.Error(), "there is no lens") {
		t.Errorf("no lens: %v", err)
	}
}

// TestObserverForOlderClients: so do clients of the protocol's older versions, on
// standard input and output here. The cursor of a log stands with its contents.
func TestObserverForOlderClients(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "test"), Options{Set: ObserverTools, Version: "1"})
	in := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"node","arguments":{"node":"gamma@localhost"}}}
{"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"ergo://gamma@localhost/log?limit=10&levels=error"}}
{"jsonrpc":"2.0","id":4,"method":"resources/templates/list","params":{}}
{"jsonrpc":"2.0","id":5,"method":"resources/read","params":{"uri":"ergo://gamma@localhost/node?at=-5s"}}
`)
	var out bytes.Buffer
	if err := s.ServeStdio(t.Context(), in, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`\"Name\":\"gamma@localhost\"`, `"services.ergo/nextSeq":"recording-0.`, `ergo://{+node}/log{?levels`, `"id":5,"result":{`, `"age":"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %s: %.3000s", want, out.String())
		}
	}
}

// TestNewProtocolBesideOld: with any set of tools, a request of the protocol's
// version 2026-07-28 is answered without a session, in its form.
func TestNewProtocolBesideOld(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "test"), Options{Version: "1"})
	web := httptest.NewServer(s.Handler(door.Options{}))
	defer web.Close()
	for _, c := range []struct{ method, name, params, want string }{
		{"server/discover", "", "", `"supportedVersions":["2026-07-28",`},
		{"tools/list", "", "", `"name":"diagnose"`},
		{"tools/call", "node_info", `"name":"node_info","arguments":{"node":"gamma@localhost"},`, `"resultType":"complete"`},
		{"resources/read", "recording://report", `"uri":"recording://report",`, `"resultType":"complete"`},
		{"prompts/list", "", "", `"post_mortem"`},
	} {
		body := `{"jsonrpc":"2.0","id":1,"method":"` + c.method + `","params":{` + c.params + `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+Path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		req.Header.Set(observer.HeaderVersion, observer.Version)
		req.Header.Set(observer.HeaderMethod, c.method)
		if c.name != "" {
			req.Header.Set(observer.HeaderName, c.name)
		}
		resp, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), c.want) || !strings.Contains(string(text), `"io.modelcontextprotocol/serverInfo"`) {
			t.Errorf("%s: %d %.300s, %v", c.method, resp.StatusCode, text, err)
		}
	}
}
