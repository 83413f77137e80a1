// Package escape holds the one way in which text that a cluster said may leave
// to a person or an agent: names, log lines, stacks and errors are written by
// whoever runs the cluster, or by whoever attacks it, and must not steer the
// terminal, page or model that shows them.
//
// There is a function per medium: [Line] and [Block] for terminals and for the
// text that agents read, [Markdown] and [Code], and [JSON]. HTML whose markup a
// template has made safe goes through Block as a whole. [Fprintf] and its kin apply Line to every
// argument, so that a command cannot forget it.
//
// What is stored is never changed: escaping happens where text leaves.
package escape

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// steers reports whether a rune does something to what shows it instead of
// being shown: control characters, line separators, and the marks that turn the
// direction of writing.
func steers(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
		return true
	case r == 0x2028, r == 0x2029: // line and paragraph separators
		return true
	case r == 0xfeff, r >= 0xe0000 && r <= 0xe007f: // invisible: byte order mark, tags
		return true
	}
	return false
}

// Line is s as one line that steers nothing: what would is written as in a Go
// string, \n, \x1b or \u202e. Bytes that are no UTF-8 are written as \x followed
// by their value.
func Line(s string) string { return text(s, "") }

// Block is s as lines that steer nothing: line breaks and tabs stay.
func Block(s string) string { return text(s, "\n\t") }

func text(s, keep string) string {
	i := first(s, keep)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:i])
	for s = s[i:]; s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case steers(r) && !strings.ContainsRune(keep, r):
			b.WriteString(spell(r))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// first is where the first rune of s is that must be spelled, -1 if none.
func first(s, keep string) int {
	for i, r := range s {
		if r >= 0x20 && r < 0x7f {
			continue
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
		if steers(r) && !strings.ContainsRune(keep, r) {
			return i
		}
	}
	return -1
}

// spell is a rune as a Go string would hold it.
func spell(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// markup is what Markdown, and the HTML in it, would read as markup.
var markup = strings.NewReplacer(`\`, `\\`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`",
	"[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "!", `\!`, "@", "&#64;")

// Markdown is s as one line of Markdown that is text and nothing else.
func Markdown(s string) string {
	// A user name that begins with @ would call somebody; within a word, as in a
	// node's name, it calls nobody and stays readable.
	s = Line(s)
	if !strings.ContainsAny(s, "\\<>&|*_`[]~#!@") {
		return s
	}
	var b strings.Builder
	for i, word := range strings.Split(s, " ") {
		if i > 0 {
			b.WriteByte(' ')
		}
		if strings.HasPrefix(word, "@") {
			b.WriteString(markup.Replace(word))
			continue
		}
		for j, part := range strings.Split(word, "@") {
			if j > 0 {
				b.WriteByte('@')
			}
			b.WriteString(markup.Replace(part))
		}
	}
	return b.String()
}

// Code is s for the inside of a Markdown code span or a row of a fenced block:
// one line without the backquotes that would end it.
func Code(s string) string { return strings.ReplaceAll(Line(s), "`", "'") }

// JSON is JSON text in which every rune that steers is written as \u and its
// number, which a decoder reads back as it was. Line breaks and tabs between
// the values stay.
func JSON(text []byte) []byte {
	if first(string(text), "\n\r\t") < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || !steers(r):
			b.WriteRune(r)
		default:
			b.WriteString(byNumber(r))
		}
	}
	return []byte(b.String())
}

// Answer is what a tool said, which is JSON or lines of text, for a person or
// an agent: [JSON] or [Block].
func Answer(text []byte) string {
	s := string(text)
	if first(s, "\n\t") >= 0 && json.Valid(text) {
		return string(JSON(text))
	}
	return Block(s)
}
