package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/exit"
)

// commanded runs a command.
func commanded(t *testing.T, args ...string) (code exit.Code, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestBadInput: what cannot be answered says so on standard error, in a line
// that begins with the command's name, and exits with 2.
func TestBadInput(t *testing.T) {
	good, dir := stuck(t), t.TempDir()
	text := filepath.Join(dir, "text.erg")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no archive\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.erg")
	w := archivetest.Writer(t, empty, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no such file", []string{"info", filepath.Join(dir, "none.erg")}},
		{"not an archive", []string{"info", text}},
		{"the archive is empty: nothing was recorded", []string{"info", empty}},
		{"the archive is empty", []string{"replay", empty}},
		{"there is text or json", []string{"info", good, "--format", "xml"}},
		{"requires at least 1 arg", []string{"info"}},
		{"unknown flag", []string{"info", good, "--colour"}},
		{"unknown command", []string{"inform", good}},
		{"is outside of the recording, which goes from 2026-11-22T01:13:28", []string{"export", good, "--from", "2031-01-01T00:00:00Z"}},
		{"--from: read time", []string{"export", good, "--from", "yesterday"}},
		{"there is no finding @nobody among @F1", []string{"export", good, "--from", "@nobody"}},
		{"there is no mark @99999", []string{"ps", good, "--at", "@99999"}},
		{"write key=value", []string{"call", good, "process_list", "limit"}},
		{"--at: read time", []string{"call", good, "node_info", "--at", "noon"}},
		{"there is none of that name", []string{"call", good, "no_such_tool"}},
		{"did you mean process_list?", []string{"call", good, "proces_list"}},
		{`there is no argument "limt"; did you mean limit?`, []string{"call", good, "process_list", "limt=2"}},
		{"limit must be of type integer", []string{"call", good, "process_list", "limit=two"}},
		{"nearest is end", []string{"call", good, "node_info", "--at", "2030-01-01T00:00:00Z"}},
		{"let the recorder sample meta_inspect", []string{"call", good, "meta_inspect", "alias=Alias#<A.1.2.3>"}},
		{"no recorded node is called that; there are alpha@localhost", []string{"call", good, "node_info", "--node", "nosuch@localhost"}},
		{"speed -3", []string{"replay", good, "--listen", "127.0.0.1:0", "--speed", "-3"}},
		{"write NODE=ADDR", []string{"replay", good, "--listen", "127.0.0.1:0", "--direct", "gamma"}},
		{"was not recorded: there are", []string{"replay", good, "--listen", "127.0.0.1:0", "--direct", "x@h=127.0.0.1:0"}},
		{"needs a bearer token", []string{"replay", good, "--listen", "0.0.0.0:0"}},
		{"as alpha@localhost: listen on", []string{"replay", good, "--listen", "nowhere:port"}},
		{"read token", []string{"replay", good, "--token-file", filepath.Join(dir, "none")}},
	} {
		code, stdout, stderr := commanded(t, c.args...)
		if code != exit.Usage || !strings.HasPrefix(stderr, "analyze: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: exit %d, %q; want %q", c.args, code, stderr, c.want)
		}
		if strings.Contains(stdout, "Usage") {
			t.Errorf("%v: usage on standard output", c.args)
		}
	}
}

// A finding stands for its onset wherever a time is asked for.
func TestFindingsAsTimes(t *testing.T) {
	good := stuck(t)
	_, report, _ := commanded(t, "report", good, "--format", "json")
	var r struct {
		Findings []struct {
			ID    string    `json:"id"`
			Onset time.Time `json:"onset"`
		} `json:"findings"`
	}
	if err := json.Unmarshal([]byte(report), &r); err != nil {
		t.Fatal(err)
	}
	f := r.Findings[0]
	_, want, _ := commanded(t, "ps", good, "--at", f.Onset.Format(time.RFC3339Nano))
	for _, at := range []string{"@F1", "@f1", "@" + f.ID} {
		if code, got, stderr := commanded(t, "ps", good, "--at", at); code != exit.OK || got != want {
			t.Errorf("ps --at %s: exit %d, %s\n%s\nwant\n%s", at, code, stderr, got, want)
		}
	}
	if code, _, stderr := commanded(t, "logs", good, "--from", "@F1"); code != exit.OK {
		t.Errorf("logs --from @F1: exit %d, %s", code, stderr)
	}
}

func TestNodesComplete(t *testing.T) {
	_, out, _ := commanded(t, "__complete", "ps", stuck(t), "--node", "")
	if !strings.HasPrefix(out, "alpha@localhost\nbeta@localhost\ngamma@localhost\n") {
		t.Errorf("nodes to complete: %q", out)
	}
}

func TestInfo(t *testing.T) {
	path := stuck(t)
	code, stdout, stderr := commanded(t, "info", path)
	if code != exit.OK || stderr != "" {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	for _, want := range []string{
		"alpha@localhost (entry point)", "gamma@localhost", "2026-11-22T01:12:5", "Ergo Framework 3.2.0-development",
		`process_list {"limit":100000}`, "node_info",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	code, stdout, _ = commanded(t, "info", path, "--format", "json")
	var in inventory
	if err := json.Unmarshal([]byte(stdout), &in); err != nil || code != exit.OK {
		t.Fatalf("exit %d, %v", code, err)
	}
	if len(in.Nodes) != 3 || !in.Nodes[0].Entry || in.Nodes[2].Latency != "yes" || in.Nodes[2].Pprof != "yes" || len(in.Nodes[2].Lives) != 1 || in.Records < 1000 {
		t.Errorf("%+v", in.Nodes)
	}
}

func TestCall(t *testing.T) {
	path := stuck(t)
	code, stdout, stderr := commanded(t, "call", path, "process_list", "sort_by=mailbox_latency", "limit=1", "--node", "gamma@localhost", "--at", "01:14:30")
	if code != exit.OK || !strings.Contains(stdout, `"Name": "book_eth"`) || !strings.Contains(stderr, "observed at 2026-11-22T01:14:") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = commanded(t, "call", path, "process_state", "pid=<0.0.1078>", "--node", "gamma@localhost", "--format", "json")
	var out struct{ Answer, From, Age string }
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != exit.OK || out.Answer != "running" || out.From != "process_list" {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
}

// TestReplayEnds: it says where it listens and ends with its context.
func TestReplayEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said := lines{make(chan string, 8)}
	done := make(chan exit.Code)
	go func() {
		done <- run(ctx, []string{"replay", stuck(t), "--listen", "127.0.0.1:0", "--direct", "gamma@localhost=127.0.0.1:0"}, strings.NewReader(""), said, &bytes.Buffer{})
	}()
	for _, node := range []string{"alpha@localhost", "gamma@localhost"} {
		if l := <-said.c; !strings.HasPrefix(l, node+" http://127.0.0.1:") || !strings.HasSuffix(l, "/mcp\n") {
			t.Errorf("said %q", l)
		}
	}
	cancel()
	if code := <-done; code != exit.OK {
		t.Errorf("exit %d", code)
	}
}
