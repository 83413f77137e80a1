package main

import (
	"bytes"
	"strings"
	"testing"

	"ergorecorder/recorder"
)

func TestPrintStatusSaysWhatIsNotKept(t *testing.T) {
	for keeping, want := range map[string]bool{"": false, "rotate: no room": true} {
		var out bytes.Buffer
		if err := printStatus(&out, recorder.Status{Records: 3, Keeping: keeping}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "segments are not rotated or dropped as they should: rotate: no room\n"); got != want {
			t.Errorf("keeping %q: status says\n%s", keeping, &out)
		}
	}
}
