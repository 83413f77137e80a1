package capture

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// cutText takes the text out of a line, which is nearly all of it: rest is the line
// with null in its place, for a general decoder. ok is false where the line is
// not as plain as that; then all of it is for the decoder. room is memory for the text.
func cutText(line, room []byte) (rest, text []byte, ok bool) {
	i := space(line, 0)
	if i >= len(line) || line[i] != '{' {
		return nil, nil, false
	}
	from, to := 0, 0
	for i = space(line, i+1); i < len(line) && line[i] == '"'; i = space(line, i+1) {
		name, end := key(line, i)
		if i = space(line, end); end < 0 || i >= len(line) || line[i] != ':' {
			return nil, nil, false
		}
		i = space(line, i+1)
		switch {
		case strings.EqualFold(string(name), "text"):
			if to != 0 || string(name) != "text" {
				return nil, nil, false // the decoder knows which of them counts
			}
			if i >= len(line) || line[i] != '"' {
				return nil, nil, false
			}
			if text, to = unquoted(room[:0], line, i); to < 0 {
				return nil, nil, false
			}
			from, i = i, to
		default:
			if i = valueEnd(line, i); i < 0 {
				return nil, nil, false
			}
		}
		if i = space(line, i); i >= len(line) || line[i] != ',' {
			break
		}
	}
	if to == 0 || i >= len(line) || line[i] != '}' || space(line, i+1) != len(line) {
		return nil, nil, false
	}
	rest = make([]byte, 0, len(line)-(to-from)+4)
	return append(append(append(rest, line[:from]...), "null"...), line[to:]...), text, true
}

func space(b []byte, i int) int {
	for i >= 0 && i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// key is the name of a field, and where its string ends; -1 where it has escapes,
// for which the decoder is.
func key(b []byte, i int) (name []byte, end int) {
	n := bytes.IndexAny(b[i+1:], "\"\\")
	if n < 0 || b[i+1+n] == '\\' {
		return nil, -1
	}
	return b[i+1 : i+1+n], i + n + 2
}

// valueEnd is where a value ends that the decoder is going to look at: it is
// not checked but for its quotes and brackets. -1 is nowhere.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// unquoted appends the string that begins at i, decoded, and says where it ends:
// -1 where it has what only the decoder knows how to read (control characters, halves of
// characters, escapes that there are not).
func unquoted(dst, b []byte, i int) (text []byte, end int) {
	if cap(dst) < len(b)-i {
		dst = make([]byte, 0, len(b)-i)
	}
	i++
	for i < len(b) {
		from := i
		for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
			i++
		}
		dst = append(dst, b[from:i]...)
		if i >= len(b) || b[i] < 0x20 {
			return nil, -1
		}
		if b[i] == '"' {
			if !utf8.Valid(dst) {
				return nil, -1
			}
			return dst, i + 1
		}
		if dst, i = escaped(dst, b, i+1); i < 0 {
			return nil, -1
		}
	}
	return nil, -1
}

// escaped appends the character whose escape stands behind the \ before i, and
// says where that ends.
func escaped(dst, b []byte, i int) ([]byte, int) {
	if i >= len(b) {
		return nil, -1
	}
	if c := b[i]; c != 'u' {
		at := strings.IndexByte(`"\/bfnrt`, c)
		if at < 0 {
			return nil, -1
		}
		return append(dst, "\"\\/\b\f\n\r\t"[at]), i + 1
	}
	if i+5 > len(b) {
		return nil, -1
	}
	r := rune(0)
	for _, h := range b[i+1 : i+5] {
		d := rune(h - '0')
		if d > 9 {
			if d = rune(h|0x20) - 'a' + 10; d < 10 || d > 15 {
				return nil, -1
			}
		}
		r = r<<4 | d
	}
	if r >= 0xD800 && r < 0xE000 {
		return nil, -1 // one half of a pair
	}
	return utf8.AppendRune(dst, r), i + 5
}
