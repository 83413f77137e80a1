// Package analyze is the judgement: the ten playbooks over a window of a
// recording, findings with their evidence, and which of them cause which.
//
// It is a pure function of a replay window: [Run] reads a recording and
// returns a [Report]. It has no clock, writes nothing and draws nothing.
package analyze
