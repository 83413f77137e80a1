package serve

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/limit"
)

// Headers by which a replay announces its clock, `<RFC3339Nano> speed=N
// end=<RFC3339Nano>`, and when what it answers was observed. What was derived
// from another tool's answer was never observed.
const (
	HeaderClock    = "X-Ergo-Clock"
	HeaderObserved = "X-Ergo-Observed"
)

// MaxBody is the size of a request that a node reads.
const MaxBody = limit.MostRequest

// Node is the HTTP handler of a node's entry point: POST /mcp. An empty name
// means the recorded entry point.
func (c *Cluster) Node(name string) (http.Handler, error) { return c.endpoint(name) }

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/mcp":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodPost:
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	case !e.allowed(r.Header.Get("Authorization")):
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if e.downAt(r.Context(), e.node, e.clock.Now()) {
		panic(http.ErrAbortHandler) // a node that is down closes the connection without a word
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	if len(body) > MaxBody {
		body = nil
	}
	e.message(&announcer{w, e.clock}, r, body)
}

// An announcer adds the clock to an answer, as it is when that begins.
type announcer struct {
	http.ResponseWriter
	clock *Clock
}

func (a *announcer) WriteHeader(status int) {
	a.Header().Set(HeaderClock, a.clock.announce(a.clock.Now()))
	a.ResponseWriter.WriteHeader(status)
}

func (a *announcer) Write(text []byte) (int, error) {
	if a.Header().Get(HeaderClock) == "" {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(text)
}

func (e *endpoint) allowed(authorization string) bool {
	if e.token == "" {
		return true
	}
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(token), []byte(e.token)) == 1
}

// A request is a JSON-RPC request.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// message answers one JSON-RPC message.
func (e *endpoint) message(w http.ResponseWriter, r *http.Request, body []byte) {
	var req request
	if json.Unmarshal(body, &req) != nil {
		respond(w, nil, nil, &ergo.ToolError{Code: ergo.CodeParse, Message: "parse error"})
		return
	}
	switch {
	case req.Version != "2.0":
		respond(w, req.ID, nil, &ergo.ToolError{Code: ergo.CodeInvalidRequest, Message: "invalid JSON-RPC version"})
	case strings.HasPrefix(req.Method, "notifications/"):
		w.WriteHeader(http.StatusAccepted)
	case req.Method == "initialize":
		respond(w, req.ID, hello(), nil)
	case req.Method == "ping":
		respond(w, req.ID, struct{}{}, nil)
	case req.Method == "tools/list":
		respond(w, req.ID, listTools(), nil)
	case req.Method == "tools/call":
		e.call(w, r, req)
	default:
		respond(w, req.ID, nil, &ergo.ToolError{Code: ergo.CodeMethodNotFound, Message: "method not found: " + req.Method})
	}
}

// call answers tools/call.
func (e *endpoint) call(w http.ResponseWriter, r *http.Request, req request) {
	var p struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	args, err := ergo.Args(nil), json.Unmarshal(req.Params, &p)
	if err == nil {
		args, err = ergo.ParseArgs(p.Arguments)
	}
	if err != nil {
		respond(w, req.ID, nil, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "invalid tools/call params"})
		return
	}
	call := ergo.Call{Node: args.Text("node"), Tool: p.Name, Args: args.Without("node")}
	reply, err := e.ask(r.Context(), call)
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody listens any more
	}
	if !reply.At.IsZero() {
		w.Header().Set(HeaderObserved, reply.At.UTC().Format(time.RFC3339Nano))
	}
	if err != nil {
		respond(w, req.ID, nil, refusal(err, e.forwards(call)))
		return
	}
	respond(w, req.ID, content(reply.Text, e.forwards(call)), nil)
}

// respond writes a JSON-RPC answer.
func respond(w http.ResponseWriter, id json.RawMessage, result any, refused *ergo.ToolError) {
	if id == nil {
		id = json.RawMessage("null")
	}
	text, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result,omitempty"`
		Error   *ergo.ToolError `json:"error,omitempty"`
	}{"2.0", id, result, refused})
	if err != nil {
		http.Error(w, fmt.Sprintf("write answer: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // a client that has gone is none of ours
}

// content is the result of a tool call. Its fields come in another order when
// it was forwarded, as from a node.
func content(text []byte, forwarded bool) any {
	if text == nil {
		return json.RawMessage(`{"content":[]}`)
	}
	s, err := json.Marshal(string(text))
	if err != nil {
		s = []byte(`""`) // strings always encode
	}
	var b bytes.Buffer
	if forwarded {
		fmt.Fprintf(&b, `{"content":[{"text":%s,"type":"text"}]}`, s)
	} else {
		fmt.Fprintf(&b, `{"content":[{"type":"text","text":%s}]}`, s)
	}
	return json.RawMessage(b.Bytes())
}

// hello is the result of initialize.
func hello() any {
	type named struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	return struct {
		Protocol     string                    `json:"protocolVersion"`
		Capabilities map[string]map[string]any `json:"capabilities"`
		Server       named                     `json:"serverInfo"`
		Instructions string                    `json:"instructions"`
	}{
		"2025-06-18",
		map[string]map[string]any{"tools": {}},
		named{"ergo-mcp", "1.0.0"},
		"Ergo Framework MCP server. Use tools/list to discover available inspection tools.",
	}
}

// listTools is the result of tools/list: actions are not there.
func listTools() any {
	type tool struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		InputSchema json.RawMessage `json:"inputSchema"`
	}
	var list []tool
	for _, t := range tools48.Tools() {
		if t.Kind != ergo.Action {
			list = append(list, tool{t.Name, t.Help, t.InputSchema(tools48.Common()...)})
		}
	}
	return map[string]any{"tools": list}
}
