package door

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type token string

func (t token) IsZero() bool           { return t == "" }
func (t token) Bears(auth string) bool { return t != "" && auth == "Bearer "+string(t) }

func TestWhoComesIn(t *testing.T) {
	const json = "application/json"
	named := Options{Token: token("t"), Hosts: []string{"recorder.example"}, Origins: []string{"https://console.example"}, Types: []string{json}, MaxBody: 64}
	for _, c := range []struct {
		name   string
		opt    Options
		host   string
		body   string
		header map[string]string
		want   int
	}{
		{name: "loopback by number", host: "127.0.0.1:8090", want: 200},
		{name: "loopback, v6", host: "[::1]:8090", want: 200},
		{name: "loopback by name", host: "localhost:8090", want: 200},
		{name: "a name bound to loopback", host: "evil.example:8090", want: 403},
		{name: "no host", host: "", want: 403},
		{name: "another number without a token", host: "192.0.2.1", want: 403},
		{name: "another number with one", opt: named, host: "192.0.2.1", header: map[string]string{"Authorization": "Bearer t"}, want: 200},
		{name: "a name that was allowed", opt: named, host: "Recorder.Example:9", header: map[string]string{"Authorization": "Bearer t"}, want: 200},
		{name: "no token", opt: named, host: "localhost", want: 401},
		{name: "wrong token", opt: named, host: "localhost", header: map[string]string{"Authorization": "Bearer x"}, want: 401},
		{name: "foreign origin", host: "localhost", header: map[string]string{"Origin": "http://evil.example"}, want: 403},
		{name: "null origin", host: "localhost", header: map[string]string{"Origin": "null"}, want: 403},
		{name: "own origin", host: "localhost:1", header: map[string]string{"Origin": "http://localhost:1"}, want: 200},
		{name: "another port of this machine", host: "localhost:1", header: map[string]string{"Origin": "http://localhost:2"}, want: 403},
		{name: "another port, where those may", opt: Options{LocalPages: true}, host: "localhost:1", header: map[string]string{"Origin": "http://localhost:2"}, want: 200},
		{name: "a name that only begins so", opt: Options{LocalPages: true}, host: "localhost:1", header: map[string]string{"Origin": "http://localhost.evil.example"}, want: 403},
		{name: "named origin", opt: named, host: "localhost", header: map[string]string{"Origin": "https://console.example", "Sec-Fetch-Site": "cross-site", "Authorization": "Bearer t"}, want: 200},
		{name: "drawn in by another site", host: "localhost", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, want: 403},
		{name: "a link on another site", host: "localhost", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, want: 200},
		{name: "right type", opt: named, host: "localhost", body: "{}", header: map[string]string{"Authorization": "Bearer t", "Content-Type": "application/json; charset=utf-8"}, want: 200},
		{name: "a type that any page may send", opt: named, host: "localhost", body: "{}", header: map[string]string{"Authorization": "Bearer t", "Content-Type": "text/plain"}, want: 415},
		{name: "no type", opt: named, host: "localhost", body: "{}", header: map[string]string{"Authorization": "Bearer t"}, want: 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New(c.opt).Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Host = c.host
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
}

func TestLongBody(t *testing.T) {
	var got int
	h := New(Options{MaxBody: 100}).Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = len(b)
	}))
	for _, tt := range [][2]int{{0, 0}, {100, 100}, {101, 101}, {5000, 101}} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", tt[0])))
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got != tt[1] || (w.Header().Get("Connection") == "close") != (tt[0] > 100) {
			t.Errorf("a body of %d bytes: the handler got %d; %v", tt[0], got, w.Header())
		}
	}
}

// quick are limits that a test can wait for.
func quickLimits() limits {
	return limits{connections: 20, header: 300 * time.Millisecond, body: 300 * time.Millisecond, idle: 300 * time.Millisecond, write: time.Second, turn: 5 * time.Second}
}

