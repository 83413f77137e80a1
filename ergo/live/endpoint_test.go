package live

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
)

// A pair is one request to a real cluster and what it answered.
type pair struct {
	Case    string
	Tool    string
	Request struct {
		Method string
		Params *struct {
			Name      string
			Arguments ergo.Args
		}
		ID      json.RawMessage
		Path    string
		Headers map[string]string
		Body    string
	}
	HTTPStatus int `json:"http_status"`
	Headers    map[string]string
	Body       string
	Text       *string
	Entries    int             // of an answer that the contract abridges
	RPCError   *ergo.ToolError `json:"rpc_error"`
}

type contract struct {
	Initialize   pair
	Notification pair `json:"initialized_notification"`
	Ping         pair
	Examples     []pair
	Errors       []pair
	NoBuildTags  []pair `json:"no_build_tags"`
}

func readContract(t *testing.T) contract {
	t.Helper()
	f, err := os.Open("testdata/contract.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var c contract
	d := json.NewDecoder(z)
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// id is the id of the recorded request.
func (p *pair) id() string {
	if p.Request.ID != nil {
		return string(p.Request.ID)
	}
	var r struct{ ID json.RawMessage }
	_ = json.Unmarshal([]byte(p.Request.Body), &r)
	return string(r.ID)
}

// serve answers any request as the pair was answered, under the id of that
// request, and keeps the request's parameters.
func (p *pair) serve(t *testing.T) (url string, got *json.RawMessage) {
	got = new(json.RawMessage)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var req struct{ ID, Params json.RawMessage }
		_ = json.Unmarshal(body, &req)
		*got = req.Params
		for k, v := range p.Headers {
			if k != "Content-Length" && k != "Transfer-Encoding" && k != "Date" {
				w.Header().Set(k, v)
			}
		}
		answer := p.Body
		if id := p.id(); id != "" {
			answer = strings.Replace(answer, `"id":`+id, `"id":`+string(req.ID), 1)
		}
		w.WriteHeader(p.HTTPStatus)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func endpoint(t *testing.T, url string, opts Options) *Endpoint {
	t.Helper()
	e, err := NewEndpoint(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestContractTools: every tool call of the contract decodes to the text or
// the error that it states, and is sent as it was sent.
func TestContractTools(t *testing.T) {
	c := readContract(t)
	n := 0
	for _, p := range append(append(c.Examples, c.NoBuildTags...), c.Errors...) {
		if p.Request.Params == nil || p.Request.Params.Name == "" || p.Entries > 0 {
			continue // no tool call, or one whose answer the contract abridges
		}
		n++
		t.Run(p.Case, func(t *testing.T) {
			url, sent := p.serve(t)
			args := p.Request.Params.Arguments
			answer, err := endpoint(t, url, Options{}).Call(context.Background(),
				ergo.Call{Node: args.Text("node"), Tool: p.Request.Params.Name, Args: args.Without("node")})
			if p.RPCError != nil {
				if got := ergo.AsToolError(err); got == nil || *got != *p.RPCError {
					t.Errorf("error %v, want %v", err, p.RPCError)
				}
			} else if err != nil {
				t.Errorf("error %v", err)
			}
			if (answer.Text == nil) != (p.Text == nil) || p.Text != nil && string(answer.Text) != *p.Text {
				t.Errorf("text %q, want %v", answer.Text, p.Text)
			}
			var got struct {
				Name      string
				Arguments ergo.Args
			}
			d := json.NewDecoder(bytes.NewReader(*sent))
			d.UseNumber()
			if err := d.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if got.Name != p.Request.Params.Name || got.Arguments.String() != args.String() {
				t.Errorf("sent %s %s, want %s %s", got.Name, got.Arguments, p.Request.Params.Name, args)
			}
		})
	}
	if n < 100 {
		t.Errorf("only %d tool calls in the contract", n)
	}
}

// TestContractProtocol: the contract's other exchanges end in the class of
// error that callers branch on.
func TestContractProtocol(t *testing.T) {
	c := readContract(t)
	n := 0
	for _, p := range append(c.Errors, c.Initialize, c.Ping, c.Notification) {
		if p.Request.Params != nil && p.Request.Params.Name != "" {
			continue
		}
		n++
		t.Run(p.Case, func(t *testing.T) {
			url, _ := p.serve(t)
			result, err := endpoint(t, url, Options{}).Do(context.Background(), "ping", nil)
			switch tool := ergo.AsToolError(err); {
			case p.HTTPStatus == 401:
				if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "ERGO_MCP_TOKEN") {
					t.Errorf("error %v, want ErrUnauthorized and a hint", err)
				}
			case p.HTTPStatus != 200 || p.id() == "" && tool == nil:
				if !errors.Is(err, ErrNotMCP) {
					t.Errorf("error %v, want ErrNotMCP", err)
				}
			case strings.Contains(p.Body, `"error"`):
				if tool == nil || !strings.Contains(p.Body, fmt.Sprintf(`"code":%d,`, tool.Code)) {
					t.Errorf("error %v, want the one in %s", err, p.Body)
				}
			case err != nil || result == nil:
				t.Errorf("result %s, error %v", result, err)
			}
		})
	}
	if n < 20 {
		t.Errorf("only %d exchanges in the contract", n)
	}
}

// TestNoAnswer: what may go wrong with an endpoint, each with a clear error.
func TestNoAnswer(t *testing.T) {
	ok := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"` + strings.Repeat("x", 5000) + `"}]}}`
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		is      error
		says    string
	}{
		{"html", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html><body>hello</body></html>")
		}, ErrNotMCP, "text/html"},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			<-r.Context().Done()
		}, context.DeadlineExceeded, ""},
		{"hangs in the middle", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			_, _ = io.WriteString(w, ok[:100])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, context.DeadlineExceeded, ""},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, ok[:100])
		}, io.ErrUnexpectedEOF, ""},
		{"token wanted", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ErrUnauthorized, "--token-file"},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, ok)
		}, ErrTooLarge, "4096"},
		{"too large and says so", text(ok), ErrTooLarge, "4096"},
		{"redirects", http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound).ServeHTTP, ErrNotMCP, "redirects"},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, ErrNotMCP, "502"},
		{"empty", text(""), ErrNotMCP, "empty answer"},
		{"other id", text(`{"jsonrpc":"2.0","id":7,"result":{}}`), ErrNotMCP, "request 7"},
		{"no result", text(`{"jsonrpc":"2.0","id":1}`), ErrNotMCP, "without a result"},
		{"two contents", text(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}`), ErrNotMCP, "2 content items"},
		{"an image", text(`{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"image","data":"a"}]}}`), ErrNotMCP, `"image"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.handler)
			defer s.Close()
			e := endpoint(t, s.URL, Options{MaxAnswer: 4096, Timeout: 200 * time.Millisecond})
			_, err := e.Call(context.Background(), ergo.Call{Tool: "node_info"})
			var le *Error
			if !errors.Is(err, c.is) || !errors.As(err, &le) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), s.URL) {
				t.Errorf("error %v, want %v that names the endpoint and says %q", err, c.is, c.says)
			}
		})
	}
	t.Run("refuses", func(t *testing.T) {
		s := httptest.NewServer(nil)
		s.Close()
		_, err := endpoint(t, s.URL, Options{}).Call(context.Background(), ergo.Call{Tool: "node_info"})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v", err)
		}
	})
}

// TestReplayHeaders: a replay's clock and original times reach the answer,
// those of a refusal too.
func TestReplayHeaders(t *testing.T) {
	const observed = "2026-11-22T01:37:53.817354452Z"
	body := `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"null"}]}}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(HeaderClock, "2026-11-22T01:37:54.5Z speed=10 end=2026-11-22T01:42:03.040528028Z")
		w.Header().Set(HeaderObserved, observed)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	check := func(wantErr bool) {
		t.Helper()
		answer, err := endpoint(t, s.URL, Options{}).Call(context.Background(), ergo.Call{Tool: "event_list"})
		if (err != nil) != wantErr {
			t.Fatal(err)
		}
		want := ergo.Clock{Now: time.Date(2026, 11, 22, 1, 37, 54, 5e8, time.UTC), Speed: 10, End: time.Date(2026, 11, 22, 1, 42, 3, 40528028, time.UTC)}
		if answer.Clock == nil || !reflect.DeepEqual(*answer.Clock, want) {
			t.Errorf("clock %v, want %v", answer.Clock, want)
		}
		if got := answer.At.Format(time.RFC3339Nano); got != observed {
			t.Errorf("at %s, want %s", got, observed)
		}
	}
	check(false)
	body = `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"remote call to 'x' failed: no route"}}`
	check(true)
}

