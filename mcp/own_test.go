package mcp

import (
	"strings"
	"testing"

	"ergorecorder/analyze/views"
)

// TestComparisonSaysWhatIsLeftOut: no change counts errors of the recorder's own calls, and the text says so.
func TestComparisonSaysWhatIsLeftOut(t *testing.T) {
	if text := string(comparisonText(&views.Comparison{OwnErrors: 3}, 10)); !strings.Contains(text, "call errors are without the 3 of the recorder's own calls") {
		t.Errorf("it is not said: %s", text)
	}
	if text := string(comparisonText(&views.Comparison{}, 10)); strings.Contains(text, "without") {
		t.Errorf("said where there are none: %s", text)
	}
}
