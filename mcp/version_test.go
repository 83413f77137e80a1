package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/door"
)

// TestVersionsOfTheProtocol: an object is structured content to a client whose
// version knows it, text to an older one, and never both; on both transports,
// by the official SDK's client.
func TestVersionsOfTheProtocol(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	web := httptest.NewServer(s.Handler(door.Options{}))
	t.Cleanup(web.Close)
	for version, objects := range map[string]bool{"2024-11-05": false, "2025-03-26": false, "2025-06-18": true, "2025-11-25": true, "2026-07-28": true} {
		http := &sdk.StreamableClientTransport{Endpoint: web.URL + Path, DisableStandaloneSSE: true, HTTPClient: web.Client()}
		for road, over := range map[string]sdk.Transport{"http": http, "stdio": overPipes(t, s)} {
			t.Run(road+" "+version, func(t *testing.T) {
				session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).
					Connect(context.Background(), over, &sdk.ClientSessionOptions{ProtocolVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { session.Close() })
				if got := session.InitializeResult().ProtocolVersion; got != version {
					t.Fatalf("they agreed on %s", got)
				}
				said, res := tool(t, session, "diagnose", map[string]any{"format": "json"})
				object := []byte(res.Content[0].(*sdk.TextContent).Text)
				if objects {
					object = mustJSON(res.StructuredContent)
				} else if res.StructuredContent != nil {
					t.Error("the object is sent to a client that does not know it")
				}
				if objects && strings.Contains(said, "blocked_callback") {
					t.Errorf("the object stands in the text too: %.200s", said)
				}
				if len(object) > defaultBytes {
					t.Errorf("the object has %d bytes", len(object))
				}
				var d struct{ Findings []struct{ Kind string } }
				if err := json.Unmarshal(object, &d); err != nil || len(d.Findings) == 0 || d.Findings[0].Kind != "blocked_callback" {
					t.Errorf("no finding in %.300s: %v", object, err)
				}
				words, res := tool(t, session, "diagnose", nil)
				if res.StructuredContent != nil || !strings.Contains(words, "is blocked") {
					t.Errorf("words come with %v", res.StructuredContent)
				}
			})
		}
	}
}

// overPipes is a transport to a server that is served over standard input and
// output.
func overPipes(t *testing.T, s *Server) sdk.Transport {
	in, write := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.ServeStdio(t.Context(), in, out) }()
	t.Cleanup(func() {
		write.Close()
		read.Close()
		<-done
	})
	return &sdk.IOTransport{Reader: read, Writer: write}
}

// TestGatewayNamesItself: the call that gives the rest of an answer can be made
// in a small set.
func TestGatewayNamesItself(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{Set: CoreTools}), nil)
	text, res := tool(t, session, "reading", map[string]any{"name": "app_processes", "max_bytes": 500, "arguments": map[string]any{"name": "trading_bots"}})
	_, next, ok := strings.Cut(text, "next: reading ")
	var args map[string]any
	if err := json.Unmarshal([]byte(next), &args); res.IsError || !ok || err != nil {
		t.Fatalf("the next call is of another tool: …%s", text[max(0, len(text)-300):])
	}
	if whole, res := tool(t, session, "reading", args); res.IsError || len(whole) <= len(text) {
		t.Errorf("it gives %d bytes after %d", len(whole), len(text))
	}
	object, _ := tool(t, session, "reading", map[string]any{"name": "diff", "arguments": map[string]any{"before": "30s", "format": "json"}})
	if !strings.HasPrefix(object, "see structuredContent") {
		t.Errorf("format=json answers in words: %.100s", object)
	}
}

// TestFold: rows that are alike in what was asked for are one, with their number.
func TestFold(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	text, _ := tool(t, session, "process_list", map[string]any{"node": "gamma@localhost", "fields": []string{"Behavior", "State"}})
	whole, _ := tool(t, session, "process_list", map[string]any{"node": "gamma@localhost", "fields": []string{"PID", "Behavior", "State"}, "max_bytes": 100_000})
	var folded, all []struct {
		PID, Behavior, State string
		Rows                 int
	}
	if json.Unmarshal([]byte(text), &folded) != nil || json.Unmarshal([]byte(whole), &all) != nil {
		t.Fatalf("%.300s", text)
	}
	rows := 0
	for _, r := range folded {
		rows += max(r.Rows, 1)
	}
	if rows != len(all) || len(folded) >= len(all)/2 {
		t.Errorf("%d rows in %d families, of %d", rows, len(folded), len(all))
	}
}
