// Package succession says in words which version of a recorder goes on with what
// another one recorded.
package succession

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Of says which version goes on with what another one recorded: what
// the newer one knew is not known to the older one after a rollback.
func Of(before, now string) string {
	if older(now, before) {
		return fmt.Sprintf("version %s goes on with what %s recorded: it was rolled back", now, before)
	}
	return fmt.Sprintf("version %s goes on with what %s recorded", now, before)
}

// older reports whether version a (v1.2.3) is older than b; false where that
// cannot be told.
func older(a, b string) bool {
	x, okA := numbers(a)
	y, okB := numbers(b)
	return okA && okB && slices.Compare(x, y) < 0
}

// numbers are those of a version v1.2.3, without what is behind them.
func numbers(version string) (list []int, ok bool) {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
	for _, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, false
		}
		list = append(list, n)
	}
	return list, len(list) == 3
}
