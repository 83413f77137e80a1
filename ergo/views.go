package ergo

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// The views below are what tools answer, field by field. Each decodes itself
// from JSON; fields that it does not know are kept in Extra, as they came.

// Extra holds the fields of an answer that its view does not know.
type Extra map[string]json.RawMessage

// A Process is a row of process_list.
type Process struct {
	PID             PID
	Name            string
	Application     string
	Behavior        string // the Go type, for example myapp.Worker
	Kind            string // actor, supervisor, pool, …; "" from older nodes
	State           string // init, sleep, running, wait response, terminated, zombee
	Parent          PID
	Leader          PID
	LogLevel        string
	MessagesIn      int64 // cumulative
	MessagesOut     int64 // cumulative
	MessagesMailbox int64 // in its four queues together
	MailboxLatency  int64 // ns: the age of the oldest message; -1 without -tags=latency
	RunningTime     int64 // ns, cumulative: inside callbacks, waiting included
	Wakeups         int64 // cumulative
	InitTime        int64 // ns
	StateTime       int64 // ns: how long it is in its state; 0 from older nodes
	Uptime          int64 // s
	Extra           Extra `json:"-"`
}

// UnmarshalJSON decodes a row of process_list.
func (p *Process) UnmarshalJSON(text []byte) error {
	type plain Process
	extra, err := decodeView(text, (*plain)(p))
	p.Extra = extra
	return err
}

// NodeInfo is the answer of node_info.
type NodeInfo struct {
	Name                  string
	Uptime                int64 // s
	Framework             Version
	Version               Version
	LogLevel              string
	ProcessesTotal        int64
	ProcessesRunning      int64
	ProcessesWaitResponse int64
	ProcessesZombee       int64
	ProcessesSpawned      int64 // cumulative, as all below that are not said to be otherwise
	ProcessesSpawnFailed  int64
	ProcessesTerminated   int64
	SendErrorsLocal       int64
	SendErrorsRemote      int64
	CallErrorsLocal       int64
	CallErrorsRemote      int64
	RegisteredNames       int64 // at the moment
	RegisteredAliases     int64 // at the moment
	RegisteredEvents      int64 // at the moment
	EventsPublished       int64
	EventsReceived        int64
	EventsLocalSent       int64
	EventsRemoteSent      int64
	LogMessages           []int64 // trace, debug, info, warning, error, panic
	ApplicationsTotal     int64   // at the moment
	ApplicationsRunning   int64   // at the moment
	MemoryUsed            int64   // bytes; means different things in different versions
	MemoryAlloc           int64   // bytes; likewise
	UserTime              int64   // ns of CPU; some versions count whole seconds twice
	SystemTime            int64   // likewise
	ServerTime            time.Time
	Extra                 Extra `json:"-"`
}

// A Version names a piece of software.
type Version struct{ Name, Release, Commit, License string }

// UnmarshalJSON decodes the answer of node_info.
func (n *NodeInfo) UnmarshalJSON(text []byte) error {
	type plain NodeInfo
	extra, err := decodeView(text, (*plain)(n))
	n.Extra = extra
	return err
}

// Incarnation is the life of the node that gave the answer.
func (n *NodeInfo) Incarnation() Incarnation {
	return Incarnation{n.Name, n.ServerTime.Add(-time.Duration(n.Uptime) * time.Second)}
}

// RuntimeStats is the answer of runtime_stats. Sizes are in bytes.
type RuntimeStats struct {
	Goroutines    int64   `json:"goroutines"`
	CPUs          int64   `json:"cpus"`
	HeapAlloc     int64   `json:"heap_alloc"`
	HeapSys       int64   `json:"heap_sys"`
	HeapInuse     int64   `json:"heap_inuse"`
	HeapObjects   int64   `json:"heap_objects"`
	StackInuse    int64   `json:"stack_inuse"`
	TotalAlloc    int64   `json:"total_alloc"` // cumulative
	Sys           int64   `json:"sys"`
	NumGC         int64   `json:"num_gc"` // cumulative
	LastGCPauseNS int64   `json:"last_gc_pause_ns"`
	GCCPUPercent  float64 `json:"gc_cpu_percent"`
	Extra         Extra   `json:"-"`
}

// UnmarshalJSON decodes the answer of runtime_stats.
func (s *RuntimeStats) UnmarshalJSON(text []byte) error {
	type plain RuntimeStats
	extra, err := decodeView(text, (*plain)(s))
	s.Extra = extra
	return err
}

// An Event is a row of event_list.
type Event struct {
	Event              string // Event#<CRC:name>
	Producer           PID
	Subscribers        int64
	Notify             bool
	Open               bool
	BufferSize         int64
	CurrentBuffer      int64
	CreatedAt          int64 // ns since 1970, by the node's clock
	MessagesPublished  int64 // cumulative
	MessagesLocalSent  int64 // cumulative
	MessagesRemoteSent int64 // cumulative
	LastPublishedAt    int64 // ns since 1970, 0 if never
	Extra              Extra `json:"-"`
}

// UnmarshalJSON decodes a row of event_list.
func (e *Event) UnmarshalJSON(text []byte) error {
	type plain Event
	extra, err := decodeView(text, (*plain)(e))
	e.Extra = extra
	return err
}

// A Link is a row of network_nodes: one side's view of a connection. Its
// counters start again with every connection.
type Link struct {
	Node             string
	Uptime           int64 // s, of the peer
	ConnectionUptime int64 // s
	PoolSize         int64
	PoolDSN          []string // set on the side that dialled
	Reconnections    int64
	MessagesIn       int64
	MessagesOut      int64
	BytesIn          int64
	BytesOut         int64
	TransitBytesIn   int64
	TransitBytesOut  int64
	Extra            Extra `json:"-"`
}

// UnmarshalJSON decodes a row of network_nodes.
func (l *Link) UnmarshalJSON(text []byte) error {
	type plain Link
	extra, err := decodeView(text, (*plain)(l))
	l.Extra = extra
	return err
}

// An Application is a row of app_list.
type Application struct {
	Name      string   `json:"name"`
	State     string   `json:"state"` // loaded, running, stopped
	Mode      string   `json:"mode"`  // permanent, transient, temporary
	Version   string   `json:"version"`
	Uptime    int64    `json:"uptime"` // s
	Weight    int64    `json:"weight"`
	Tags      []string `json:"tags"`
	Processes int64    `json:"processes"` // the size of its group, not of its tree
	Extra     Extra    `json:"-"`
}

// UnmarshalJSON decodes a row of app_list.
func (a *Application) UnmarshalJSON(text []byte) error {
	type plain Application
	extra, err := decodeView(text, (*plain)(a))
	a.Extra = extra
	return err
}

// decodeView decodes a JSON object into a view and returns the fields that
// the view has no room for.
func decodeView(text []byte, view any) (Extra, error) {
	if err := json.Unmarshal(text, view); err != nil {
		return nil, fmt.Errorf("decode %s: %w", strings.TrimPrefix(reflect.TypeOf(view).String(), "*ergo."), err)
	}
	var extra Extra
	if err := json.Unmarshal(text, &extra); err != nil {
		return nil, err
	}
	t := reflect.TypeOf(view).Elem()
	for i := range t.NumField() {
		name := t.Field(i).Name
		if tag := t.Field(i).Tag.Get("json"); tag != "" {
			name = tag
		}
		delete(extra, name)
	}
	if len(extra) == 0 {
		return nil, nil
	}
	return extra, nil
}
