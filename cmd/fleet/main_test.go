package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/view"
	"ergorecorder/internal/exit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ran runs a command to its end.
func ran(ctx context.Context, args ...string) (exit.Code, string, string) {
	var out, errs bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// anEngine runs `fleet engine` until the test ends, and returns the flags that lead there.
func anEngine(t *testing.T, more ...string) (dir string, flags []string) {
	t.Helper()
	address := enginetest.Free(t, 1)[0]
	dir = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if code, _, errs := ran(ctx, append([]string{"engine", "--dir", dir, "--listen", address}, more...)...); code != exit.OK || !strings.Contains(errs, filepath.Join(dir, "token")) {
			t.Errorf("the engine ended with %d: %s", code, errs)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return dir, []string{"--engine", "nats://" + address, "--engine-token-file", filepath.Join(dir, "token")}
		}
		if time.Now().After(end) {
			t.Fatal("no engine")
		}
	}
}

// tell puts what recorders would.
func tell(t *testing.T, flags []string, put func(ctx context.Context, recorders, leases *link.Bucket)) {
	t.Helper()
	l, err := link.Dial(link.Options{Hosts: flags[1:2], TokenFile: flags[3], Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	put(ctx, l.Bucket(shape.Recorders("f")), l.Bucket(shape.Leases("f", "c")))
}

func put(ctx context.Context, t *testing.T, b *link.Bucket, key string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		_, err = b.Put(ctx, key, text, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestStatus: one screen tells who records what, what waits, what is wrong, and what nobody records.
func TestStatus(t *testing.T) {
	_, flags := anEngine(t)
	if code, _, errs := ran(t.Context(), append([]string{"status", "f"}, flags...)...); code != exit.Usage || !strings.Contains(errs, "knows no fleet f") {
		t.Errorf("%d: %s", code, errs)
	}
	now := time.Now()
	tell(t, flags, func(ctx context.Context, recorders, leases *link.Bucket) {
		put(ctx, t, recorders, "c.a", shape.Recorder{
			Name: "a", Cluster: "c", Session: "1", TTL: time.Hour, Nodes: []string{"n0@h", "n1@h"}, Lost: []string{"n1@h"}, Version: "v9",
			Backlog: shape.Backlog{Bytes: 2048, Blocks: 3, Age: 90 * time.Second, Why: "full"}, Incidents: 1,
			Open: []shape.Incident{{Kind: "blocked_callback", Node: "n0@h", Note: "book\x1b[2J is blocked", From: now, To: now}},
		})
		put(ctx, t, recorders, "c.b", shape.Recorder{Name: "b", Cluster: "c", Session: "2", TTL: time.Hour, Ended: "it was stopped"})
		put(ctx, t, recorders, "d.s", shape.Recorder{Name: "s", Cluster: "d", Session: "4", TTL: 1})
		put(ctx, t, recorders, "d.t", shape.Recorder{Name: "t", Cluster: "d", Session: "5", TTL: time.Hour}) // by whose time the other is silent
		for _, l := range []shape.Lease{
			{Node: "n0@h", Recorder: "a", Session: "1", Next: "c"},
			{Node: "n1@h", Recorder: "a", Session: "1"},
			{Node: "n2@h", Recorder: "b", Session: "2"},
			{Node: "n3@h", Recorder: "a", Session: "0"},
			{Node: "n4@h", Recorder: "a", Session: "1", Freed: true},
		} {
			put(ctx, t, leases, shape.LeaseKey(l.Node, 0), l)
		}
	})
	code, out, errs := ran(t.Context(), append([]string{"status", "f"}, flags...)...)
	if code != exit.No || !strings.Contains(errs, "2 nodes are recorded by nobody") {
		t.Errorf("%d: %s", code, errs)
	}
	for _, want := range []string{
		"cluster c: 2 recorders, 4 nodes", "2 KiB (full)", "90 s", "v9", "ended: it was stopped", "by a, going over to c: n0@h", "by a, without an answer: n1@h",
		"2 nodes are recorded BY NOBODY: n2@h n3@h", "blocked_callback n0@h", "cluster d", "SILENT for",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("it steers the terminal")
	}
	_, out, _ = ran(t.Context(), append([]string{"status", "f", "--json"}, flags...)...)
	var v view.Fleet
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v.Clusters) != 2 || v.Clusters[0].Recorders[0].State != view.Lives || len(v.Clusters[0].Nodes) != 4 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNobody: where no engine is, that is said.
func TestNobody(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if code, _, errs := ran(ctx, "status", "f", "--engine", "nats://127.0.0.1:1"); code != exit.Usage || !strings.Contains(errs, "does not answer") {
		t.Errorf("%d: %s", code, errs)
	}
	for _, args := range [][]string{{"engine", "--dir", t.TempDir(), "--listen", "nonsense"}, {"engine", "--dir", t.TempDir(), "--cluster-listen", "127.0.0.1:1"}, {"engine"}} {
		if code, _, errs := ran(ctx, args...); code != exit.Usage {
			t.Errorf("%v: %d: %s", args, code, errs)
		}
	}
}
