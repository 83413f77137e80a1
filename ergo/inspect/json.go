package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// A scanner walks through a JSON text that is known to be valid.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) && s.text[s.at] <= ' ' {
		s.at++
	}
}

// next passes over white space and one byte, if it is the wanted one.
func (s *scanner) next(want byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == want {
		s.at++
		return true
	}
	return false
}

// quoted passes over a string and returns its literal.
func (s *scanner) quoted() []byte {
	s.space()
	from := s.at
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return s.text[from:s.at]
		}
	}
	return s.text[from:]
}

// walk passes over one value and hands on every string in it, with the key of
// the innermost object in which it stands.
func (s *scanner) walk(key []byte, hear func(key, literal []byte, at int)) {
	s.space()
	if s.at >= len(s.text) {
		return
	}
	switch s.text[s.at] {
	case '"':
		at := s.at
		literal := s.quoted()
		if hear != nil {
			hear(key, literal, at)
		}
	case '{':
		s.at++
		for !s.next('}') && s.at < len(s.text) {
			own := s.quoted()
			s.next(':')
			s.walk(own, hear)
			s.next(',')
		}
	case '[':
		s.at++
		for !s.next(']') && s.at < len(s.text) {
			s.walk(key, hear)
			s.next(',')
		}
	default:
		for s.at < len(s.text) && s.text[s.at] != ',' && s.text[s.at] != '}' && s.text[s.at] != ']' && s.text[s.at] > ' ' {
			s.at++
		}
	}
}

// rewrite replaces strings of a JSON text: change is asked for every one, with
// its key, and returns nil to leave it.
func rewrite(text []byte, change func(key, literal []byte) []byte) []byte {
	var out []byte
	from := 0
	s := scanner{text: text}
	s.walk(nil, func(key, literal []byte, at int) {
		if by := change(key, literal); by != nil {
			out = append(append(out, text[from:at]...), by...)
			from = at + len(literal)
		}
	})
	if out == nil {
		return text
	}
	return append(out, text[from:]...)
}

// A row is one JSON object.
type row []byte

// fields hands on the fields of the object in order, until more is false.
func (r row) fields(each func(key string, value []byte) (more bool)) {
	s := scanner{text: r}
	if !s.next('{') {
		return
	}
	for !s.next('}') && s.at < len(s.text) {
		key := s.quoted()
		s.next(':')
		s.space()
		from := s.at
		s.walk(nil, nil)
		if !each(unquote(key), r[from:s.at]) {
			return
		}
		s.next(',')
	}
}

// field is the literal of a field, nil where there is none.
func (r row) field(name string) (value []byte) {
	r.fields(func(key string, v []byte) bool {
		if key == name {
			value = v
		}
		return value == nil
	})
	return value
}

func (r row) text(name string) string { return unquote(r.field(name)) }

// number is a field that is a number, 0 where it is none.
func (r row) number(name string) float64 {
	v, err := strconv.ParseFloat(string(r.field(name)), 64)
	if err != nil {
		return 0
	}
	return v
}

// unquote is the text of a string's literal, "" of what is none.
func unquote(literal []byte) (text string) {
	if len(literal) >= 2 && literal[0] == '"' && bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1])
	}
	_ = json.Unmarshal(literal, &text) // what is no string has no text
	return text
}

// rows are the objects of an array; null and what is missing have none.
func rows(array []byte) ([]row, error) {
	s := scanner{text: array}
	s.space()
	if s.at >= len(array) || string(array[s.at:]) == "null" {
		return nil, nil
	}
	if !s.next('[') {
		return nil, fmt.Errorf("not a list: %.40s", array)
	}
	var list []row
	for !s.next(']') && s.at < len(s.text) {
		s.space()
		from := s.at
		s.walk(nil, nil)
		if array[from] != '{' {
			return nil, fmt.Errorf("not a list of objects: %.40s", array)
		}
		list = append(list, row(array[from:s.at]))
		s.next(',')
	}
	return list, nil
}

// table is the JSON array of rows; an empty one is null, as nodes write it.
func table(list []row) []byte {
	if len(list) == 0 {
		return []byte("null")
	}
	n := 2
	for _, r := range list {
		n += len(r) + 1
	}
	out := append(make([]byte, 0, n), '[')
	for i, r := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, r...)
	}
	return append(out, ']')
}

// A builder makes an object field by field.
type builder struct{ b []byte }

// put adds a field; a nil value is left out.
func (o *builder) put(name string, value []byte) {
	if value == nil {
		return
	}
	if o.b == nil {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(strconv.AppendQuote(o.b, name), ':')
	o.b = append(o.b, value...)
}

func (o *builder) object() row {
	if o.b == nil {
		return row("{}")
	}
	return append(o.b, '}')
}

// encode is JSON of values that always encode, nothing escaped for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return []byte("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
