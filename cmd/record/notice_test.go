package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// planted is what a hostile cluster says wherever it can: commands to the terminal
// (7 and 8 bit), a change of direction, a line of its own.
const planted = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\nrecord: all is well"

// hostileEntry is an entry point that names nodes so, and refuses all else in such
// words: as an error of the protocol, of a tool, or as what is no JSON.
func hostileEntry(t *testing.T) string {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			ID     any
			Method string
			Params struct{ Name string }
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, planted, http.StatusBadRequest)
			return
		}
		calls++
		said := func(text string, isError bool) map[string]any {
			return map[string]any{"content": []any{map[string]any{"type": "text", "text": text}}, "isError": isError}
		}
		answer := map[string]any{"jsonrpc": "2.0", "id": q.ID}
		switch {
		case q.Params.Name == "cluster_nodes":
			list, _ := json.Marshal([]map[string]string{{"name": "a\u202eb@h", "status": "self"}, {"name": "c" + planted + "@h", "status": "connected"}, {"name": "d\u2066@h", "status": "connected"}})
			answer["result"] = said(string(list), false)
		case q.Method != "tools/call":
			answer["result"] = map[string]any{"protocolVersion": "2025-06-18", "serverInfo": map[string]any{"name": planted, "version": planted}, "capabilities": map[string]any{}, "tools": []any{}}
		case calls%3 == 0:
			answer["error"] = map[string]any{"code": -32603, "message": planted}
		case calls%3 == 1:
			answer["result"] = said(planted, true)
		default:
			answer["result"] = said(planted, false)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/mcp"
}

// TestHostileNotices: whatever the cluster answers, the recorder's own notices, what
// record check finds and what record run says at its end steer no terminal.
func TestHostileNotices(t *testing.T) {
	url := hostileEntry(t)
	for _, args := range [][]string{
		{"run", "--endpoint", "mcp+" + url, "-o", filepath.Join(t.TempDir(), "a.erg"), "--for", "2s", "--socket=false"},
		{"check", "--endpoint", "mcp+" + url},
		{"run", "--endpoint", "observer+" + url, "-o", filepath.Join(t.TempDir(), "b.erg"), "--for", "1s", "--socket=false"},
	} {
		var stdout, stderr bytes.Buffer
		run(t.Context(), "record", args, nil, &stdout, &stderr)
		text := stdout.String() + stderr.String()
		if text == "" {
			t.Errorf("record %s says nothing", args[0])
		}
		if at := strings.IndexFunc(text, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}); at >= 0 {
			t.Errorf("record %s lets through …%.100q", args[0], text[max(0, at-40):])
		}
		if strings.Contains(text, "\nrecord: all is well") {
			t.Errorf("record %s: the cluster begins a line:\n%s", args[0], text)
		}
	}
}
