package coverage

import "time"

// A Coverage says what a recording shows of a window. Its JSON form is read by
// scripts: fields may be added, never renamed.
type Coverage struct {
	From       time.Time   `json:"from"`
	To         time.Time   `json:"to"`
	Nodes      []Node      `json:"nodes"`
	NotSeen    []NotSeen   `json:"not_seen"`   // nodes that others know, and of which nothing was recorded
	Strangers  []Stranger  `json:"strangers"`  // entry points that do not answer: whose they are is not known
	Damage     []Damage    `json:"damage"`     // what cannot be read
	Mixed      []string    `json:"mixed"`      // nodes of which two recordings are in one
	Unread     []Unread    `json:"unread"`     // what is written still, and cannot be read yet
	Detectors  []Detector  `json:"detectors"`  // what each needs on each node, and what it got
	Shortfalls []Shortfall `json:"shortfalls"` // why it cannot be told that nothing is wrong
	Caveats    []string    `json:"caveats"`    // what would sharpen the verdict: build tags, profiles, log lines
	Sufficient bool        `json:"sufficient"` // there is no shortfall
}

// A Node is what a recording shows of one node.
type Node struct {
	Name     string    `json:"node"`
	Latency  string    `json:"tag_latency"` // built with -tags=latency: yes, no or unknown
	Pprof    string    `json:"tag_pprof"`
	Profiles int       `json:"profiles"`  // profiles and tables of functions within the window
	LostLogs int       `json:"lost_logs"` // log lines and messages that were lost on the way
	Readings []Reading `json:"readings"`
}

// A Reading is one thing that was asked of a node again and again.
type Reading struct {
	Reading   string         `json:"reading"` // the tool that gives it
	Road      string         `json:"road"`    // over which surface of the node it came
	Answers   int            `json:"answers"` // at distinct instants
	Failures  int            `json:"failures"`
	Fault     string         `json:"fault,omitempty"` // what the last of them said
	First     *time.Time     `json:"first"`           // nil: it never answered
	Last      *time.Time     `json:"last"`            //
	IntervalS float64        `json:"interval_s"`      // median; 0 where it answered less than twice
	Covered   float64        `json:"covered"`         // share of the window, 0 to 1
	Holes     []Hole         `json:"holes"`           // stretches of over three intervals without an answer, the longest
	Rows      int            `json:"rows"`            // of listings: the median of an answer
	RowsOf    int            `json:"rows_of"`         // how many there were then
	Cut       int            `json:"cut"`             // answers that lack rows
	Damaged   int            `json:"damaged"`         // places that cannot be read
	Lacking   map[string]int `json:"lacking"`         // needed columns: how many answers do not have them

	tail bool // nothing was heard at the end of the window
}

// A Hole is a stretch of the window that a reading does not cover.
type Hole struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// A Stranger is an entry point of which it is not known whose it is: a node may stand behind it of which
// nothing was recorded.
type Stranger struct {
	Entry string    `json:"entry"`
	Since time.Time `json:"since"`
	Fault string    `json:"fault,omitempty"`
}

// NotSeen is a node that others know.
type NotSeen struct {
	Node    string   `json:"node"`
	KnownBy []string `json:"known_by"`
}

// Damage is what cannot be read.
type Damage struct {
	Segment string     `json:"segment"`
	Stream  string     `json:"stream,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
	Why     string     `json:"why"`
}

// Unread is what somebody is writing.
type Unread struct {
	Why string `json:"why"`
}

// A Detector is what one detector needs on one node.
type Detector struct {
	Detector string `json:"detector"`
	Node     string `json:"node"`
	Reading  string `json:"reading"`
	Needs    int    `json:"needs"` // whole answers, with the columns it reads
	Got      int    `json:"got"`
	Enough   bool   `json:"enough"`
}

// A Shortfall is a reason for which it cannot be told that nothing is wrong.
type Shortfall struct {
	Node      string   `json:"node,omitempty"`
	Readings  []string `json:"readings,omitempty"`
	Detectors []string `json:"detectors,omitempty"` // which it leaves blind
	Why       string   `json:"why"`
	Settle    string   `json:"settle,omitempty"` // the command that would settle it

	what string // is said of the readings
	rank int
}

// Reading is what is known of a reading of a node; the zero Reading where it
// was not recorded.
func (c *Coverage) Reading(node, name string) Reading {
	for _, n := range c.Nodes {
		if n.Name == node {
			return n.reading(name)
		}
	}
	return Reading{Reading: name}
}

// SeenBy tells of each node that a detector looks at whether it had there all
// that it needs.
func (c *Coverage) SeenBy(detector string) map[string]bool {
	sees := map[string]bool{}
	for _, d := range c.Detectors {
		if d.Detector == detector {
			before, known := sees[d.Node]
			sees[d.Node] = d.Enough && (before || !known)
		}
	}
	return sees
}
