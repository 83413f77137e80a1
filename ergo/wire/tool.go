package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/message"
)

// ErrNoMCP is a node that does not run the MCP application: it has no tools.
var ErrNoMCP = errors.New("no MCP application on that node")

const toolClusterNodes = "cluster_nodes"

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
// its row. Everything else is passed on as it is.
func Hide(caller ergo.Caller, self string) ergo.Caller {
	return ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		answer, err := caller.Call(ctx, call)
		if err == nil {
			answer.Text = without(call.Tool, answer.Text, self)
		}
		return answer, err
	})
}

// without is a tool's answer without the row of the node self. The other rows
// keep their very text.
func without(tool string, text []byte, self string) []byte {
	field := ""
	switch tool {
	case toolClusterNodes:
		field = "name"
	case "network_nodes":
		field = "Node"
	}
	if field == "" || !bytes.Contains(text, []byte(self)) {
		return text
	}
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
