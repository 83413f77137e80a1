package analyze

import (
	"context"
	"fmt"
)

// A playbook is a named procedure from symptom to findings. It reads the scene
// and says what it found, what it examined and found in order, and what it
// could not examine. An error ends the whole run: it is for a recording that
// cannot be read, never for data that do not suffice.
type playbook struct {
	name string
	run  func(context.Context, *scene, *verdict) error
}

// playbooks are all playbooks, in the order in which they are run.
func playbooks() []playbook {
	return []playbook{
		{"health", health},
		{"bottleneck", bottleneck},
		{"restart-loop", restartLoop},
		{"process-leak", processLeak},
		{"zombies", zombies},
		{"cpu", cpu},
		{"memory", memory},
		{"network", networkBook},
		{"goroutines", goroutines},
		{"events", events},
	}
}

// A verdict is what one playbook says.
type verdict struct {
	playbook string
	findings []*Finding
	healthy  []string
	skipped  []NotEvaluated
}

// find adds a claim. Score, Kind, Title, Summary, Subject, Onset and Evidence
// are the playbook's; identity, severity, rank and causes are the engine's.
func (v *verdict) find(f *Finding) {
	f.Playbook = v.playbook
	v.findings = append(v.findings, f)
}

// fine says what was examined and found in order.
func (v *verdict) fine(format string, args ...any) {
	v.healthy = append(v.healthy, fmt.Sprintf(format, args...))
}

// skip says what could not be examined, and why.
func (v *verdict) skip(format string, args ...any) {
	v.skipped = append(v.skipped, NotEvaluated{Playbook: v.playbook, Why: fmt.Sprintf(format, args...)})
}
