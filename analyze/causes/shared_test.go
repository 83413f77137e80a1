package causes

import (
	"testing"
	"time"

	"ergorecorder/analyze/finding"
)

// TestShared: of processes of one behavior to which as many messages come from one moment on, one stands above the others.
func TestShared(t *testing.T) {
	at := time.Unix(1e9, 0)
	overloaded := func(behavior string, onset time.Time, was, now float64) *finding.Finding {
		f := &finding.Finding{Kind: finding.OverloadedProcess, Subject: finding.Subject{Node: "n", Application: "a", Behavior: behavior}, Onset: onset, Evidence: make([]finding.Evidence, 1)}
		f.Evidence[0].Value("arrived_per_s.before", was, finding.Call{})
		f.Evidence[0].Value("arrived_per_s.after", now, finding.Call{})
		return f
	}
	first := overloaded("clerk", at, 10, 500)
	for what, f := range map[string]*finding.Finding{
		"the same":          overloaded("clerk", at.Add(time.Second), 12, 505),
		"another code":      overloaded("desk", at, 12, 505),
		"later":             overloaded("clerk", at.Add(time.Minute), 12, 505),
		"another rate":      overloaded("clerk", at, 12, 800),
		"no more than ever": overloaded("clerk", at, 480, 505),
	} {
		(&graph{findings: []*finding.Finding{first, f}}).shared()
		if got := f.Cause == first; got != (what == "the same") {
			t.Errorf("%s: follows %v", what, got)
		}
	}
}
