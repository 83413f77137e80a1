package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/ship"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/fixture"
)

// anEngine runs a fleet's engine for the length of the test, and is where it is.
func anEngine(t *testing.T) (hosts string) {
	t.Helper()
	e, err := engine.Start(engine.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return strings.TrimPrefix(e.URL(), "nats://")
}

// ships ships a copy of a recording to the fleet's engine, as its recorder would have, and tells
// the fleet of that recorder.
func ships(t *testing.T, hosts, cluster, path string) {
	t.Helper()
	from, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	schemas := map[archive.StreamKey]archive.Schema{}
	for _, s := range from.Streams() {
		schemas[s.StreamKey] = s.Schema
	}
	dir := t.TempDir()
	w := archivetest.Writer(t, filepath.Join(dir, "rec")+"/", nil)
	for rec, err := range from.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		rec.Schema = schemas[rec.Stream]
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
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
}

// Every command takes the address of a fleet where it takes a path, and says the same; a
// second question takes nothing anew, and one about a node takes that node's.
func TestFleet(t *testing.T) {
	hosts := anEngine(t)
	path := fixture.Archive(t, fixture.Bundled(t, "restart_loop"))
	ships(t, hosts, "main", path)
	address := "fleet://f@" + hosts
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	do := func(args ...string) (exit.Code, string, string) {
		t.Helper()
		var o, e bytes.Buffer
		code := run(t.Context(), args, nil, &o, &e)
		return code, o.String(), e.String()
	}
	for _, args := range [][]string{
		{"report", "PATH", "--format", "json"},
		{"nodes", "PATH"},
		{"ps", "PATH", "--at", "2026-11-22T01:20:30Z"},
		{"ps", "PATH", "--at", "2026-11-22T01:20:30Z", "--node", "beta*"},
		{"logs", "PATH"},
		{"logs", "PATH", "--node", "beta*"},
		{"timeline", "PATH"},
		{"trend", "PATH", "MessagesIn"},
		{"export", "PATH", "--format", "csv"},
		{"export", "PATH", "--format", "csv", "--node", "alpha*"},
		{"call", "PATH", "process_list"},
	} {
		with := func(p string) []string {
			return strings.Split(strings.ReplaceAll(strings.Join(args, "\n"), "PATH", p), "\n")
		}
		c1, want, _ := do(with(path)...)
		c2, got, errs := do(with(address)...)
		var a, b struct{ Findings json.RawMessage }
		if args[0] == "report" && json.Unmarshal([]byte(want), &a) == nil && json.Unmarshal([]byte(got), &b) == nil {
			want, got = string(a.Findings), string(b.Findings)
		}
		if c1 != c2 || got != want {
			t.Errorf("%q: exit code %d, %d of the file; it says %.300q, %.300q of the file; %s", args, c2, c1, got, want, errs)
		}
		t.Logf("%q: %s", args, errs)
	}
	if code, out, _ := do("verify", address); code != exit.OK || !strings.Contains(out, "sound") {
		t.Errorf("verify: %d, %s", code, out)
	}
	if code, out, errs := do("info", address); code != exit.OK || !strings.Contains(out, "beta") {
		t.Errorf("info: %d, %s, %s", code, out, errs)
	}
	if code, _, errs := do("merge", address, "-o", filepath.Join(t.TempDir(), "copy.erg")); code != exit.OK {
		t.Errorf("merge: %d, %s", code, errs)
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
	hosts := anEngine(t)
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
