package memory

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	churnRatio = setting.Setting{
		Name: "memory.churn_rise", Unit: "times", Default: 3,
		Meaning: "rise of allocation and of collections",
		Why:     "load that doubles allocates twice as much",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "memory", Looks: "what collections leave in the heap, and what is allocated and thrown away",
			Needs:    []detector.Need{{Reading: ergo.Runtime, Least: 8, Columns: []string{"heap_alloc", "num_gc", "total_alloc"}}},
			Claims:   []finding.Kind{finding.MemoryLeak, finding.HeapChurn},
			Settings: []setting.Setting{churnRatio},
			Run:      judge,
		},
	}
}
