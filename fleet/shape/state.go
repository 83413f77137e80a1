package shape

import "time"

// A Recorder is what a fleet knows of one of its recorders: the value of its key in
// the bucket of recorders, which it puts anew as long as it lives.
type Recorder struct {
	Name    string `json:"name"`
	Cluster string `json:"cluster"`
	Archive string `json:"archive"` // its id, as archive.Info has it
	// Session is one life of the recorder: leases are those of a session, and end
	// with it. It ends when the recorder says so, or when another, who heard
	// nothing of it for its time, puts Ended in its place.
	Session string        `json:"session"`
	Version string        `json:"version,omitempty"`
	TTL     time.Duration `json:"ttl_ns"` // how long the session lives from one heartbeat on
	Began   time.Time     `json:"began"`  // by the recorder's clock
	Now     time.Time     `json:"now"`    // likewise, when this was put
	Ended   string        `json:"ended,omitempty"`
	Heard   time.Time     `json:"heard,omitzero"` // of a session that another ended: its last heartbeat, by the engine's clock

	Nodes     []string           `json:"nodes"`               // that it samples
	Unsure    time.Time          `json:"unsure,omitzero"`     // since when it could not say that it holds them alone, until this heartbeat
	Lost      []string           `json:"lost,omitempty"`      // of them, those that do not answer
	HeardAgo  map[string]float64 `json:"heard_ago,omitempty"` // how many seconds before this heartbeat each was last heard
	Backlog   Backlog            `json:"backlog"`
	Incidents int                `json:"incidents"`
	Open      []Incident         `json:"open,omitempty"` // incidents of the last hour
}

// A Backlog is what is stored and not shipped yet.
type Backlog struct {
	Bytes  int64         `json:"bytes"`  // of closed blocks
	Blocks int           `json:"blocks"` // likewise
	Age    time.Duration `json:"age_ns"` // since the newest record of the oldest of them
	Why    string        `json:"why,omitempty"`
}

// An Incident is one that a recorder opened.
type Incident struct {
	Kind string    `json:"kind"`
	Node string    `json:"node,omitempty"`
	Note string    `json:"note,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// RecorderKey is the key of a recorder in the bucket of recorders.
func RecorderKey(cluster, name string) string { return cluster + "." + name }

// A Lease says who records a node: the value of its key in the bucket of leases. It
// holds as long as the session lives.
type Lease struct {
	Node     string `json:"node"`
	Recorder string `json:"recorder"`
	Session  string `json:"session"`
	Beat     uint64 `json:"beat"`           // the revision of a heartbeat of the session: who has not seen that one knows nothing of its end
	Next     string `json:"next,omitempty"` // to whom it is offered
	Freed    bool   `json:"freed,omitempty"`
}

// LeaseKey is the key of a node's lease; with several witnesses each has a slot, from 0.
func LeaseKey(node string, slot int) string { return Token(node) + "." + string(rune('0'+slot)) }

// MostWitnesses is how many recorders may record one node.
const MostWitnesses = 9
