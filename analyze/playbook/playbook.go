package playbook

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/playbook/bottleneck"
	"ergorecorder/analyze/playbook/cpu"
	"ergorecorder/analyze/playbook/events"
	"ergorecorder/analyze/playbook/goroutines"
	"ergorecorder/analyze/playbook/health"
	"ergorecorder/analyze/playbook/memory"
	"ergorecorder/analyze/playbook/network"
	"ergorecorder/analyze/playbook/process"
	"ergorecorder/analyze/playbook/restart"
	"ergorecorder/analyze/setting"
)

// A Playbook is a named procedure from symptom to findings: detectors that are
// asked together.
type Playbook struct {
	Name      string              `json:"name"`
	Detectors []detector.Detector `json:"detectors"` // in the order in which they are run
}

// All are all playbooks, in the order in which they are run.
func All() []Playbook {
	return []Playbook{
		{"health", health.Detectors()},
		{"bottleneck", bottleneck.Detectors()},
		{"restart-loop", restart.Detectors()},
		{"process-leak", process.Detectors()[:1]},
		{"zombies", process.Detectors()[1:]},
		{"cpu", cpu.Detectors()},
		{"memory", memory.Detectors()},
		{"network", network.Detectors()},
		{"goroutines", goroutines.Detectors()},
		{"events", events.Detectors()},
	}
}

// Settings are the numbers on which the detectors of all playbooks depend.
func Settings() []setting.Setting {
	var out []setting.Setting
	for _, b := range All() {
		for _, d := range b.Detectors {
			out = append(out, d.Settings...)
		}
	}
	return out
}
