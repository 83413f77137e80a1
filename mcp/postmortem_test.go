package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/door"
)

// call is how a foreign client calls a tool.
type call func(tool string, args map[string]any) (text string, refused bool, err error)

// culprit is what a post-mortem ends with.
type culprit struct{ node, pid, name, function string }

// postMortem reaches the process at fault with the cluster's own tools only, as
// their documentation teaches: it knows nothing of recordings.
func postMortem(t *testing.T, do call) (found culprit) {
	t.Helper()
	ask := func(into any, tool string, args map[string]any) string {
		t.Helper()
		text, refused, err := do(tool, args)
		if err != nil || refused {
			t.Fatalf("%s %v: %v %s", tool, args, err, text)
		}
		if into != nil {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatalf("%s %v: %v in %s", tool, args, err, text)
			}
		}
		return text
	}
	type process struct {
		PID, Name, Behavior, Application, State                      string
		MessagesIn, MessagesMailbox, MailboxLatency, Wakeups, Uptime int64
	}

	// Which nodes are there, and do they all answer?
	var nodes []struct{ Name, Status string }
	ask(&nodes, "cluster_nodes", nil)
	var worst process
	for _, n := range nodes {
		var info struct{ ProcessesTotal, ProcessesRunning int }
		ask(&info, "node_info", map[string]any{"node": n.Name})
		if info.ProcessesTotal == 0 {
			t.Fatalf("node_info of %s counts no processes", n.Name)
		}
		// Whose messages wait longest?
		var list []process
		ask(&list, "process_list", map[string]any{"node": n.Name, "sort_by": "mailbox_latency", "limit": 5, "application": "trading_bots"})
		if len(list) > 5 || !slices.IsSortedFunc(list, func(a, b process) int { return int(b.MailboxLatency - a.MailboxLatency) }) {
			t.Errorf("process_list on %s is not sorted or cut: %v", n.Name, list)
		}
		if len(list) > 0 && list[0].MailboxLatency > worst.MailboxLatency {
			worst, found.node = list[0], n.Name
		}
	}
	found.pid, found.name = worst.PID, worst.Name

	// It is running: busy, or blocked?
	var running []process
	ask(&running, "process_list", map[string]any{"node": found.node, "state": "running", "min_mailbox": 100})
	if !slices.ContainsFunc(running, func(p process) bool { return p.PID == worst.PID }) {
		t.Fatalf("%s is not among the running processes with deep mailboxes: %v", worst.PID, running)
	}
	var detail struct {
		PID, Behavior string
		MailboxQueues struct{ Main int64 }
	}
	ask(&detail, "process_info", map[string]any{"node": found.node, "pid": worst.PID})
	if detail.MailboxQueues.Main == 0 {
		t.Errorf("process_info shows an empty main queue of %s", worst.PID)
	}

	// Sample it: messages come in, none is handled.
	var started struct {
		ID string `json:"sampler_id"`
	}
	ask(&started, "sample_start", map[string]any{
		"node": found.node, "tool": "process_list", "interval_ms": 2000, "duration_sec": 30,
		"arguments": map[string]any{"name": worst.Name, "limit": 10},
	})
	var read struct {
		Completed bool
		Samples   []struct {
			Data struct{ Content []struct{ Text string } }
		}
	}
	ask(&read, "sample_read", map[string]any{"node": found.node, "sampler_id": started.ID, "max_bytes": 1 << 20})
	if !read.Completed || len(read.Samples) < 10 {
		t.Fatalf("30 s at 2 s give %d samples, completed %v", len(read.Samples), read.Completed)
	}
	handled := map[int64]bool{}
	for _, s := range read.Samples {
		var rows []process
		if err := json.Unmarshal([]byte(s.Data.Content[0].Text), &rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.PID == worst.PID {
				handled[r.MessagesIn-r.MessagesMailbox] = true
			}
		}
	}
	if len(handled) != 1 {
		t.Errorf("%s handled messages while it was sampled: %v", worst.PID, slices.Sorted(maps.Keys(handled)))
	}

	// What is it blocked on?
	_, typeName, _ := strings.Cut(worst.Behavior, ".")
	stacks := ask(nil, "pprof_goroutines", map[string]any{"node": found.node, "filter": typeName, "debug": 2})
	for block := range strings.SplitSeq(stacks, "\n\n") {
		if !strings.Contains(block, worst.PID) {
			continue
		}
		for line := range strings.Lines(block) {
			if strings.Contains(line, typeName) && found.function == "" {
				found.function = line[:strings.LastIndex(line, "(")]
			}
		}
	}

	// The link to it is not to blame: both sides agree.
	entry := nodes[slices.IndexFunc(nodes, func(n struct{ Name, Status string }) bool { return n.Status == "self" })].Name
	for _, side := range [][2]string{{entry, found.node}, {found.node, entry}} {
		var link struct{ ConnectionUptime, MessagesIn, MessagesOut int64 }
		ask(&link, "network_node_info", map[string]any{"node": side[0], "name": side[1]})
		if link.ConnectionUptime < 60 || link.MessagesIn == 0 {
			t.Errorf("the link of %s to %s: %+v", side[0], side[1], link)
		}
	}
	return found
}

