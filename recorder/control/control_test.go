package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"filippo.io/age"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/recorder"
	"ergorecorder/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// one answers as a cluster of a single node.
func one(_ context.Context, call ergo.Call) (ergo.Answer, error) {
	text := `{"said":1}`
	switch call.Tool {
	case "cluster_nodes":
		text = `[{"name":"a@h","status":"self"}]`
	case "node_info":
		text = fmt.Sprintf(`{"Name":"a@h","Uptime":5,"ServerTime":%q,"ProcessesTotal":3}`, time.Now().UTC().Format(time.RFC3339Nano))
	case "sample_listen":
		return ergo.Answer{At: time.Now()}, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "unknown tool: sample_listen"}
	}
	return ergo.Answer{Text: []byte(text), At: time.Now(), Took: time.Millisecond}, nil
}

// running is a recorder that records, and its control.
func running(t *testing.T, path string) *httptest.Server { return runningOn(t, path, nil) }

func runningOn(t *testing.T, path string, conf *archive.Options) *httptest.Server {
	t.Helper()
	return runningWith(t, path, conf, one)
}

func runningWith(t *testing.T, path string, conf *archive.Options, cluster ergo.CallerFunc) *httptest.Server {
	t.Helper()
	w := archivetest.Writer(t, path, conf)
	r, err := recorder.New(cluster, w, recorder.Standard())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	s := httptest.NewServer((&Server{Recorder: r, Writer: w, Token: live.NewToken("right")}).Handler())
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, w.Close()); err != nil {
			t.Error(err)
		}
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// TestStorageFailureIsSeenOutside: within seconds, status, health and metrics
// say that nothing can be stored, and that it is over.
func TestStorageFailureIsSeenOutside(t *testing.T) {
	var broken atomic.Bool
	conf := &archive.Options{}
	conf.Fail(func(step string) error {
		if broken.Load() && step == "commit" {
			return syscall.EIO
		}
		return nil
	})
	s := runningOn(t, t.TempDir()+"/a.erg", conf)
	c := &Client{Address: s.URL, Token: live.NewToken("right")}
	healthy := func() int {
		resp, err := http.Get(s.URL + "/health")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	until(t, "health", func() bool { return healthy() == http.StatusNoContent })
	broken.Store(true)
	until(t, "what is told of the failure", func() bool { return healthy() == http.StatusServiceUnavailable })
	st, err := c.Status(t.Context())
	if err != nil || !strings.Contains(st.Storage.Failing, "input/output error") || st.Storage.Faults == 0 || st.Storage.Durable > st.Storage.Accepted {
		t.Errorf("status %+v, %v", st.Storage, err)
	}
	checkMetrics(t, s.URL, "ergo_recorder_storage_failing 1\n", "ergo_recorder_durable_total ")
	broken.Store(false)
	until(t, "its end", func() bool { return healthy() == http.StatusNoContent })
	checkMetrics(t, s.URL, "ergo_recorder_storage_failing 0\n")
}

// until waits for something that the recorder does by itself.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestControl(t *testing.T) {
	dir := t.TempDir()
	s := running(t, dir+"/archive/")
	c := &Client{Address: s.URL, Token: live.NewToken("right")}
	ctx := t.Context()
	until(t, "a node", func() bool {
		st, err := c.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(st.Nodes) == 1 && st.Nodes[0].Total == 3 && st.Records > 5
	})
	if err := c.Mark(ctx, "the pump stopped"); err != nil {
		t.Fatal(err)
	}
	until(t, "an incident", func() bool {
		st, err := c.Status(ctx)
		return err == nil && st.Incidents == 1
	})
	if err := c.Rotate(ctx); err != nil {
		t.Errorf("rotate: %v", err)
	}
	var b bytes.Buffer
	if err := c.Dump(ctx, time.Now().Add(-time.Minute), time.Time{}, &b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "dump.erg")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	notes := 0
	for m, err := range a.Marks(ctx, time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == "note" && m.Note == "the pump stopped" || m.Kind == archive.MarkIncident {
			notes++
		}
	}
	if notes != 2 {
		t.Errorf("%d of the note and its incident are in the dump", notes)
	}
	checkSealed(t, c)
	checkMetrics(t, s.URL, "ergo_recorder_nodes 1\n", `ergo_recorder_node_processes{node="a@h"} 3`, "ergo_recorder_incidents_total 1", "ergo_recorder_keeping_failed 0\n")
	if resp, err := http.Get(s.URL + "/health"); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("health: %v, %v", resp, err)
	}
}

// checkSealed has a dump encrypted: it is so when it arrives, and no folder for
// temporary files is needed.
func checkSealed(t *testing.T, c *Client) {
	t.Helper()
	t.Setenv("TMPDIR", "/no/such/folder")
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Dump(t.Context(), time.Time{}, time.Time{}, &b, id.Recipient().String()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dump.erg.age")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := seal.Open(path, []seal.Identity{id})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	archivetest.Verify(t, o.Path())
	if err := c.Dump(t.Context(), time.Time{}, time.Time{}, io.Discard, "/etc/passwd"); err == nil || !strings.Contains(err.Error(), "no public key") {
		t.Errorf("a file of the server as recipient: %v", err)
	}
	if err := c.Dump(t.Context(), time.Time{}, time.Time{}, io.Discard); err == nil {
		t.Error("a dump that is not encrypted needs no temporary file: then this test proves nothing")
	}
}

// TestDumpThatIsNotSealed: what an older recorder sends unencrypted is not
// written.
func TestDumpThatIsNotSealed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "an archive as it is") }))
	defer srv.Close()
	c := &Client{Address: srv.URL, Token: live.NewToken("right")}
	var b bytes.Buffer
	err := c.Dump(t.Context(), time.Time{}, time.Time{}, &b, "age1x")
	if err == nil || !strings.Contains(err.Error(), "does not encrypt") || b.Len() > 0 {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}

func checkMetrics(t *testing.T, url string, wants ...string) {
	t.Helper()
	text := metricsOf(t, url)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	s := running(t, t.TempDir()+"/a.erg")
	ctx := t.Context()
	for _, token := range []string{"", "wrong"} {
		c := &Client{Address: s.URL, Token: live.NewToken(token)}
		if _, err := c.Status(ctx); err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("token %q: %v", token, err)
		}
	}
	c := &Client{Address: s.URL, Token: live.NewToken("right")}
	if err := c.Rotate(ctx); err == nil || !strings.Contains(err.Error(), "DIR/") {
		t.Errorf("rotation of a file: %v, want a hint", err)
	}
	if err := c.Mark(ctx, ""); err == nil {
		t.Error("an empty mark is taken")
	}
	if err := c.Dump(ctx, time.Unix(1, 0), time.Unix(2, 0), io.Discard); err == nil || !strings.Contains(err.Error(), "nothing was recorded") {
		t.Errorf("dump of nothing: %v", err)
	}
	for _, address := range []string{"0.0.0.0:0", ":9944", "example.com:1", "127.0.0.1"} {
		if l, err := Listen(ctx, address); err == nil {
			l.Close()
			t.Errorf("control listens on %s", address)
		}
	}
}
