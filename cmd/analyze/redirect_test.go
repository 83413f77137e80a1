package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/cmd/internal/paths"
)

// A token is not carried to where an answer points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Setenv(paths.TokenEnv, "secret")
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer s.Close()
	err := paths.FetchDump(s.URL, filepath.Join(t.TempDir(), "live.erg"))
	if err == nil || !strings.Contains(err.Error(), "fetch "+s.URL) || reached {
		t.Errorf("reached %v, %v", reached, err)
	}
}
