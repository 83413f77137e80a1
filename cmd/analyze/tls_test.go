package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/internal/certtest"
	"ergorecorder/internal/exit"
)

// TestTLS: serve and replay answer over TLS to who shows the token, and to nobody
// who speaks plain HTTP.
func TestTLS(t *testing.T) {
	cert, key, client := certtest.SelfSigned(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	for command, path := range map[string]string{"serve": smallArchive(t), "replay": stuck(t)} {
		ctx, stop := context.WithCancel(t.Context())
		out, ended := lines{make(chan string, 8)}, make(chan exit.Code, 1)
		var stderr bytes.Buffer
		go func() {
			ended <- run(ctx, []string{command, path, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--token-file", token}, nil, out, &stderr)
		}()
		var said string
		select {
		case said = <-out.c:
		case code := <-ended:
			t.Fatalf("%s ended with %d: %s", command, code, &stderr)
		}
		url := strings.TrimSpace(said[strings.Index(said, "http"):])
		if !strings.HasPrefix(url, "https://") {
			t.Errorf("%s says %s", command, said)
		}
		ask := func(c *http.Client, url, bears string) (status int, body string, err error) {
			req, err := http.NewRequestWithContext(t.Context(), map[string]string{"serve": http.MethodGet, "replay": http.MethodPost}[command], url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if command == "replay" {
				req.Body = io.NopCloser(strings.NewReader(ping))
				req.Header.Set("Content-Type", "application/json")
			}
			req.Header.Set("Authorization", "Bearer "+bears)
			resp, err := c.Do(req)
			if err != nil {
				return 0, "", err
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			return resp.StatusCode, string(text), err
		}
		if status, body, err := ask(client, url, "s3cret"); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d, %v: %.200s", command, status, err, body)
		}
		if status, _, err := ask(client, url, "wrong"); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s, with a wrong token: %d, %v", command, status, err)
		}
		plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if status, body, err := ask(plain, "http"+strings.TrimPrefix(url, "https"), "s3cret"); err == nil && status != http.StatusBadRequest {
			t.Errorf("%s answers without TLS: %d %.200s", command, status, body)
		}
		stop()
		if code := <-ended; code != exit.OK {
			t.Errorf("%s ended with %d: %s", command, code, &stderr)
		}
	}
}
