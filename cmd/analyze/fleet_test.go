package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/ship"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/fixture"
)

// ships ships a copy of a recording to the fleet's engine, as its recorder would have, and tells
// the fleet of that recorder. It returns the copy's path.
func ships(t *testing.T, hosts, cluster, path string) (copied string) {
	t.Helper()
	dir := t.TempDir()
	copied = filepath.Join(dir, "rec") + "/"
	w := archivetest.Writer(t, copied, nil)
	copyTo(t, w, path, 100, func() error { return w.EndRuns(time.Now()) })
	l, err := link.Dial(link.Options{Hosts: []string{hosts}, Fleet: "f", Name: cluster})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := ship.New(ship.Options{
		Fleet: "f", Cluster: cluster, Recorder: "r", View: w.View(), State: filepath.Join(dir, "state"), EndRuns: w.EndRuns,
		Durable: func() uint64 { return w.Stats().Durable }, Now: time.Now, Notice: func(s string) { t.Log(s) },
	}, l)
	if err == nil {
		err = w.EndRuns(time.Now())
	}
	if err == nil {
		err = w.Sync()
	}
	if err == nil {
		err = s.Rest(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(shape.Recorder{Name: "r", Cluster: cluster, Session: "1", TTL: time.Hour, Nodes: []string{"n@h"}})
	if err == nil {
		_, err = l.Bucket(shape.Recorders("f")).Put(t.Context(), shape.RecorderKey(cluster, "r"), text, 0)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// Every command takes the address of a fleet where it takes a path, and says the same; a
// second question takes nothing anew, and one about a node takes that node's.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("an engine, and every command")
	}
	hosts := enginetest.Host(t)
	path := ships(t, hosts, "main", fixture.Archive(t, fixture.Bundled(t, "restart_loop")))
	address := "fleet://f@" + hosts
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	do := func(args ...string) (exit.Code, string, string) {
		t.Helper()
		var o, e bytes.Buffer
		code := run(t.Context(), args, nil, &o, &e)
		return code, o.String(), e.String()
	}
	const at, from, to = "2026-11-22T01:20:30Z", "--from=2026-11-22T01:20:00Z", "--to=2026-11-22T01:20:30Z"
	all := 0
	for i, args := range [][]string{
		{"report", "PATH", "--format", "json"},
		{"report", "PATH", "--format", "json", from, to},
		{"nodes", "PATH"},
		{"ps", "PATH", "--at", at},
		{"ps", "PATH", "--at", at, "--node", "beta*"},
		{"ps", "PATH", "--node", "beta*"},
		{"logs", "PATH"},
		{"logs", "PATH", "--node", "beta*", from, to},
		{"timeline", "PATH"},
		{"diff", "PATH", "--at", "2026-11-22T01:19:55Z", "--with", at},
		{"diff", "PATH", "--at", "2026-11-22T01:19:55Z"},
		{"compare", "PATH", "--at", "2026-11-22T01:20:22Z"},
		{"compare", "PATH", "--from=2026-11-22T01:19:51Z", "--to=2026-11-22T01:20:21Z", "--with-from=2026-11-22T01:20:22Z", "--with-to=2026-11-22T01:20:52Z"},
		{"top-movers", "PATH"},
		{"trend", "PATH", "MessagesIn"},
		{"trend", "PATH", "MessagesIn", "--node", "beta*", from, to},
		{"export", "PATH", "--format", "csv"},
		{"export", "PATH", "--format", "csv", "--node", "alpha*", from, to},
		{"export", "PATH", "--node", "alpha*", from, to},
		{"call", "PATH", "process_list", "--node", "beta@localhost", "--at", at},
	} {
		errs := saysTheSame(t, do, args, path, address)
		said := regexp.MustCompile(`in (\d+) messages, (\d+) more of the cache`).FindStringSubmatch(errs)
		if said == nil {
			t.Fatalf("%q does not say what was fetched: %s", args, errs)
		}
		n, _ := strconv.Atoi(said[1])
		m, _ := strconv.Atoi(said[2])
		if i == 0 {
			all = n
		} else if n > 0 {
			t.Errorf("%q fetches %d messages anew", args, n)
		}
		if most := len(args) > 3 && args[len(args)-1] == to || slices.Contains(args, at); most && m > all*2/3 || slices.Contains(args, "--node") && most && m > all/3 {
			t.Errorf("%q takes %d messages of %d", args, m, all)
		}
	}
	if code, _, errs := do("ps", address, "--at", at, "--node", "nobody"); code != exit.Usage || !strings.Contains(errs, "no node of the time asked about has that name: there are alpha@localhost") {
		t.Errorf("a node that is not there: %d, %s", code, errs)
	}
	mcpSays(t, address)
	if code, out, _ := do("verify", address); code != exit.OK || !strings.Contains(out, "sound") {
		t.Errorf("verify: %d, %s", code, out)
	}
	if code, out, errs := do("info", address); code != exit.OK || !strings.Contains(out, "beta") {
		t.Errorf("info: %d, %s, %s", code, out, errs)
	}
	node := garble(t, hosts, false)
	if code, out, _ := do("report", address); code != exit.OK || !strings.Contains(out, "could not be fetched from the fleet's engine") || !strings.Contains(out, node) {
		t.Errorf("a block of %s cannot be fetched: %d, and the verdict does not say so: %s", node, code, out)
	}
	if code, out, _ := do("verify", address); code != exit.No {
		t.Errorf("verify of what lacks a block: %d: %s", code, out)
	}
	ships(t, hosts, "other", smallArchive(t))
	other := "fleet://f@" + hosts + "/other"
	if code, out, _ := do("verify", other); code != exit.OK {
		t.Errorf("verify: %d: %s", code, out)
	}
	garble(t, hosts, true)
	if code, out, errs := do("verify", other); code != exit.No || !strings.Contains(out+errs, "could not be fetched") {
		t.Errorf("verify of what lacks its newest block: %d: %s%s", code, out, errs)
	}
	address += "/main"
	if code, _, errs := do("merge", address, "-o", filepath.Join(t.TempDir(), "copy.erg")); code != exit.OK {
		t.Errorf("merge: %d, %s", code, errs)
	}
}

// mcpSays asks a tool over MCP of what lies at an address.
func mcpSays(t *testing.T, address string) {
	t.Helper()
	const ask = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"process_list","arguments":{"node":"beta@localhost","at":"2026-11-22T01:20:30Z"}}}` + "\n"
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"mcp", address}, strings.NewReader(ask), &out, &errs); code != exit.OK || !strings.Contains(out.String(), "\"id\":1") || !strings.Contains(out.String(), "PID") {
		t.Errorf("mcp %s: %d: %.400s %s", address, code, out.String(), errs.String())
	}
}

// garble puts something else in the place of a process listing that the engine has; or of the only block
// of the cluster that holds but one.
func garble(t *testing.T, hosts string, only bool) (node string) {
	t.Helper()
	l, err := link.Dial(link.Options{Hosts: []string{hosts}, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster, least := "main", 5000
	if only {
		cluster, least = "other", 0
	}
	s, err := l.JetStream().Stream(t.Context(), shape.Stream("f", cluster))
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); ; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		b, err := shape.ParseBlock(m.Subject, m.Header.Get)
		if err != nil || len(m.Data) < least {
			continue
		}
		m.Header.Set(shape.HeaderID, "another")
		if err = s.DeleteMsg(t.Context(), seq); err == nil {
			_, err = l.Publish(t.Context(), cluster, []link.Message{{Subject: m.Subject, Headers: m.Header, Body: []byte("garbled")}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Node
	}
}

// get is what lies at an address.
func get(t *testing.T, address string) string {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("%s: %d, %v: %.300s", address, r.StatusCode, err, body)
	}
	return string(body)
}

// TestServeFleet: the recording's page has the fleet's beside it; of several clusters the
// fleet's is alone, and says how each is served.
func TestServeFleet(t *testing.T) {
	hosts := enginetest.Host(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	ships(t, hosts, "east", smallArchive(t))
	page := serving(t, "fleet://f@"+hosts, "--listen", "127.0.0.1:0")
	if body := get(t, page); !strings.Contains(body, "a@localhost") || !strings.Contains(body, `href="/fleet"`) {
		t.Errorf("the recording: %.600s", body)
	}
	if body := get(t, page+"fleet"); !strings.Contains(body, "Cluster east") || !strings.Contains(body, "1 recorder, 0 nodes") {
		t.Errorf("the fleet: %.600s", body)
	}
	ships(t, hosts, "west", smallArchive(t))
	if body := get(t, page+"fleet"); !strings.Contains(body, "Cluster west") {
		t.Errorf("the fleet, when another cluster came: %.600s", body)
	}
	body := get(t, serving(t, "fleet://f@"+hosts, "--listen", "127.0.0.1:0"))
	for _, want := range []string{"Cluster east", "Cluster west", "analyze serve fleet://f@" + hosts + "/west"} {
		if !strings.Contains(body, want) {
			t.Errorf("the fleet alone does not say %q: %.600s", want, body)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var errs bytes.Buffer
	if code := run(ctx, []string{"serve", "fleet://f@127.0.0.1:1"}, nil, &errs, &errs); code != exit.Usage || !strings.Contains(errs.String(), "does not answer") {
		t.Errorf("no engine: %d: %s", code, errs.String())
	}
}
