package replay

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// A row is one JSON object of a listing, as it was recorded. Its fields are
// found without decoding it, because a listing has a thousand of them and a
// question concerns two or three.
type row []byte

// splitRows cuts a JSON array of objects (or null) into its objects; ok is
// false for anything else.
func splitRows(text []byte) (rows []row, ok bool) {
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
		rows = append(rows, row(text[i:end]))
		i = end
	}
	return rows, i < len(text)
}

// joinRows is the listing of the rows; nodes write an empty one as null.
func joinRows(rows []row) []byte {
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

// field is the literal text of a field, nil where there is none.
func (r row) field(name string) []byte {
	i := skipSpace(r, 1)
	for i < len(r) && r[i] == '"' {
		end := skipValue(r, i)
		if end < 0 {
			return nil
		}
		found := end-i == len(name)+2 && string(r[i+1:end-1]) == name
		i = skipSpace(r, end)
		if i >= len(r) || r[i] != ':' {
			return nil
		}
		i = skipSpace(r, i+1)
		if end = skipValue(r, i); end < 0 {
			return nil
		}
		if found {
			return r[i:end]
		}
		if i = skipSpace(r, end); i < len(r) && r[i] == ',' {
			i = skipSpace(r, i+1)
		}
	}
	return nil
}

// text is a field that is a string, "" where it is none.
func (r row) text(name string) string {
	raw := r.field(name)
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// number is a field that is a number, 0 where it is none.
func (r row) number(name string) float64 {
	v, err := strconv.ParseFloat(string(r.field(name)), 64)
	if err != nil {
		return 0
	}
	return v
}

func (r row) isTrue(name string) bool { return string(r.field(name)) == "true" }

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
