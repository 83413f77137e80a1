package scrub

import (
	_ "embed"
	"regexp"
	"strings"

	"ergorecorder/ergo/tools48"
)

//go:embed framework.txt
var frameworkText string

//go:embed english.txt
var englishText string

// A vocabulary is the words that may be seen.
type vocabulary struct {
	framework map[string]bool
	english   map[string]bool
}

// newVocabulary is the words of the framework, the contract of the tools, and
// English.
func newVocabulary() *vocabulary {
	v := &vocabulary{framework: map[string]bool{}, english: map[string]bool{}}
	for w := range strings.FieldsSeq(frameworkText) {
		v.framework[w] = true
	}
	for w := range strings.FieldsSeq(englishText) {
		v.english[w] = true
	}
	add := func(text string) {
		for w := range wordsIn(text) {
			v.framework[w] = true
		}
	}
	for _, t := range tools48.Tools() {
		add(t.Name)
		for _, p := range t.Params {
			add(p.Name)
			for _, e := range p.Enum {
				add(e)
			}
		}
		for column := range tools48.Schema(t.Name).Columns {
			add(column)
		}
	}
	for _, p := range tools48.Common() {
		add(p.Name)
	}
	return v
}

// measures are words that are numbers with units, counted closures, and what
// samplers are called.
var measures = regexp.MustCompile(`^(?:(?:\d+(?:ns|us|µs|μs|ms|s|m|h|d|[kmgt]i?b?|b|x|st|nd|rd|th|e\d+)?)+|0x[0-9a-f]+|0X[0-9A-F]+|func\d+|gowrap\d+|deferwrap\d+|v\d+|go\d+|(?:mcp_sampler_)+[0-9a-f]{6,8})$`)

// public reports whether the word may be seen wherever it stands.
func (v *vocabulary) public(word string) bool {
	if len(word) == 1 && word[0] < 0x80 || v.framework[word] || measures.MatchString(strings.ToLower(word)) {
		return true
	}
	stem, digits := split(word)
	return digits != "" && v.framework[stem]
}

// plain reports whether the word is an ordinary one.
func (v *vocabulary) plain(word string) bool {
	stem, _ := split(word)
	return v.english[strings.ToLower(word)] || v.english[strings.ToLower(stem)]
}

// split is a word without the digits at its end, and these; an underscore
// between them goes with the digits.
func split(word string) (stem, digits string) {
	stem = strings.TrimRight(word, "0123456789")
	if stem != word {
		stem = strings.TrimRight(stem, "_")
	}
	if stem == "" {
		return word, ""
	}
	return stem, word[len(stem):]
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// wordsIn walks the words of a text: letters, digits and underscores.
func wordsIn(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(text); {
			if !isWordByte(text[i]) {
				i++
				continue
			}
			end := i
			for end < len(text) && isWordByte(text[end]) {
				end++
			}
			if !yield(text[i:end]) {
				return
			}
			i = end
		}
	}
}
