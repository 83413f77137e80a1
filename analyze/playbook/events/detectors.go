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
	wasted = setting.Setting{
		Name: "events.wasted", Unit: "messages/s", Default: 100,
		Meaning: "rate of publishing into the void from the first answer on that is worth a note",
		Why:     "how an application is built is no news; below this its cost does not show",
	}
	costly = setting.Setting{
		Name: "events.deliveries", Unit: "messages/s", Default: 1000,
		Meaning: "deliveries of one event that cost something",
		Why:     "a delivery and its handling take about ten microseconds: this is a hundredth of a core",
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
			Settings: []setting.Setting{lull, voidRate, voidRise, fanRise, wideFan, wasted, costly, starving},
			Run:      judge,
		},
	}
}
