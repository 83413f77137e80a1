package mcp

import (
	"context"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"ergorecorder/door"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/certtest"
	"ergorecorder/internal/limit"
)

const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

func TestGuard(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{MaxMessage: 4096})
	opt := door.Options{Token: live.NewToken("s3cret"), Hosts: []string{"recorder.example.org"}, Origins: []string{"https://console.example.org"}}
	with := func(pairs ...string) map[string]string {
		h := map[string]string{"Authorization": "Bearer s3cret"}
		for i := 0; i < len(pairs); i += 2 {
			h[pairs[i]] = pairs[i+1]
		}
		return h
	}
	tests := []struct {
		name, method, path, body string
		header                   map[string]string
		status                   int
	}{
		{"right token", "POST", Path, ping, with(), 200},
		{"scheme in any case", "POST", Path, ping, with("Authorization", "bearer s3cret"), 200},
		{"no token", "POST", Path, ping, with("Authorization", ""), 401},
		{"wrong token", "POST", Path, ping, with("Authorization", "Bearer s3cre"), 401},
		{"token without scheme", "POST", Path, ping, with("Authorization", "s3cret"), 401},
		{"empty token", "POST", Path, ping, with("Authorization", "Bearer "), 401},
		{"foreign host", "POST", Path, ping, with("Host", "evil.example.com"), 403},
		{"named host", "POST", Path, ping, with("Host", "recorder.example.org:9923"), 200},
		{"host in numbers", "POST", Path, ping, with("Host", "192.0.2.7:9923"), 200},
		{"loopback host", "POST", Path, ping, with("Host", "[::1]:9923"), 200},
		{"foreign origin", "POST", Path, ping, with("Origin", "https://evil.example.com"), 403},
		{"null origin", "POST", Path, ping, with("Origin", "null"), 403},
		{"own origin", "POST", Path, ping, with("Origin", "http://localhost:6274"), 200},
		{"named origin", "POST", Path, ping, with("Origin", "https://console.example.org"), 200},
		{limit.Request.OverSet(0, 4096).Error(), "POST", Path, `{"x":"` + strings.Repeat("a", 5000) + `"}`, with(), 413},
		{"GET", "GET", Path, "", with(), 405},
		{"PUT", "PUT", Path, ping, with(), 405},
		{"a type that any page may send", "POST", Path, ping, with("Content-Type", "text/plain"), 415},
		{"end of a session", "DELETE", Path, "", with(), 200},
		{"other path", "POST", "/", ping, with(), 404},
		{"notification", "POST", Path, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, with(), 202},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			req.Host = "127.0.0.1:9923"
			req.Header.Set("Content-Type", "application/json")
			for k, v := range tt.header {
				if k == "Host" {
					req.Host = v
				} else if v != "" {
					req.Header.Set(k, v)
				}
			}
			w := httptest.NewRecorder()
			s.Handler(opt).ServeHTTP(w, req)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d: %s", w.Code, tt.status, w.Body)
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Error("the token is in the answer")
			}
		})
	}
}

func TestListenNeedsToken(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	tests := []struct {
		addr string
		opt  door.Options
		want string
	}{
		{"0.0.0.0:0", door.Options{}, "needs a bearer token"},
		{":0", door.Options{}, "needs a bearer token"},
		{"[::]:0", door.Options{}, "needs a bearer token"},
		{"example.org:0", door.Options{}, "needs a bearer token"},
		{"127.0.0.1", door.Options{}, "missing port"},
		{"127.0.0.1:0", door.Options{CertFile: "cert.pem"}, "and its key"},
		{"127.0.0.1:0", door.Options{CertFile: "none.pem", KeyFile: "none.pem"}, "read certificate"},
	}
	for _, tt := range tests {
		err := s.ListenAndServe(t.Context(), tt.addr, tt.opt, func(net.Addr) { t.Errorf("%s was bound", tt.addr) })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.addr, err, tt.want)
		}
	}
}

// TestTLS serves TLS from files, and stops when its context ends.
func TestTLS(t *testing.T) {
	s := New(Recorded(recording(t, "stuck"), "stuck"), Options{})
	cert, key, client := certtest.SelfSigned(t)
	ctx, cancel := context.WithCancel(t.Context())
	bound, ended := make(chan net.Addr), make(chan error)
	go func() {
		ended <- s.ListenAndServe(ctx, "127.0.0.1:0", door.Options{CertFile: cert, KeyFile: key}, func(a net.Addr) { bound <- a })
	}()
	res, err := client.Post("https://"+(<-bound).String()+Path, "application/json", strings.NewReader(ping))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 200 || !strings.Contains(string(body), `"result"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}
