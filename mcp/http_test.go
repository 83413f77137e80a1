package mcp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/door"
	"ergorecorder/ergo/live"
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
	cert, key, pool := selfSigned(t)
	ctx, cancel := context.WithCancel(t.Context())
	bound, ended := make(chan net.Addr), make(chan error)
	go func() {
		ended <- s.ListenAndServe(ctx, "127.0.0.1:0", door.Options{CertFile: cert, KeyFile: key}, func(a net.Addr) { bound <- a })
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
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

func selfSigned(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key, pool = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	for path, b := range map[string][]byte{cert: text, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}
