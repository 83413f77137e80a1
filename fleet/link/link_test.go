package link_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is an engine on loopback that asks for a token, and the token's file.
func started(t *testing.T) (e *engine.Engine, tokenFile string) {
	t.Helper()
	tokenFile = filepath.Join(t.TempDir(), "token")
	return enginetest.Start(t, engine.Options{TokenFile: tokenFile}), tokenFile
}

func dial(t *testing.T, o link.Options) *link.Link {
	t.Helper()
	o.Fleet = "f"
	l, err := link.Dial(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func connected(t *testing.T, l *link.Link) {
	t.Helper()
	within(t, "a connection", l.Connected)
}

func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s was waited for in vain", what)
		}
	}
}

func message(id string) link.Message {
	s := shape.Subject{Fleet: "f", Cluster: "c", Class: shape.ClassMark, Archive: 1, Kind: "note"}
	return link.Message{Subject: s.String(), Headers: map[string][]string{shape.HeaderID: {id}}, Body: []byte(id)}
}

func count(t *testing.T, l *link.Link) uint64 {
	t.Helper()
	s, err := l.JetStream().Stream(t.Context(), shape.Stream("f", "c"))
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestPublish: messages make their stream, and one that is sent again is stored once.
func TestPublish(t *testing.T) {
	e, token := started(t)
	l := dial(t, link.Options{Hosts: []string{e.URL()}, TokenFile: token})
	connected(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if n, err := l.Publish(ctx, "c", []link.Message{message("1"), message("2")}); n != 2 || err != nil {
			t.Errorf("%d are stored, %v", n, err)
		}
	}
	if n := count(t, l); n != 2 {
		t.Errorf("the stream holds %d messages", n)
	}
	if err := l.JetStream().DeleteStream(ctx, shape.Stream("f", "c")); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Publish(ctx, "c", []link.Message{message("3")}); n != 0 || err == nil {
		t.Errorf("%d are stored where no stream is, %v", n, err)
	}
	if n, err := l.Publish(ctx, "c", []link.Message{message("3")}); n != 1 || err != nil {
		t.Errorf("%d are stored in a stream made anew, %v", n, err)
	}
}

// TestFull: an engine that takes no more says so, and keeps what it has.
func TestFull(t *testing.T) {
	e, token := started(t)
	l := dial(t, link.Options{Hosts: []string{e.URL()}, TokenFile: token, MaxBytes: 4096})
	connected(t, l)
	if err := l.Stream(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	big := message("1")
	big.Body = make([]byte, 3000)
	other := message("2")
	other.Body = big.Body
	n, err := l.Publish(t.Context(), "c", []link.Message{big, other})
	if n != 1 || err == nil || !strings.Contains(err.Error(), "maximum bytes exceeded") {
		t.Errorf("%d are stored, %v", n, err)
	}
}

// TestAway: where no engine is nothing blocks, and all goes on when it comes.
func TestAway(t *testing.T) {
	e, token := started(t)
	url := e.URL()
	e.Close()
	l := dial(t, link.Options{Hosts: []string{url}, TokenFile: token})
	if _, err := l.Publish(t.Context(), "c", []link.Message{message("1")}); !errors.Is(err, link.ErrAway) {
		t.Errorf("published to nobody: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := l.Bucket("b").Put(ctx, "k", nil, 0); err == nil {
		t.Error("put to nobody")
	}
	enginetest.Start(t, engine.Options{Listen: strings.TrimPrefix(url, "nats://"), TokenFile: token})
	connected(t, l)
}

// TestSecrets: a wrong token, one that stands in the address, a file that others can read.
func TestSecrets(t *testing.T) {
	e, token := started(t)
	for host, want := range map[string]string{
		"nats://user:hunter2@h:1": "holds a secret", "http://h": "nats://HOST", "": "nats://HOST", "nats://h/x": "nats://HOST",
	} {
		if _, err := link.Dial(link.Options{Hosts: []string{host}, Fleet: "f"}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", host, err)
		}
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := link.Dial(link.Options{Hosts: []string{e.URL()}, TokenFile: open, Fleet: "f"}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a token that all can read: %v", err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := dial(t, link.Options{Hosts: []string{e.URL()}, TokenFile: wrong})
	within(t, "a refusal", func() bool { return l.Why() != nil && strings.Contains(l.Why().Error(), "Authorization") })
	if l.Connected() {
		t.Error("a wrong token is taken")
	}
	right, err := os.ReadFile(token)
	if err == nil {
		err = os.WriteFile(wrong, right, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	connected(t, l) // the file is read anew with each attempt
}

// TestBucket: only who knows the revision changes a key, and who watches is told.
func TestBucket(t *testing.T) {
	e, token := started(t)
	l := dial(t, link.Options{Hosts: []string{e.URL()}, TokenFile: token})
	connected(t, l)
	b := l.Bucket(shape.Leases("f", "c"))
	key := shape.LeaseKey("gamma@host.x", 1)
	one, err := b.Put(t.Context(), key, []byte("1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, rev := range []uint64{0, one + 1} {
		if _, err := b.Put(t.Context(), key, []byte("2"), rev); !errors.Is(err, link.ErrStale) {
			t.Errorf("put at revision %d: %v", rev, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen, all := make(chan link.Entry, 4), make(chan bool, 1)
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := b.Watch(ctx, func(e link.Entry) { seen <- e }, func() { all <- true }); err != nil {
			t.Error(err)
		}
	})
	defer watching.Wait()
	defer cancel()
	if e := <-seen; e.Key != key || string(e.Value) != "1" || e.Revision != one || time.Since(e.Created) > time.Minute {
		t.Errorf("watched %+v", e)
	}
	<-all
	two, err := b.Put(t.Context(), key, []byte("2"), one)
	if err != nil {
		t.Fatal(err)
	}
	if e := <-seen; string(e.Value) != "2" || e.Revision != two {
		t.Errorf("watched %+v", e)
	}
	if e, err := b.Get(t.Context(), key); err != nil || string(e.Value) != "2" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := b.Get(t.Context(), "none"); err != nil || e.Revision != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	if entries, err := b.All(t.Context()); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if entries, err := l.Bucket("none").All(t.Context()); err != nil || entries != nil {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := l.JetStream().KeyValue(t.Context(), "none"); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("reading makes a bucket: %v", err)
	}
}
