package ergo

import (
	"slices"
	"time"
)

// A Spelling is the way in which one surface of nodes says readings: what its
// tools are called, what arguments they take and what they call the fields of
// their answers. The 48 tools are one, in package ergo/tools48.
//
// What a surface said is stored as it was said, under its own tool's name. A
// spelling tells which reading that is and translates its fields.
type Spelling struct {
	name  string
	tools []Tool
	named map[string]int     // in tools
	asked map[Reading][2]int // in tools, and in what that says
	forms []Schema           // of tools
}

// NewSpelling makes a spelling of its tools. It keeps the list, which nobody
// changes afterwards. Where several tools say a reading, the first is asked.
func NewSpelling(name string, tools []Tool) *Spelling {
	s := &Spelling{name: name, tools: tools, named: map[string]int{}, asked: map[Reading][2]int{}}
	for i, t := range tools {
		s.named[t.Name] = i
		s.forms = append(s.forms, t.Schema())
		for j, x := range t.Says {
			if _, known := s.asked[x.Reading]; !known {
				s.asked[x.Reading] = [2]int{i, j}
			}
		}
	}
	return s
}

// Name is what the spelling is called, for example "tools48".
func (s *Spelling) Name() string { return s.name }

// Tools are the tools of the surface, in the order in which it lists them.
func (s *Spelling) Tools() []Tool { return slices.Clone(s.tools) }

// Tool is the tool of that name.
func (s *Spelling) Tool(name string) (Tool, bool) {
	if i, known := s.named[name]; known {
		return s.tools[i], true
	}
	return Tool{}, false
}

// Said is a reading that the answer of a tool holds, and how it says it. The
// zero values of all but Reading say that it is the whole answer, with
// arguments and fields named as they are in the definition.
type Said struct {
	Reading Reading
	// In is the member of the answer that holds the reading, for example
	// "Processes"; "" is the answer itself.
	In string
	// Args are arguments that have another name or form here; Always are sent
	// with every call.
	Args   []SpelledArg
	Always Args
	// Fields are those that have another name or form here.
	Fields []SpelledField
	// Lacks are the fields that cannot be given.
	Lacks []string
}

// A SpelledArg is an argument of a reading with another name or form.
type SpelledArg struct {
	Name    string                        // canonical
	Own     string                        // of this spelling; "" if it cannot be said: whoever asks does without
	Convert func(value any, of Whose) any // nil: as it is
}

// A SpelledField is a field of a reading with another name or form.
type SpelledField struct {
	Name string   // canonical
	Own  []string // of this spelling
	// Convert makes the canonical value of the own ones, all as JSON literals,
	// nil where a field is not there. A nil Convert takes the first that is.
	Convert func(own [][]byte, of Whose) []byte
	// Unless are fields whose presence says that the last of Own, if there are
	// several, is not ours but the user's.
	Unless []string
}

// Whose says which node's answer a value stands in. Identifiers that name
// their node are only understood with it.
type Whose struct {
	Node    string
	Started time.Time // of its incarnation; zero if it is not known
}

// ReadingOf is the reading that a stored answer of a tool is; ok is false for
// a tool of another spelling and for one that says no reading.
func (s *Spelling) ReadingOf(tool string) (r Reading, ok bool) {
	i, known := s.named[tool]
	if !known || len(s.tools[i].Says) == 0 {
		return "", false
	}
	return s.tools[i].Says[0].Reading, true
}

// Says reports whether the answers of a tool hold a reading.
func (s *Spelling) Says(tool string, r Reading) bool {
	i, known := s.named[tool]
	return known && slices.ContainsFunc(s.tools[i].Says, func(x Said) bool { return x.Reading == r })
}

// Saying finds the tool that is asked for a reading, and how it says it. ok is
// false where the surface cannot say it.
func (s *Spelling) Saying(r Reading) (tool Tool, said Said, ok bool) {
	at, ok := s.asked[r]
	if !ok {
		return Tool{}, Said{}, false
	}
	tool = s.tools[at[0]]
	return tool, tool.Says[at[1]], true
}

// Call is the call that asks a node for a reading; args are canonical. ok is
// false where the surface cannot say it.
func (s *Spelling) Call(r Reading, of Whose, args Args) (call Call, ok bool) {
	tool, said, ok := s.Saying(r)
	if !ok {
		return Call{}, false
	}
	return Call{Node: of.Node, Tool: tool.Name, Args: said.ownArgs(args, of)}, true
}

func (x Said) ownArgs(args Args, of Whose) Args {
	var own Args
	for name, value := range x.Always {
		own = own.With(name, value)
	}
	for name, value := range args {
		i := slices.IndexFunc(x.Args, func(a SpelledArg) bool { return a.Name == name })
		if i < 0 {
			own = own.With(name, value)
			continue
		}
		if a := x.Args[i]; a.Own != "" {
			if a.Convert != nil {
				value = a.Convert(value, of)
			}
			own = own.With(a.Own, value)
		}
	}
	return own
}

// Own are the names under which a field of the reading stands in the answer,
// and how its value is made of theirs; no names where it cannot be given.
func (x Said) Own(field string) SpelledField {
	if slices.Contains(x.Lacks, field) {
		return SpelledField{Name: field}
	}
	if i := slices.IndexFunc(x.Fields, func(f SpelledField) bool { return f.Name == field }); i >= 0 {
		return x.Fields[i]
	}
	if x.Reading == Inspection && x.Fields != nil && underInspected(field) {
		return SpelledField{Name: field, Own: InspectKeys(field)}
	}
	return SpelledField{Name: field, Own: []string{field}}
}

// Schema is the schema with which an answer of the tool is stored, in the
// words of the spelling. A tool that is not known is text without subject:
// stored as it came. Nobody changes it.
func (s *Spelling) Schema(tool string) Schema {
	if i, known := s.named[tool]; known {
		return s.forms[i]
	}
	return Schema{}
}

// Schema is the schema with which an answer of the tool is stored.
func (t Tool) Schema() Schema {
	if len(t.Says) == 0 {
		return Schema{Form: t.Form}
	}
	said := t.Says[0]
	d := Define(said.Reading)
	schema := Schema{Form: d.Form, Columns: map[string]ColumnKind{}}
	for _, f := range d.Fields {
		own := said.Own(f.Name)
		for _, name := range own.Own {
			if own.Convert == nil || f.Kind == Text {
				schema.Columns[name] = f.Kind
			}
		}
	}
	for _, key := range d.Key {
		schema.Key = append(schema.Key, said.Own(key).Own...)
	}
	schema.Subject, schema.Cursor = said.argNames(d.Subject), said.argNames(d.Cursor)
	return schema
}

func (x Said) argNames(canonical []string) []string {
	var own []string
	for _, name := range canonical {
		i := slices.IndexFunc(x.Args, func(a SpelledArg) bool { return a.Name == name })
		switch {
		case i < 0:
			own = append(own, name)
		case x.Args[i].Own != "":
			own = append(own, x.Args[i].Own)
		}
	}
	return own
}
