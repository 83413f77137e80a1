// Package gate is the server's side of the protocol of package observer: it
// checks a request as the Observer application does, in the same order and
// with the same words, and writes answers in the same form.
//
//   - [Read] takes a request in, or says why not.
//   - [Refuse], [Reply] and [Content] write the answers.
//   - [All] are the tools with their arguments; [Tool.CheckArgs] finds
//     what is wrong with arguments.
//
// What is asked is answered elsewhere: by a replay, or by our own MCP server.
package gate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
)

// A Request is one request that has passed every check.
type Request struct {
	ID     json.RawMessage
	Method string
	// Name is the tool of tools/call, the URI of resources/read.
	Name   string
	Params json.RawMessage
}

// Args are the arguments of tools/call.
func (r *Request) Args() (ergo.Args, error) {
	var p struct {
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := json.Unmarshal(r.Params, &p); err != nil {
		return nil, fmt.Errorf("decode params: %w", err)
	}
	return ergo.ParseArgs(p.Arguments)
}

// A Refusal is a request that is not answered.
type Refusal struct {
	Status int
	// ID is the request's id: nil where it was not read, in which case it is
	// left out, or is null where NullID is set.
	ID     json.RawMessage
	NullID bool
	observer.Refusal
}

// Read takes in the body of a POST and checks all of it. More are methods that
// are served beside those of an Observer.
func Read(r *http.Request, more ...string) (*Request, *Refusal) {
	if r.Method != http.MethodPost {
		return nil, Status(http.StatusMethodNotAllowed)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, observer.MaxBody+1))
	if err != nil {
		return nil, refuse(nil, ergo.CodeParse, "body is not JSON", nil)
	}
	req, refused := envelope(body)
	if refused != nil {
		return nil, refused
	}
	if refused := req.check(r.Header, more); refused != nil {
		refused.ID = req.ID
		return nil, refused
	}
	return req, nil
}

// Status is a refusal that is told before anything was read.
func Status(status int) *Refusal {
	return &Refusal{Status: status, NullID: true, Refusal: observer.Refusal{Code: ergo.CodeInvalidRequest, Message: http.StatusText(status)}}
}

// statusOf is the HTTP status that goes with an error's code.
func statusOf(code int) int {
	switch code {
	case ergo.CodeMethodNotFound:
		return http.StatusNotFound
	case ergo.CodeInternal:
		return http.StatusInternalServerError
	case observer.CodeAccept:
		return http.StatusNotAcceptable
	}
	return http.StatusBadRequest
}

// refuse makes a refusal; data is nil or becomes its JSON.
func refuse(id json.RawMessage, code int, message string, data any) *Refusal {
	r := &Refusal{Status: statusOf(code), ID: id, Refusal: observer.Refusal{Code: code, Message: message}}
	if data != nil {
		r.Data = encode(data)
	}
	return r
}

// encode is JSON as Go writes it, of values that always encode.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}

// envelope reads the JSON-RPC request that a body is.
func envelope(body []byte) (*Request, *Refusal) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	var e struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	switch {
	case len(body) > observer.MaxBody:
		return nil, refuse(nil, ergo.CodeInvalidRequest, fmt.Sprintf("one request may weigh %d bytes", observer.MaxBody), nil)
	case bytes.HasPrefix(trimmed, []byte("[")):
		return nil, refuse(nil, ergo.CodeInvalidRequest, "one POST carries one request, not a batch", nil)
	case !json.Valid(body):
		return nil, refuse(nil, ergo.CodeParse, "body is not JSON", nil)
	}
	err := json.Unmarshal(body, &e)
	if string(e.ID) == "null" {
		e.ID = nil
	}
	switch {
	case err != nil, e.Version != "2.0", e.Method == "":
		return nil, refuse(e.ID, ergo.CodeInvalidRequest, "not a JSON-RPC 2.0 request", nil)
	case e.ID == nil:
		return nil, refuse(nil, ergo.CodeInvalidRequest, e.Method+" is a notification, and this endpoint takes none", nil)
	}
	return &Request{ID: e.ID, Method: e.Method, Params: e.Params}, nil
}

func headerRefusal(name, message string) *Refusal {
	return refuse(nil, observer.CodeHeader, message, map[string]string{"header": name})
}

