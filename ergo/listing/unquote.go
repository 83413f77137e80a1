package listing

import (
	"bytes"
	"unicode/utf8"
)

// Unquote is what a JSON string stands for, given what is between its quotes, in
// whose place it is written: it is never longer. It gives up, and leaves all as it was, on
// surrogates and on what is no UTF-8.
func Unquote(s []byte) ([]byte, bool) {
	if !plain(s) {
		return nil, false
	}
	to, from := 0, 0
	for i := escape(s, 0); i >= 0; i = escape(s, from) {
		to += copy(s[to:], s[from:i])
		i++
		if c := s[i]; c == 'u' {
			to += len(utf8.AppendRune(s[to:to], hex(s[i+1:])))
			i += 4
		} else {
			s[to] = letter(c)
			to++
		}
		from = i + 1
	}
	to += copy(s[to:], s[from:])
	return s[:to:to], true
}

// escape is where the next escape is, -1 where there is none.
func escape(s []byte, from int) int {
	i := bytes.IndexByte(s[from:], '\\')
	if i >= 0 {
		i += from
	}
	return i
}

// letter is what an escape of one letter stands for; 0 is none.
func letter(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

// plain reports whether a string is of the kind that Unquote reads.
func plain(s []byte) bool {
	if !utf8.Valid(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c < ' ':
			return false
		case c != '\\':
			continue
		}
		if i++; i >= len(s) {
			return false
		}
		if s[i] != 'u' {
			if letter(s[i]) == 0 {
				return false
			}
			continue
		}
		if i+5 > len(s) {
			return false
		}
		if r := hex(s[i+1:]); r < 0 || r >= 0xd800 && r < 0xe000 {
			return false
		}
		i += 4
	}
	return true
}

// hex is what the four digits at the beginning stand for, -1 for others.
func hex(s []byte) (r rune) {
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
