package observer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
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

// vectors are all of them.
func vectors(t *testing.T) []vector {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	if len(list) != 72 {
		t.Fatalf("%d vectors, not 72", len(list))
	}
	return list
}

// A call is what a vector's request asks for.
type call struct {
	ID     json.Number
	Method string
	Params struct {
		Name      string
		URI       string
		Arguments json.RawMessage
		Cursor    *string

		Notifications struct{ ResourceSubscriptions []string }
	}
}

// sendable reports whether the request of a vector is one that the client
// makes: the others break a rule of the protocol.
func sendable(v vector) bool {
	var c call
	if v.Request.Method != http.MethodPost || json.Unmarshal([]byte(v.Request.Body), &c) != nil || c.ID == "" || c.Params.Cursor != nil {
		return false
	}
	return v.Status == http.StatusOK || c.Method == MethodListen || strings.HasPrefix(v.Name, "read_") || v.Name == "unknown_tool" ||
		v.Name == "unknown_method" || v.Status == 401 || v.Status == 429 || v.Status == 503
}

// TestClientSendsAndReads plays each vector's server: what the client sends is
// the vector's request, to the header, and what it makes of the answer is what
// the answer says.
func TestClientSendsAndReads(t *testing.T) {
	sent := 0
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			var got *http.Request
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				for k, h := range v.Response.Headers {
					w.Header().Set(k, h)
				}
				w.WriteHeader(v.Status)
				_, _ = io.WriteString(w, v.Response.Body)
			}))
			defer server.Close()
			c, err := New(server.URL, live.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var asked call
			_ = json.Unmarshal([]byte(v.Request.Body), &asked) // what is no JSON asks nothing
			if id, err := asked.ID.Int64(); err == nil {
				c.id.Store(id - 1)
			}
			check(t, v, asked, c)
			if sendable(v) {
				sent++
				sameRequest(t, v, got, body)
			}
		})
	}
	if sent != 54 {
		t.Errorf("the client can send %d of the vectors, not 54", sent)
	}
}

// check makes the vector's call and compares what comes of it.
func check(t *testing.T, v vector, asked call, c *Client) {
	t.Helper()
	var answer struct {
		Result struct {
			Content  []struct{ Text string }
			Contents []struct{ URI, Text string }
			IsError  bool
		}
		Error *Refusal
	}
	if !strings.HasPrefix(v.Response.Body, "data:") {
		if err := json.Unmarshal([]byte(v.Response.Body), &answer); err != nil {
			t.Fatal(err)
		}
	}
	var r *Result
	var err error
	switch asked.Method {
	case MethodCall:
		args, e := ergo.ParseArgs(asked.Params.Arguments)
		if e != nil {
			t.Fatal(e)
		}
		r, err = c.Tool(context.Background(), asked.Params.Name, args)
	case MethodRead:
		r, err = c.Read(context.Background(), asked.Params.URI)
	case MethodListen:
		var heard []string
		err = c.Listen(context.Background(), asked.Params.Notifications.ResourceSubscriptions, func(u Update) { heard = append(heard, u.Method) })
		if err == nil && !reflect.DeepEqual(heard, []string{"notifications/subscriptions/acknowledged", "notifications/resources/updated", "notifications/cancelled", ""}) {
			t.Errorf("heard %q", heard)
		}
	case "":
		_, err = c.Do(context.Background(), MethodTools)
	default:
		_, err = c.Do(context.Background(), asked.Method)
	}
	switch {
	case answer.Error != nil:
		refused(t, v, err, answer.Error)
	case answer.Result.IsError:
		if te := ergo.AsToolError(err); te == nil || te.Message != answer.Result.Content[0].Text {
			t.Errorf("error %v, not the tool's words", err)
		}
	case err != nil:
		t.Error(err)
	case asked.Method == MethodCall && string(r.Text) != answer.Result.Content[0].Text:
		t.Errorf("text %.100s", r.Text)
	case asked.Method == MethodRead && (string(r.Text) != answer.Result.Contents[0].Text || r.URI != answer.Result.Contents[0].URI):
		t.Errorf("%s: text %.100s", r.URI, r.Text)
	}
	if v.Name == "log_since_dropped" && (!r.Dropped() || r.NextSeq() != "1788500000-2077.2") {
		t.Errorf("dropped %v, next %q", r.Dropped(), r.NextSeq())
	}
}

// refused checks that an error has the server's words, and is of its kind.
func refused(t *testing.T, v vector, err error, want *Refusal) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want.Message) {
		t.Fatalf("error %v, without the words %q", err, want.Message)
	}
	isTool := ergo.AsToolError(err) != nil
	var nobody *live.Error
	switch {
	case v.Status == 401 || v.Status == 403:
		if !errors.Is(err, live.ErrUnauthorized) {
			t.Errorf("%v is not ErrUnauthorized", err)
		}
	case v.Status == 429:
		if !errors.Is(err, ErrThrottled) {
			t.Errorf("%v is not ErrThrottled", err)
		}
	case want.Code == ergo.CodeInvalidParams:
		if !isTool {
			t.Errorf("%v is no refusal", err)
		}
	case isTool || !errors.As(err, &nobody):
		t.Errorf("%v should be told as an endpoint that did not answer", err)
	}
}

// sameRequest compares what was sent with the vector.
func sameRequest(t *testing.T, v vector, got *http.Request, body []byte) {
	t.Helper()
	if got.Method != v.Request.Method || got.URL.Path != v.Request.Path {
		t.Errorf("%s %s", got.Method, got.URL.Path)
	}
	for _, name := range []string{"Content-Type", "Accept", HeaderVersion, HeaderMethod, HeaderName} {
		if have, want := got.Header.Get(name), headerOf(v, name); have != want {
			t.Errorf("header %s: %q, not %q", name, have, want)
		}
	}
	var have, want any
	if json.Unmarshal(body, &have) != nil || json.Unmarshal([]byte(v.Request.Body), &want) != nil {
		t.Fatalf("body %s", body)
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("body %s\nnot  %s", body, v.Request.Body)
	}
}

func headerOf(v vector, name string) string {
	for k, h := range v.Request.Headers {
		if strings.EqualFold(k, name) {
			return h
		}
	}
	return ""
}

// TestRecognised: an answer to a client of the 48 tools that only an Observer
// gives, and answers that only look like one.
func TestRecognised(t *testing.T) {
	for _, v := range vectors(t) {
		want := v.Name == "no_version_header" || v.Name == "refused_version" || v.Name == "meta_version_differs"
		if IsObserver(v.Status, []byte(v.Response.Body)) != want {
			t.Errorf("%s: recognised: %v", v.Name, !want)
		}
	}
	for _, body := range []string{"", "null", `{"error":"no"}`, `{"error":{"code":-32020}}`, `{"jsonrpc":"2.0","result":{}}`} {
		if IsObserver(400, []byte(body)) {
			t.Errorf("%q is taken for an Observer", body)
		}
	}
}
