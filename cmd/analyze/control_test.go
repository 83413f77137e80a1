package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/internal/exit"
)

// TestControlURL: the control URL of a running recorder stands for an archive.
func TestControlURL(t *testing.T) {
	path := t.TempDir() + "/a.erg"
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		at := time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
		rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "network_ping"}, At: at, Text: []byte("ping")}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dump" || r.Header.Get("Authorization") != "Bearer right" {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		http.ServeFile(w, r, path)
	}))
	defer s.Close()
	t.Setenv(controlTokenEnv, "right")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"info", s.URL}, nil, &out, &errs); code != exit.OK || !strings.Contains(out.String(), "a@h") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
	t.Setenv(controlTokenEnv, "other")
	errs.Reset()
	if code := run(t.Context(), []string{"info", s.URL}, nil, &out, &errs); code == exit.OK || !strings.Contains(errs.String(), "wrong token") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
