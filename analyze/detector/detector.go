// Package detector is the form of a detector: a row that says what it needs,
// what it may claim and on which numbers it depends, beside what it does.
package detector

import (
	"context"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/setting"
	"ergorecorder/ergo"
)

// A Detector looks at a scene for faults of some kinds, and says what it found,
// what it examined and found in order, and what it could not examine. An error
// ends the whole run: it is for a recording that cannot be read, never for data
// that do not suffice.
type Detector struct {
	Name     string            `json:"name"`
	Looks    string            `json:"looks"` // at what, in words
	Needs    []Need            `json:"needs"`
	Sharpens []string          `json:"sharpened_by,omitempty"` // build tags that make it surer: latency, pprof
	Claims   []finding.Kind    `json:"claims"`
	Settings []setting.Setting `json:"settings,omitempty"`

	Run func(context.Context, *scene.Scene, *finding.Verdict) error `json:"-"`
}

// A Need is a reading without which a detector cannot judge a node.
type Need struct {
	Reading ergo.Reading `json:"reading"`
	Least   int          `json:"least"`           // answers
	Whole   bool         `json:"whole,omitempty"` // with every row: one that is not shown may be the one
	Peers   bool         `json:"peers,omitempty"` // only of a node that has others beside it
	// Columns are those without which an answer is as good as none.
	Columns []string `json:"columns,omitempty"`
}
