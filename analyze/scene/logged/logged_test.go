package logged

import (
	"cmp"
	"strings"
	"testing"
)

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

func TestUnanswered(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"process terminated abnormally - ledger: timed out":             "ledger",
		"process terminated abnormally - book: call 'ledger': no route": "book, call 'ledger', ledger",
		"process terminated abnormally - call to <1A.0.7>: timed out":   "call to <1A.0.7>, <1A.0.7>",
		"process terminated abnormally - timed out":                     "nobody",
		"process terminated abnormally - process mailbox is full":       "",
		"process terminated abnormally - the disk is full":              "",
	} {
		got := ""
		if whom, ok := (Complaint{Died: true, Message: message}).Unanswered(); ok {
			got = cmp.Or(strings.Join(whom, ", "), "nobody")
		}
		if got != want {
			t.Errorf("%q: %q, not %q", message, got, want)
		}
	}
}
