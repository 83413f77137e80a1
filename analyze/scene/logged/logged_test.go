package logged

import "testing"

func TestTargetOf(t *testing.T) {
	for message, want := range map[string]string{
		"unable to send to 'shelf': unknown process":             "shelf",
		"unable to deliver to <0A1B2C3D.0.977>: unknown process": "<0A1B2C3D.0.977>",
		"order 7 not handed to old_shelf: unknown process":       "old_shelf",
		"no such process": "",
	} {
		if got := targetOf(message); got != want {
			t.Errorf("%q is for %q, want %q", message, got, want)
		}
	}
}
