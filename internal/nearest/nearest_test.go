package nearest_test

import (
	"testing"

	"ergorecorder/internal/nearest"
)

func TestHint(t *testing.T) {
	nodes := []string{"east@lab", "north@lab", "south@lab"}
	params := []string{"limit", "sort_by", "state", "min_mailbox", "min_uptime", "application", "behavior", "name", "at", "node", "timeout", "max_uptime", "max_rows"}
	for _, tt := range []struct {
		typed string
		among []string
		want  string
	}{
		{"east", nodes, "; did you mean east@lab?"},
		{"EAST@lab", nodes, "; did you mean east@lab?"},
		{"nroth@lab", nodes, "; did you mean north@lab or south@lab?"},
		{"moon", nodes, "; there are east@lab, north@lab and south@lab"},
		{"limt", params, "; did you mean limit?"},
		{"sortby", params, "; did you mean sort_by?"},
		{"zzzzzz", params, "; there are application, at, behavior, limit, max_rows, max_uptime, min_mailbox, min_uptime, name, node, sort_by, state, …"},
		{"x", nil, ""},
		{"x", []string{"only"}, "; there is only"},
		{"", nodes, "; there are east@lab, north@lab and south@lab"},
	} {
		if got := nearest.Hint(tt.typed, tt.among); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.typed, got, tt.want)
		}
	}
}
