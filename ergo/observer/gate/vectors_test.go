package gate

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
)

// A vector is one request to an Observer and its answer.
type vector struct {
	Name    string
	Request struct {
		Method, Path, Body string
		Headers            map[string]string
	}
	Status   int
	Response struct {
		Headers map[string]string
		Body    string
	}
}

// An answer is as much of a vector's answer as the server is handed by who
// knows it.
type answer struct {
	Result struct {
		Content  []struct{ Type, Text, URI, Name, Title string }
		Contents []struct{ URI, Text string }
		IsError  bool
		TTL      int            `json:"ttlMs"`
		Meta     map[string]any `json:"_meta"`

		Instructions string
		Tools        []struct{ Name string }
	}
	Error *observer.Refusal
}

// TestServerAnswers puts each vector's request to the gate. What breaks a rule
// is refused as the vector says, to the byte of its JSON; the answers to the
// others are written from what only a node can know.
func TestServerAnswers(t *testing.T) {
	f, err := os.Open("../testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.Name, func(t *testing.T) { play(t, v) })
	}
	if n != 72 {
		t.Errorf("%d vectors", n)
	}
}

func play(t *testing.T, v vector) {
	r := httptest.NewRequest(v.Request.Method, v.Request.Path, strings.NewReader(v.Request.Body))
	for k, h := range v.Request.Headers {
		r.Header.Set(k, h)
	}
	w := httptest.NewRecorder()
	var want answer
	if !strings.HasPrefix(v.Response.Body, "data:") {
		if err := json.Unmarshal([]byte(v.Response.Body), &want); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, w, r, v, want)
	if w.Code != v.Status {
		t.Errorf("status %d, not %d: %s", w.Code, v.Status, w.Body)
	}
	for k, h := range v.Response.Headers {
		if have := w.Header().Get(k); have != h {
			t.Errorf("header %s: %q, not %q", k, have, h)
		}
	}
	if strings.HasPrefix(v.Response.Body, "data:") {
		if w.Body.String() != strings.TrimRight(v.Response.Body, "\n")+"\n\n" {
			t.Errorf("stream\n%s\nnot\n%s", w.Body, v.Response.Body)
		}
		return
	}
	have, expect := decoded(t, w.Body.Bytes()), decoded(t, []byte(v.Response.Body))
	plain(have)
	plain(expect)
	if !reflect.DeepEqual(have, expect) {
		t.Errorf("body\n%s\nnot\n%s", w.Body, v.Response.Body)
	}
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return m
}

// plain takes the words out of lists: those of the vectors are left out.
func plain(m map[string]any) {
	result, _ := m["result"].(map[string]any)
	for _, list := range []string{"tools", "resources", "resourceTemplates"} {
		rows, _ := result[list].([]any)
		for _, row := range rows {
			delete(row.(map[string]any), "description")
			if list == "tools" {
				delete(row.(map[string]any), "title")
			}
		}
	}
}

// serve answers a vector's request as a server does that knows what the vector
// says of the cluster.
func serve(t *testing.T, w http.ResponseWriter, r *http.Request, v vector, want answer) {
	switch v.Status {
	case 401, 403, 429, 503: // decided before the request is read
		Refuse(w, r, Status(v.Status))
		return
	}
	q, refused := Read(r)
	if refused != nil {
		Refuse(w, r, refused)
		return
	}
	s := Observer()
	switch q.Method {
	case observer.MethodDiscover:
		Reply(w, r, q.ID, s.Discovery(want.Result.Instructions))
	case observer.MethodTools, observer.MethodResources, observer.MethodTemplates:
		list(w, r, q, s, len(want.Result.Tools) < 38)
	case observer.MethodCall:
		tool(t, w, r, q, s, want)
	case observer.MethodRead:
		read(w, r, q, s, want)
	case observer.MethodListen:
		listen(w, r, q)
	}
}

