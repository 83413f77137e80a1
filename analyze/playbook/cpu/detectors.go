package cpu

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
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
			Settings: []setting.Setting{hotRatio, hotCores, hotShare},
			Run:      judge,
		},
	}
}
