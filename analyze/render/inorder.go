package render

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/analyze/finding"
)

// quantity is a number as reports write it, with its unit if it is a time or a
// size.
var quantity = regexp.MustCompile(`\d+(?:\.\d+)?(?: (?:ms|s|min|h|B|KiB|MiB|GiB|TiB)\b(?: \d+ (?:min|s)\b)?)?`)

// An amount is one quantity of a line.
type amount struct {
	from  int // where it begins in the line
	text  string
	value float64 // in seconds or bytes where it has such a unit
	how   string  // of what it is: "", "time" or "size"
	count bool    // it says how often was looked, not what was seen
}

// A unit is what a quantity may be counted in.
type unit struct {
	how string
	by  float64
}

func units() map[string]unit {
	return map[string]unit{
		"ms": {"time", 1e-3}, "s": {"time", 1}, "min": {"time", 60}, "h": {"time", 3600},
		"B": {"size", 1}, "KiB": {"size", 1 << 10}, "MiB": {"size", 1 << 20}, "GiB": {"size", 1 << 30}, "TiB": {"size", 1 << 40},
	}
}

// looks are words behind a number that says how often was looked.
var looks = regexp.MustCompile(`^ (?:answers|listings|samples|rates|round trips)\b`)

// amounts are the quantities of a line, and the line with # in their places.
// Digits that are part of a name or of a time of day are not among them.
func amounts(line string) (list []amount, form string) {
	last := 0
	var b strings.Builder
	for _, at := range quantity.FindAllStringIndex(line, -1) {
		before, after := line[:at[0]], line[at[1]:]
		if before != "" && !strings.ContainsAny(before[len(before)-1:], " (") || after != "" && !strings.ContainsAny(after[:1], " ,;:)") && after != "." {
			continue
		}
		if strings.HasPrefix(after, ":") && len(after) > 1 && after[1] != ' ' {
			continue
		}
		a := amount{from: at[0], text: line[at[0]:at[1]], count: looks.MatchString(after)}
		words := strings.Fields(a.text)
		for i := 0; i < len(words); i += 2 {
			v, _ := strconv.ParseFloat(words[i], 64) // the pattern lets only numbers pass
			by := 1.0
			if i+1 < len(words) {
				u := units()[words[i+1]]
				a.how, by = u.how, u.by
			}
			a.value += v * by
		}
		list = append(list, a)
		b.WriteString(line[last:at[0]] + "#" + a.how)
		last = at[1]
	}
	b.WriteString(line[last:])
	return list, b.String()
}

// alike joins lines that say the same of several nodes: "NODE: what" differs
// from another in its node and its numbers only. What they say is said in
// ranges then, and which node has the most.
func alike(lines []string, nodes []string) []string {
	type group struct {
		lines []string // behind the node
		nodes []string
	}
	var groups []*group
	by := map[string]*group{}
	for _, l := range lines {
		node, what, ok := strings.Cut(l, ": ")
		if !ok || !slices.Contains(nodes, node) {
			groups = append(groups, &group{lines: []string{l}})
			continue
		}
		_, form := amounts(what)
		g := by[form]
		if g == nil || slices.Contains(g.nodes, node) {
			g = &group{}
			by[form] = g
			groups = append(groups, g)
		}
		g.lines, g.nodes = append(g.lines, what), append(g.nodes, node)
	}
	var out []string
	for _, g := range groups {
		if g.nodes == nil {
			out = append(out, g.lines[0])
		} else {
			out = append(out, called(g.nodes, len(nodes))+": "+ranged(g.lines, g.nodes))
		}
	}
	return out
}

// called is some of so many nodes in words.
func called(some []string, of int) string {
	const most = 4
	switch n := len(some); {
	case n > 1 && n == of:
		return fmt.Sprintf("all %d nodes", of)
	case n > most+1:
		return fmt.Sprintf("%d of %d nodes (%s and %d more)", n, of, strings.Join(some[:most], ", "), n-most)
	}
	return strings.Join(some, ", ")
}

// ranged is what lines of one form say, each number from the least to the most.
func ranged(lines, nodes []string) string {
	var all [][]amount
	for _, l := range lines {
		list, _ := amounts(l)
		all = append(all, list)
	}
	var b strings.Builder
	last := 0
	for i, a := range all[0] {
		b.WriteString(lines[0][last:a.from] + rangeOf(all, i, nodes))
		last = a.from + len(a.text)
	}
	return b.String() + lines[0][last:]
}

// rangeOf is the i-th amount of all lines.
func rangeOf(all [][]amount, i int, nodes []string) string {
	low, high := 0, 0
	for k := range all {
		if all[k][i].value < all[low][i].value {
			low = k
		}
		if all[k][i].value > all[high][i].value {
			high = k
		}
	}
	from, to := all[low][i], all[high][i]
	if from.value == to.value {
		return to.text
	}
	less, unit, _ := strings.Cut(from.text, " ")
	if _, same, _ := strings.Cut(to.text, " "); same == unit && !strings.Contains(unit, " ") {
		from.text = less
	}
	text := from.text + " to " + to.text
	if !to.count {
		text += " (" + plainName(nodes, high) + ")"
	}
	return text
}

// plainName is a node's name without its host, if that is enough.
func plainName(nodes []string, i int) string {
	name := finding.NodeName(nodes[i])
	for k, n := range nodes {
		if k != i && finding.NodeName(n) == name {
			return nodes[i]
		}
	}
	return name
}
