package bottleneck

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	lateAge = setting.Setting{
		Name: "bottleneck.late", Unit: "s", Default: 1,
		Meaning: "age of the oldest message from which a mailbox counts as overloaded",
		Why:     "a fifth of the call time-out; below it, a backlog matters only if it grows",
	}
	manyWaits = setting.Setting{
		Name: "bottleneck.waits", Unit: "", Default: 3,
		Meaning: "calls that come near their time-out before their callee counts as not answering",
		Why:     "a callee that was slow once or twice answers",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "bottleneck", Looks: "processes whose messages wait",
			Needs:    []detector.Need{{Reading: ergo.Processes, Least: 3, Whole: true, Columns: []string{"PID", "State", "MessagesIn", "MessagesMailbox", "RunningTime", "Wakeups"}}},
			Sharpens: []string{"latency", "pprof"},
			Claims:   []finding.Kind{finding.OverloadedProcess, finding.BlockedCallback, finding.StuckCall, finding.MailboxGrowth, finding.PoolOverflow, finding.MailboxFull, finding.TrafficStopped, finding.CallCycle, finding.SlowDependency},
			Settings: []setting.Setting{lateAge, manyWaits},
			Run:      judge,
		},
	}
}