// check makes the checks that follow the envelope's, in order.
func (q *Request) check(h http.Header, more []string) *Refusal {
	version := h.Get(observer.HeaderVersion)
	switch {
	case version == "":
		return headerRefusal(observer.HeaderVersion, observer.HeaderVersion+" is required on every request")
	case version != observer.Version:
		return refuse(nil, observer.CodeVersion, "unsupported protocol version",
			map[string]any{"supported": []string{observer.Version}, "requested": version})
	case !acceptsBoth(h.Values("Accept")):
		return refuse(nil, observer.CodeAccept, "Accept must list both application/json and text/event-stream", map[string]string{"header": "Accept"})
	}
	params := map[string]json.RawMessage{}
	if q.Params != nil && string(q.Params) != "null" && json.Unmarshal(q.Params, &params) != nil {
		return refuse(nil, ergo.CodeInvalidParams, "params is not an object", nil)
	}
	if refused := checkMeta(params["_meta"], version); refused != nil {
		return refused
	}
	switch method := h.Get(observer.HeaderMethod); method {
	case q.Method:
	case "":
		return headerRefusal(observer.HeaderMethod, observer.HeaderMethod+" is required on every request")
	default:
		return headerRefusal(observer.HeaderMethod, fmt.Sprintf("%s says %s and the body says %s", observer.HeaderMethod, method, q.Method))
	}
	if refused := q.checkName(h, params); refused != nil {
		return refused
	}
	switch q.Method {
	case observer.MethodDiscover, observer.MethodTools, observer.MethodCall, observer.MethodResources,
		observer.MethodTemplates, observer.MethodRead, observer.MethodListen:
		return nil
	}
	if slices.Contains(more, q.Method) {
		return nil
	}
	return refuse(nil, ergo.CodeMethodNotFound, q.Method+" is not served here", nil)
}

// checkMeta checks the _meta of a request.
func checkMeta(text json.RawMessage, version string) *Refusal {
	meta := map[string]json.RawMessage{}
	_ = json.Unmarshal(text, &meta) // what is no object lacks its keys
	for _, key := range []string{observer.MetaVersion, observer.MetaCapabilities} {
		if v, ok := meta[key]; !ok || string(v) == "null" {
			return refuse(nil, ergo.CodeInvalidParams, "_meta."+key+" is required on every request", map[string]string{"missing": key})
		}
	}
	var said string
	if json.Unmarshal(meta[observer.MetaVersion], &said) != nil {
		return refuse(nil, ergo.CodeInvalidParams, "_meta."+observer.MetaVersion+" must be text", nil)
	}
	if said != version {
		return headerRefusal(observer.HeaderVersion, fmt.Sprintf("%s says %s and the body says %s", observer.HeaderVersion, version, said))
	}
	return nil
}

// checkName checks the name of what is called or read, and keeps it.
func (q *Request) checkName(h http.Header, params map[string]json.RawMessage) *Refusal {
	if q.Method != observer.MethodCall && q.Method != observer.MethodRead {
		return nil
	}
	var body string
	if _ = json.Unmarshal(params["name"], &body); body == "" { // absent: the other
		_ = json.Unmarshal(params["uri"], &body)
	}
	q.Name = body
	header := h.Get(observer.HeaderName)
	if header == "" {
		return headerRefusal(observer.HeaderName, fmt.Sprintf("%s is required on %s", observer.HeaderName, q.Method))
	}
	name := header
	if b, ok := strings.CutPrefix(header, "=?base64?"); ok {
		text, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(b, "?="))
		if err != nil || !strings.HasSuffix(b, "?=") {
			return headerRefusal(observer.HeaderName, observer.HeaderName+" cannot be decoded")
		}
		name = string(text)
	}
	if name != body {
		return headerRefusal(observer.HeaderName, fmt.Sprintf("%s says %q and the body says %q", observer.HeaderName, name, body))
	}
	return nil
}

// acceptsBoth reports whether a client admits JSON and event streams.
func acceptsBoth(values []string) bool {
	var json, stream bool
	for _, v := range strings.Split(strings.Join(values, ","), ",") {
		t, _, err := mime.ParseMediaType(v)
		if err != nil {
			continue
		}
		switch t {
		case "*/*":
			return true
		case "application/*", "application/json":
			json = true
		case "text/*", "text/event-stream":
			stream = true
		}
	}
	return json && stream
}
