// Package rows reads of a listing of processes what the recorder itself looks
// at. It knows no other table.
package rows

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// A Process is as much of a listing's row as the recorder itself looks at.
type Process struct {
	PID      string
	Name     string
	Kind     string
	Parent   string
	State    string
	Behavior string
	Mailbox  int64 `json:"MessagesMailbox"`

	MessagesIn  int64
	RunningTime int64
}

// Read reads a listing; one that is broken has no rows. It reads only
// the fields that it wants, at many times the speed of a general decoder: the
// recorder looks at each table that it stores.
func Read(table []byte) []Process {
	s := scan{text: table}
	rows := make([]Process, 0, bytes.Count(table, []byte(`"PID"`)))
	if !s.byte('[') {
		return nil
	}
	for more := !s.byte(']'); more; more = s.byte(',') {
		row, ok := s.row()
		if !ok {
			return nil
		}
		rows = append(rows, row)
	}
	return rows
}

// A scan is a place in a JSON text.
type scan struct {
	text []byte
	at   int
}

// byte passes over white space and one byte, if it is the next.
func (s *scan) byte(want byte) bool {
	for s.at < len(s.text) && s.text[s.at] <= ' ' {
		s.at++
	}
	if s.at >= len(s.text) || s.text[s.at] != want {
		return false
	}
	s.at++
	return true
}

// row reads one object.
func (s *scan) row() (row Process, ok bool) {
	if !s.byte('{') {
		return row, false
	}
	for more := !s.byte('}'); more; more = s.byte(',') {
		key, ok := s.value()
		if !ok || !s.byte(':') {
			return row, false
		}
		value, ok := s.value()
		if !ok {
			return row, false
		}
		row.set(key, value)
	}
	return row, s.at > 0 && (s.text[s.at-1] == '}' || s.byte('}'))
}

// value passes over one value of any kind.
func (s *scan) value() (literal []byte, ok bool) {
	s.byte(0) // white space
	from, depth := s.at, 0
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case '"':
			if !s.quoted() {
				return nil, false
			}
		case '{', '[':
			depth++
			s.at++
		case '}', ']', ',', ':':
			if depth == 0 {
				return bytes.TrimRight(s.text[from:s.at], " \r\n\t"), s.at > from
			}
			if s.at++; c == '}' || c == ']' {
				depth--
			}
		default:
			s.at++
		}
		if depth == 0 && (s.text[from] == '"' || s.text[from] == '{' || s.text[from] == '[') {
			return s.text[from:s.at], true
		}
	}
	return nil, false
}

// quoted passes over a string.
func (s *scan) quoted() bool {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return true
		}
	}
	return false
}

// set takes in one field.
func (r *Process) set(key, value []byte) {
	switch string(key) {
	case `"PID"`:
		r.PID = unquoted(value)
	case `"Name"`:
		r.Name = unquoted(value)
	case `"State"`:
		r.State = unquoted(value)
	case `"Behavior"`:
		r.Behavior = unquoted(value)
	case `"Kind"`:
		r.Kind = unquoted(value)
	case `"Parent"`:
		r.Parent = unquoted(value)
	case `"MessagesMailbox"`:
		r.Mailbox = number(value)
	case `"MessagesIn"`:
		r.MessagesIn = number(value)
	case `"RunningTime"`:
		r.RunningTime = number(value)
	}
}

// number is a whole number; what is none counts as 0.
func number(literal []byte) int64 {
	n, _ := strconv.ParseInt(string(literal), 10, 64)
	return n
}

// unquoted is the text of a string's literal, "" for what is none.
func unquoted(literal []byte) (text string) {
	if len(literal) >= 2 && literal[0] == '"' && bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1 : len(literal)-1])
	}
	_ = json.Unmarshal(literal, &text) // what is no string has no text
	return text
}
