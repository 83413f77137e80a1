package process

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	leakMin = setting.Setting{
		Name: "process.leak", Unit: "processes", Default: 10,
		Meaning: "additional processes that make a leak",
		Why:     "fewer may be a busy moment",
	}
	leakDies = setting.Setting{
		Name: "process.dies", Unit: "", Default: 0.5,
		Meaning: "share of new processes that may end while the family still counts as one whose members stay",
		Why:     "above it, more come and go than stay",
	}
	ZombieAge = setting.Setting{
		Name: "process.zombie", Unit: "s", Default: 10,
		Meaning: "time that a killed process may take to return from its callback",
		Why:     "who is seen once was killed in a slow callback; who is still there after this is blocked in it",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "process-leak", Looks: "families of processes that grow without end",
			Needs:    []detector.Need{{Reading: ergo.Processes, Least: 8, Whole: true, Columns: []string{"PID", "Behavior", "Application", "Parent"}}},
			Claims:   []finding.Kind{finding.ProcessLeak, finding.RegistrationLeak},
			Settings: []setting.Setting{leakMin, leakDies},
			Run:      leaks,
		},
		{
			Name: "zombies", Looks: "killed processes that do not end",
			Needs:    []detector.Need{{Reading: ergo.Processes, Least: 3, Whole: true, Columns: []string{"PID", "State"}}},
			Sharpens: []string{"pprof"},
			Claims:   []finding.Kind{finding.ZombieProcesses},
			Settings: []setting.Setting{ZombieAge},
			Run:      zombies,
		},
	}
}
