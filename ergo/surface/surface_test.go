package surface

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		address string
		urls    []string
		road    ergo.Road
	}{
		{"host", []string{"http://host:9922/mcp", "http://host:9911/mcp"}, ""},
		{"::1", []string{"http://[::1]:9922/mcp", "http://[::1]:9911/mcp"}, ""},
		{"[::1]:80", []string{"http://[::1]:80/mcp"}, ""},
		{"host:1234", []string{"http://host:1234/mcp"}, ""},
		{"http://host/x", []string{"http://host/x"}, ""},
		{"observer+http://host:9/mcp", []string{"http://host:9/mcp"}, ergo.RoadObserver},
		{"observer+host", []string{"http://host:9911/mcp"}, ergo.RoadObserver},
		{"mcp+host", []string{"http://host:9922/mcp"}, ergo.RoadMCP},
	} {
		a, err := Parse(c.address)
		if err != nil || !slices.Equal(a.URLs, c.urls) || a.Road != c.road {
			t.Errorf("%s: %v %v, %v", c.address, a.URLs, a.Road, err)
		}
	}
	for _, bad := range []string{"", "observer+", "observer+ftp://x", "http://a:b@c"} {
		if a, err := Parse(bad); err == nil {
			t.Errorf("%q is read as %v", bad, a.URLs)
		}
	}
}

// answers is a server that always answers the same.
func answers(t *testing.T, status int, kind, body string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

const (
	tools    = `{"jsonrpc":"2.0","id":1,"result":{}}`
	observed = `{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"MCP-Protocol-Version is required on every request","data":{"header":"MCP-Protocol-Version"}}}`
)

func TestFindsTheSurface(t *testing.T) {
	for name, c := range map[string]struct {
		server *httptest.Server
		road   ergo.Road
		says   string
	}{
		"tools":    {answers(t, 200, "application/json", tools), ergo.RoadMCP, ""},
		"observer": {answers(t, 400, "application/json", observed), ergo.RoadObserver, ""},
		"refuses":  {answers(t, 401, "text/plain", ""), "", "--token-file"},
		"observer that refuses": {
			answers(t, 401, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Unauthorized"}}`), "", "Unauthorized",
		},
		"something else": {answers(t, 400, "text/plain", "speak GraphQL to me"), "", "speak GraphQL to me"},
		"a page":         {answers(t, 404, "text/html", "<html>"), "", "the path is usually /mcp"},
	} {
		e, err := Open(c.server.URL, live.Options{})
		if err != nil {
			t.Fatal(err)
		}
		road, err := e.Find(context.Background())
		switch {
		case road != c.road:
			t.Errorf("%s: %q, %v", name, road, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: error %v, without %q", name, err, c.says)
		case e.Spans() != (c.road == ergo.RoadObserver):
			t.Errorf("%s: spans the cluster: %v", name, e.Spans())
		}
		e.Close()
	}
}

// TestFindsAnew: another surface at the same address is found with the second
// call after the first was gone.
func TestFindsAnew(t *testing.T) {
	status, body := 200, tools
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	e, err := Open(s.URL, live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Find(context.Background()); err != nil || e.Road() != ergo.RoadMCP {
		t.Fatalf("%q, %v", e.Road(), err)
	}
	status, body = 400, observed
	if _, err := e.Call(context.Background(), ergo.Call{Tool: "node_info"}); !errors.Is(err, live.ErrNotMCP) {
		t.Fatalf("the call: %v", err)
	}
	if road, err := e.Find(context.Background()); road != ergo.RoadObserver {
		t.Errorf("%q, %v", road, err)
	}
}

// ports answers by port; one that is not named takes a request and is silent.
type ports map[string]string

func (p ports) RoundTrip(r *http.Request) (*http.Response, error) {
	body, ok := p[r.URL.Port()]
	switch {
	case !ok:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case body == "":
		return nil, errors.New("refused")
	}
	status := 200
	if body == observed {
		status = 400
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestFindsBesideASilentPort: whoever sits at one port of a host and says nothing
// does not hide who answers at the other; where both answer, the first is taken.
func TestFindsBesideASilentPort(t *testing.T) {
	for name, c := range map[string]struct {
		ports
		road ergo.Road
		took time.Duration
	}{
		"the first is silent":  {ports{"9911": observed}, ergo.RoadObserver, ergo.Promptly},
		"the second is silent": {ports{"9922": tools}, ergo.RoadMCP, 0},
		"the first refuses":    {ports{"9922": "", "9911": observed}, ergo.RoadObserver, 0},
		"both answer":          {ports{"9922": tools, "9911": observed}, ergo.RoadMCP, 0},
		"both are silent":      {ports{}, "", 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			e, err := Open("host", live.Options{Transport: c.ports, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			began := time.Now()
			road, err := e.Find(t.Context())
			if took := time.Since(began); road != c.road || took != c.took || (err == nil) != (road != "") {
				t.Errorf("%s: %q after %v: %v", name, road, took, err)
			}
		})
	}
}
