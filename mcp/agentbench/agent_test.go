package agentbench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/door"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/mcp"
	"ergorecorder/mcp/agentbench"
)

// mostBytes is what the greedy agent may read and write in all, everything counted.
const mostBytes = 60_000

// A truth is what is known about a capture.
type truth struct {
	Faults []struct {
		Kind, Node, Peer string
		Accept, Names    []string
	}
}

// named reports whether a text names each fault: one of its kinds, and one of the
// names of who is to blame.
func (tr truth) named(text string) bool {
	for _, f := range tr.Faults {
		kind := strings.Contains(text, f.Kind)
		for _, k := range f.Accept {
			kind = kind || strings.Contains(text, k)
		}
		who := len(f.Names) == 0 && strings.Contains(text, f.Node)
		for _, n := range f.Names {
			who = who || strings.Contains(text, n)
		}
		if !kind || !who {
			return false
		}
	}
	return true
}

// server serves a capture to a foreign client over HTTP.
func server(t *testing.T, capture string, set mcp.ToolSet) agentbench.Server {
	t.Helper()
	rec := fixture.Open(t, fixture.Bare(t, capture))
	web := httptest.NewServer(mcp.New(mcp.Recorded(rec, "incident.erg"), mcp.Options{Set: set}).Handler(door.Options{}))
	t.Cleanup(web.Close)
	over := &sdk.StreamableClientTransport{Endpoint: web.URL + mcp.Path, DisableStandaloneSSE: true, HTTPClient: web.Client()}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "agent", Version: "1"}, nil).Connect(context.Background(), over, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return agentbench.Server{
		Instructions: session.InitializeResult().Instructions, List: string(text),
		Call: func(tool string, args ergo.Args) (string, error) {
			res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: map[string]any(args)})
			if err != nil {
				return "", err
			}
			var b strings.Builder
			for _, c := range res.Content {
				if x, ok := c.(*sdk.TextContent); ok {
					b.WriteString(x.Text + "\n")
				}
			}
			if res.IsError {
				return b.String(), errors.New(b.String())
			}
			return b.String(), nil
		},
	}
}

// TestAgents holds that an agent which only does what it is told names the cause
// of every capture, within the bars, and prints what it costs one that knows the
// live tools alone.
func TestAgents(t *testing.T) {
	captures, err := filepath.Glob("../../testdata/*.truth.json")
	if err != nil || len(captures) == 0 {
		t.Fatal(err)
	}
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		captures, err = filepath.Glob(filepath.Join(dir, "*.truth.json"))
		if err != nil || len(captures) == 0 {
			t.Fatalf("no captures in %s: %v", dir, err)
		}
	}
	for _, c := range captures {
		c = strings.TrimSuffix(c, ".truth.json")
		text, err := os.ReadFile(c + ".truth.json")
		if err != nil {
			t.Fatal(err)
		}
		var tr truth
		if err := json.Unmarshal(text, &tr); err != nil {
			t.Fatal(err)
		}
		got, err := agentbench.Greedy(server(t, c, mcp.CoreTools))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(c), err)
		}
		right := got.Healed || got.Unsure // a recording that does not suffice is not healthy either
		if len(tr.Faults) > 0 {
			right = !got.Healed && tr.named(got.Says)
		}
		if !right || got.Calls > 5 || got.Bytes > mostBytes {
			t.Errorf("%s: the greedy agent needs %d calls and %d bytes, and is right: %v\n%.400s", filepath.Base(c), got.Calls, got.Bytes, right, got.Says)
		}
		live, err := agentbench.Live(server(t, c, mcp.AllTools))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(c), err)
		}
		liveRight := live.Healed
		if len(tr.Faults) > 0 {
			liveRight = !live.Healed && tr.named(live.Says)
		}
		says := fmt.Sprint(right)
		if got.Unsure {
			says = "cannot be told"
		}
		t.Logf("| %s | %d | %d | %s | %d | %d | %v |", filepath.Base(c), got.Calls, got.Bytes, says, live.Calls, live.Bytes, liveRight)
	}
}

// TestGreedyNeedsInstructions: an agent that is told nothing says so.
func TestGreedyNeedsInstructions(t *testing.T) {
	if _, err := agentbench.Greedy(agentbench.Server{}); err == nil {
		t.Error("it began without instructions")
	}
}
