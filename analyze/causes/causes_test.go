package causes

import (
	"testing"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// Every relation of the table of kinds is told by somebody.
func TestRelations(t *testing.T) {
	told := predicates(&scene.Scene{})
	for _, by := range finding.Relations() {
		if told[by] == nil && by != finding.WaitsFor {
			t.Errorf("nobody tells whether two findings stand in the relation %q", by)
		}
		delete(told, by)
	}
	for by := range told {
		t.Errorf("the relation %q is not listed", by)
	}
}
