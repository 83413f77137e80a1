package record

import (
	"fmt"
	"time"
)

// A Kind is what a record is.
type Kind uint8

const (
	Sample   Kind = iota + 1 // an answer to a call
	Log                      // one log line that was pushed to the recorder
	Event                    // one event message that was pushed to the recorder
	Profile                  // a raw profile
	MarkKind                 // about the recording itself; see Mark
)

var kindNames = [...]string{Sample: "sample", Log: "log", Event: "event", Profile: "profile", MarkKind: "mark"}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A StreamKey tells one stream from another.
type StreamKey struct {
	Kind Kind
	Node string // whom the stream is about; empty for the recording itself
	Name string // the tool, the kind of profile, the name of the event
	Args string // canonical JSON of the arguments that make it a stream of its own
}

func (k StreamKey) String() string {
	s := k.Kind.String() + " " + k.Name
	if k.Args != "" && k.Args != "{}" {
		s += " " + k.Args
	}
	if k.Node != "" {
		s += " on " + k.Node
	}
	return s
}

// A Form is the shape of a stream's payloads.
type Form uint8

const (
	FormText   Form = iota // bytes, kept as they came
	FormObject             // one JSON object
	FormTable              // a JSON array of objects, or null
)

// A ColumnKind says how a column's values behave over time, which decides how
// they are encoded. It is advice: any value is kept exactly.
type ColumnKind uint8

const (
	Gauge ColumnKind = iota
	Text
	Cumulative
	Constant
	AgeNS
	AgeS
)

// A Schema describes the payloads of a stream. It is stored with the stream.
// A payload that does not fit is kept as text.
type Schema struct {
	Form    Form
	Key     []string              // columns that identify a row of a table
	Columns map[string]ColumnKind // known columns; others are Gauge
	// Road is the surface through which the stream was asked for, Reading what
	// of the node it tells: words of who records, "" where they are not known.
	// The first to say them for a stream counts.
	Road, Reading string
}

// A Failure is an answer that was an error.
type Failure struct {
	Code int
	Text string
}

// A Record is one stored item.
type Record struct {
	Seq    uint64 // order of append; set by the archive
	Stream StreamKey
	Schema Schema // used by Append when the stream is new; not set by readers
	At     time.Time
	Took   time.Duration
	// Mono is the recorder's own time, which no step of the wall clock touches,
	// since the recorder started; 0 where it is not known. It is kept to the
	// millisecond. Where it is less than that of the record before, the recorder was started anew.
	Mono    time.Duration
	Subject string // whom the record is about within its stream ("" where it says it all)
	Args    []byte // all arguments of the call, JSON; nil where there was no call
	Text    []byte // the payload; nil if there was none
	IsError bool
	Failure *Failure
	// Seen and Total are how many rows the answer holds of how many there
	// were; both 0 where nothing was cut.
	Seen, Total int
}

// Marks that the archive itself gives a meaning; others are free words.
const (
	MarkIncident = "incident" // pins its window: retention keeps it
	MarkGap      = "gap"      // something was not recorded in its window
	MarkStart    = "start"    // a recorder began to write
)

// MoreOwnNode is the detail of a start mark that names the recorder's own node,
// where it joined the cluster that it records.
const MoreOwnNode = "own_node"

// A Mark says something about the recording itself. Stored as a record of
// kind MarkKind whose stream is named by the mark's Kind.
type Mark struct {
	Kind string         `json:"kind"` // start, stop, node_seen, node_lost, node_back, gap, trigger, incident, note, budget, …
	Node string         `json:"node,omitempty"`
	From time.Time      `json:"from"`
	To   time.Time      `json:"to"` // equals From for an instant
	Note string         `json:"note,omitempty"`
	More map[string]any `json:"more,omitempty"` // details, by kind
	At   time.Time      `json:"-"`              // when it was appended
	Seq  uint64         `json:"-"`
}

// ArchiveID is the number of an archive as file names spell it.
func ArchiveID(id uint64) string { return fmt.Sprintf("%016x", id) }
