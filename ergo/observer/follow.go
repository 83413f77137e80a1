package observer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A follow is the log of one node, or one of its events, read on from a cursor.
// It is what the tools sample_listen and sample_read of the 48 are over an
// Observer: the entries have numbers of ours.
type follow struct {
	mu      sync.Mutex
	node    string
	event   string // "" of the log
	uri     string // always the same, so that it is one owner's
	cursor  string
	last    int64 // the number of the last entry
	pending []followed
	lost    losses // not yet told
	buffer  int

	suppressed int64 // of an event, since it is followed
}

// losses are lines that were not to be had.
type losses struct {
	suppressed int64 // beyond the node's limit of lines a second
	dropped    bool  // an unknown number, between two readings
}

// A followed line is an entry of sample_read.
type followed struct {
	Sequence  int64           `json:"sequence"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// linesPerSecond is how many lines a second the node is asked to tell: it
// counts those above and drops them.
const linesPerSecond = 100_000

// sampler answers sample_listen, sample_read and sample_stop.
func (c *Caller) sampler(ctx context.Context, call ergo.Call) ([]byte, *Result, error) {
	if call.Tool == "sample_listen" {
		return c.listen(ctx, call)
	}
	id := call.Args.Text("sampler_id")
	c.mu.Lock()
	f := c.follows[id]
	if call.Tool == "sample_stop" {
		delete(c.follows, id)
	}
	c.mu.Unlock()
	r := &Result{At: c.client.opts.Now()}
	if f == nil || f.node != call.Node {
		return nil, r, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "sampler " + id + " not found: unknown process"}
	}
	if call.Tool == "sample_stop" { // the Observer ends the follow itself when nobody reads
		return []byte("sampler " + id + " stopping"), r, nil
	}
	since, _ := call.Args.Int("since")
	r, err := f.read(ctx, c.client)
	if err != nil {
		return nil, r, err
	}
	return f.answer(id, since), r, nil
}

// listen begins to follow the log of a node, or an event: the Observer subscribes
// to it then, and counts among its subscribers.
func (c *Caller) listen(ctx context.Context, call ergo.Call) ([]byte, *Result, error) {
	if event := call.Args.Text("event"); event != "" {
		of := call.Node
		if other := call.Args.Text("event_node"); other != "" {
			of = other
		}
		f := &follow{node: call.Node, event: event, buffer: bufferOf(call.Args)}
		f.uri = "ergo://" + of + "/stream/" + url.PathEscape(event) + "?" + url.Values{"limit": {fmt.Sprint(linesPerSecond)}}.Encode()
		return c.begin(ctx, f, map[string]any{"mode": "passive", "event": event, "buffer_size": f.buffer})
	}
	levels := levelsOf(call.Args["log_levels"])
	if levels == nil {
		levels = []string{"info", "warning", "error", "panic"}
	}
	query := url.Values{"levels": {strings.Join(levels, ",")}, "limit": {fmt.Sprint(linesPerSecond)}}
	f := &follow{node: call.Node, uri: "ergo://" + call.Node + "/log?" + query.Encode(), buffer: bufferOf(call.Args)}
	return c.begin(ctx, f, map[string]any{"mode": "passive", "log_levels": levels, "log_source": "", "buffer_size": f.buffer})
}

// bufferOf is how many entries a follow keeps.
func bufferOf(args ergo.Args) int {
	if n, ok := args.Int("buffer_size"); ok && n > 0 {
		return int(min(n, 1<<20))
	}
	return 4096
}

// begin reads for the first time, and answers as sample_listen does.
func (c *Caller) begin(ctx context.Context, f *follow, said map[string]any) ([]byte, *Result, error) {
	r, err := f.read(ctx, c.client)
	if err != nil {
		return nil, r, err
	}
	kind := "log"
	if f.event != "" {
		kind = "event"
	}
	c.mu.Lock()
	c.numbered++
	id := fmt.Sprintf("observer_%s_%d_%d", kind, c.client.opts.Now().UnixNano(), c.numbered)
	c.follows[id] = f
	c.mu.Unlock()
	said["sampler_id"] = id
	text, err := json.Marshal(said)
	return text, r, err
}

// levelsOf are the levels of an argument that the log lens takes.
func levelsOf(arg any) []string {
	var given []string
	switch v := arg.(type) {
	case []string:
		given = v
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				given = append(given, s)
			}
		}
	}
	var known []string
	for _, l := range []string{"debug", "info", "warning", "error", "panic"} {
		if slices.Contains(given, l) {
			known = append(known, l)
		}
	}
	return known
}

// read takes in what came since the last time.
func (f *follow) read(ctx context.Context, client *Client) (*Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	uri := f.uri
	if f.cursor != "" {
		uri += "&since=" + url.QueryEscape(f.cursor)
	}
	r, err := client.Read(ctx, uri)
	if err != nil {
		return r, err
	}
	var batches []batch
	if err := json.Unmarshal(r.Text, &batches); err != nil {
		return r, client.misspoken(fmt.Errorf("%s: %w", f.uri, err))
	}
	next := r.NextSeq()
	f.lost.dropped = f.lost.dropped || f.cursor != "" && (r.Dropped() || owner(next) != owner(f.cursor))
	f.cursor = next
	for _, b := range batches {
		f.suppress(b.Suppressed)
		for _, text := range b.Entries {
			at, data, err := f.entry(b.Node, text)
			if err != nil {
				return r, client.misspoken(fmt.Errorf("%s: %w", f.uri, err))
			}
			f.last++
			f.pending = append(f.pending, followed{f.last, at, data})
		}
	}
	if over := len(f.pending) - f.buffer; over > 0 {
		f.pending = slices.Clone(f.pending[over:])
	}
	return r, nil
}

// A batch is what came within a second.
type batch struct {
	Node       string
	Entries    []json.RawMessage
	Suppressed int64
}

// suppress counts what a node dropped: of the log in each batch, of an event
// since it is followed.
func (f *follow) suppress(n int64) {
	if f.event == "" {
		f.lost.suppressed += n
		return
	}
	if n > f.suppressed {
		f.lost.suppressed += n - f.suppressed
	}
	f.suppressed = n
}

// entry is an entry of a batch as sample_read gives one: a line of the log, or
// the message of an event.
func (f *follow) entry(node string, text json.RawMessage) (time.Time, json.RawMessage, error) {
	if f.event == "" {
		var e LogEntry
		err := json.Unmarshal(text, &e)
		return e.time(), e.line(node), err
	}
	var m struct {
		Timestamp     int64
		Type, Message string
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return time.Time{}, nil, err
	}
	at := time.Unix(0, m.Timestamp).UTC()
	data, err := json.Marshal(map[string]any{"event": "'" + f.event + "'@'" + node + "'", "type": m.Type, "message": m.Message, "time": at})
	return at, data, err
}

// owner is the part of a cursor that names whoever holds the batches.
func owner(cursor string) string {
	i := strings.LastIndexByte(cursor, '.')
	return cursor[:max(i, 0)]
}

// answer is what sample_read says: what came behind an entry. What was said is
// kept until a later reading confirms it.
func (f *follow) answer(id string, since int64) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = slices.DeleteFunc(f.pending, func(e followed) bool { return e.Sequence <= since })
	out := struct {
		SamplerID  string     `json:"sampler_id"`
		Mode       string     `json:"mode"`
		Sequence   int64      `json:"sequence"`
		Completed  bool       `json:"completed"`
		Samples    []followed `json:"samples"`
		Suppressed int64      `json:"suppressed,omitempty"`
		Dropped    bool       `json:"dropped,omitempty"`
	}{id, "passive", f.last + 1, false, f.pending, f.lost.suppressed, f.lost.dropped}
	f.lost = losses{}
	text, err := json.Marshal(out)
	if err != nil {
		return []byte("null") // lines always encode
	}
	return text
}

// A LogEntry is one line as the log lens shows it.
type LogEntry struct {
	Source    string // node, process, meta, network, application
	Name      string
	PID       string
	Behavior  string
	Peer      string
	Parent    string
	Meta      string
	Creation  int64
	Timestamp int64 // unix ns
	Level     string
	Message   string
	Fields    json.RawMessage
}

func (e LogEntry) time() time.Time { return time.Unix(0, e.Timestamp).UTC() }

// line is the entry as the 48 tools print one, with its fields if it has any.
func (e LogEntry) line(node string) json.RawMessage {
	line := struct {
		Level   string          `json:"level"`
		Message string          `json:"message"`
		Source  string          `json:"source"`
		Time    time.Time       `json:"time"`
		Type    string          `json:"type"`
		Fields  json.RawMessage `json:"fields,omitempty"`
	}{e.Level, e.Message, e.source(node), e.time(), e.Source, nil}
	if string(e.Fields) != "null" {
		line.Fields = e.Fields
	}
	text, err := json.Marshal(line)
	if err != nil {
		return json.RawMessage("null") // the fields came as JSON
	}
	return text
}

// source is who wrote the line, as the framework prints it.
func (e LogEntry) source(node string) string {
	switch e.Source {
	case "process":
		s := canonical(e.PID, 1)
		if e.Name != "" {
			s += " ('" + e.Name + "')"
		}
		if e.Behavior != "" {
			s += " " + e.Behavior
		}
		return s
	case "meta":
		s := canonical(e.Meta, 3)
		if e.Behavior != "" {
			s += " " + e.Behavior
		}
		return s
	case "network":
		return node + "-" + e.Peer
	case "application":
		return e.Name
	}
	return node
}

// canonical is an identifier as the 48 tools write it.
func canonical(text string, numbers int) string {
	g, err := ergo.ParseGlobal(text, numbers)
	if err != nil {
		return text
	}
	return g.Canonical()
}
