package story

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A phrase is one thing that a story can say: its form, what it means, and what
// is done about it. In a form {d} is a duration, {n} a number, {b} a size, {r} a
// rate, {w} a word, {who} processes, {fn} a function, {q} a text in quotes, and
// what stands in brackets may be missing. docs/stories.md shows every form.
type phrase[C any] struct {
	form  string
	means string
	do    func(c C, a words) error
	re    *regexp.Regexp
}

// words are what stood in the places of a form, in order; "" for one that was
// missing.
type words []string

var places = strings.NewReplacer(
	"{d}", `([0-9.]+(?:ns|us|ms|s|m|h)(?:[0-9.]+(?:ms|s|m))?)`, "{n}", `([0-9.]+)`, "{b}", `([0-9.]+(?:B|KB|MB|GB))`,
	"{r}", `([0-9.]+)/s`, "{w}", `([\w@.+-]+)`, "{who}", `([\w@.-]+(?:(?:, | and )[\w@.-]+)*)`, "{fn}", `([\w./*()]+)`, "{q}", `"([^"]*)"`,
	"{kinds}", `(\w+(?: or \w+)*)`, "{re}", `/((?:[^/\\]|\\.)*)/`,
	"[", "(?:", "]", ")?",
)

func compile[C any](phrases []phrase[C]) []phrase[C] {
	for i := range phrases {
		phrases[i].re = regexp.MustCompile("^" + places.Replace(phrases[i].form) + "$")
	}
	return phrases
}

// say finds the phrase that a text is one of, and does it.
func say[C any](phrases []phrase[C], c C, text string) error {
	for _, p := range phrases {
		if m := p.re.FindStringSubmatch(text); m != nil {
			return p.do(c, m[1:])
		}
	}
	return fmt.Errorf("%q is not understood; docs/stories.md lists what can be said", text)
}

func (a words) d(i int) time.Duration {
	if a[i] == "" {
		return 0
	}
	d, err := time.ParseDuration(a[i])
	if err != nil {
		return 0 // its form was matched
	}
	return d
}

func (a words) n(i int) float64 {
	f, _ := strconv.ParseFloat(a[i], 64) // its form was matched
	return f
}

func (a words) b(i int) float64 {
	t := a[i]
	for _, u := range []struct {
		name string
		size float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}} {
		if d, ok := strings.CutSuffix(t, u.name); ok {
			f, _ := strconv.ParseFloat(d, 64)
			return f * u.size
		}
	}
	return 0
}

// list takes a list of names apart.
func list(text string) []string {
	return slices.DeleteFunc(regexp.MustCompile(`, | and `).Split(text, -1), func(s string) bool { return s == "" })
}

// clauses cuts a line at its commas, but not within quotes, slashes or after
// "to", where a list of names goes on.
func clauses(line string) []string {
	var out []string
	quoted, from := byte(0), 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted != 0:
			if c == '\\' {
				i++
			} else if c == quoted {
				quoted = 0
			}
		case c == '"' || c == '/' && i > 0 && line[i-1] == ' ':
			quoted = c
		case c == ',' && i+1 < len(line) && line[i+1] == ' ':
			out = append(out, strings.TrimSpace(line[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(line[from:]))
}
