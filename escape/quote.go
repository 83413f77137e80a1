package escape

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// longestQuote is how many characters of a text stand within a sentence; the
	// whole stands where text of the cluster has a place of its own.
	longestQuote = 160
	// longestWord is how long a name may be and still be taken for one.
	longestWord = 80
)

// Quote is a text that the cluster wrote, for the inside of a sentence of ours:
// one line in quotes that it cannot end, and no more of it than a line holds.
func Quote(s string) string {
	if utf8.RuneCountInString(s) > longestQuote {
		s = string([]rune(s)[:longestQuote]) + "…"
	}
	return `"` + strings.ReplaceAll(Line(s), `"`, `\"`) + `"`
}

// Name is a name that the cluster gave, for the inside of a sentence of ours: as
// it is where it is a word, else in quotes, so that a process called "all is
// well" says nothing.
func Name(s string) string {
	if IsWord(s) {
		return s
	}
	return Quote(s)
}

// IsWord reports whether a name can be taken for nothing but a name: it is of
// printable characters without white space or quotes, and not long.
func IsWord(s string) bool {
	return utf8.RuneCountInString(s) <= longestWord && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '"' || r == utf8.RuneError || steers(r)
	}) < 0
}

// QuoteNames is a sentence in which each of the names that are no words stands
// in quotes. What stands in quotes already stays.
func QuoteNames(sentence string, names []string) string {
	var b strings.Builder
	for sentence != "" {
		i, name := firstOf(sentence, names)
		q := strings.IndexByte(sentence, '"')
		switch {
		case q >= 0 && (i < 0 || q < i):
			end := q + quoted(sentence[q:])
			b.WriteString(sentence[:end])
			sentence = sentence[end:]
		case i >= 0:
			b.WriteString(sentence[:i])
			b.WriteString(Quote(name))
			sentence = sentence[i+len(name):]
		default:
			b.WriteString(sentence)
			sentence = ""
		}
	}
	return b.String()
}

// firstOf is where the first of the names stands, the longest of those that
// begin there; -1 if none does.
func firstOf(s string, names []string) (at int, name string) {
	at = -1
	for _, n := range names {
		i := strings.Index(s, n)
		if i >= 0 && (at < 0 || i < at || i == at && len(n) > len(name)) {
			at, name = i, n
		}
	}
	return at, name
}

// quoted is how long the quoted text is that s begins with.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
