package finding

import (
	"fmt"
)

// NotEvaluated names what could not be examined, and why.
type NotEvaluated struct {
	Playbook string `json:"playbook"`
	Why      string `json:"why"`
}

// A Verdict is what one playbook says.
type Verdict struct {
	Playbook string
	Findings []*Finding
	Healthy  []string
	Skipped  []NotEvaluated
}

// Find adds a claim. Score, Kind, Title, Summary, Subject, Onset and Evidence
// are the playbook's; identity, severity, rank and causes are the engine's.
func (v *Verdict) Find(f *Finding) {
	f.Playbook = v.Playbook
	v.Findings = append(v.Findings, f)
}

// Fine says what was examined and found in order.
func (v *Verdict) Fine(format string, args ...any) {
	v.Healthy = append(v.Healthy, fmt.Sprintf(format, args...))
}

// Skip says what could not be examined, and why.
func (v *Verdict) Skip(format string, args ...any) {
	v.Skipped = append(v.Skipped, NotEvaluated{Playbook: v.Playbook, Why: fmt.Sprintf(format, args...)})
}
