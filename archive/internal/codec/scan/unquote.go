package scan

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote decodes a valid JSON string literal. Bad UTF-8 is replaced, as
// encoding/json does.
func Unquote(lit string) string {
	lit = lit[1 : len(lit)-1]
	plain := utf8.ValidString(lit)
	for i := 0; plain && i < len(lit); i++ {
		plain = lit[i] != '\\'
	}
	if plain {
		return lit
	}
	b := make([]byte, 0, len(lit))
	for i := 0; i < len(lit); {
		if lit[i] != '\\' {
			r, n := utf8.DecodeRuneInString(lit[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		if lit[i+1] != 'u' {
			b = append(b, escapes[lit[i+1]])
			i += 2
			continue
		}
		r := hexRune(lit[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			if i+6 <= len(lit) && lit[i] == '\\' && lit[i+1] == 'u' {
				if both := utf16.DecodeRune(r, hexRune(lit[i+2:])); both != utf8.RuneError {
					b = utf8.AppendRune(b, both)
					i += 6
					continue
				}
			}
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func hexRune(s string) rune {
	v, _ := strconv.ParseUint(s[:4], 16, 32)
	return rune(v)
}
