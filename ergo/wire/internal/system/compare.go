package system

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"ergorecorder/ergo/wire/internal/edf"
)

// genPrefix begins the registered names of the framework's own types.
const genPrefix = "#ergo.services/ergo/gen/"

// parts are the types of which the messages of 3.3 are made, by the names under
// which nodes know them.
func parts() []layout {
	return []layout{
		{"ProcessShortInfo", ProcessRow{}},
		{"NodeInfo", NodeInfo{}},
		{"RemoteNodeInfo", LinkInfo{}},
		{"NetworkInfo", NetworkInfo{}},
		{"RegistrarInfo", Registrar{}},
		{"RouteInfo", Route{}},
		{"ProxyRouteInfo", ProxyRoute{}},
		{"ProcessInfo", OneProcess{}},
		{"ApplicationInfo", Application{}},
		{"EventInfo", EventInfo{}},
		{"TracingInfo", Tracing{}},
		{"LoggerInfo", Logger{}},
		{"CronInfo", Cron{}},
		{"CronJobInfo", CronJob{}},
		{"Version", Version{}},
		{"ProcessFallback", Fallback{}},
	}
}

// A Checked is how the layouts of a plan stand against what a node itself says
// of them.
type Checked struct {
	// Compared are the messages of which the node describes every type that we
	// know by name; Undescribed those of which it does not, or not as a struct:
	// their layout stays inferred, and only decoding checks it.
	Compared, Undescribed []string
	// Differ are the messages that the node lays out in another way, with what it
	// says of the type that differs.
	Differ map[string]string
}

// Compare holds the messages of a plan against the node's own description of its
// types: the names of their fields in order, and the kind of each where it is a
// basic one.
func (p Plan) Compare(described []Described) Checked {
	schemas := map[string]string{}
	for _, d := range described {
		schemas[d.Name] = d.Schema
	}
	differs := map[reflect.Type]string{} // of the parts
	told := map[reflect.Type]bool{}
	for _, part := range parts() {
		t := reflect.TypeOf(part.value)
		if schema, ok := schemas[genPrefix+part.message]; ok {
			same, known := sameLayout(t, schema)
			told[t] = known
			if known && !same {
				differs[t] = part.message + " " + schema
			}
		}
	}
	c := Checked{Differ: map[string]string{}}
	for _, l := range p.layouts() {
		t := reflect.TypeOf(l.value)
		schema := schemas[prefix+l.message]
		same, known := sameLayout(t, schema)
		if known && !same {
			c.Differ[l.message] = schema
			continue
		}
		for inner := range within(t) {
			if by := differs[inner]; by != "" {
				c.Differ[l.message] = by
			}
			known = known && (told[inner] || !isPart(inner))
		}
		switch {
		case c.Differ[l.message] != "":
		case known:
			c.Compared = append(c.Compared, l.message)
		default:
			c.Undescribed = append(c.Undescribed, l.message)
		}
	}
	return c
}

func isPart(t reflect.Type) bool {
	return slices.ContainsFunc(parts(), func(l layout) bool { return reflect.TypeOf(l.value) == t })
}

// within are the structs of which a type is made.
func within(t reflect.Type) map[reflect.Type]bool {
	found := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Slice, reflect.Array, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			for _, f := range fieldsOf(t) {
				walk(f.Type)
			}
			found[t] = true
		}
	}
	for _, f := range fieldsOf(t) {
		walk(f.Type)
	}
	return found
}

// fieldOf is a field in a node's own description of a type: its name and type.
var fieldOf = regexp.MustCompile(`(?:^|[{;])\s*([A-Z]\w*)\s+([^;{}]*[^;{}\s])`)

// sameLayout reports whether a struct has the fields that a node describes. What
// it describes with structs inside, or not as a struct, is not known.
func sameLayout(t reflect.Type, schema string) (same, known bool) {
	body, isStruct := strings.CutPrefix(strings.TrimSpace(schema), "struct")
	body = strings.TrimSpace(body)
	if !isStruct || !strings.HasPrefix(body, "{") || strings.Contains(body, "struct") {
		return false, false
	}
	theirs := fieldOf.FindAllStringSubmatch(body, -1)
	ours := fieldsOf(t)
	if len(ours) != len(theirs) {
		return false, true
	}
	for i, f := range ours {
		if f.Name != theirs[i][1] || !sameKind(f.Type, theirs[i][2]) {
			return false, true
		}
	}
	return true, true
}

// basic are the kinds that a description names by themselves.
var basic = []reflect.Kind{
	reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
	reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64,
}

// sameKind reports whether a field may be of the type that a node names: a basic
// one must be that, a list a list. Names of the node's own types say no more.
func sameKind(t reflect.Type, theirs string) bool {
	if elem, isList := strings.CutPrefix(theirs, "[]"); isList {
		return t == reflect.TypeFor[Flags]() || t.Kind() == reflect.Slice && sameKind(t.Elem(), elem)
	}
	for _, k := range basic {
		if theirs == k.String() {
			return t.Kind() == k && t != reflect.TypeFor[edf.Atom]()
		}
	}
	return true
}

// fieldsOf are the fields of a struct, in order; those of an embedded one in its
// place.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for i := range t.NumField() {
		switch f := t.Field(i); {
		case f.Anonymous:
			fields = append(fields, fieldsOf(f.Type)...)
		case f.IsExported():
			fields = append(fields, f)
		}
	}
	return fields
}