// truth is the fault of a capture.
func truth(t *testing.T, name string) culprit {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Faults []struct{ Node, PID, Process, Function string }
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	return culprit{f.Faults[0].Node, f.Faults[0].PID, f.Faults[0].Process, f.Faults[0].Function}
}

// analyzeBinary builds the command.
func analyzeBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "analyze")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/analyze").CombinedOutput(); err != nil {
		t.Fatalf("build analyze: %v\n%s", err, out)
	}
	return bin
}

// TestPostMortemSDK reaches the fault with the official Go SDK's client.
func TestPostMortemSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a command")
	}
	stuck := importCapture(t, "stuck")
	over := map[string]func(t *testing.T) *sdk.ClientSession{
		"stdio": func(t *testing.T) *sdk.ClientSession {
			return dial(t, &sdk.CommandTransport{Command: exec.Command(analyzeBinary(t), "mcp", stuck)}, nil)
		},
		"http": func(t *testing.T) *sdk.ClientSession {
			return connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
		},
	}
	for name, open := range over {
		t.Run(name, func(t *testing.T) {
			session := open(t)
			got := postMortem(t, func(tool string, args map[string]any) (string, bool, error) {
				res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
				if err != nil {
					return "", false, err
				}
				return textOf(res), res.IsError, nil
			})
			if want := truth(t, "stuck"); got != want {
				t.Errorf("the post-mortem ends at %v, the fault is %v", got, want)
			}
		})
	}
}

// TestPostMortemInspector reaches the fault with the command line of the MCP
// Inspector, which .ci/setup.d/inspector.sh installs: ERGO_INSPECTOR names it.
func TestPostMortemInspector(t *testing.T) {
	inspector := os.Getenv("ERGO_INSPECTOR")
	if inspector == "" {
		t.Skip("ERGO_INSPECTOR does not name the MCP Inspector's command (npm install @modelcontextprotocol/inspector)")
	}
	stuck := importCapture(t, "stuck")
	bin := analyzeBinary(t)
	web := httptest.NewServer(New(Recorded(recording(t, "stuck"), "stuck"), Options{}).Handler(door.Options{}))
	defer web.Close()
	for name, target := range map[string][]string{
		"stdio": {bin, "mcp", stuck},
		"http":  {web.URL + Path, "--transport", "http"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := inspect1(t, inspector, target, "--method", "tools/list", "--strict")
			if err != nil || !bytes.Contains(list, []byte(`"explain_finding"`)) || bytes.Contains(list, []byte(`"process_kill"`)) {
				t.Errorf("tools/list: %v\n%.300s", err, list)
			}
			got := postMortem(t, func(tool string, args map[string]any) (string, bool, error) {
				given := []string{"--method", "tools/call", "--tool-name", tool}
				for k, v := range args {
					given = append(given, "--tool-arg", k+"="+argText(v))
				}
				out, err := inspect1(t, inspector, target, given...)
				var res struct {
					Content []struct{ Text string }
					IsError bool
				}
				if jerr := json.NewDecoder(bytes.NewReader(out)).Decode(&res); jerr != nil || len(res.Content) != 1 {
					return "", false, fmt.Errorf("inspector: %w, %w in %.300s", err, jerr, out)
				}
				return res.Content[0].Text, res.IsError, nil
			})
			if want := truth(t, "stuck"); got != want {
				t.Errorf("the post-mortem ends at %v, the fault is %v", got, want)
			}
		})
	}
}

func argText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(mustJSON(v))
}

// inspect1 runs the Inspector once.
func inspect1(t *testing.T, inspector string, target []string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, inspector, append(append([]string{"--cli"}, target...), args...)...)
	c.Stderr = io.Discard
	out, err := c.Output()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("the inspector did not end: %v", args)
	}
	return out, err
}
