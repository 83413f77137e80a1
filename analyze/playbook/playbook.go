package playbook

import (
	"context"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/bottleneck"
	"ergorecorder/analyze/playbook/cpu"
	"ergorecorder/analyze/playbook/events"
	"ergorecorder/analyze/playbook/goroutines"
	"ergorecorder/analyze/playbook/health"
	"ergorecorder/analyze/playbook/memory"
	"ergorecorder/analyze/playbook/network"
	"ergorecorder/analyze/playbook/process"
	"ergorecorder/analyze/playbook/restart"
	"ergorecorder/analyze/scene"
)

// A Playbook is a named procedure from symptom to findings. It reads the scene
// and says what it found, what it examined and found in order, and what it
// could not examine. An error ends the whole run: it is for a recording that
// cannot be read, never for data that do not suffice.
type Playbook struct {
	Name string
	Run  func(context.Context, *scene.Scene, *finding.Verdict) error
}

// All are all playbooks, in the order in which they are run.
func All() []Playbook {
	return []Playbook{
		{"health", health.Judge},
		{"bottleneck", bottleneck.Judge},
		{"restart-loop", restart.Judge},
		{"process-leak", process.Leaks},
		{"zombies", process.Zombies},
		{"cpu", cpu.Judge},
		{"memory", memory.Judge},
		{"network", network.Judge},
		{"goroutines", goroutines.Judge},
		{"events", events.Judge},
	}
}
