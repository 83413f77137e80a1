// Package fold writes what is alike once: rows of a table, sentences about
// several nodes. An agent pays for every byte that it reads.
package fold

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ergorecorder/escape"
)

// A Family is the places in a list of what is alike in it, in order.
type Family []int

// Families groups n things that are alike by what is told of them.
func Families(n int, of func(i int) string) []Family {
	var out []Family
	place := map[string]int{}
	for i := range n {
		f, known := place[of(i)]
		if !known {
			f = len(out)
			place[of(i)] = f
			out = append(out, nil)
		}
		out[f] = append(out[f], i)
	}
	return out
}

// Write writes a line for each of the first families, that of its first member,
// with how many more are like it. It returns how many members these have.
func Write(b *bytes.Buffer, all []Family, most int, line func(i int) string) (shown int) {
	for _, f := range all[:min(most, len(all))] {
		shown += len(f)
		more := ""
		if len(f) > 1 {
			more = fmt.Sprintf("; %d more like it", len(f)-1)
		}
		escape.Fprintf(b, "  %s%s\n", line(f[0]), more)
	}
	return shown
}

// figures are the numbers of a sentence, with their units; those in names are
// none.
func figures() *regexp.Regexp {
	return regexp.MustCompile(`(^|[ (])\d+(\.\d+)?( (min|ms|s|h|KiB|MiB|GiB|TiB|B)\b| %)*`)
}

// Nodes writes sentences that begin with the names of the nodes that they
// are about. What is said of several, each with figures of its own, is written
// once.
func Nodes(b *bytes.Buffer, said, nodes []string) {
	about, number := make([]string, len(said)), figures()
	all := Families(len(said), func(i int) string {
		who, says, _ := strings.Cut(said[i], ": ")
		of := strings.Split(who, " and ")
		for _, n := range of {
			if !slices.Contains(nodes, n) {
				return said[i]
			}
			says = strings.ReplaceAll(says, n, "")
		}
		about[i] = who
		return fmt.Sprint(len(of), number.ReplaceAllString(says, "$1#"))
	})
	for _, f := range all {
		var others []string
		for _, i := range f[1:] {
			if !slices.Contains(others, about[i]) {
				others = append(others, about[i])
			}
		}
		if left := len(others) - 8; left > 0 {
			others = append(others[:8], fmt.Sprintf("%d more", left))
		}
		escape.Fprintf(b, "  %s", said[f[0]])
		if len(f) > 1 {
			escape.Fprintf(b, "; so too, each with its own figures: %s", strings.Join(others, ", "))
		}
		b.WriteString("\n")
	}
}
