package ergo

// A Form is the shape of a tool's answer.
type Form int

const (
	FormText   Form = iota // anything that is no JSON object or array of objects
	FormObject             // one JSON object
	FormTable              // a JSON array of objects, or null
)

// A ColumnKind says how a field's values behave over time. It is advice for
// storage and for rates; any value of any JSON type is kept whatever it says.
type ColumnKind int

const (
	Gauge      ColumnKind = iota // a value that goes up and down; also the default
	Text                         // an identity or state in words
	Cumulative                   // a counter that only grows within an incarnation
	Constant                     // does not change in a row's life
	AgeNS                        // nanoseconds since something: grows with the clock
	AgeS                         // whole seconds since something
)

// A Schema describes the answers of one tool.
type Schema struct {
	Form    Form
	Key     []string              // fields that identify a row of a table
	Columns map[string]ColumnKind // known fields; others are kept as they come
	Subject []string              // arguments that say whom the call is about
	Cursor  []string              // arguments that say from where to go on
}

// ignoredArgs are arguments that do not change what is asked, only how.
var ignoredArgs = []string{"timeout", "node"}

// StreamArgs are the arguments that tell one stream of answers from another:
// without timeout, subject and cursor.
func (s Schema) StreamArgs(a Args) Args {
	return a.Without(ignoredArgs...).Without(s.Subject...).Without(s.Cursor...)
}

// SubjectArgs are the arguments that say whom the call is about; nil where
// there is none.
func (s Schema) SubjectArgs(a Args) Args {
	var sub Args
	for _, n := range s.Subject {
		if v, ok := a[n]; ok {
			sub = sub.With(n, v)
		}
	}
	return sub
}
