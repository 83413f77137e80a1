package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// TestServeMCP: the live cluster answers what names no moment, the recording so
// far what does, in one server.
func TestServeMCP(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "live.erg"), nil)
	defer w.Close()
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	then := ergo.Answer{Text: []byte(`{"Name":"a@h","Uptime":100}`), At: at}
	if _, err := w.Append(ingest.Record(ergo.Call{Node: "a@h", Tool: "node_info"}, nil, then, nil, ingest.Options{})); err != nil {
		t.Fatal(err)
	}
	now := ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{Text: []byte(`{"Name":"a@h","Uptime":160}`), At: at.Add(time.Minute)}, nil
	})
	var said atomic.Value
	f := mcpFlags{addr: "127.0.0.1:0"}
	stop, err := f.serve(t.Context(), now, w, "live.erg", func(line string) { said.Store(line) })
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + strings.TrimPrefix(said.Load().(string), "serving MCP on ")
	for _, tt := range []struct{ body, want string }{
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"node_info","arguments":{}}}`, `\"Uptime\":160`},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"node_info","arguments":{"at":"2026-11-22T01:00:01Z"}}}`, `\"Uptime\":100`},
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"process_kill","arguments":{"pid":"<A.0.1>"}}}`, "not found"},
	} {
		res, err := http.Post(url, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(text), tt.want) {
			t.Errorf("%s\n%s\nlacks %s", tt.body, text, tt.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	f = mcpFlags{addr: "0.0.0.0:0"}
	if _, err := f.serve(t.Context(), now, w, "live.erg", func(string) {}); err == nil || !strings.Contains(err.Error(), "needs a bearer token") {
		t.Errorf("another address without a token: %v", err)
	}
}
