package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/view"
	"ergorecorder/internal/certtest"
	"ergorecorder/internal/exit"
	"ergorecorder/replay/serve"
)

// TestFleet: `record run` with the flags of a fleet, over TLS and with a token, records its nodes, ships
// them, puts closed segments into the engine's object store, and says so; `record status` too.
func TestFleet(t *testing.T) {
	c, err := serve.New(imported(t, capturePath(t, "restart_loop")), serve.Options{Speed: 20, Prompt: true})
	if err != nil {
		t.Fatal(err)
	}
	node := httptest.NewServer(entry(t, c, ""))
	t.Cleanup(node.Close)
	cert, key, _ := certtest.SelfSigned(t)
	token := filepath.Join(t.TempDir(), "token")
	e := enginetest.Start(t, engine.Options{TokenFile: token, CertFile: cert, KeyFile: key})
	host := strings.TrimPrefix(strings.TrimPrefix(e.URL(), "nats://"), "tls://")
	dir := filepath.Join(t.TempDir(), "rec") + "/"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said, ended := &heard{}, make(chan exit.Code, 1)
	go func() {
		ended <- run(ctx, "record", []string{
			"run", "--endpoint", strings.TrimPrefix(node.URL, "http://"), "-o", dir, "--socket=false", "--control", "127.0.0.1:0",
			"--fleet", "prod", "--cluster", "east", "--recorder-name", "r1", "--engine", "tls://" + host, "--engine-token-file", token, "--engine-ca", cert,
			"--shelf", "engine",
		}, nil, said, said)
	}()
	control := regexp.MustCompile(`control on (127\.0\.0\.1:\d+), its token in (\S+)`)
	status := func() string {
		at := control.FindStringSubmatch(said.String())
		if at == nil {
			return ""
		}
		var out bytes.Buffer
		run(t.Context(), "record", []string{"status", "--control", at[1], "--control-token-file", at[2]}, nil, &out, &out)
		return out.String()
	}
	defer func() {
		if t.Failed() {
			t.Logf("it said %s; its status %s", said, status())
		}
	}()
	within(t, "its nodes", func() bool {
		return regexp.MustCompile(`fleet prod, cluster east, as r1: [1-9] of its [1-9] nodes are ours`).MatchString(status())
	})
	within(t, "the shelf", func() bool { return strings.Contains(status(), "shelf://prod@"+host+"/east") })
	stop()
	if code := <-ended; code != exit.OK {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	archivetest.Verify(t, dir)

	l, err := link.Dial(link.Options{Hosts: []string{"tls://" + host}, TokenFile: token, CAFile: cert, Fleet: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := view.Read(t.Context(), l, "prod")
	if err != nil || len(f.Clusters) != 1 || f.Clusters[0].Name != "east" || f.Clusters[0].Messages == 0 || len(f.Clusters[0].Recorders) != 1 || f.Clusters[0].Recorders[0].State != view.Ended {
		t.Errorf("the fleet: %v: %+v", err, f)
	}
	if all, err := shelf.OnEngine(l, "prod", "east").List(t.Context()); err != nil || len(all.Items) != 1 {
		t.Errorf("on the shelf: %+v, %v", all, err)
	}
	if _, err := l.JetStream().Stream(t.Context(), shape.Stream("prod", "main")); err == nil {
		t.Error("it shipped to another cluster")
	}
	for who, o := range map[string]link.Options{"without the authority": {TokenFile: token}, "without the token": {CAFile: cert}} {
		o.Hosts, o.Fleet = []string{"tls://" + host}, "prod"
		x, err := link.Dial(o)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "a refusal "+who, func() bool { return x.Why() != nil })
		if x.Connected() {
			t.Errorf("%s: it is let in", who)
		}
		x.Close()
	}
}

// heard is an output that is read while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// within waits until something is so.
func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: waited for in vain", what)
		}
	}
}

// TestFleetFlags: what cannot be meant is refused before anything is asked, and no secret is told.
func TestFleetFlags(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rec") + "/"
	for want, args := range map[string][]string{
		"where is the engine":         {"--fleet", "f"},
		"of which fleet":              {"--engine", "nats://h"},
		"letters, digits and -":       {"--fleet", "a.b", "--engine", "nats://h"},
		`recorder "a_b"`:              {"--fleet", "f", "--engine", "nats://h", "--recorder-name", "a_b"},
		`cluster "a b"`:               {"--fleet", "f", "--engine", "nats://h", "--cluster", "a b"},
		"give 1 to 9":                 {"--fleet", "f", "--engine", "nats://h", "--witnesses", "0"},
		"holds a secret":              {"--fleet", "f", "--engine", "nats://u:hunter2@h"},
		"give nats://HOST:PORT":       {"--fleet", "f", "--engine", "http://h"},
		"no such file":                {"--fleet", "f", "--engine", "nats://h", "--engine-creds", "/nowhere/hunter2"},
		"engine is that of a fleet":   {"--shelf", "engine"},
		"give s3://BUCKET":            {"--shelf", "nats://b"},
		"credentials or a token, not": {"--fleet", "f", "--engine", "nats://h", "--engine-creds", secretFile(t), "--engine-token-file", secretFile(t)},
	} {
		var out bytes.Buffer
		code := run(t.Context(), "record", append([]string{"run", "--endpoint", "127.0.0.1:1", "-o", dir, "--socket=false", "--for", "1s"}, args...), nil, &out, &out)
		if code != exit.Usage || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "hunter2") {
			t.Errorf("%q: %d: %s; want %q", args, code, out.String(), want)
		}
	}
}

func secretFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestWithin: who asks about a time leaves out what came over two hours after it.
func TestWithin(t *testing.T) {
	for within, fine := range map[time.Duration]bool{0: true, time.Hour: true, 61 * time.Minute: false} {
		c := config{Fleet: fleetConfig{Name: "f", Engine: []string{"nats://h"}, Within: within}}
		if err := c.Fleet.sane(); (err == nil) != fine {
			t.Errorf("fleet.within %v: %v", within, err)
		}
	}
}
