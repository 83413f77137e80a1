package mcp

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	mcpgo "github.com/mark3labs/mcp-go/mcp"

	"ergorecorder/ergo"
)

// A Tool is one row of the table of tools.
type Tool struct {
	Name   string
	Title  string
	Help   string // what it answers, for an agent
	Params []Param
	// Cluster tools are the cluster's own; the others read a recording.
	Cluster bool
	// Action tools change the cluster. They exist only live, and only when
	// allowed.
	Action bool

	output mcpgo.ToolOption // the schema of structured answers; nil for texts
	run    func(ctx context.Context, s *Server, args ergo.Args) (*answer, error)
}

// A Param is one argument of a tool.
type Param struct {
	Name     string
	Type     string // of JSON Schema: string, integer, number, boolean, object, array (of strings)
	Help     string
	Enum     []string
	Required bool
}

// Tools is the table: the cluster's own tools first, then those that diagnose.
func Tools() []Tool {
	return append(clusterTools(), recordingTools()...)
}

// recordingTools are the tools that the cluster does not have.
func recordingTools() []Tool {
	return slices.Concat(infoTools(), verdictTools(), viewTools(), profileTools())
}

// inputSchema is the tool's JSON Schema.
func (t *Tool) inputSchema() json.RawMessage {
	type property struct {
		Type        string    `json:"type"`
		Description string    `json:"description,omitempty"`
		Enum        []string  `json:"enum,omitempty"`
		Items       *property `json:"items,omitempty"`
	}
	schema := struct {
		Type       string              `json:"type"`
		Properties map[string]property `json:"properties"`
		Required   []string            `json:"required,omitempty"`
	}{"object", map[string]property{}, nil}
	for _, p := range t.Params {
		prop := property{Type: p.Type, Description: p.Help, Enum: p.Enum}
		if p.Type == "array" {
			prop.Items = &property{Type: "string"}
		}
		schema.Properties[p.Name] = prop
		if p.Required {
			schema.Required = append(schema.Required, p.Name)
		}
	}
	return mustJSON(schema)
}

// mustJSON encodes values that JSON can always hold.
func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// definition is the tool as MCP describes it.
func (t *Tool) definition() mcpgo.Tool {
	d := mcpgo.NewToolWithRawSchema(t.Name, t.Help, t.inputSchema())
	yes, no := true, false
	d.Annotations = mcpgo.ToolAnnotation{Title: t.Title, ReadOnlyHint: &yes, DestructiveHint: &no, IdempotentHint: &yes, OpenWorldHint: &no}
	if t.Action {
		d.Annotations.ReadOnlyHint, d.Annotations.DestructiveHint, d.Annotations.IdempotentHint = &no, &yes, &no
	}
	if t.output != nil {
		t.output(&d)
		for _, p := range d.OutputSchema.Properties {
			portable(p)
		}
	}
	return d
}

// portable rewrites a schema, decoded from JSON, into forms that every client
// understands: one type each, and no null where a list or a map stands, which
// ours never are.
func portable(schema any) {
	switch x := schema.(type) {
	case []any:
		for _, v := range x {
			portable(v)
		}
	case map[string]any:
		for _, v := range x {
			portable(v)
		}
		types, ok := x["type"].([]any)
		if !ok {
			return
		}
		types = slices.DeleteFunc(types, func(t any) bool { return t == "null" })
		if x["type"] = types[0]; types[0] == "array" || types[0] == "object" {
			return
		}
		other := maps.Clone(x)
		clear(x)
		x["anyOf"] = []any{map[string]any{"type": "null"}, other}
	}
}

// checkArgs says in plain words what is wrong with the arguments of a call.
func (t *Tool) checkArgs(args ergo.Args) error {
	params := make([]ergo.Param, len(t.Params))
	for i, p := range t.Params {
		params[i] = ergo.Param{Name: p.Name, Type: p.Type, Enum: p.Enum, Required: p.Required}
	}
	return ergo.CheckArgs(t.Name, params, args)
}

// stringsArg reads an argument that is an array of strings.
func stringsArg(args ergo.Args, name string) []string {
	var out []string
	list, _ := args[name].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}

// intArg reads an integer argument and holds it within [low, high].
func intArg(args ergo.Args, name string, otherwise, low, high int) int {
	v, ok := args.Int(name)
	if !ok {
		return otherwise
	}
	return int(min(max(v, int64(low)), int64(high)))
}
