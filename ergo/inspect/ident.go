package inspect

import (
	"bytes"

	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
)

// numbersOf says what stands under a key: 1 for a PID or an alias, 0 for an
// event by its name, -1 for no identifier.
func numbersOf(key string) int {
	switch key {
	case "PID", "Parent", "Leader", "Producer", "Group", "Meta", "ID", "Aliases", "Metas", "IDs",
		"MonitorsPID", "MonitorsAlias", "LinksPID", "LinksAlias":
		return 1
	case "Event", "MonitorsEvent", "LinksEvent":
		return 0
	}
	return -1
}

// Idents translates the identifiers of a text, node:ID.Creation and the like,
// to the form of the 48 tools, <CRC.hi.lo>. The creation that goes with them is
// that of the node, which its own reading tells.
func Idents(text []byte) []byte {
	if !bytes.Contains(text, []byte("@")) {
		return text
	}
	sums := map[string]string{} // of texts, since a table repeats its parents
	return listing.Rewrite(text, func(name, literal []byte) []byte {
		numbers := numbersOf(string(name))
		if numbers < 0 || len(literal) < 3 {
			return nil
		}
		own := string(literal)
		by, known := sums[own]
		if !known {
			by = canonicalIdent(listing.Text(literal), numbers)
			sums[own] = by
		}
		if by == "" {
			return nil
		}
		return []byte(`"` + by + `"`)
	})
}

// canonicalIdent is an identifier in the form of the 48 tools, "" for what is
// none.
func canonicalIdent(text string, numbers int) string {
	kinds := []int{numbers}
	if numbers == 1 {
		kinds = []int{1, 3}
	}
	for _, n := range kinds {
		g, err := ergo.ParseGlobal(text, n)
		if err != nil {
			continue
		}
		if s := g.Canonical(); !bytes.ContainsAny([]byte(s), `"\`) {
			return s
		}
	}
	return ""
}
