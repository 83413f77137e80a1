package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"ergorecorder/door"
	"ergorecorder/ergo"
)

// A message is a JSON-RPC answer, or a notification.
type message struct {
	ID     any
	Method string
	Result struct {
		Content []struct{ Text string }
		IsError bool
	}
	Error *struct {
		Code    int
		Message string
	}
}

// talk sends lines to a server over standard input, ends it, and returns what
// it said, by ID.
func talk(t *testing.T, s *Server, lines ...string) map[string]message {
	t.Helper()
	var out bytes.Buffer
	if err := s.ServeStdio(t.Context(), strings.NewReader(strings.Join(lines, "\n")+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	return messages(t, &out)
}

func messages(t *testing.T, r io.Reader) map[string]message {
	t.Helper()
	got := map[string]message{}
	d := json.NewDecoder(r)
	for {
		var m message
		if err := d.Decode(&m); err == io.EOF {
			return got
		} else if err != nil {
			t.Fatal(err)
		}
		got[fmt.Sprint(m.ID)] = m
	}
}

func toolCall(id int, name, args string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, name, args)
}

// badMessages are messages that are wrong, and the JSON-RPC code of each.
var badMessages = []struct {
	name, text, id string
	code           int
}{
	{"no JSON", `{"jsonrpc":`, "<nil>", ergo.CodeParse},
	{"a batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, "<nil>", ergo.CodeParse},
	{"a number", `7`, "<nil>", ergo.CodeParse},
	{"another version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, "1", ergo.CodeInvalidRequest},
	{"no version", `{"id":1,"method":"ping"}`, "1", ergo.CodeInvalidRequest},
	{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"no/such"}`, "1", ergo.CodeMethodNotFound},
	{"unknown tool", toolCall(1, "no_such_tool", `{}`), "1", ergo.CodeInvalidParams},
	{"an action", toolCall(1, "process_kill", `{"pid":"<A.0.1>"}`), "1", ergo.CodeInvalidParams},
	{"unknown resource", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"recording://none"}}`, "1", -32002},
	{"unknown prompt", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"none"}}`, "1", ergo.CodeInvalidParams},
}

func TestBadMessages(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	for _, tt := range badMessages {
		t.Run(tt.name, func(t *testing.T) {
			over := map[string]message{"stdio": talk(t, s, tt.text)[tt.id]}
			w := httptest.NewRecorder()
			req := httptest.NewRequest(http.MethodPost, Path, strings.NewReader(tt.text))
			req.Host = "localhost"
			req.Header.Set("Content-Type", "application/json")
			s.Handler(door.Options{}).ServeHTTP(w, req)
			over["http"] = messages(t, w.Body)[tt.id]
			for name, m := range over {
				if m.Error == nil || m.Error.Code != tt.code {
					t.Errorf("%s: got %+v, want code %d", name, m.Error, tt.code)
				}
			}
		})
	}
}

// TestBadArguments: what is wrong with a call's arguments is said to the agent
// in words, as a result.
func TestBadArguments(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	tests := []struct{ tool, args, want string }{
		{"trend", `{}`, "trend: metric is required"},
		{"trend", `{"metric":7}`, "trend: metric must be of type string, got 7"},
		{"trend", `{"metric":"heap_alloc","points":"many"}`, "points must be of type integer"},
		{"trend", `{"metric":"heap_alloc","width":1}`, `there is no argument "width"`},
		{"diagnose", `{"severity":"bad"}`, `severity: there is no "bad"; there are critical, info and warning`},
		{"diagnose", `{"from":"end","to":"start"}`, "the window ends"},
		{"diagnose", `{"from":"yesterday"}`, `from: read time "yesterday"`},
		{"explain_finding", `{"id":"F99"}`, `no finding "F99" among F1`},
		{"node_info", `{"at":"F99"}`, `read time "F99"`},
		{"node_info", `[1,2]`, "arguments must be a JSON object"},
		{"node_info", `"text"`, "arguments must be a JSON object"},
		{"node_info", `{"node":"nobody@nowhere"}`, `node "nobody@nowhere": no recorded node is called that; there are alpha@localhost`},
		{"node_info", `{"node":"gama@localhost"}`, "did you mean gamma@localhost"},
		{"trend", `{"metric":"heap_alloc","node":"gamma"}`, "did you mean gamma@localhost?"},
		{"trend", `{"metric":"heap_aloc"}`, "did you mean heap_alloc?"},
		{"trend", `{"metric":"process_list.MessagesIn","row":"book_et"}`, `there is no row "book_et" in the window; did you mean book_eth`},
		{"diff", `{"before":"start","node":"gamma"}`, "did you mean gamma@localhost?"},
		{"who_waits", `{"node":"gamma"}`, "did you mean gamma@localhost?"},
		{"search_logs", `{"node":"gamma"}`, "did you mean gamma@localhost?"},
		{"profile_top", `{"kind":"cpu","node":"gamma"}`, "did you mean gamma@localhost?"},
		{"diagnose", `{"node":"gamma"}`, "did you mean gamma@localhost?"},
		{"process_list", `{"limt":2}`, `there is no argument "limt"; did you mean limit?`},
		{"process_list", `{"limit":"2"}`, "limit must be of type integer"},
		{"node_info", `{"at":1795338060}`, "at must be of type string, got 1795338060"},
		{"node_info", `{"at":["F1"]}`, `at must be of type string, got ["F1"]`},
		{"node_info", `{"at":"2030-01-01T00:00:00Z"}`, "is outside of the recording, which goes from 2026-11-22T01:13:28"},
		{"trend", `{"metric":"heap_alloc","from":"2020-01-01T00:00:00Z"}`, "nearest is start"},
		{"sample_start", `{}`, "tool is required"},
		{"sample_start", `{"tool":"sample_list"}`, "a sampler cannot sample sample_list"},
		{"sample_read", `{"sampler_id":"mcp_sampler_ffffffff"}`, "sampler mcp_sampler_ffffffff not found"},
		{"sample_stop", `{"sampler_id":"mcp_sampler_ffffffff"}`, "sampler mcp_sampler_ffffffff not found: unknown process"},
		{"profile_top", `{"kind":"mutex","node":"gamma@localhost"}`, `kind: there is no "mutex"; there are alloc, cpu, goroutine and heap`},
		{"profile_top", `{"kind":"cpu","node":"gamma@localhost","at":"start"}`, "no cpu profile of gamma@localhost was recorded at or before"},
	}
	var lines []string
	for i, tt := range tests {
		lines = append(lines, toolCall(i, tt.tool, tt.args))
	}
	got := talk(t, s, lines...)
	for i, tt := range tests {
		m := got[fmt.Sprint(i)]
		if !m.Result.IsError || len(m.Result.Content) != 1 || !strings.Contains(m.Result.Content[0].Text, tt.want) {
			t.Errorf("%s %s: got %+v, want an error with %q", tt.tool, tt.args, m, tt.want)
		}
	}
}

// TestLongLine: a line beyond the limit is refused and passed over.
func TestLongLine(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{MaxMessage: 4096})
	got := talk(t, s, toolCall(1, "node_info", `{"node":"`+strings.Repeat("x", 100_000)+`"}`), strings.Replace(ping, "1,", "2,", 1))
	if m := got["<nil>"]; m.Error == nil || m.Error.Code != ergo.CodeInvalidRequest {
		t.Errorf("the long line: %+v", m)
	}
	if m, ok := got["2"]; !ok || m.Error != nil {
		t.Errorf("the line behind it: %+v", m)
	}
}

// TestEndOfInput: what was asked is answered although the input has ended.
func TestEndOfInput(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	var lines []string
	for i := range 200 {
		lines = append(lines, toolCall(i, "node_info", `{}`))
	}
	if got := talk(t, s, lines...); len(got) != len(lines) {
		t.Errorf("%d answers to %d calls", len(got), len(lines))
	}
}

// TestSlowReader: a client that does not read holds up its own answers only,
// and gets all of them in the end.
func TestSlowReader(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	in, write := io.Pipe()
	read, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := s.ServeStdio(t.Context(), in, out)
		out.Close()
		ended <- err
	}()
	const calls = 150
	var sent sync.WaitGroup
	sent.Go(func() {
		for i := range calls {
			fmt.Fprintln(write, toolCall(i, "process_list", `{"limit":100000}`))
		}
		write.Close()
	})
	// Nothing was read until here; another session is served all the same.
	if m := talk(t, s, toolCall(1, "node_info", `{}`))["1"]; m.Result.IsError || m.Error != nil {
		t.Errorf("another session: %+v", m)
	}
	if got := messages(t, bufio.NewReader(read)); len(got) != calls {
		t.Errorf("%d answers to %d calls", len(got), calls)
	}
	sent.Wait()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestGoneReader: a client that went away ends the server with an error.
func TestGoneReader(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	in, write := io.Pipe()
	read, out := io.Pipe()
	read.Close()
	ended := make(chan error, 1)
	go func() { ended <- s.ServeStdio(context.Background(), in, out) }()
	fmt.Fprintln(write, ping)
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "write to the client") {
		t.Errorf("got %v", err)
	}
	write.Close()
}