func TestParseClock(t *testing.T) {
	for _, bad := range []string{
		"", "2026-11-22T01:37:54Z", "x speed=1 end=y", "2026-11-22T01:37:54Z speed=0 end=2026-11-22T01:37:54Z",
		"2026-11-22T01:37:54Z speed=NaN end=2026-11-22T01:37:54Z", "2026-11-22T01:37:54Z end=2026-11-22T01:37:54Z speed=1",
	} {
		if c := parseClock(bad); c != nil {
			t.Errorf("parseClock(%q) = %v", bad, *c)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"alpha":                   "http://alpha:9922/mcp",
		"127.0.0.1:8080":          "http://127.0.0.1:8080/mcp",
		"::1":                     "http://[::1]:9922/mcp",
		"[::1]:7":                 "http://[::1]:7/mcp",
		"http://alpha:1/":         "http://alpha:1/mcp",
		"https://alpha/x/mcp":     "https://alpha/x/mcp",
		"ftp://alpha":             "",
		"":                        "",
		"http://u:p@alpha":        "",
		"http://alpha:port/":      "",
		"http://127.0.0.1:9/mcp/": "http://127.0.0.1:9/mcp/",
	} {
		got, err := ParseAddress(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("ParseAddress(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

// TestTokenIsNotShown: the token is sent, and no way of printing it shows it.
func TestTokenIsNotShown(t *testing.T) {
	const secret = "s3cret-and-long"
	path := t.TempDir() + "/token"
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := ReadToken(path)
	if err != nil {
		t.Fatal(err)
	}
	var sent string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		w.WriteHeader(401)
	}))
	defer s.Close()
	_, callErr := endpoint(t, s.URL, Options{Token: token}).Call(context.Background(), ergo.Call{Tool: "node_info"})
	if sent != "Bearer "+secret {
		t.Errorf("sent %q", sent)
	}
	type holder struct {
		Token Token
		Deep  *Token
	}
	h := holder{token, &token}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, token)
		fmt.Fprintf(&out, verb, h)
		fmt.Fprintf(&out, verb, callErr)
	}
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", token, "all", h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", token, "all", h)
	for _, shown := range []string{secret, fmt.Sprintf("%x", secret)} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("the token is shown in %s", out.String())
		}
	}
}

func TestReadToken(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": " \n", "lines": "a\nb\n"} {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadToken(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, given := range []string{dir + "/none", "s3cret", "s3cret/with+slashes=", "s3cret" + strings.Repeat("x", 4096), "s3cret\x00", dir} {
		_, err := ReadToken(given)
		if err == nil || strings.Contains(err.Error(), given) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("given %.20q in place of a file: %v; want an error that does not repeat it", given, err)
		}
	}
	if _, err := ReadToken(dir + "/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := CreateToken("s3cret/with+slashes="); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("create: %v; want an error that does not repeat the path", err)
	}
}
