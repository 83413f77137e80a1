package redact

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A class says what a name says about its value.
type class int

const (
	ordinary class = iota
	maybe          // a secret if it looks random
	secret
	digits // a secret, and often of digits alone
)

// classOf classifies the name of a field or a variable. Of a field (loose) any
// word may name the secret, unless its last word says that it is something
// else; in text it is the last word, or the last but for qualifiers.
func classOf(name string, loose bool) class {
	words := wordsOf(name)
	if len(words) == 0 {
		return ordinary
	}
	all := words
	for len(words) > 1 && slices.Contains(qualifiers, words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	if c := classOfEnd(words); c != ordinary {
		return c
	}
	if len(all) != len(words) {
		if c := classOfEnd(all); c != ordinary {
			return c
		}
	}
	if loose && !slices.Contains(harmless, words[len(words)-1]) {
		for i := range words {
			if c := classOfEnd(words[:i+1]); c >= secret {
				return c
			}
		}
	}
	return ordinary
}

// classOfEnd classifies a name by its last words.
func classOfEnd(words []string) class {
	last := words[len(words)-1]
	if slices.Contains(digitWords, last) {
		return digits
	}
	joined := last
	for i := len(words) - 2; i >= 0 && len(joined) < 20; i-- {
		joined = words[i] + joined
	}
	for _, end := range digitWords {
		if len(end) > 4 && strings.HasSuffix(joined, end) {
			return digits
		}
	}
	for _, end := range secretEnds {
		if strings.HasSuffix(joined, end) {
			return secret
		}
	}
	if slices.Contains(secretWords, last) {
		return secret
	}
	if slices.Contains(maybeWords, last) || strings.HasSuffix(joined, "sessionid") || strings.HasSuffix(joined, "sessid") {
		return maybe
	}
	return ordinary
}

// wordsOf splits a name into its words, in small letters: at what is no
// letter, and where a capital begins a word. Digits are left out.
func wordsOf(name string) []string {
	var words []string
	begin, before := -1, rune(0)
	flush := func(to int) {
		if begin >= 0 && to > begin {
			words = append(words, strings.ToLower(name[begin:to]))
		}
		begin = -1
	}
	for i, c := range name {
		switch {
		case !unicode.IsLetter(c):
			flush(i)
		case begin < 0:
			begin = i
		case unicode.IsUpper(c):
			next, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(c):])
			if unicode.IsLower(before) || unicode.IsLower(next) && !plural(name[i+utf8.RuneLen(c):]) {
				flush(i)
				begin = i
			}
		}
		before = c
	}
	flush(len(name))
	return words
}

// plural reports whether an s is all that is left of a word: IDs, PINs.
func plural(rest string) bool {
	if rest == "" || rest[0] != 's' {
		return false
	}
	next, _ := utf8.DecodeRuneInString(rest[1:])
	return !unicode.IsLower(next)
}

// random reports whether a value looks like one that was drawn: letters and
// digits that alternate, as names and numbers do not.
func random(v []byte) bool {
	v = bytes.TrimRight(v, "=.,;:!?")
	if len(v) < 8 || stampLike(v) {
		return false
	}
	changes, upper, lowerCase, digit := 0, false, false, false
	before := byte(0)
	for _, c := range v {
		kind := byte(0)
		switch {
		case c >= 'a' && c <= 'z':
			kind, lowerCase = 'a', true
		case c >= 'A' && c <= 'Z':
			kind, upper = 'a', true
		case c >= '0' && c <= '9':
			kind, digit = '0', true
		case bytes.IndexByte([]byte("+/=_.~-"), c) < 0:
			return false
		}
		if kind != 0 && before != 0 && kind != before {
			changes++
		}
		before = kind
	}
	long := len(v) >= 16 && upper && lowerCase && digit && changes >= 2 && bytes.IndexByte(v, '.') < 0
	return changes >= 4 || long
}

// stampLike reports whether v begins like a date, an address or a duration.
func stampLike(v []byte) bool {
	if v[0] == '/' || v[0] == '.' {
		return true
	}
	if len(v) >= 10 && v[4] == '-' && v[7] == '-' && isNumber(v[:4]) && isNumber(v[5:7]) {
		return true
	}
	return durationLike(v)
}

// durationLike reports whether v is numbers with units: 1h3m0.5s, 30ms, 12MB.
func durationLike(v []byte) bool {
	for len(v) > 0 {
		n := 0
		for n < len(v) && (v[n] >= '0' && v[n] <= '9' || v[n] == '.') {
			n++
		}
		u := n
		for u < len(v) && (v[u]|0x20 >= 'a' && v[u]|0x20 <= 'z' || v[u] >= 0x80 || v[u] == '%') {
			u++
		}
		if n == 0 || u == n || u-n > 3 {
			return false
		}
		v = v[u:]
	}
	return true
}

// isNumber reports whether v is a decimal number.
func isNumber(v []byte) bool {
	seen := false
	for i, c := range v {
		switch {
		case c >= '0' && c <= '9':
			seen = true
		case (c == '-' || c == '+') && (i == 0 || v[i-1]|0x20 == 'e'):
		case (c == '.' || c|0x20 == 'e') && seen:
		default:
			return false
		}
	}
	return seen
}

// nothing reports whether v says that there is no secret, or only whether.
func nothing(v []byte) bool {
	if string(v) == NotKept {
		return true
	}
	switch strings.ToLower(string(v)) {
	case "", "true", "false", "null", "nil", "<nil>", "none", "undefined", "[]", "{}", "map[]", "***", "****", "*****", "******", "********", "xxxxx", "[redacted]", "<redacted>", "redacted":
		return true
	}
	return false
}

// hides reports whether the untyped value v of a name of that class is to be
// left out.
func hides(c class, v []byte) bool {
	switch {
	case c == ordinary || nothing(v):
		return false
	case c == maybe:
		return random(v)
	case isNumber(v):
		return c == digits && len(v) >= 4
	case c == secret && durationLike(v):
		return false
	}
	return true
}
