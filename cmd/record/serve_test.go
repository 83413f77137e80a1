package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/certtest"
	"ergorecorder/recorder"
)

// The page on a recording that is being written shows what was appended after
// it was opened.
func TestServeLive(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "live.erg"), nil)
	t.Cleanup(func() { w.Close() })
	sample := func(node string, at time.Time) {
		if _, err := w.Append(&archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: node, Name: "node_info", Args: "{}"},
			Schema: archive.Schema{Form: archive.FormObject}, Args: []byte("{}"), At: at, Text: []byte(`{"Name":"` + node + `"}`),
		}); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sample("first@localhost", begin)
	var said string
	f := serveFlags{addr: "127.0.0.1:0"}
	stop, err := f.serve(context.Background(), w, "live.erg", func(s string) { said = s })
	if err != nil {
		t.Fatal(err)
	}
	sample("second@localhost", begin.Add(time.Second))
	_, address, _ := strings.Cut(said, "http://")
	r, err := http.Get("http://" + address)
	if err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(body), "second@localhost") || !strings.Contains(string(body), "data-follow") {
		t.Errorf("%v %.300s", err, body)
	}
	f.opened(recorder.Incident{Trigger: recorder.Trigger{Kind: "blocked_callback", Onset: begin}}, func(s string) { said = s })
	if want := "blocked_callback: http://" + address + "?at=2026-01-01T00:00:00.000Z"; said != want {
		t.Errorf("of an incident it says %q, want %q", said, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestServeLiveTLS: the page of record run --serve over TLS, to who shows the token.
func TestServeLiveTLS(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "live.erg"), nil)
	t.Cleanup(func() { w.Close() })
	cert, key, client := certtest.SelfSigned(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said string
	f := serveFlags{addr: "127.0.0.1:0", certFile: cert, keyFile: key, tokenFile: token}
	stop, err := f.serve(t.Context(), w, "live.erg", func(s string) { said = s })
	if err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(said, "https://")
	for bears, want := range map[string]int{"s3cret": http.StatusOK, "wrong": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
		if err != nil {
			t.Fatalf("%q: %v", said, err)
		}
		req.Header.Set("Authorization", "Bearer "+bears)
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("with %q: %d", bears, r.StatusCode)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
