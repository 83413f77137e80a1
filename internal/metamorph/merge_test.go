package metamorph_test

import (
	"path/filepath"
	"testing"

	"ergorecorder/internal/metamorph"
)

// A link that is lost divides its own cluster at most: that the nodes of another one in the same
// recording have no links with it is no partition.
func TestTwoClustersAreNotASplitOne(t *testing.T) {
	lost, healthy := told(t, filepath.Join(tree, "stories", "link-down.txt")), told(t, filepath.Join(tree, "stories", "healthy.txt"))
	links := 0
	for _, f := range report(t, metamorph.Merge(lost, healthy)).Findings {
		switch f.Kind {
		case "partition":
			t.Errorf("said: %s", f.Title)
		case "link_down":
			links++
		}
	}
	if links != 1 {
		t.Errorf("%d links are said to be down, want one", links)
	}
}
