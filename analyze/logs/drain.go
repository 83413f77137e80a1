package logs

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/replay"
)

const (
	wildcard = "<*>"
	// similar is the share of equal words at which a line belongs to a
	// template, and prefix the leading words that must agree: within what the
	// paper's authors used for system logs (0.4 to 0.6, tree depth 3).
	similar = 0.5
	prefix  = 1
	// maxChildren bounds the leading words a node of the tree tells apart, and
	// maxSources the writers counted for each template; the rest share one
	// place.
	maxChildren = 100
	maxSources  = 1000
)

// A Template is lines that differ only in their parameters.
type Template struct {
	Level   string
	Words   []string // wildcards stand for parameters
	Count   int
	First   time.Time
	Last    time.Time
	Example replay.LogLine // the first line
	Sources []*Writer      // in order of their first line

	bySecond map[int64]int
	bySource map[[2]string]*Writer
}

// A Writer is a source of a template's lines on one node.
type Writer struct {
	Node   string
	Source Source
	Count  int
	First  time.Time
	Last   time.Time
}

// Text is the template in one line.
func (t *Template) Text() string { return strings.Join(t.Words, " ") }

// Between counts the lines written at from or later, and before to, to the
// second.
func (t *Template) Between(from, to time.Time) int {
	n := 0
	for second, count := range t.bySecond {
		if second >= from.Unix() && second < to.Unix() {
			n += count
		}
	}
	return n
}

// PerSecond yields the lines in each second in which there were any, in order.
func (t *Template) PerSecond(yield func(at time.Time, lines int) bool) {
	seconds := make([]int64, 0, len(t.bySecond))
	for s := range t.bySecond {
		seconds = append(seconds, s)
	}
	slices.Sort(seconds)
	for _, s := range seconds {
		if !yield(time.Unix(s, 0).UTC(), t.bySecond[s]) {
			return
		}
	}
}

// A Miner clusters lines into templates, one line at a time, by Drain (He et
// al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", 2017): a
// tree by level, number of words and leading words leads to a few templates,
// of which the most similar takes the line, words that differ becoming
// wildcards; else the line begins a new one. Obvious parameters (PIDs, numbers,
// addresses, times) are wildcards from the start. Unlike the paper's, lines of
// different levels never share a template.
//
// The zero value is ready for use. It is not safe for concurrent use.
type Miner struct {
	root      branch
	templates []*Template
}

// A branch is a node of the tree; leaves hold templates.
type branch struct {
	children map[string]*branch
	leaf     []*Template
}

func (b *branch) child(key string, limit int) *branch {
	if b.children == nil {
		b.children = map[string]*branch{}
	}
	if c := b.children[key]; c != nil {
		return c
	}
	if limit > 0 && len(b.children) >= limit {
		key = wildcard
		if c := b.children[key]; c != nil {
			return c
		}
	}
	c := &branch{}
	b.children[key] = c
	return c
}

// Add counts a line, and returns its template.
func (m *Miner) Add(line replay.LogLine) *Template {
	words := split(line.Message)
	at := m.root.child(strings.ToLower(line.Level), 0).child(strconv.Itoa(len(words)), 0)
	for _, w := range words[:min(prefix, len(words))] {
		at = at.child(w, maxChildren)
	}
	t := mostSimilar(at.leaf, words)
	if t == nil {
		t = &Template{
			Level: strings.ToLower(line.Level), Words: words, First: line.At, Last: line.At, Example: line,
			bySecond: map[int64]int{}, bySource: map[[2]string]*Writer{},
		}
		at.leaf = append(at.leaf, t)
		m.templates = append(m.templates, t)
	}
	t.count(line, words)
	return t
}

// maxWords bounds a line: the rest of a longer one (a stack) is one parameter.
const maxWords = 64

func mostSimilar(templates []*Template, words []string) *Template {
	var best *Template
	bestShare, bestWild := 0.0, 0
	for _, t := range templates {
		same, wild := 0, 0
		for i, w := range t.Words {
			if w == words[i] {
				same++
			}
			if w == wildcard {
				wild++
			}
		}
		share := 1.0
		if len(words) > 0 {
			share = float64(same) / float64(len(words))
		}
		if share > bestShare || share == bestShare && wild > bestWild {
			best, bestShare, bestWild = t, share, wild
		}
	}
	if bestShare < similar {
		return nil
	}
	return best
}

func (t *Template) count(line replay.LogLine, words []string) {
	for i, w := range words {
		if t.Words[i] != w {
			t.Words[i] = wildcard
		}
	}
	t.Count++
	t.bySecond[line.At.Unix()]++
	t.First, t.Last = series.Earlier(t.First, line.At), series.Later(t.Last, line.At)
	key := [2]string{line.Node, line.Source}
	w := t.bySource[key]
	if w == nil {
		if len(t.Sources) >= maxSources {
			return
		}
		w = &Writer{Node: line.Node, Source: ParseSource(line.Source), First: line.At, Last: line.At}
		t.bySource[key] = w
		t.Sources = append(t.Sources, w)
	}
	w.Count++
	w.First, w.Last = series.Earlier(w.First, line.At), series.Later(w.Last, line.At)
}

// Templates are those found so far, worst level first, then the most frequent.
func (m *Miner) Templates() []*Template {
	list := slices.Clone(m.templates)
	slices.SortStableFunc(list, func(a, b *Template) int {
		return cmp.Or(cmp.Compare(Rank(b.Level), Rank(a.Level)), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text(), b.Text()))
	})
	return list
}

// parameters are what never tells two kinds of line apart: identities, places,
// times and numbers.
var parameters = regexp.MustCompile(`` +
	`(?:Alias#|Event#|Ref#)?<[^<>\s]+>` + // PIDs, aliases, events, references
	`|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d\S*)?` + // dates
	`|\b0x[0-9a-fA-F]+\b` +
	`|\b\d+(?:\.\d+)*(?:ns|us|µs|ms|s|m|h|%|[KMGT]?i?B)?(?::\d+)*\b`) // numbers, addresses, durations, sizes

// split is the words of a message with its parameters replaced. Only the first
// line counts: what follows is a stack or a dump.
func split(message string) []string {
	message, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	words := strings.Fields(parameters.ReplaceAllString(message, wildcard))
	if len(words) > maxWords {
		words = append(words[:maxWords-1], wildcard)
	}
	return words
}
