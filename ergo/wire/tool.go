package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/message"
)

// ErrNoMCP is a node that does not run the MCP application: it has no tools.
var ErrNoMCP = fmt.Errorf("no MCP application on that node: %w", ergo.ErrNoTools)

const (
	toolClusterNodes = "cluster_nodes"
	toolProcessList  = "process_list"
	toolCapabilities = "capabilities"
	toolTypes        = "types" // as the node describes them
)

// maxParams is the longest text of arguments that nodes can read: they fail
// on the two longest strings that could be written.
const maxParams = edf.MaxString - 2

// callTool asks a node's process mcp for a tool's answer, and returns the
// text of its one content item.
func callTool(ctx context.Context, l *link.Link, call ergo.Call) (text []byte, isError bool, err error) {
	params := call.Args.JSON()
	if len(params) > maxParams {
		return nil, false, fmt.Errorf("call %s: arguments of %d bytes, a node takes %d", call.Tool, len(params), maxParams)
	}
	v, err := l.Request(ctx, message.MCPProcess, edf.Named{
		Type:  message.ToolCallRequestType,
		Value: message.ToolCallRequest{Tool: call.Tool, Params: string(params)},
	})
	if err != nil {
		return nil, false, err
	}
	named, _ := v.(edf.Named)
	answer, ok := named.Value.(message.ToolCallResponse)
	if !ok {
		return nil, false, fmt.Errorf("call %s: the process %s answers with %s", call.Tool, message.MCPProcess, describe(v))
	}
	if answer.Error != "" {
		return nil, false, &ergo.ToolError{Code: ergo.CodeInternal, Message: answer.Error}
	}
	return ergo.ContentText([]byte(answer.Result))
}

// describe says what a value is, without its content.
func describe(v any) string {
	if n, ok := v.(edf.Named); ok {
		return n.Type
	}
	return fmt.Sprintf("a value of type %T", v)
}

// Hide makes a Caller that does not mention our own node, by its name, among
// the cluster's nodes and connections: cluster_nodes and network_nodes lose
// its row, and in sample_read the data of a log line about its connections is
// null (its sequence number stays). Everything else is passed on as it is.
func Hide(caller ergo.Caller, self string) ergo.Caller { return hidden{caller, self} }

// hidden is a caller that does not mention our node, and is otherwise what it
// was.
type hidden struct {
	ergo.Caller
	self string
}

func (h hidden) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	answer, err := h.Caller.Call(ctx, call)
	if err == nil {
		answer.Text = without(call.Tool, answer.Text, h.self)
	}
	return answer, err
}

func (h hidden) Spans() bool {
	c, ok := h.Caller.(interface{ Spans() bool })
	return ok && c.Spans()
}

func (h hidden) Nodes() []string {
	if c, ok := h.Caller.(interface{ Nodes() []string }); ok {
		return c.Nodes()
	}
	return nil
}

func (h hidden) Whole(node string) bool {
	c, ok := h.Caller.(interface{ Whole(node string) bool })
	return ok && c.Whole(node)
}

func (h hidden) Offers(node, tool string) ergo.Offer {
	if c, ok := h.Caller.(interface {
		Offers(node, tool string) ergo.Offer
	}); ok {
		return c.Offers(node, tool)
	}
	return ergo.Offered
}

// without is a tool's answer without what it says of the node self. All else
// keeps its very text.
func without(tool string, text []byte, self string) []byte {
	if !bytes.Contains(text, []byte(self)) {
		return text
	}
	switch tool {
	case toolClusterNodes:
		return withoutRow(text, "name", self)
	case "network_nodes":
		return withoutRow(text, "Node", self)
	case "sample_read":
		return withoutLines(text, self)
	}
	return text
}

// withoutLines blanks the log lines about our connections.
func withoutLines(text []byte, self string) []byte {
	var answer struct {
		Samples []struct{ Data json.RawMessage }
	}
	if json.Unmarshal(text, &answer) != nil {
		return text
	}
	for _, s := range answer.Samples {
		var line LogLine
		if json.Unmarshal(s.Data, &line) == nil && line.about(self) {
			text = bytes.Replace(text, s.Data, []byte("null"), 1)
		}
	}
	return text
}

// withoutRow drops the row of a table whose field has our name.
func withoutRow(text []byte, field, self string) []byte {
	var rows []json.RawMessage
	if json.Unmarshal(text, &rows) != nil {
		return text
	}
	kept := rows[:0]
	for _, row := range rows {
		var fields map[string]json.RawMessage
		var name string
		if json.Unmarshal(row, &fields) != nil || json.Unmarshal(fields[field], &name) != nil || name != self {
			kept = append(kept, row)
		}
	}
	if len(kept) == 0 {
		return []byte("null") // as nodes print an empty list
	}
	b := append([]byte("[\n  "), bytes.Join(raw(kept), []byte(",\n  "))...)
	return append(b, "\n]"...)
}

func raw(rows []json.RawMessage) [][]byte {
	list := make([][]byte, len(rows))
	for i, r := range rows {
		list[i] = r
	}
	return list
}
