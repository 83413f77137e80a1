package replay

import (
	"fmt"
	"path"
	"slices"
	"time"

	"ergorecorder/internal/nearest"
)

// NodesLike are the recorded nodes that a glob matches, all for "". A glob that
// matches none is refused: an empty answer would look like a node at rest.
func (r *Recording) NodesLike(glob string) ([]string, error) {
	all := r.index().nodes
	if glob == "" {
		return slices.Clone(all), nil
	}
	var names []string
	for _, n := range all {
		ok, err := path.Match(glob, n)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", glob, err)
		}
		if ok {
			names = append(names, n)
		}
	}
	if names == nil {
		return nil, r.noNode(glob)
	}
	return names, nil
}

// HasNode refuses the name of a node that was not recorded. "" is no name.
func (r *Recording) HasNode(name string) error {
	if name == "" || slices.Contains(r.index().nodes, name) {
		return nil
	}
	return r.noNode(name)
}

func (r *Recording) noNode(name string) error {
	return fmt.Errorf("node %q: no recorded node is called that%s", name, nearest.Hint(name, r.index().nodes))
}

// An OutsideError says that a moment is outside of the recording.
type OutsideError struct {
	Text         string
	At, From, To time.Time
}

func (e *OutsideError) Error() string {
	near := "start"
	if e.At.After(e.To) {
		near = "end"
	}
	const form = "2006-01-02T15:04:05.000Z"
	return fmt.Sprintf("time %q (%s) is outside of the recording, which goes from %s to %s; nearest is %s",
		e.Text, e.At.UTC().Format(time.RFC3339), e.From.UTC().Format(form), e.To.UTC().Format(form), near)
}
