package restart

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	manyRestarts = setting.Setting{
		Name: "restart.restarts", Unit: "", Default: 3,
		Meaning: "restarts of one process that make a loop",
		Why:     "two may be one fault and its repetition",
	}
	loopWindow = setting.Setting{
		Name: "restart.window", Unit: "s", Default: 600,
		Meaning: "time within which so many restarts make a loop, unless the supervisor counts over a longer one",
		Why:     "what dies once in hours is restarted as supervisors are meant to",
	}
	nearLimit = setting.Setting{
		Name: "restart.near_limit", Unit: "", Default: 0.8,
		Meaning: "share of a supervisor's intensity from which it is about to give up",
		Why:     "the next burst may exceed it",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "restart-loop", Looks: "children that die over and over, and supervisors that give up",
			Needs:    []detector.Need{{Reading: ergo.Processes, Least: 3, Whole: true, Columns: []string{"PID", "Name", "Behavior", "Parent"}}},
			Claims:   []finding.Kind{finding.RestartLoop, finding.SupervisorLimit},
			Settings: []setting.Setting{manyRestarts, loopWindow, nearLimit},
			Run:      judge,
		},
		{
			Name: "starts", Looks: "processes that fail to start, and children that their supervisor goes on without",
			Needs:  []detector.Need{{Reading: ergo.Node, Least: 8}},
			Claims: []finding.Kind{finding.SpawnFailed, finding.ChildDisabled},
			Run:    starts,
		},
	}
}
