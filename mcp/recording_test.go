package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder"
	"ergorecorder/ergo/capture"
	"ergorecorder/internal/pace"
	"ergorecorder/replay"
)

// newToolCalls are calls of every tool that the cluster does not have, with what
// their texts must hold on the recording of a blocked callback.
var newToolCalls = []struct {
	name string
	args map[string]any
	want []string
}{
	{"recording_info", nil, []string{"alpha@localhost (entry point", "life begun 2026-11-22T01:12:5", "sample process_list: ", "gaps: "}},
	{"diagnose", nil, []string{"F1 (", "critical", "blocked_callback", "name book_eth", "applyDelta"}},
	{"diagnose", map[string]any{"playbooks": []string{"memory"}, "limit": 1}, []string{"to 2026-11-22T01:15:15"}},
	{"explain_finding", map[string]any{"id": "F1"}, []string{"evidence:", "gamma@localhost/process_list@2026-11-22T01:1", "confirm live", "step 1: ", "ask again: measure "}},
	{"timeline", nil, []string{"F1 begins: ", "sequence gap detected", "moments"}},
	{"timeline", map[string]any{"limit": 1}, []string{"(1 shown; a larger limit shows more)"}},
	{"trend", map[string]any{"metric": "MailboxLatency", "node": "gamma@localhost", "row": "book_eth", "points": 5}, []string{"process_list.MailboxLatency of gamma@localhost book_eth", "slope 9.9"}},
	{"trend", map[string]any{"metric": "process_list.MessagesIn", "row": "<0.0.1078>", "node": "gamma@localhost"}, []string{"per second"}},
	{"trend", map[string]any{"metric": "heap_alloc"}, []string{"runtime_stats.heap_alloc of alpha@", "runtime_stats.heap_alloc of gamma@"}},
	{"compare", map[string]any{"at": "01:14:10"}, []string{"before: stuck", "after: stuck"}},
	{"diff", map[string]any{"before": "start", "node": "gamma@localhost"}, []string{"book_eth trading.OrderBook MailboxLatency: ", "appeared: "}},
	{"measure", map[string]any{"of": "max(MailboxLatency)/1e9", "tool": "process_list", "node": "gamma@localhost", "row": "book_eth"}, []string{"79.", "answers of process_list on gamma@localhost"}},
	{"search_logs", map[string]any{"level": "warning", "text": "feed <*> gap"}, []string{"18 x warning ("}},
	{"search_logs", map[string]any{"text": "no such words"}, []string{"0 lines"}},
	{"who_waits", nil, []string{"book_eth trading.OrderBook: running for 79.7 s", "blocked on mutex in labapp/trading.(*OrderBook).applyDelta", "mcp_app"}},
	{"profile_top", map[string]any{"kind": "cpu", "node": "gamma@localhost"}, []string{"(raw)", "nanoseconds in 5 s"}},
	{"profile_top", map[string]any{"kind": "goroutine", "node": "gamma@localhost", "origin": "application"}, []string{"applyDelta"}},
	{"profile_diff", map[string]any{"kind": "heap", "node": "gamma@localhost", "before": "30s"}, []string{"against the profile of 2026-11-22T01:13:", "bytes"}},
}

// TestNewTools calls every tool of ours through a foreign client: its text, and
// that it answers with an object where one is asked for.
func TestNewTools(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	called := map[string]bool{}
	for _, tt := range newToolCalls {
		called[tt.name] = true
		text, res := tool(t, session, tt.name, tt.args)
		for _, w := range tt.want {
			if res.IsError || !strings.Contains(text, w) {
				t.Errorf("%s %v: no %q in\n%s", tt.name, tt.args, w, text)
			}
		}
		structured := maps.Clone(tt.args)
		if structured == nil {
			structured = map[string]any{}
		}
		structured["format"] = "json"
		if _, res := tool(t, session, tt.name, structured); res.StructuredContent == nil {
			t.Errorf("%s %v: no object with format json", tt.name, tt.args)
		}
		if size := len(mustJSON(res)); size > 100_000 {
			t.Errorf("%s %v answers with %d bytes, too much for an agent", tt.name, tt.args, size)
		}
	}
	for _, x := range recordingTools() {
		if !called[x.Name] {
			t.Errorf("%s is not tested", x.Name)
		}
	}
}

// TestEmptyDiagnosis: what is examined in order is said; structured lists are
// lists even when they are empty.
func TestEmptyDiagnosis(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	text, _ := tool(t, session, "diagnose", map[string]any{"to": "01:13:50", "severity": "warning"})
	_, res := tool(t, session, "diagnose", map[string]any{"to": "01:13:50", "severity": "warning", "format": "json"})
	if !strings.Contains(text, "no findings") || !strings.Contains(text, "in order:") {
		t.Errorf("before the fault:\n%s", text)
	}
	d := res.StructuredContent.(map[string]any)
	if d["schema"] != "ergo-findings/1" || d["findings"] == nil || d["total"] != 0.0 {
		t.Errorf("structured: %v", d)
	}
}