// serve opens a door before a handler, on a port of its own.
func serve(t *testing.T, opt Options, h http.HandlerFunc) (addr string) {
	t.Helper()
	d := New(opt)
	l, err := d.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l, d.Guard(h)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr, send string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask makes a call on a connection of its own.
func ask(addr string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Post("http://"+addr+"/", "application/json", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

// TestWhoWaitsIsCutOff: connections that are idle, or send half of something,
// are closed within their time, and never held a turn.
func TestWhoWaitsIsCutOff(t *testing.T) {
	opt := Options{MaxBody: 1 << 20, Calls: 1, limits: quickLimits()}
	addr := serve(t, opt, func(http.ResponseWriter, *http.Request) {})
	for name, send := range map[string]string{
		"nothing":         "",
		"half a line":     "POST / HT",
		"half a header":   "POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
		"half a body":     "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
		"half a chunk":    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
		"idle when asked": "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		c := dial(t, addr, send)
		began := time.Now()
		if err := ask(addr); err != nil || time.Since(began) > 200*time.Millisecond {
			t.Errorf("%s: another is served after %v: %v", name, time.Since(began), err)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: still open after %v: %v", name, time.Since(began), err)
		}
	}
}

// TestManyConnections: ten thousand connections that send nothing, or half of
// something, keep nobody out and are not held.
func TestManyConnections(t *testing.T) {
	lim := standard
	lim.connections = 50
	addr := serve(t, Options{MaxBody: 1 << 20, limits: lim}, func(http.ResponseWriter, *http.Request) {})
	many := 10_000
	if testing.Short() {
		many = 1000
	}
	open := make(chan net.Conn, 200) // of ours, so that we have descriptors left
	for i := range many {
		send := ""
		if i%2 == 0 {
			send = "POST / HTTP/1.1\r\nHost: "
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, send) // it may be closed already
		if len(open) == cap(open) {
			(<-open).Close()
		}
		open <- c
		if i%(many/20) == 0 {
			if err := ask(addr); err != nil {
				t.Errorf("after %d connections: %v", i, err)
			}
		}
	}
	for len(open) > 0 {
		(<-open).Close()
	}
}

// TestManyCalls: of a thousand calls at once only so many are answered at the
// same time, all of them in the end, and another is served meanwhile.
func TestManyCalls(t *testing.T) {
	var now, most atomic.Int64
	lim := standard
	addr := serve(t, Options{MaxBody: 1 << 20, Calls: 8, limits: lim}, func(http.ResponseWriter, *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond)
		now.Add(-1)
	})
	many := 1000
	if testing.Short() {
		many = 200
	}
	var all sync.WaitGroup
	var failed atomic.Int64
	for range many {
		all.Go(func() {
			if ask(addr) != nil {
				failed.Add(1)
			}
		})
	}
	if err := ask(addr); err != nil {
		t.Errorf("another: %v", err)
	}
	all.Wait()
	if most.Load() > 8 || failed.Load() > 0 {
		t.Errorf("%d at the same time, %d of %d failed", most.Load(), failed.Load(), many)
	}
}

// TestNobodysTurn: where calls never end, others are told so, and those that are
// being answered are not cut off for a newcomer.
func TestNobodysTurn(t *testing.T) {
	lim := quickLimits()
	lim.turn = 100 * time.Millisecond
	stuck, entered := make(chan struct{}), make(chan struct{}, 1)
	addr := serve(t, Options{MaxBody: 1 << 20, Calls: 1, limits: lim}, func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-stuck })
	first := make(chan error, 1)
	go func() { first <- ask(addr) }()
	<-entered
	if err := ask(addr); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("nobody was told: %v", err)
	}
	for range 3 * lim.connections {
		dial(t, addr, "")
	}
	close(stuck)
	if err := <-first; err != nil {
		t.Errorf("the call that was being answered: %v", err)
	}
}

// TestSlowReader: who does not take the answer is cut off, and its turn is free.
func TestSlowReader(t *testing.T) {
	lim := quickLimits()
	lim.write = 200 * time.Millisecond
	addr := serve(t, Options{Calls: 1, limits: lim}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/long" {
			return
		}
		b := make([]byte, 64<<10)
		for range 1000 {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})
	c := dial(t, addr, "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := bufio.NewReaderSize(c, 16).ReadByte(); err != nil {
		t.Fatal(err)
	}
	if err := ask(addr); err != nil {
		t.Errorf("another: %v", err)
	}
}

// TestCrowd: who waits gives way, who is being answered does not.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(2)
		var ends []net.Conn
		come := func() *guest {
			a, b := net.Pipe()
			ends = append(ends, b)
			g := c.admit(a)
			if g == nil {
				a.Close()
			}
			return g
		}
		first, second := come(), come()
		first.answered(true)
		third := come()
		if !second.gone || first.gone {
			t.Error("the one that waits did not give way")
		}
		third.answered(true)
		if g := come(); g != nil {
			t.Error("there is no room, and somebody came in")
		}
		first.answered(false)
		if g := come(); g == nil || !first.gone {
			t.Error("there is room again")
		}
		first.Close()
		first.Close()
		if c.all != 2 {
			t.Errorf("%d are in", c.all)
		}
		for _, e := range ends {
			e.Close()
		}
	})
}

func TestListenNeedsToken(t *testing.T) {
	for _, c := range []struct {
		addr string
		opt  Options
		want string
	}{
		{"0.0.0.0:0", Options{}, "needs a bearer token"},
		{":0", Options{}, "needs a bearer token"},
		{"127.0.0.1", Options{}, "missing port"},
		{"127.0.0.1:0", Options{CertFile: "cert.pem"}, "and its key"},
		{"127.0.0.1:0", Options{CertFile: "none.pem", KeyFile: "none.pem"}, "read certificate"},
	} {
		l, err := New(c.opt).Listen(t.Context(), c.addr)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.addr, err, c.want)
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := New(Options{}).Serve(t.Context(), l, http.NotFoundHandler()); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("serve: %v", err)
	}
}
