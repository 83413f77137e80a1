// Package names says which names nodes and processes can have, and which of them
// patterns mean.
package names

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// most is how long a node's name can be: Ergo's atoms have no more.
const most = 255

// OfNode reports whether a node can have that name.
func OfNode(name string) bool {
	return name != "" && len(name) <= most && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

// Check refuses a pattern that means nothing.
func Check(glob string) error {
	if _, err := path.Match(glob, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", glob, err)
	}
	return nil
}

// Match reports whether a name fits one of the globs; no globs fit all.
func Match(globs []string, name string) bool {
	if len(globs) == 0 {
		return true
	}
	return slices.ContainsFunc(globs, func(g string) bool {
		ok, err := path.Match(g, name)
		return ok && err == nil
	})
}