func list(w http.ResponseWriter, r *http.Request, q *Request, s Server, readOnly bool) {
	if refused := CheckCursor(q); refused != nil {
		Refuse(w, r, refused)
		return
	}
	switch q.Method {
	case observer.MethodTools:
		tools := All()
		if readOnly {
			tools = ReadOnly()
		}
		Reply(w, r, q.ID, s.List(tools))
	case observer.MethodResources:
		Reply(w, r, q.ID, s.Resources())
	default:
		Reply(w, r, q.ID, s.Templates(Lenses()))
	}
}

func tool(t *testing.T, w http.ResponseWriter, r *http.Request, q *Request, s Server, want answer) {
	x, ok := Named(q.Name)
	if !ok {
		Refuse(w, r, NoTool(q))
		return
	}
	args, err := q.Args()
	if err != nil {
		t.Fatal(err)
	}
	text := want.Result.Content[0].Text
	wrong := x.CheckArgs(args)
	if wrong == nil {
		_, _, wrong = CheckPID(args.Text("pid"), args.Text("node"))
	}
	if wrong != nil {
		Reply(w, r, q.ID, s.Content([]byte(wrong.Error()), true, nil))
		return
	}
	if want.Result.IsError && (strings.Contains(text, "must be") || strings.Contains(text, "is one of") || strings.Contains(text, "names node")) {
		t.Errorf("arguments %v should have been refused: %s", args, text)
	}
	Reply(w, r, q.ID, s.Content([]byte(text), want.Result.IsError, x.LensOf(args)))
}

func read(w http.ResponseWriter, r *http.Request, q *Request, s Server, want answer) {
	uri, err := ParseURI(q.Name)
	if err == nil {
		err = uri.Check()
	}
	if err != nil {
		Refuse(w, r, Invalid(q, ergo.CodeInvalidParams, err.Error(), uri.Data(q.Name)))
		return
	}
	if want.Error != nil {
		Refuse(w, r, Invalid(q, ergo.CodeInvalidParams, want.Error.Message, uri.Data(q.Name)))
		return
	}
	delete(want.Result.Meta, observer.MetaServer)
	Reply(w, r, q.ID, s.Contents(Resource{URI: uri.Canonical(), Text: []byte(want.Result.Contents[0].Text), Meta: want.Result.Meta, TTL: want.Result.TTL}))
}

func listen(w http.ResponseWriter, r *http.Request, q *Request) {
	stream, refused := Listen(w, q)
	if refused != nil {
		Refuse(w, r, refused)
		return
	}
	stream.Updated(stream.URIs[0])
	stream.End("every resource this stream followed is gone")
}

// TestReadRefuses: what no vector shows.
func TestReadRefuses(t *testing.T) {
	post := func(body string, edit func(http.Header)) *Refusal {
		r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		r.Header.Set("Accept", "*/*")
		r.Header.Set(observer.HeaderVersion, observer.Version)
		r.Header.Set(observer.HeaderMethod, "tools/call")
		r.Header.Set(observer.HeaderName, "node")
		if edit != nil {
			edit(r.Header)
		}
		_, refused := Read(r)
		return refused
	}
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	good := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"node",` + meta + `}}`
	if r := post(good, nil); r != nil {
		t.Errorf("a good request: %v", r.Message)
	}
	odd := func(name string) func(http.Header) { return func(h http.Header) { h.Set(observer.HeaderName, name) } }
	if r := post(good, odd("=?base64?bm9kZQ==?=")); r != nil {
		t.Errorf("a name in base64: %v", r.Message)
	}
	for name, r := range map[string]*Refusal{
		"bad base64":  post(good, odd("=?base64?*?=")),
		"params list": post(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`, nil),
		"id null":     post(strings.Replace(good, `"id":1`, `"id":null`, 1), nil),
		"too long":    post(`{"jsonrpc":"2.0","id":1,"x":"`+strings.Repeat("x", observer.MaxBody)+`"}`, nil),
		"meta number": post(strings.Replace(good, `"2026-07-28"`, `1`, 1), nil),
	} {
		if r == nil || r.Status != 400 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
