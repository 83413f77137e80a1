package gate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/ergo"
)

// A Kind says what a tool does.
type Kind int

const (
	Reads  Kind = iota // asks one node
	Jobs               // asks many nodes for an authorized caller
	Writes             // changes a node
)

// A Tool is one tool of the Observer application.
type Tool struct {
	Name        string
	Kind        Kind
	Help        string
	Lens        string // the resource that shows the same, "" where there is none
	Capability  string // what a ceiling calls it
	ReadOnly    bool   // the annotation: not the same as Kind
	Destructive bool
	Repeats     bool // calling it twice is not the same as once
	Args        []Arg
}

// An Arg is an argument of a tool.
type Arg struct {
	Name     string
	Type     string // of JSON Schema
	Items    string // of an array
	Enum     []string
	Required bool
}

// Named is the tool of that name.
func Named(name string) (Tool, bool) { return Find(All(), name) }

// Find is the tool of that name among some.
func Find(tools []Tool, name string) (Tool, bool) {
	if i := slices.IndexFunc(tools, func(t Tool) bool { return t.Name == name }); i >= 0 {
		return tools[i], true
	}
	return Tool{}, false
}

// Schema is the JSON Schema of the arguments.
func (t Tool) Schema() any {
	type property struct {
		Type  string    `json:"type"`
		Enum  []string  `json:"enum,omitempty"`
		Items *property `json:"items,omitempty"`
	}
	s := struct {
		Type       string              `json:"type"`
		Properties map[string]property `json:"properties,omitempty"`
		Required   []string            `json:"required,omitempty"`
	}{Type: "object", Properties: map[string]property{}}
	for _, a := range t.Args {
		p := property{Type: a.Type, Enum: a.Enum}
		if a.Items != "" {
			p.Items = &property{Type: a.Items}
		}
		s.Properties[a.Name] = p
		if a.Required {
			s.Required = append(s.Required, a.Name)
		}
	}
	return s
}

// List is the result of tools/list.
func (s Server) List(tools []Tool) any {
	type tool struct {
		Name        string          `json:"name"`
		Title       string          `json:"title"`
		Description string          `json:"description"`
		InputSchema any             `json:"inputSchema"`
		Annotations map[string]bool `json:"annotations"`
	}
	list := make([]tool, 0, len(tools))
	for _, t := range tools {
		list = append(list, tool{t.Name, strings.ReplaceAll(t.Name, "_", " "), t.Help, t.Schema(), map[string]bool{
			"readOnlyHint": t.ReadOnly, "destructiveHint": t.Destructive, "idempotentHint": !t.Repeats, "openWorldHint": false,
		}})
	}
	return s.page("tools", list)
}

// page is a list that is one page.
func (s Server) page(name string, list any) any {
	return map[string]any{"resultType": "complete", name: list, "ttlMs": cacheTTL, "cacheScope": "private", "_meta": s.Meta()}
}

// A Listed is a resource, or the template of one.
type Listed struct {
	URI         string `json:"uri,omitempty"`
	Template    string `json:"uriTemplate,omitempty"`
	Name        string `json:"name"`
	Title       string `json:"title,omitempty"`
	MimeType    string `json:"mimeType"`
	Description string `json:"description"`
}

// Resources is the result of resources/list.
func (s Server) Resources() any { return s.page("resources", []Listed{Cluster()}) }

// Cluster is the resource that is the whole cluster.
func Cluster() Listed {
	return Listed{URI: "ergo://cluster", Name: "cluster", MimeType: jsonType, Description: "Every node of the cluster, with what it pushes every few seconds"}
}

const jsonType = "application/json"

// Lenses are the resources that every node has.
func Lenses() []Listed {
	lens := func(rest, name, title, help string) Listed {
		return Listed{Template: "ergo://{+node}/" + rest, Name: name, Title: title, MimeType: jsonType, Description: help}
	}
	return []Listed{
		lens("node", "node", "Node", "The node itself"),
		lens("processes{?namePattern,behavior,application,state,minMailbox,pidStart,pidLimit}", "processes", "Processes", "Its processes"),
		lens("process/{pid}", "process", "One process", "All about one process"),
		lens("meta/{alias}", "meta", "One meta process", "All about one meta process"),
		lens("network", "network", "Network", "Its network"),
		lens("connections{?limit,namePattern}", "connections", "Connections", "Its connections"),
		lens("connection/{+peer}", "connection", "One connection", "One connection"),
		lens("applications", "applications", "Applications", "Its applications"),
		lens("events{?namePattern,limit,timestamp,notifyMode,bufferedMode,openMode,minSubscribers}", "events", "Events", "Its events"),
		lens("event/{name}", "event", "One event", "One event"),
		lens("stream/{name}{?limit,typePattern,messagePattern,messageExclude,force,verbose,since}", "stream", "Event stream", "What an event publishes"),
		lens("log{?levels,limit,messagePattern,messageExclude,since}", "log", "Log", "Its log lines, read on from a cursor"),
		lens("tracing{?limit,kinds,points,messagePattern,messageExclude,since}", "tracing", "Tracing", "Its traces"),
		lens("watch/{key}/{lens}", "watch", "A named reading", "A reading that belongs to a caller"),
		{Template: "ergo://job/{key}", Name: "job", Title: "A run over many nodes", MimeType: jsonType, Description: "The results of a job"},
	}
}

// Templates is the result of resources/templates/list.
func (s Server) Templates(lenses []Listed) any { return s.page("resourceTemplates", lenses) }

// CheckCursor refuses a list's cursor: each is one page.
func CheckCursor(q *Request) *Refusal {
	var p struct{ Cursor json.RawMessage }
	_ = json.Unmarshal(q.Params, &p) // params are an object
	if p.Cursor == nil {
		return nil
	}
	return Invalid(q, ergo.CodeInvalidParams, "this list is one page and issues no cursor", map[string]json.RawMessage{"cursor": p.Cursor})
}

// CheckArgs is what is wrong with a tool's arguments, in the Observer's words;
// nil where nothing is. Unknown arguments are ignored, null counts as absent.
func (t Tool) CheckArgs(args ergo.Args) error {
	for _, a := range t.Args {
		v := args[a.Name]
		if v == nil {
			if a.Required {
				return fmt.Errorf("%s is required", a.Name)
			}
			continue
		}
		if err := a.check(v); err != nil {
			return err
		}
	}
	return nil
}

func (a Arg) check(v any) error {
	got := kindOf(v)
	wrong := func(want string) error { return fmt.Errorf("%s must be %s, got %s", a.Name, want, got) }
	switch a.Type {
	case "string":
		s, ok := v.(string)
		if !ok {
			return wrong("text")
		}
		if a.Enum != nil && !slices.Contains(a.Enum, s) {
			return fmt.Errorf("%s is one of %s, not %q", a.Name, strings.Join(a.Enum, ", "), s)
		}
	case "boolean":
		if got != "true or false" {
			return wrong("true or false")
		}
	case "integer":
		if got != "a number" {
			return wrong("a whole number")
		}
		if _, ok := (ergo.Args{"v": v}).Int("v"); !ok {
			return fmt.Errorf("%s must be whole, not %v", a.Name, v)
		}
	case "number":
		if got != "a number" {
			return wrong("a number")
		}
	case "array":
		if got != "a list" {
			return wrong("a list")
		}
	case "object":
		if got != "an object" {
			return wrong("an object")
		}
	}
	return nil
}

// kindOf is what a JSON value is, in words.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
