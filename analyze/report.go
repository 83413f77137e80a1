package analyze

import (
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/coverage"
)

// SchemaVersion is the form of a Report.
const SchemaVersion = "ergo-findings/1"

// A Report is the verdict over a window of a recording.
type Report struct {
	Schema       string                 `json:"schema"`
	Headline     Headline               `json:"headline"`
	Archive      Archive                `json:"archive"`
	Window       finding.Window         `json:"window"`
	Findings     []*finding.Finding     `json:"findings"` // ranked: the first is the one to act on
	Healthy      []string               `json:"healthy"`
	NotEvaluated []finding.NotEvaluated `json:"not_evaluated"`
	LeftOut      []string               `json:"left_out"`           // what is there because somebody observes: in no count and no verdict
	Coverage     *coverage.Coverage     `json:"coverage,omitempty"` // what was seen, see docs/coverage.md
}

// An Archive says what was analysed.
type Archive struct {
	Path         string    `json:"path"`
	RecordedFrom time.Time `json:"recorded_from"`
	RecordedTo   time.Time `json:"recorded_to"`
	Nodes        []string  `json:"nodes"`
	Gaps         []Gap     `json:"gaps"`
}

// A Gap is a stretch that was not recorded.
type Gap struct {
	Node string    `json:"node"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}
