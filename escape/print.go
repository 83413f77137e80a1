package escape

import (
	"fmt"
	"io"
	"reflect"
)

// Raw is text that was made here, or is escaped already: the functions that
// print leave it as it is.
type Raw string

// Fprintf is fmt.Fprintf with [Line] applied to every argument but numbers and
// [Raw]. The format is the caller's own words.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return fmt.Fprintf(w, format, safe(args)...)
}

// Sprintf is fmt.Sprintf with [Line] applied as [Fprintf] does.
func Sprintf(format string, args ...any) string { return fmt.Sprintf(format, safe(args)...) }

// Fprintln writes the arguments as [Fprintf] does, with blanks between them and
// a line break behind.
func Fprintln(w io.Writer, args ...any) (int, error) { return fmt.Fprintln(w, safe(args)...) }

func safe(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a
		switch x := a.(type) {
		case nil, Raw:
		case string:
			out[i] = Line(x)
		case fmt.Stringer, error, fmt.Formatter:
			out[i] = escaped{a}
		default:
			switch reflect.TypeOf(a).Kind() {
			case reflect.String, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer, reflect.Interface:
				out[i] = escaped{a}
			}
		}
	}
	return out
}

// escaped prints a value as it would print itself, as one line.
type escaped struct{ value any }

// Format implements fmt.Formatter.
func (e escaped) Format(s fmt.State, verb rune) {
	io.WriteString(s, Line(fmt.Sprintf(fmt.FormatString(s, verb), e.value)))
}
