// Package nearest finds the right name for one that was mistyped. Every
// refusal of an unknown name, in every face, words its hint here.
package nearest

import (
	"cmp"
	"slices"
	"strings"

	"ergorecorder/escape"
)

// shown is how many names a hint gives.
const shown = 4

// Of are the names that the given one most likely means, the likeliest first:
// those that differ from it in case only, that begin with it or hold it, or
// that few changed letters make of it.
func Of(name string, among []string) []string {
	type ranked struct {
		name string
		far  int
	}
	var near []ranked
	for _, n := range slices.Compact(slices.Sorted(slices.Values(among))) {
		if far, ok := distance(name, n); ok {
			near = append(near, ranked{n, far})
		}
	}
	slices.SortStableFunc(near, func(a, b ranked) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, r := range near[:min(len(near), shown)] {
		out = append(out, r.name)
	}
	return out
}

// Hint says which names are nearest to one that there is not, else which there
// are: "; did you mean east@lab?", "; there are east@lab and north@lab". It is
// empty where there are none at all. Names that are no words stand in quotes.
func Hint(name string, among []string) string {
	if near := safe(Of(name, among)); len(near) > 0 {
		return "; did you mean " + list(near, "or") + "?"
	}
	all := safe(slices.Compact(slices.Sorted(slices.Values(among))))
	switch {
	case len(all) == 0:
		return ""
	case len(all) > 3*shown:
		return "; there are " + strings.Join(all[:3*shown], ", ") + ", …"
	case len(all) == 1:
		return "; there is " + all[0]
	}
	return "; there are " + list(all, "and")
}

func safe(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = escape.Name(n)
	}
	return out
}

func list(names []string, last string) string {
	if len(names) == 1 {
		return names[0]
	}
	n := len(names) - 1
	return strings.Join(names[:n], ", ") + " " + last + " " + names[n]
}

// distance says how far a name is from what was typed, if it is near.
func distance(typed, name string) (far int, near bool) {
	a, b := plain(typed), plain(name)
	switch {
	case a == "" || b == "":
		return 0, false
	case a == b:
		return 0, true
	case strings.HasPrefix(b, a), strings.HasPrefix(a, b):
		return 1, true
	case len(a) >= 3 && strings.Contains(b, a), len(b) >= 3 && strings.Contains(a, b):
		return 2, true
	}
	far = edits([]rune(a), []rune(b))
	return 2 + far, far <= max(1, min(len(a), len(b))/3)
}

// plain is a name without what people leave out: case and separators.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .'", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// edits is how many letters have to be put in, taken out, changed or swapped
// with their neighbour.
func edits(a, b []rune) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
