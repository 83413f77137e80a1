package cpu

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	hotRatio = setting.Setting{
		Name: "cpu.rise", Unit: "times", Default: 2,
		Meaning: "rise of the CPU that a node uses",
		Why:     "a rise of less is the load of the day",
	}
	hotCores = setting.Setting{
		Name: "cpu.cores", Unit: "cores", Default: 0.25,
		Meaning: "cores that a node must use more",
		Why:     "a rise of little is still little",
	}
	hotBusy = setting.Setting{
		Name: "cpu.busy", Unit: "", Default: 0.5,
		Meaning: "share of its time that a process must be inside callbacks for a rise of fewer cores to count",
		Why:     "on a machine that is short of CPU a process that could use a core gets a part of one; less than half may be its work",
	}
	busyRise = setting.Setting{
		Name: "cpu.busy_rise", Unit: "times", Default: work.SurgeRise,
		Meaning: "rise of the messages of processes that keep each other busy",
		Why:     "a load that doubles or triples is the day's",
	}
	busyRate = setting.Setting{
		Name: "cpu.busy_rate", Unit: "messages/s", Default: 500,
		Meaning: "messages that a process must send itself to be told",
		Why:     "fewer cost next to nothing",
	}
	busyCores = setting.Setting{
		Name: "cpu.busy_cores", Unit: "cores", Default: 0.25,
		Meaning: "cores that several processes must spend on each other to be told",
		Why:     "a line of processes that hand on what comes from outside, and looks the same, makes a queue before it is as busy",
	}
	busyFor = setting.Setting{
		Name: "cpu.busy_for", Unit: "s", Default: 10,
		Meaning: "time for which processes must have kept each other busy",
		Why:     "a short exchange of many messages comes to its end",
	}
	busyShare = setting.Setting{
		Name: "cpu.busy_share", Unit: "", Default: 0.1,
		Meaning: "share of these messages that may come from or go to others",
		Why:     "where more do, they work for somebody",
	}
	hotShare = setting.Setting{
		Name: "cpu.share", Unit: "", Default: 0.3,
		Meaning: "share of its CPU that one function of the application must take, with all that it calls, to be named as the reason",
		Why:     "less is one of several",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "cpu", Looks: "nodes that burn far more CPU than they did",
			Needs:    []detector.Need{{Reading: ergo.Node, Least: 9, Columns: []string{"UserTime", "SystemTime"}}},
			Sharpens: []string{"pprof"},
			Claims:   []finding.Kind{finding.CPUHotspot},
			Settings: []setting.Setting{hotRatio, hotCores, hotBusy, hotShare},
			Run:      judge,
		},
		{
			Name: "busy-loop", Looks: "processes that keep each other or themselves busy without end",
			Needs:    []detector.Need{{Reading: ergo.Processes, Least: 8, Columns: []string{"PID", "MessagesIn", "MessagesOut", "RunningTime"}}},
			Claims:   []finding.Kind{finding.BusyLoop},
			Settings: []setting.Setting{busyRise, busyRate, busyFor, busyShare, busyCores},
			Run:      busyLoops,
		},
	}
}
