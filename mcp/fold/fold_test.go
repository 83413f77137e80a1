package fold_test

import (
	"bytes"
	"testing"

	"ergorecorder/mcp/fold"
)

// TestNodes: what is said of several nodes stands once; what is said of
// processes, files or figures that matter does not.
func TestNodes(t *testing.T) {
	var b bytes.Buffer
	fold.Nodes(&b, []string{
		"a@h: 2 of 3 answers, 1.5 MiB", "b@h: 20 of 30 answers, 15 MiB", "a@h and b@h: connected in 3 answers", "a@h: worker-1 is slow", "b@h: worker-2 is slow",
		"cannot be read: seg 1", "cannot be read: seg 2",
	}, []string{"a@h", "b@h"})
	want := "  a@h: 2 of 3 answers, 1.5 MiB; so too, each with its own figures: b@h\n  a@h and b@h: connected in 3 answers\n  a@h: worker-1 is slow\n  b@h: worker-2 is slow\n  cannot be read: seg 1\n  cannot be read: seg 2\n"
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}
