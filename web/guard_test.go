package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/ergo/live"
)

func TestGuard(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { hostileCluster(t, w) })
	for _, c := range []struct {
		name, token, method, url, host string
		header                         map[string]string
		want                           int
	}{
		{name: "loopback by number", url: "/", host: "127.0.0.1:8090", want: 200},
		{name: "loopback, v6", url: "/", host: "[::1]:8090", want: 200},
		{name: "loopback by name", url: "/", host: "localhost:8090", want: 200},
		{name: "a name bound to loopback", url: "/", host: "evil.example:8090", want: 403},
		{name: "a name that was allowed", url: "/", host: "recorder.example", token: "t", header: map[string]string{"Authorization": "Bearer t"}, want: 200},
		{name: "another address without a token", url: "/", host: "192.0.2.1:8090", want: 403},
		{name: "post", method: "POST", url: "/", host: "localhost", want: 405},
		{name: "foreign origin", url: "/", host: "localhost", header: map[string]string{"Origin": "https://evil.example"}, want: 403},
		{name: "own origin", url: "/", host: "localhost", header: map[string]string{"Origin": "http://localhost"}, want: 200},
		{name: "null origin", url: "/", host: "localhost", header: map[string]string{"Origin": "null"}, want: 403},
		{name: "drawn in by another site", url: "/", host: "localhost", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, want: 403},
		{name: "framed by another site", url: "/", host: "localhost", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, want: 403},
		{name: "a link on another site", url: "/", host: "localhost", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, want: 200},
		{name: "no token", token: "t", url: "/", host: "localhost", want: 401},
		{name: "wrong token", token: "t", url: "/?token=x", host: "localhost", want: 401},
		{name: "wrong bearer", token: "t", url: "/", host: "localhost", header: map[string]string{"Authorization": "Bearer x"}, want: 401},
		{name: "the token is not the cookie", token: "t", url: "/", host: "localhost", header: map[string]string{"Cookie": tokenCookie + "=t"}, want: 401},
		{name: "the cookie", token: "t", url: "/", host: "localhost", header: map[string]string{"Cookie": tokenCookie + "=SESSION"}, want: 200},
		{name: "token", token: "t", url: "/logs?token=t&q=a", host: "localhost", want: 303},
		{name: "assets need it too", token: "t", url: "/assets/style.css", host: "localhost", want: 401},
		{name: "source", url: "/pprof/x/source?f=passwd", host: "localhost", want: 404},
		{name: "disasm", url: "/pprof/x/disasm?f=x", host: "localhost", want: 404},
		{name: "saveconfig", url: "/pprof/x/saveconfig?config=x", host: "localhost", want: 404},
		{name: "deleteconfig", url: "/pprof/x/deleteconfig?config=x", host: "localhost", want: 404},
		{name: "graph, which runs a program", url: "/pprof/x/graph", host: "localhost", want: 404},
		{name: "a profile that is a path", url: "/pprof/..%2F..%2Fetc%2Fpasswd/top", host: "localhost", want: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(rec, Options{Token: live.NewToken(c.token), Hosts: []string{"recorder.example"}})
			method := c.method
			if method == "" {
				method = http.MethodGet
			}
			r := httptest.NewRequest(method, "http://localhost"+c.url, nil)
			r.Host = c.host
			for k, v := range c.header {
				r.Header.Set(k, strings.ReplaceAll(v, "SESSION", s.session))
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Fatalf("%d, want %d: %.200s", w.Code, c.want, w.Body)
			}
			if p := w.Header().Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
				t.Errorf("policy %q", p)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("it allows other origins")
			}
		})
	}
}

func TestTokenMovesIntoACookie(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { hostileCluster(t, w) })
	s := New(rec, Options{Token: live.NewToken("secret")})
	w := fetch(s, "//elsewhere.example/logs?token=secret&q=a")
	if w.Code != http.StatusSeeOther {
		// The mux may clean the path first; then the guard never saw it.
		t.Fatalf("%d", w.Code)
	}
	if to := w.Header().Get("Location"); to != "/elsewhere.example/logs?q=a" {
		t.Errorf("it leads to %q", to)
	}
	c := w.Result().Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || strings.Contains(c[0].Value, "secret") {
		t.Errorf("cookies %v", c)
	}
}

// fetch asks the server for a page.
func fetch(s *Server, url string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(url, "?")
	r.RequestURI = url
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
