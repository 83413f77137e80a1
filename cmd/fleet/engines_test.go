package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/internal/certtest"
	"ergorecorder/internal/exit"
)

// An enginesRun is engines that this command runs, each with arguments of its own.
type enginesRun struct {
	t    *testing.T
	args [][]string
	stop []context.CancelFunc
	all  []*sync.WaitGroup
}

// start runs the so many-th, again where it was there before.
func (e *enginesRun) start(i int) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	args := e.args[i]
	running.Go(func() {
		if code, _, errs := ran(ctx, args...); code != exit.OK {
			e.t.Errorf("engine %d ended with %d: %s", i, code, errs)
		}
	})
	if e.stop[i] == nil {
		e.t.Cleanup(func() { e.end(i) })
	}
	e.stop[i], e.all[i] = cancel, &running
}

func (e *enginesRun) end(i int) {
	e.stop[i]()
	e.all[i].Wait()
}

// TestThreeEngines: three engines, each run by the command with the others as --route, keep three copies;
// one that is stopped takes nothing away, and is one of them again when it is back.
func TestThreeEngines(t *testing.T) {
	const n = 3
	free := enginetest.Free(t, 2*n)
	clients, others := free[:n], free[n:]
	token := filepath.Join(t.TempDir(), "token")
	e := &enginesRun{t: t, stop: make([]context.CancelFunc, n), all: make([]*sync.WaitGroup, n)}
	var hosts, flags []string
	for i := range n {
		args := []string{"engine", "--dir", t.TempDir(), "--name", fmt.Sprint("e", i), "--listen", clients[i], "--cluster-listen", others[i], "--token-file", token}
		for j := range n {
			if j != i {
				args = append(args, "--route", "nats://"+others[j])
			}
		}
		e.args = append(e.args, args)
		hosts = append(hosts, "nats://"+clients[i])
		flags = append(flags, "--engine", hosts[i])
		e.start(i)
		for end := time.Now().Add(10 * time.Second); i == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(token); err == nil { // the first makes it
				break
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	l, err := link.Dial(link.Options{Hosts: hosts, TokenFile: token, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	published := 0
	publish := func() {
		t.Helper()
		m := link.Message{Subject: shape.Subject{Fleet: "f", Cluster: "c", Class: shape.ClassMark, Archive: 1, Kind: "note"}.String(), Body: []byte(`{}`)}
		m.Headers = map[string][]string{shape.HeaderID: {shape.MarkID(1, uint64(published))}}
		for {
			limited, done := context.WithTimeout(ctx, 2*time.Second)
			_, err := l.Publish(limited, "c", []link.Message{m})
			done()
			if err == nil {
				published++
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("message %d: %v", published, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	publish()
	s, err := l.JetStream().Stream(ctx, shape.Stream("f", "c"))
	if err != nil || s.CachedInfo().Config.Replicas != n {
		t.Fatalf("%v: %+v", err, s)
	}
	leader := 0
	for i := range n {
		if s.CachedInfo().Cluster.Leader == fmt.Sprint("e", i) {
			leader = i
		}
	}
	e.end(leader)
	publish()
	e.start(leader)
	publish()
	text, err := l.JetStream().Stream(ctx, shape.Stream("f", "c"))
	if err != nil || text.CachedInfo().State.Msgs != uint64(published) {
		t.Errorf("%v: %d messages are there, want %d", err, text.CachedInfo().State.Msgs, published)
	}
	if code, out, errs := ran(t.Context(), append([]string{"status", "f", "--engine-token-file", token}, flags...)...); code != exit.OK || !strings.Contains(out, fmt.Sprintf("cluster c: 0 recorders, 0 nodes, %d messages", published)) {
		t.Errorf("status: %d: %s%s", code, out, errs)
	}
}

// TestTLS: an engine with a certificate is reached by who trusts it, and by nobody else.
func TestTLS(t *testing.T) {
	cert, key, _ := certtest.SelfSigned(t)
	_, flags := anEngine(t, "--tls-cert", cert, "--tls-key", key)
	token := flags[3]
	host := strings.TrimPrefix(flags[1], "nats://")
	ask := func(args ...string) (exit.Code, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		code, _, errs := ran(ctx, append([]string{"status", "f", "--engine-token-file", token}, args...)...)
		return code, errs
	}
	if code, errs := ask("--engine", "tls://"+host, "--engine-ca", cert); code != exit.Usage || !strings.Contains(errs, "knows no fleet f") {
		t.Errorf("who trusts it: %d: %s", code, errs)
	}
	if code, errs := ask("--engine", "tls://"+host); code != exit.Usage || !strings.Contains(errs, "certificate") {
		t.Errorf("who does not: %d: %s", code, errs)
	}
}

// TestExternal: a NATS server that is none of ours, built from its own module's program and reached by
// its URL, is an engine as well.
func TestExternal(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds nats-server")
	}
	bin := filepath.Join(t.TempDir(), "nats-server")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Skipf("nats-server cannot be built here: %v: %s", err, out)
	}
	address := enginetest.Free(t, 1)[0]
	_, port, _ := net.SplitHostPort(address)
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte("listen: "+address+"\njetstream { store_dir: "+dir+"/js }\nauthorization { token: t0ken }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), bin, "-c", conf)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	flags := []string{"--engine", "nats://127.0.0.1:" + port, "--engine-token-file", token}
	tell(t, flags, func(ctx context.Context, recorders, leases *link.Bucket) {
		put(ctx, t, recorders, "c.a", shape.Recorder{Name: "a", Cluster: "c", Session: "1", TTL: time.Hour, Nodes: []string{"n0@h"}})
		put(ctx, t, leases, shape.LeaseKey("n0@h", 0), shape.Lease{Node: "n0@h", Recorder: "a", Session: "1"})
	})
	l, err := link.Dial(link.Options{Hosts: flags[1:2], TokenFile: token, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := link.Message{Subject: shape.Subject{Fleet: "f", Cluster: "c", Class: shape.ClassMark, Archive: 1, Kind: "note"}.String(), Body: []byte(`{}`), Headers: map[string][]string{shape.HeaderID: {"1"}}}
	for range 2 {
		if n, err := l.Publish(t.Context(), "c", []link.Message{m}); n != 1 || err != nil {
			t.Errorf("%d are stored: %v", n, err)
		}
	}
	if code, out, errs := ran(t.Context(), append([]string{"status", "f"}, flags...)...); code != exit.OK || !strings.Contains(out, "cluster c: 1 recorder, 1 node, 1 message on") || !strings.Contains(out, "1 node is recorded by a: n0@h") {
		t.Errorf("status: %d: %s%s", code, out, errs)
	}
}
