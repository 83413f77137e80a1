package ergo

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/internal/nearest"
)

// CheckArgs says in plain words what is wrong with the arguments of a call,
// everything at once: one that is not known, of another type, not among the
// values that there are, or missing though required. (Nodes ignore much of
// that; what was not understood must not pass for not asked.)
func CheckArgs(what string, params []Param, args Args) error {
	var bad []string
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
		v, given := args[p.Name]
		switch {
		case !given || v == nil:
			if p.Required {
				bad = append(bad, p.Name+" is required")
			}
		case !p.fits(v):
			text, _ := json.Marshal(v) // an argument came as JSON
			bad = append(bad, fmt.Sprintf("%s must be of type %s, got %s", p.Name, p.Type, text))
		default:
			bad = append(bad, p.unknown(what, args.Text(p.Name))...)
		}
	}
	for name := range args {
		if !slices.Contains(names, name) {
			bad = append(bad, fmt.Sprintf("there is no argument %q%s", name, nearest.Hint(name, names)))
		}
	}
	if bad == nil {
		return nil
	}
	slices.Sort(bad)
	return errors.New(what + ": " + strings.Join(bad, "; "))
}

// unknown refuses a value that is none of those that there are.
func (p Param) unknown(tool, value string) []string {
	among := p.Enum
	switch tool + "." + p.Name {
	case "process_list.state":
		among = ProcessStates()
	case "app_list.state":
		among = []string{"loaded", "running", "stopping"}
	case "app_list.mode":
		among = []string{"permanent", "transient", "temporary"}
	}
	if among == nil || value == "" || slices.ContainsFunc(among, func(e string) bool { return sameWord(e, value) }) {
		return nil
	}
	return []string{fmt.Sprintf("%s: there is no %q%s", p.Name, value, nearest.Hint(value, among))}
}

// ProcessStates are the states of a process, as nodes spell them.
func ProcessStates() []string {
	return []string{"init", "sleep", "running", "wait response", "terminated", "zombee"}
}

// sameWord: states are written with a blank or an underscore.
func sameWord(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", " "), strings.ReplaceAll(b, "_", " "))
}

// fits reports whether a value is of the parameter's type.
func (p Param) fits(v any) (ok bool) {
	a := Args{p.Name: v}
	switch p.Type {
	case "integer":
		_, ok = a.Int(p.Name)
	case "number":
		_, ok = a.Float(p.Name)
	case "boolean":
		_, ok = a.Bool(p.Name)
	case "string":
		_, ok = v.(string)
	case "array":
		switch v.(type) {
		case []any, []string:
			ok = true
		}
	case "object":
		switch v.(type) {
		case map[string]any, Args:
			ok = true
		}
	default:
		ok = true
	}
	return ok
}
