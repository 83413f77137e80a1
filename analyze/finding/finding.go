package finding

import (
	"slices"
	"time"
)

// A Window is a stretch of time.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// A Severity follows from a finding's score.
type Severity string

const (
	Critical Severity = "critical" // score 75 and up
	Warning  Severity = "warning"  // 50 and up
	Info     Severity = "info"     // 25 and up
)

// A Confidence says how far the data carry the claim.
type Confidence string

const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

// A Subject is whom a finding accuses. Empty fields are left out.
type Subject struct {
	Node        string `json:"node,omitempty"`
	Incarnation string `json:"incarnation,omitempty"`
	PID         string `json:"pid,omitempty"`
	Name        string `json:"name,omitempty"`
	Behavior    string `json:"behavior,omitempty"`
	Application string `json:"application,omitempty"`
	Peer        string `json:"peer,omitempty"`
	Event       string `json:"event,omitempty"`
	Function    string `json:"function,omitempty"`
}

// A Finding is a claim with its evidence.
type Finding struct {
	ID             string     `json:"id"`                // stable: a hash of kind, subject and incarnation
	Display        string     `json:"display,omitempty"` // F1, F2, … by rank
	Kind           Kind       `json:"kind"`
	Playbook       string     `json:"playbook"`
	Severity       Severity   `json:"severity"`
	Score          int        `json:"score"` // 0 to 100
	Confidence     Confidence `json:"confidence"`
	Title          string     `json:"title"`
	Summary        string     `json:"summary"`
	Subject        Subject    `json:"subject"`
	Onset          time.Time  `json:"onset"`
	OnsetErrorS    float64    `json:"onset_error_s"`
	End            *time.Time `json:"end"`
	CausedBy       *string    `json:"caused_by"`         // ID of the finding that explains this one
	Because        string     `json:"because,omitempty"` // what says so
	Effects        []string   `json:"effects"`
	Evidence       []Evidence `json:"evidence"`
	Recommendation string     `json:"recommendation"`
	Confirm        []string   `json:"confirm"`
	Caveats        []string   `json:"caveats"`

	// Weighed says in one form what speaks for the finding, what was excluded, what
	// speaks against it and what was not seen.
	Weighed string `json:"weighed,omitempty"`
	// Alternatives are other explanations of the same: each says what would tell them apart.
	Alternatives []Alternative `json:"alternatives,omitempty"`

	Rule  string `json:"rule,omitempty"`  // the name of the user's rule that made it
	Facts []Fact `json:"facts,omitempty"` // on which its causes depend
	Muted *Muted `json:"muted,omitempty"` // somebody knows about it

	Cause   *Finding  `json:"-"` // becomes CausedBy
	Members []Subject `json:"-"` // all that it accuses, where these are several
	Harm    Harm      `json:"-"` // what it counted of what was hurt
	FedBy   string    `json:"-"` // the node of a process that sends to the subject more than before without getting more

	bound int // see AtMost
}

// An Alternative is another explanation of what a finding tells.
type Alternative struct {
	What      string `json:"what"`
	SettledBy string `json:"settled_by"` // what would tell which of both it is
}

// Or adds another explanation. With one that remains, nothing is sure.
func (f *Finding) Or(what, settledBy string) {
	f.Alternatives = append(f.Alternatives, Alternative{what, settledBy})
	if f.Confidence == High {
		f.Confidence = Medium
	}
}

// Muted says why a finding is known, and until when that holds.
type Muted struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// A Fact is something that a playbook found out about the subject of a finding,
// and on which it depends what explains it and what it explains.
type Fact string

const (
	Dearer  Fact = "dearer"  // each unit of work costs more than it did
	Planned Fact = "planned" // an operator meant it
	Waits   Fact = "waits"   // it spends its time waiting for replies
	Locked  Fact = "locked"  // its stack waits for a lock

	Older Fact = "older" // it was so when the recording began: since when is not known

	Saturated Fact = "saturated" // it is inside callbacks all the time
)

// OnlyItsLife is the caveat of what is older, and is held against the life of its node alone.
const OnlyItsLife = "Since when is not known: its average before is what it had counted by its first answer, over its uptime."

// Is reports whether a fact holds of a finding.
func (f *Finding) Is(fact Fact) bool { return slices.Contains(f.Facts, fact) }

// Evidence is one observation that supports a finding.
type Evidence struct {
	What    string          `json:"what"`
	Node    string          `json:"node,omitempty"`
	Tool    string          `json:"tool,omitempty"`
	Field   string          `json:"field,omitempty"`
	From    *time.Time      `json:"from,omitempty"`
	To      *time.Time      `json:"to,omitempty"`
	Values  map[string]any  `json:"values,omitempty"`
	Calls   map[string]Call `json:"calls,omitempty"`   // by the names of values: what gives each again
	Records []string        `json:"records,omitempty"` // node/tool@RFC3339Nano
	Lines   []string        `json:"lines,omitempty"`   // stack frames, log lines
	Series  *Series         `json:"series,omitempty"`  // what a chart of it shows
	Blind   bool            `json:"-"`                 // it speaks against the finding: something else changed more
}

// A Series is the curve behind a piece of evidence, downsampled.
type Series struct {
	Unit  string      `json:"unit"`
	At    []time.Time `json:"at"`
	Value []float64   `json:"value"` // NaN is never stored: absent points are left out
}
