package mcp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

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

	// gateway tools stand for all that a small set of tools does not list.
	gateway bool
	key     []string // the fields that identify a row of the answer
	run     func(ctx context.Context, s *Server, args ergo.Args) (*answer, error)
}

// A Param is one argument of a tool.
type Param struct {
	Name     string
	Type     string // of JSON Schema: string, integer, number, boolean, object, array (of strings)
	Help     string
	Enum     []string
	Required bool
}

// Tools is the table: the cluster's own tools first, then those that diagnose,
// then those that stand for others in a small set; see [ToolSet].
func Tools() []Tool {
	return slices.Concat(clusterTools(), recordingTools(), gatewayTools())
}

// recordingTools are the tools that the cluster does not have.
func recordingTools() []Tool {
	tools := slices.Concat(infoTools(), verdictTools(), viewTools(), profileTools(), measureTools())
	for i := range tools {
		tools[i].Params = slices.Concat(tools[i].Params, sizeParams(), []Param{formatParam()})
	}
	return tools
}

// formatParam asks for the answer as an object instead of in words: one or the
// other, for an agent pays for both.
func formatParam() Param {
	return Param{Name: "format", Type: "string", Enum: []string{"text", "json"}, Help: "json: the answer as an object in structuredContent instead of words"}
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

// sharedArguments mean the same in every tool. The instructions explain them
// once, and so does reading_help, so that the list of tools stays short.
func sharedArguments() []string {
	return []string{"at", "from", "to", "node", "timeout", "limit", "offset", "fields", "max_bytes", "format"}
}

// everyTool are arguments that every tool takes and few calls need: the
// instructions name them, the list does not.
func everyTool() []string {
	return []string{"timeout", "max_bytes", "format", "fields", "limit", "offset", "source", "function"}
}

// isBound reports whether an argument of a list is a least or most value; the
// small set leaves these to reading_help.
func isBound(name string) bool {
	return strings.HasPrefix(name, "min_") || strings.HasPrefix(name, "max_")
}

// definition is the tool as MCP describes it. The arguments of the cluster's own
// tools are what their names say, and explained by reading_help.
func (t *Tool) definition(set ToolSet) mcpgo.Tool {
	brief := *t
	brief.Params = slices.DeleteFunc(slices.Clone(t.Params), func(p Param) bool {
		return slices.Contains(everyTool(), p.Name) || set == CoreTools && t.Cluster && isBound(p.Name)
	})
	for i, p := range brief.Params {
		if t.Cluster || slices.Contains(sharedArguments(), p.Name) {
			brief.Params[i].Help = ""
		}
	}
	d := mcpgo.NewToolWithRawSchema(t.Name, t.Help, brief.inputSchema())
	yes, no := true, false
	d.Annotations = mcpgo.ToolAnnotation{ReadOnlyHint: &yes} // which leaves nothing to destroy
	if t.Action {
		d.Annotations = mcpgo.ToolAnnotation{ReadOnlyHint: &no, DestructiveHint: &yes}
	}
	return d
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
