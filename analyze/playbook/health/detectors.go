package health

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// fewErrors are lines that nobody need get up for.
var fewErrors = setting.Setting{
	Name: "health.few_errors", Unit: "lines", Default: 10,
	Meaning: "errors in a burst that is over which are told as a note only",
	Why:     "a handful of calls failed and then none: there is nothing left to mend",
}

// storm is how many log lines a second are a fault of their own.
var storm = setting.Setting{
	Name: "health.log_storm", Unit: "lines/s", Default: 500,
	Meaning: "log lines of one level a second from which they are told as a storm, if they were far fewer before",
	Why:     "nobody reads them, at 100 bytes a line they are 4 GB a day, and a node's buffer of 4096 lines overflows within 8 s",
}

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "lives", Looks: "nodes that went away, began anew, froze, pause or are slow, or have a clock that is off",
			Needs:  []detector.Need{{Reading: ergo.Node, Least: 2, Columns: []string{"Uptime"}}},
			Claims: []finding.Kind{finding.NodeDown, finding.NodeRestarted, finding.NodeFrozen, finding.NodePauses, finding.NodeSlow, finding.NodeReplaced, finding.ClockSkew, finding.RecorderClock},
			Run:    nodeLives,
		},
		{
			Name: "errors", Looks: "errors in logs, and messages that cannot be delivered",
			Needs:    []detector.Need{{Reading: ergo.Node, Least: 2, Columns: []string{"LogMessages", "SendErrorsRemote", "CallErrorsRemote"}}},
			Claims:   []finding.Kind{finding.ErrorBurst, finding.DeliveryErrors, finding.DeadLetters},
			Settings: []setting.Setting{fewErrors, storm},
			Run:      errorRates,
		},
		{
			Name: "applications", Looks: "applications that stopped, nodes that cannot stop, and scheduled jobs that fail",
			Needs:  []detector.Need{{Reading: ergo.Applications, Least: 2, Columns: []string{"name", "state"}}},
			Claims: []finding.Kind{finding.ApplicationDown, finding.ShutdownStuck, finding.CronFailed},
			Run:    runsWhatItShould,
		},
	}
}
