package network

import (
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// The numbers on which the judgements of this room depend.
var (
	minGap = setting.Setting{
		Name: "network.missing", Unit: "messages", Default: 50,
		Meaning: "messages that must be missing",
		Why:     "fewer may be under way",
	}
	slowRatio = setting.Setting{
		Name: "network.slow_rise", Unit: "times", Default: 4,
		Meaning: "rise of the round trip",
		Why:     "collections and busy workers double it",
	}
	slowMS = setting.Setting{
		Name: "network.slow", Unit: "ms", Default: 5,
		Meaning: "round trip from which on anybody would notice",
		Why:     "within one data centre it is below 1 ms",
	}
)

// Detectors are the detectors of this room.
func Detectors() []detector.Detector {
	return []detector.Detector{
		{
			Name: "links", Looks: "connections that are lost, messages that do not arrive, round trips",
			Needs:    []detector.Need{{Reading: ergo.Links, Least: 2, Peers: true, Columns: []string{"Node", "MessagesIn", "MessagesOut", "ConnectionUptime"}}},
			Claims:   []finding.Kind{finding.LinkFlap, finding.LinkDown, finding.MessageLoss, finding.SlowLink, finding.Partition},
			Settings: []setting.Setting{minGap, slowRatio, slowMS},
			Run:      links,
		},
		{
			Name: "handshakes", Looks: "peers that are turned away",
			Needs:  []detector.Need{{Reading: ergo.Acceptors, Least: 2, Columns: []string{"HandshakeErrors"}}},
			Claims: []finding.Kind{finding.HandshakeErrors},
			Run:    handshakes,
		},
	}
}
