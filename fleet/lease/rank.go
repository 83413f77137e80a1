package lease

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// ranked are recorders in the order in which they are to have a node: each draws
// a number for it, so that where one comes or goes no node moves between others.
func ranked(node string, recorders []string) []string {
	weight := func(r string) uint64 { return xxhash.Sum64String(r + "\x00" + node) }
	out := slices.Clone(recorders)
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a, b)) })
	return out
}
