// Package scan finds where JSON values begin and end, without decoding them.
package scan

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep a value may be nested.
const maxDepth = 500

// ErrJSON: the text is something else than the JSON that was looked for.
var ErrJSON = errors.New("not the JSON that was expected")

// Space is the place of the first byte from p on that is no white space.
func Space(text []byte, p int) int {
	for p < len(text) && (text[p] == ' ' || text[p] == '\n' || text[p] == '\t' || text[p] == '\r') {
		p++
	}
	return p
}

// StringEnd is the place behind the string that begins at p, which is not
// checked for escapes and control characters (see validString).
func StringEnd(text []byte, p int) (int, error) {
	for p++; ; p++ {
		i := bytes.IndexByte(text[p:], '"')
		if i < 0 {
			return 0, ErrJSON
		}
		p += i
		back := 0
		for text[p-1-back] == '\\' {
			back++
		}
		if back%2 == 0 {
			return p + 1, nil
		}
	}
}

// ValidString checks the inside of a literal that begins and ends in quotes.
func ValidString(lit []byte) bool {
	for i := 1; i < len(lit)-1; i++ {
		switch c := lit[i]; {
		case c < 0x20 || c == '"':
			return false
		case c == '\\':
			i++
			if i >= len(lit)-1 {
				return false
			}
			switch lit[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if i+4 >= len(lit)-1 {
					return false
				}
				for _, h := range lit[i+1 : i+5] {
					if !isHex(h) {
						return false
					}
				}
				i += 4
			default:
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool {
	return c-'0' < 10 || (c|0x20) >= 'a' && (c|0x20) <= 'f'
}

// Number reads a number at p. whole says that it is the canonical literal of
// an int64.
func Number(text []byte, p int) (end int, v int64, whole bool, err error) {
	neg := p < len(text) && text[p] == '-'
	if neg {
		p++
	}
	first := p
	var u uint64
	for p < len(text) && text[p]-'0' < 10 {
		u = u*10 + uint64(text[p]-'0')
		p++
	}
	digits := p - first
	if digits == 0 || digits > 1 && text[first] == '0' {
		return 0, 0, false, ErrJSON
	}
	whole = digits <= 18 && !(neg && u == 0)
	if p < len(text) && text[p] == '.' {
		whole = false
		if p, err = digitsEnd(text, p+1); err != nil {
			return 0, 0, false, err
		}
	}
	if p < len(text) && text[p]|0x20 == 'e' {
		whole = false
		p++
		if p < len(text) && (text[p] == '+' || text[p] == '-') {
			p++
		}
		if p, err = digitsEnd(text, p); err != nil {
			return 0, 0, false, err
		}
	}
	if !whole && digits == 19 && p-first == digits {
		if neg && u <= 1<<63 || u < 1<<63 { // 19 digits fit a uint64
			whole = true
		}
	}
	v = int64(u)
	if neg {
		v = -v
	}
	return p, v, whole, nil
}

func digitsEnd(text []byte, p int) (int, error) {
	start := p
	for p < len(text) && text[p]-'0' < 10 {
		p++
	}
	if p == start {
		return 0, ErrJSON
	}
	return p, nil
}

// A Span is where a value's literal stands in a text. It has no more fields than a compiler keeps in registers.
type Span struct {
	Start, End int
	Num        int64
	Is         Meaning
}

// A Meaning is what is known of a value.
type Meaning uint8

// What is known of a value.
const (
	Literal Meaning = iota // no more than what is written
	Whole                  // Num is its value
	Same                   // it is what was said before
)

// Value finds the value at p. What is inside of a string is not checked.
func Value(text []byte, p int) (s Span, err error) {
	s.Start = p
	if p >= len(text) {
		return s, ErrJSON
	}
	switch c := text[p]; {
	case c == '"':
		s.End, err = StringEnd(text, p)
	case c == '-' || c-'0' < 10:
		var whole bool
		if s.End, s.Num, whole, err = Number(text, p); whole {
			s.Is = Whole
		}
	default:
		s.End, err = ValueEnd(text, p, 0)
	}
	return s, err
}

// ValueEnd is the place behind the valid value that begins at p.
func ValueEnd(text []byte, p, depth int) (end int, err error) {
	if p >= len(text) || depth > maxDepth {
		return 0, ErrJSON
	}
	switch c := text[p]; {
	case c == '"':
		end, err = StringEnd(text, p)
		if err == nil && !ValidString(text[p:end]) {
			err = ErrJSON
		}
		return end, err
	case c == '-' || c-'0' < 10:
		end, _, _, err = Number(text, p)
		return end, err
	case c == '[' || c == '{':
		return nestedEnd(text, p, depth)
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if bytes.HasPrefix(text[p:], []byte(word)) {
			return p + len(word), nil
		}
	}
	return 0, ErrJSON
}

func nestedEnd(text []byte, p, depth int) (int, error) {
	object := text[p] == '{'
	closing := text[p] + 2 // ']' and '}' are two behind '[' and '{'
	if p = Space(text, p+1); p < len(text) && text[p] == closing {
		return p + 1, nil
	}
	for {
		var err error
		if object {
			if p >= len(text) || text[p] != '"' {
				return 0, ErrJSON
			}
			if p, err = ValueEnd(text, p, depth+1); err != nil {
				return 0, err
			}
			if p = Space(text, p); p >= len(text) || text[p] != ':' {
				return 0, ErrJSON
			}
			p = Space(text, p+1)
		}
		if p, err = ValueEnd(text, p, depth+1); err != nil {
			return 0, err
		}
		if p = Space(text, p); p >= len(text) || text[p] != ',' && text[p] != closing {
			return 0, ErrJSON
		}
		p++
		if text[p-1] == closing {
			return p, nil
		}
		p = Space(text, p)
	}
}

// Compact appends a valid value without the white space between its tokens.
func Compact(dst, value []byte) []byte {
	inside := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case inside && c == '\\':
			dst = append(dst, c)
			i++
			dst = append(dst, value[i])
			continue
		case c == '"':
			inside = !inside
		case !inside && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, value[i])
	}
	return dst
}

// AppendPlain appends a valid literal, a string without its escapes: two
// spellings of one value give the same. What is no character (half of a pair)
// stays as it is spelled.
func AppendPlain(b, lit []byte) []byte {
	for i := 0; i < len(lit); i++ {
		if lit[i] != '\\' || i+1 >= len(lit) {
			b = append(b, lit[i])
			continue
		}
		i++
		switch c := lit[i]; c {
		case 'b', 'f', 'n', 'r', 't':
			b = append(b, "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		case 'u':
			b = appendUnit(b, lit, &i)
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendUnit appends the character whose escape has its u at i, and leaves i at
// its end.
func appendUnit(b, lit []byte, i *int) []byte {
	r, ok := unit(lit, *i)
	if !ok {
		return append(b, '\\', 'u')
	}
	end := *i + 4
	if utf16.IsSurrogate(r) {
		low, ok := unit(lit, end+2)
		if r = utf16.DecodeRune(r, low); !ok || lit[end+1] != '\\' || r == utf8.RuneError {
			return append(b, '\\', 'u') // the digits follow
		}
		end += 6
	}
	*i = end
	return utf8.AppendRune(b, r)
}

// unit is the number behind the u at i.
func unit(lit []byte, i int) (r rune, ok bool) {
	if i+4 >= len(lit) || lit[i] != 'u' {
		return 0, false
	}
	for _, h := range lit[i+1 : i+5] {
		d := rune(h - '0')
		if d > 9 {
			d = rune(h|0x20) - 'a' + 10
		}
		r = r<<4 | d&15
	}
	return r, true
}
