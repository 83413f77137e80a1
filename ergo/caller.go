package ergo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// A Caller answers tool calls. Implementations are safe for concurrent use and
// return as soon as ctx is done.
//
// A tool that refuses is not an answer: Call then returns a [*ToolError], and
// an Answer whose At and Took are still valid. Any other error means that
// nobody answered at all.
type Caller interface {
	Call(ctx context.Context, call Call) (Answer, error)
}

// CallerFunc makes a function a [Caller].
type CallerFunc func(ctx context.Context, call Call) (Answer, error)

// Call calls f.
func (f CallerFunc) Call(ctx context.Context, call Call) (Answer, error) { return f(ctx, call) }

// A Call is one tool call on one node.
type Call struct {
	Node string // the node that is asked; empty means the entry point
	Tool string
	Args Args // without "node"
}

func (c Call) String() string {
	s := c.Tool
	if len(c.Args) > 0 {
		s += " " + c.Args.String()
	}
	if c.Node != "" {
		s += " on " + c.Node
	}
	return s
}

// Args are the arguments of a call. Numbers in decoded arguments are
// [json.Number], so that the literal that was sent can be stored unchanged.
type Args map[string]any

// ParseArgs decodes a JSON object. Empty text and null give nil.
func ParseArgs(text []byte) (Args, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var a Args
	if err := d.Decode(&a); err != nil {
		return nil, fmt.Errorf("decode arguments: %w", err)
	}
	return a, nil
}

// JSON is the canonical text of the arguments: keys sorted, nothing escaped
// for HTML. Nil arguments are "{}".
func (a Args) JSON() []byte {
	if len(a) == 0 {
		return []byte("{}")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any(a)); err != nil {
		// Only values that JSON cannot hold get here; none come from ParseArgs.
		return fmt.Appendf(nil, `{"error":%q}`, err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func (a Args) String() string { return string(a.JSON()) }

// Without returns a copy that lacks the named arguments.
func (a Args) Without(names ...string) Args {
	c := maps.Clone(a)
	for _, n := range names {
		delete(c, n)
	}
	return c
}

// With returns a copy in which name has the given value.
func (a Args) With(name string, value any) Args {
	c := maps.Clone(a)
	if c == nil {
		c = Args{}
	}
	c[name] = value
	return c
}

// Text is the argument as a string, "" where it is absent or of another type.
func (a Args) Text(name string) string {
	s, _ := a[name].(string)
	return s
}

// Int is the argument as an integer; ok is false where it is absent or no
// integer (list tools ignore wrongly typed arguments, so callers usually do).
func (a Args) Int(name string) (v int64, ok bool) {
	switch x := a[name].(type) {
	case json.Number:
		v, err := x.Int64()
		return v, err == nil
	case float64:
		return int64(x), x == float64(int64(x))
	case int:
		return int64(x), true
	case int64:
		return x, true
	}
	return 0, false
}

// Float is the argument as a number; ok as in [Args.Int].
func (a Args) Float(name string) (v float64, ok bool) {
	switch x := a[name].(type) {
	case json.Number:
		v, err := x.Float64()
		return v, err == nil
	case float64:
		return x, true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	}
	return 0, false
}

// Bool is the argument as a truth value; ok as in [Args.Int].
func (a Args) Bool(name string) (v, ok bool) {
	v, ok = a[name].(bool)
	return v, ok
}

// An Answer is what a tool said.
type Answer struct {
	// Text is the one content item of the answer, nil if there was none. It
	// belongs to the receiver's caller: nobody changes it.
	Text []byte
	// IsError is the answer's isError flag. The framework never sets it.
	IsError bool
	// At is when the answer had arrived; what it says is from [At-Took, At].
	// For a recording it is the time of the record.
	At   time.Time
	Took time.Duration
	// Observed: the answer was taken from a recording, at At. A replay that
	// announces its clock sets it; what it makes up on the spot lacks it.
	Observed bool
	// Clock is set by a replay that announces its clock; see [Clock].
	Clock *Clock
	// Road is over which road the answer came; "" where nobody said.
	Road Road
}

// A Road is a way to ask a node: a surface of the node and how it is reached.
type Road string

// The roads. The value is what archives and reports store.
const (
	RoadMCP      Road = "mcp"      // the 48 tools over HTTP
	RoadLink     Road = "link"     // the 48 tools over a link of Ergo's own protocol
	RoadObserver Road = "observer" // the Observer application over HTTP
	RoadSystem   Road = "system"   // the system application over a link
)

// An Offer says whether a road gives a reading.
type Offer int

const (
	Offered   Offer = iota // at any time
	Suspicion              // it stops the node for a moment: on suspicion only, never on a schedule
	Withheld               // not at all
)

// SuspicionRest is for how long a node is left alone after a call that is made on
// suspicion only, before the same call is made again.
const SuspicionRest = time.Minute

// A Clock is what a replay announces about its own time: where it is in the
// recorded window, how many times faster than the world it runs, and where
// the window ends. Live clusters announce none.
type Clock struct {
	Now   time.Time
	Speed float64
	End   time.Time
}

// JSON-RPC error codes that nodes use.
const (
	CodeParse          = -32700
	CodeInvalidRequest = -32600
	CodeMethodNotFound = -32601
	CodeInvalidParams  = -32602 // a refusal by the node that was asked directly
	CodeInternal       = -32603 // a refusal by, or a failed link to, a forwarded node
)

// A ToolError is a JSON-RPC error: the cluster answered, and refused.
type ToolError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *ToolError) Error() string { return e.Message }

// remotePrefix begins the message of a forwarded call whose link failed.
const remotePrefix = "remote call to '"

// LinkFailed reports whether the entry point could not reach the node (as
// against the tool's own refusal), and says why: "no route", "timed out", ….
func (e *ToolError) LinkFailed() (why string, failed bool) {
	rest, ok := strings.CutPrefix(e.Message, remotePrefix)
	if !ok {
		return "", false
	}
	_, why, ok = strings.Cut(rest, "' failed: ")
	return why, ok
}

// RemoteError is the error that an entry point gives when it could not reach
// a node: why is "no route", "timed out", ….
func RemoteError(node, why string) *ToolError {
	return &ToolError{Code: CodeInternal, Message: remotePrefix + node + "' failed: " + why}
}

// ErrNoTools is a node on which nobody answers tool calls: it does not run the
// application that has them. To ask another node to forward a call to it would
// only hold up that one.
var ErrNoTools = errors.New("the node does not run the application that answers")

// AsToolError is the [*ToolError] in err's chain, or nil.
func AsToolError(err error) *ToolError {
	var e *ToolError
	if errors.As(err, &e) {
		return e
	}
	return nil
}
