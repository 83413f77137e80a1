package goroutines

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "goroutines", Looks: "stacks of which a node has more and more goroutines",
			Needs:    []detector.Need{{Reading: ergo.Runtime, Least: 8, Columns: []string{"goroutines"}}},
			Sharpens: []string{"pprof"},
			Claims:   []finding.Kind{finding.GoroutineGrowth},
			Run:      judge,
		},
	}
}
