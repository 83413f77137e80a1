package events

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	lull = setting.Setting{
		Name: "events.lull", Unit: "s", Default: 10,
		Meaning: "shortest silence, and shortest stretch without subscribers, that counts",
		Why:     "what was merely late is not over",
	}
	voidRate = setting.Setting{
		Name: "events.void", Unit: "messages/s", Default: 10,
		Meaning: "rate from which publishing into the void costs something",
		Why:     "less is free",
	}
	voidRise = setting.Setting{
		Name: "events.void_rise", Unit: "times", Default: 5,
		Meaning: "rise of publishing into the void that is a change",
		Why:     "below it, it is the load",
	}
	fanRise = setting.Setting{
		Name: "events.fan_rise", Unit: "times", Default: 3,
		Meaning: "rise of deliveries for each message that is a change",
		Why:     "below it, subscribers come and go",
	}
	wideFan = setting.Setting{
		Name: "events.fan", Unit: "", Default: 50,
		Meaning: "deliveries for each message that are many",
		Why:     "fewer cost less than the message's own work",
	}
	starving = setting.Setting{
		Name: "events.starving", Unit: "s", Default: 30,
		Meaning: "time that subscribers must have waited for a first message",
		Why:     "many events are for every few seconds",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "events", Looks: "how events are used over time",
			Needs:    []detector.Need{{Reading: ergo.Events, Least: 3, Whole: true}},
			Claims:   []finding.Kind{finding.EventSilent, finding.EventStarved, finding.EventNoSubscribers, finding.EventFanout},
			Settings: []setting.Setting{lull, voidRate, voidRise, fanRise, wideFan, starving},
			Run:      judge,
		},
	}
}