func TestProgress(t *testing.T) {
	var mu sync.Mutex
	var steps []string
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), &sdk.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			mu.Lock()
			defer mu.Unlock()
			steps = append(steps, fmt.Sprintf("%s %v/%v", r.Params.Message, r.Params.Progress, r.Params.Total))
		},
	})
	params := &sdk.CallToolParams{Name: "diagnose"}
	params.SetProgressToken("p1")
	if _, err := session.CallTool(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(steps) < 3 {
		t.Errorf("progress was told %v", steps)
	}
}

func TestResourcesAndPrompts(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	for uri, want := range map[string]string{
		reportURI:         `"schema": "ergo-findings/1"`,
		findingURI + "F1": `"pid": "<11458782.0.1078>"`,
		vocabularyURI:     "blocked_callback",
		formatURI:         "byte",
	} {
		if _, err := fs.Stat(ergorecorder.Documents, "FORMAT.md"); uri == formatURI && err != nil {
			continue
		}
		res, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || !strings.Contains(res.Contents[0].Text, want) {
			t.Errorf("%s: %v: no %q", uri, err, want)
		}
	}
	list, err := session.ListPrompts(t.Context(), nil)
	if err != nil || len(list.Prompts) != len(playbookNames())+1 {
		t.Fatalf("%d prompts, %v", len(list.Prompts), err)
	}
	for _, name := range append(playbookNames(), "post_mortem") {
		p, err := session.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: name, Arguments: map[string]string{"node": "gamma@localhost"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := p.Messages[0].Content.(*sdk.TextContent).Text
		if !strings.Contains(text, "on node gamma@localhost") || !strings.Contains(text, "2. ") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if !strings.Contains(session.InitializeResult().Instructions, "Begin with diagnose") {
		t.Error("the instructions do not say how to begin")
	}
}

// TestConcurrentCalls serves a thousand calls at once, of several sessions; in the
// short form fewer, for a call that waits ten seconds for its turn is refused.
func TestConcurrentCalls(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	var sessions []*sdk.ClientSession
	for range 4 {
		sessions = append(sessions, connect(t, s, nil))
	}
	names := []string{"node_info", "process_list", "runtime_stats", "network_nodes", "cluster_nodes", "event_list"}
	var all sync.WaitGroup
	for i := range pace.Times(1000, 1000, 200) {
		all.Go(func() {
			res, err := sessions[i%len(sessions)].CallTool(t.Context(), &sdk.CallToolParams{
				Name: names[i%len(names)], Arguments: map[string]any{"at": fmt.Sprintf("%ds", 10+i%90)},
			})
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			} else if res.IsError {
				t.Errorf("call %d: %s", i, textOf(res))
			}
		})
	}
	all.Wait()
}

// TestTwoRecordings: two archives are one timeline.
func TestTwoRecordings(t *testing.T) {
	rec, err := replay.Open(importCapture(t, "stuck"), importCapture(t, "restart_loop"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	session := connect(t, New(Recorded(rec, "both"), Options{}), nil)
	text, _ := tool(t, session, "diagnose", map[string]any{"severity": "critical"})
	for _, want := range []string{"blocked_callback", "restart_loop"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// TestAgreesWithCaptures calls, for captured answers, the same tool with the
// same arguments at the same time, and wants the same text.
func TestAgreesWithCaptures(t *testing.T) {
	for _, name := range []string{"stuck", "restart_loop"} {
		t.Run(name, func(t *testing.T) {
			session := connect(t, New(Recorded(recording(t, name), name), Options{}), nil)
			f, err := os.Open(filepath.Join("..", "testdata", name+".jsonl.gz"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			n := 0
			for l, err := range capture.Read(f) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%7 != 0 || strings.HasPrefix(l.Call.Tool, "sample_") || l.Refused != nil {
					continue
				}
				args := map[string]any(l.Call.Args.With("at", l.Answer.At.Format(capture.TimeFormat)).With("node", l.Call.Node))
				text, res := tool(t, session, l.Call.Tool, args)
				if res.IsError || !sameAnswer(text, string(l.Answer.Text)) {
					t.Errorf("%s at %v:\n%.300s\nwas\n%.300s", l.Call, l.Answer.At, text, l.Answer.Text)
				}
			}
		})
	}
}

// sameAnswer compares answers but for the order of rows, which nodes give at
// random, and what is kept back as secret.
func sameAnswer(a, b string) bool {
	if a == b {
		return true
	}
	canonical := func(text string) (lines []string, ok bool) {
		var rows []json.RawMessage
		if json.Unmarshal([]byte(text), &rows) != nil {
			rows = []json.RawMessage{json.RawMessage(text)}
		}
		for _, r := range rows {
			var v any
			if json.Unmarshal(r, &v) != nil {
				return nil, false
			}
			lines = append(lines, string(mustJSON(v)))
		}
		slices.Sort(lines)
		return lines, true
	}
	x, ok := canonical(a)
	y, ok2 := canonical(b)
	return ok && ok2 && slices.Equal(x, y)
}
