package ergo

import (
	"slices"
	"strings"
)

// inspectPrefix begins the inspect keys of the framework's own behaviors, from
// 3.3 on. Before, they had none.
const inspectPrefix = "ergo:"

// InspectKey is the canonical name of an inspect key, which is that of nodes
// before 3.3. Ours reports whether the key says itself that it is the
// framework's; a key that does not is the framework's in old nodes, and the
// user's in an answer that has any such key.
func InspectKey(key string) (name string, ours bool) {
	return strings.CutPrefix(key, inspectPrefix)
}

// InspectKeys are the spellings of a canonical inspect key, the better one
// first: where an answer has both, the first is the framework's and the other
// the user's.
func InspectKeys(name string) []string { return []string{inspectPrefix + name, name} }

// InspectedByFramework reports whether a canonical inspect key is one of the
// framework's own behaviors: others are the user's, whatever stands beside them.
func InspectedByFramework(name string) bool {
	return underInspected(name) || slices.ContainsFunc(inspectionFields(), func(f Field) bool { return f.Name == name })
}

// underInspected reports whether a canonical inspect key stands under a child, an
// entry of the history or a route: there is one for each of these.
func underInspected(name string) bool {
	for _, under := range []string{"child:", "history:", "route:"} {
		if strings.HasPrefix(name, under) {
			return true
		}
	}
	return false
}

// InspectMarks are the keys one of which is in every inspection of a behavior of
// the framework, from 3.3 on: beside them a key without prefix is the user's.
func InspectMarks() []string {
	return []string{inspectPrefix + "strategy", inspectPrefix + "pool_size", inspectPrefix + "routes_total"}
}

// InspectedKind tells by its inspect keys what a process is, "" where they do
// not say. The keys may be of any version.
func InspectedKind(has func(key string) bool) ProcessKind {
	said := func(name string) bool {
		for _, key := range InspectKeys(name) {
			if has(key) {
				return true
			}
		}
		return false
	}
	switch {
	case said("strategy"):
		return KindSupervisor
	case said("pool_size"):
		return KindPool
	case said("routes_total"):
		return KindRouter
	}
	return ""
}
