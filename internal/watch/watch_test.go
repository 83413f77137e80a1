package watch

import (
	"testing"

	"ergorecorder/analyze/finding"
)

// TestExplained: what another finding explains triggers nothing, but a rule does
// where the other triggers nothing either.
func TestExplained(t *testing.T) {
	id := "cause"
	for _, tt := range []struct {
		kind  finding.Kind
		cause *finding.Finding
		want  bool
	}{
		{finding.Rule, nil, false},
		{finding.Rule, &finding.Finding{Severity: finding.Critical}, true},
		{finding.Rule, &finding.Finding{Severity: finding.Info}, false},
		{finding.ErrorBurst, &finding.Finding{Severity: finding.Info}, true},
	} {
		f, all := &finding.Finding{Kind: tt.kind}, map[string]*finding.Finding{}
		if tt.cause != nil {
			f.CausedBy, all[id] = &id, tt.cause
		}
		if got := explained(f, all); got != tt.want {
			t.Errorf("%s by %+v: %v", tt.kind, tt.cause, got)
		}
	}
}
