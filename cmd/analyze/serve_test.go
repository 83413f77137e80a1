package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/exit"
)

// lines is an output that is read while it is written.
type lines struct{ c chan string }

func (l lines) Write(p []byte) (int, error) {
	l.c <- string(p)
	return len(p), nil
}

// serving runs `analyze serve` and returns the address that it prints.
func serving(t *testing.T, args ...string) (address string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, ended := lines{make(chan string, 1)}, make(chan exit.Code, 1)
	var stderr bytes.Buffer
	go func() { ended <- run(ctx, append([]string{"serve"}, args...), nil, out, &stderr) }()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exit.OK {
			t.Errorf("serve ended with %d: %s", code, &stderr)
		}
	})
	select {
	case address = <-out.c:
	case code := <-ended:
		ended <- code
		t.Fatalf("serve ended with %d: %s", code, &stderr)
	}
	return strings.TrimSpace(address)
}

func smallArchive(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "small.erg")
	w := archivetest.Writer(t, path, nil)
	for i := range 30 {
		if _, err := w.Append(&archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@localhost", Name: "node_info", Args: "{}"},
			Schema: archive.Schema{Form: archive.FormObject}, Args: []byte("{}"), Took: time.Millisecond,
			At:   time.Date(2026, 1, 1, 0, 0, 2*i, 0, time.UTC),
			Text: []byte(`{"Name":"a@localhost","Uptime":100,"ProcessesTotal":7}`),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServe(t *testing.T) {
	address := serving(t, smallArchive(t), "--listen", "127.0.0.1:0")
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), "a@localhost") {
		t.Errorf("%d %v %.300s", r.StatusCode, err, body)
	}
}

func TestWhoNeedsAToken(t *testing.T) {
	for addr, wanted := range map[string]bool{"127.0.0.1": false, "::1": false, "0.0.0.0": true, "::": true, "192.0.2.7": true} {
		token, query, err := access(&net.TCPAddr{IP: net.ParseIP(addr)}, "")
		if err != nil || token.IsZero() == wanted || (query != "") != wanted {
			t.Errorf("%s: token %v, %q, %v", addr, !token.IsZero(), query, err)
		}
		if wanted && !token.Equal(live.NewToken(strings.TrimPrefix(query, "?token="))) {
			t.Errorf("%s: the token that is printed is not the one that is asked for", addr)
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, query, err := access(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, file); err != nil || query != "" || !token.Equal(live.NewToken("secret")) {
		t.Errorf("of a file: %q %v", query, err)
	}
}

// TestServeWritesNothing: nothing is left beside the archive, and what lies there
// is neither believed nor followed.
func TestServeWritesNothing(t *testing.T) {
	path := smallArchive(t)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + ".findings.json", path + ".findings.json.tmp"} {
		if err := os.Symlink(victim, name); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.Get(serving(t, path, "--listen", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "mine" || len(files) != 3 {
		t.Errorf("the victim holds %q, %v; %d files, want the archive and two links", b, err, len(files))
	}
}

func TestServeRefuses(t *testing.T) {
	var out, stderr bytes.Buffer
	if code := run(context.Background(), []string{"serve", "nowhere.erg"}, nil, &out, &stderr); code != exit.Usage {
		t.Errorf("an archive that is not there: %d %s", code, &stderr)
	}
}
