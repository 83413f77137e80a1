package mcp

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"ergorecorder/door"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// importCapture makes an archive of a capture in testdata and the profiles
// beside it.
func importCapture(t testing.TB, name string) (path string) {
	t.Helper()
	return fixture.Archive(t, fixture.Bundled(t, name))
}

// recording opens a capture of testdata as a recording.
func recording(t testing.TB, name string) *replay.Recording {
	t.Helper()
	return fixture.Recording(t, fixture.Bundled(t, name))
}

// connect is a session of the official Go SDK's client over HTTP.
func connect(t testing.TB, s *Server, opts *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	web := httptest.NewServer(s.Handler(door.Options{}))
	t.Cleanup(web.Close)
	return dial(t, &sdk.StreamableClientTransport{Endpoint: web.URL + Path, DisableStandaloneSSE: true, HTTPClient: web.Client()}, opts)
}

func dial(t testing.TB, over sdk.Transport, opts *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, opts).Connect(context.Background(), over, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// tool calls a tool and returns its text.
func tool(t testing.TB, session *sdk.ClientSession, name string, args map[string]any) (text string, res *sdk.CallToolResult) {
	t.Helper()
	res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return textOf(res), res
}

func textOf(res *sdk.CallToolResult) string {
	var b strings.Builder
	for _, c := range res.Content {
		if x, ok := c.(*sdk.TextContent); ok {
			b.WriteString(x.Text)
		}
	}
	return b.String()
}
