package ergo

import (
	"encoding/json"
	"slices"
)

// A ToolKind says what a tool does to the cluster.
type ToolKind int

const (
	Read    ToolKind = iota // asks
	Sampler                 // keeps answers, log lines or event messages in the node's memory for a while
	Action                  // changes the cluster
)

func (k ToolKind) String() string {
	switch k {
	case Sampler:
		return "sampler"
	case Action:
		return "action"
	}
	return "read"
}

// A Tool is one tool of a surface.
type Tool struct {
	Name   string
	Kind   ToolKind
	Help   string
	Params []Param // without those that every tool of the surface takes
	// Lenient: it ignores arguments of a wrong type instead of refusing them.
	Lenient bool
	// Says are the readings that its answer holds, that as which it is stored
	// first. None: it is no reading, and nobody asks it again and again.
	Says []Said
	// Form is the form of an answer that is no reading.
	Form Form
}

// A Param is one parameter of a tool.
type Param struct {
	Name     string
	Type     string   // of JSON Schema: string, integer, number, boolean, array, object
	Items    string   // of an array: the type of its elements
	Enum     []string // nil: any value
	Required bool
	Help     string // what it means, in a line
}

// Wrong names the JSON type of a value where it is not the parameter's.
func (p Param) Wrong(v any) (got string) {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		got = "string"
	case bool:
		got = "bool"
	case map[string]any:
		got = "object"
	case []any, []string:
		got = "array"
	default:
		got = "number"
		if n, ok := x.(json.Number); ok && p.Type == "integer" {
			if _, err := n.Int64(); err != nil {
				return "number " + n.String()
			}
		}
	}
	switch {
	case got == p.Type, p.Type == "boolean" && got == "bool", p.Type == "integer" && got == "number", p.Type == "object":
		return ""
	}
	return got
}

// GoType is the type that a node keeps the parameter in.
func (p Param) GoType() string {
	switch p.Type {
	case "integer":
		return "int"
	case "number":
		return "float64"
	case "boolean":
		return "bool"
	case "array":
		return "[]" + p.Items
	}
	return p.Type
}

// InputSchema is the JSON Schema of the tool's arguments and of those that
// every tool takes, as nodes give it.
func (t Tool) InputSchema(common ...Param) json.RawMessage {
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
	}{Type: "object", Properties: map[string]property{}}
	for _, p := range slices.Concat(t.Params, common) {
		x := property{Type: p.Type, Description: p.Help, Enum: p.Enum}
		if p.Items != "" {
			x.Items = &property{Type: p.Items}
		}
		schema.Properties[p.Name] = x
		if p.Required {
			schema.Required = append(schema.Required, p.Name)
		}
	}
	text, err := json.Marshal(schema)
	if err != nil {
		panic("ergo: schema of " + t.Name + ": " + err.Error()) // strings always encode
	}
	return text
}

// OfInspection reports whether a tool is one that only nodes of 3.3 have, which
// are asked through their inspection: none of the 48.
func OfInspection(tool string) bool { return tool == "capabilities" || tool == "types" }
