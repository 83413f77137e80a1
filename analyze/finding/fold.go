package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/analyze/series"
)

const (
	// mostWhole is how many findings are told whole: nobody reads more, and a
	// report has to stay of a size however much goes wrong at once.
	mostWhole = 40
	// alikeWhole is how many of a family are told whole, where not all are.
	alikeWhole = 3
)

// A Family is findings that are alike: of one kind and severity, about the same
// code, on whatever nodes.
type Family struct {
	Kind        Kind
	Severity    Severity
	Behavior    string
	Application string
	Members     []*Finding // those that are not told whole, by rank
}

// Fold parts ranked findings into those that are told whole and families of the
// rest. Of a few findings all are told whole.
func Fold(all []*Finding) (whole []*Finding, rest []Family) {
	if len(all) <= mostWhole {
		return all, nil
	}
	type key struct {
		kind                  Kind
		severity              Severity
		behavior, application string
	}
	told, place := map[key]int{}, map[key]int{}
	for _, f := range all {
		k := key{f.Kind, f.Severity, f.Subject.Behavior, f.Subject.Application}
		if len(whole) < mostWhole && told[k] < alikeWhole {
			told[k]++
			whole = append(whole, f)
			continue
		}
		i, known := place[k]
		if !known {
			i = len(rest)
			place[k] = i
			rest = append(rest, Family{Kind: k.kind, Severity: k.severity, Behavior: k.behavior, Application: k.application})
		}
		rest[i].Members = append(rest[i].Members, f)
	}
	return whole, rest
}

// Words tells a family in a sentence.
func (f Family) Words() string {
	first := f.Members[0]
	low, high := first.Score, first.Score
	from, to := first.Onset, first.Onset
	nodes := map[string]bool{}
	for _, m := range f.Members {
		low, high = min(low, m.Score), max(high, m.Score)
		from, to = series.Earlier(from, m.Onset), series.Later(to, m.Onset)
		nodes[m.Subject.Node] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d more of %s, %s", len(f.Members), f.Kind, f.Severity)
	if code := cmp.Or(f.Behavior, f.Application); code != "" {
		b.WriteString(", about " + code)
	}
	if len(nodes) == 1 {
		b.WriteString(" on " + first.Subject.Node)
	} else {
		fmt.Fprintf(&b, " on %d nodes", len(nodes))
	}
	fmt.Fprintf(&b, ": score %s, beginning %s", between(fmt.Sprint(low), fmt.Sprint(high)), between(Clock(from), Clock(to)))
	fmt.Fprintf(&b, "; the first of them is %s: %s", first.Display, first.Title)
	return b.String()
}

// between is a range in words.
func between(low, high string) string {
	if low == high {
		return low
	}
	return low + " to " + high
}

// mostFamilies is how many families are told in words.
const mostFamilies = 40

// FoldedWords are families in words, a line each, and how many findings the
// others have together.
func FoldedWords(all []Family) []string {
	var lines []string
	for _, f := range all[:min(len(all), mostFamilies)] {
		lines = append(lines, f.Words())
	}
	if left := all[len(lines):]; len(left) > 0 {
		n := 0
		for _, f := range left {
			n += len(f.Members)
		}
		lines = append(lines, fmt.Sprintf("%d more in %d other families", n, len(left)))
	}
	return lines
}

// Some are the first of many lines, and how many more there are.
func Some(lines []string, most int) []string {
	if left := len(lines) - most; left > 1 {
		return append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more", left))
	}
	return lines
}
