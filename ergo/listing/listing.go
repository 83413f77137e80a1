package listing

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
)

// A Row is one JSON object of a listing, as it was written.
type Row []byte

// Split cuts a JSON array of objects (or null) into its objects; ok is false
// for anything else.
func Split(text []byte) (rows []Row, ok bool) {
	i := skipSpace(text, 0)
	if bytes.HasPrefix(text[i:], []byte("null")) {
		return nil, true
	}
	if i >= len(text) || text[i] != '[' {
		return nil, false
	}
	for i = skipSpace(text, i+1); i < len(text) && text[i] != ']'; i = skipSpace(text, i) {
		if text[i] == ',' {
			i++
			continue
		}
		end := skipValue(text, i)
		if text[i] != '{' || end < 0 {
			return nil, false
		}
		rows = append(rows, Row(text[i:end]))
		i = end
	}
	return rows, i < len(text)
}

// Join is the listing of the rows; nodes write an empty one as null.
func Join(rows []Row) []byte {
	if len(rows) == 0 {
		return []byte("null")
	}
	n := 2
	for _, r := range rows {
		n += len(r) + 1
	}
	text := append(make([]byte, 0, n), '[')
	for i, r := range rows {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, r...)
	}
	return append(text, ']')
}

// Read reads a listing in one pass, at many times the speed of a general
// decoder: it calls field with each field of each row, the name as it is
// written between its quotes and the literal text of the value. ok is false
// where the text is no listing, whatever was read before.
func Read(text []byte, field func(row int, name, value []byte)) (rows int, ok bool) {
	i := skipSpace(text, 0)
	if bytes.HasPrefix(text[i:], []byte("null")) {
		return 0, true
	}
	if i >= len(text) || text[i] != '[' {
		return 0, false
	}
	for i = skipSpace(text, i+1); i < len(text) && text[i] != ']'; i = skipSpace(text, i) {
		if text[i] == ',' {
			i++
			continue
		}
		if text[i] != '{' {
			return 0, false
		}
		if i = readFields(text, i, func(name []byte, at int) int {
			end := skipValue(text, at)
			if end >= 0 {
				field(rows, name, text[at:end])
			}
			return end
		}); i < 0 {
			return 0, false
		}
		rows++
	}
	return rows, i < len(text)
}

// readFields reads the fields of the object at i: value is told where each
// begins and gives its end, -1 where there is none or no more is wanted. So is
// the end of the object given.
func readFields(b []byte, i int, value func(name []byte, at int) int) int {
	for i = skipSpace(b, i+1); i < len(b) && b[i] == '"'; {
		end := skipString(b, i)
		if end < 0 {
			return -1
		}
		name := b[i+1 : end-1]
		if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if end = value(name, skipSpace(b, i+1)); end < 0 {
			return -1
		}
		if i = skipSpace(b, end); i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	if i >= len(b) || b[i] != '}' {
		return -1
	}
	return i + 1
}

// Fields walks the fields of the row, as [Read] does. It ends where the row is
// broken.
func (r Row) Fields() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		i := skipSpace(r, 0)
		if i >= len(r) || r[i] != '{' {
			return
		}
		readFields(r, i, func(name []byte, at int) int {
			end := skipValue(r, at)
			if end < 0 || !yield(name, r[at:end]) {
				return -1
			}
			return end
		})
	}
}

// Field is the literal text of a field, nil where there is none.
func (r Row) Field(name string) []byte {
	for n, value := range r.Fields() {
		if string(n) == name {
			return value
		}
	}
	return nil
}

// Text is a field that is a string, "" where it is none.
func (r Row) Text(name string) string { return Text(r.Field(name)) }

// Number is a field that is a number, 0 where it is none.
func (r Row) Number(name string) float64 {
	v, err := strconv.ParseFloat(string(r.Field(name)), 64)
	if err != nil {
		return 0
	}
	return v
}

// True reports whether a field is true.
func (r Row) True(name string) bool { return string(r.Field(name)) == "true" }

// Text is the text of a string's literal, "" for what is none.
func Text(literal []byte) string {
	if len(literal) < 2 || literal[0] != '"' {
		return ""
	}
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1])
	}
	var room [64]byte
	if text, ok := Unquote(append(room[:0], literal[1:len(literal)-1]...)); ok {
		return string(text)
	}
	var s string
	if json.Unmarshal(literal, &s) != nil {
		return ""
	}
	return s
}

// Name is a field's name as it reads, of how it is written between its quotes.
func Name(written []byte) string {
	if bytes.IndexByte(written, '\\') < 0 {
		return string(written)
	}
	return Text(append(append([]byte{'"'}, written...), '"'))
}

// Integer is the integer of a number's literal, 0 for what is none.
func Integer(literal []byte) int64 {
	v, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue is the end of the JSON value at i, -1 if it has none.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
