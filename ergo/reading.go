package ergo

import "slices"

// A Reading is something that a node can say about itself, whichever tool of
// whichever surface said it. Its fields have the names that the 48 tools give
// them; a [Spelling] translates those of another surface.
type Reading string

// The readings. The value is what archives and reports store.
const (
	Node                 Reading = "node"                  // the node itself: processes, errors, memory, CPU time
	Environment          Reading = "environment"           // the environment variables of the node
	Runtime              Reading = "runtime"               // the Go runtime: goroutines, heap, collections
	Processes            Reading = "processes"             // the process table
	Children             Reading = "children"              // the processes that one process has spawned
	ApplicationProcesses Reading = "application_processes" // the processes of one application
	Process              Reading = "process"               // all about one process
	ProcessState         Reading = "process_state"         // the state of one process, in words
	ProcessLookup        Reading = "process_lookup"        // the PID of a name, or the name of a PID
	Inspection           Reading = "inspection"            // what a process says about itself: a supervisor, a pool, a router
	MetaInspection       Reading = "meta_inspection"       // what a meta process says about itself
	Meta                 Reading = "meta"                  // all about one meta process
	Applications         Reading = "applications"          // the applications of the node
	Application          Reading = "application"           // all about one application
	Events               Reading = "events"                // the events of the node
	Event                Reading = "event"                 // all about one event
	Network              Reading = "network"               // the network of the node: mode, registrar, connections made and lost
	Links                Reading = "links"                 // the connections of the node
	Link                 Reading = "link"                  // all about one connection
	Acceptors            Reading = "acceptors"             // the listeners of the node
	Ping                 Reading = "ping"                  // the round trip to another node
	Cluster              Reading = "cluster"               // all nodes that are known
	Cron                 Reading = "cron"                  // the scheduler and its jobs
	CronJob              Reading = "cron_job"              // all about one job
	CronSchedule         Reading = "cron_schedule"         // which jobs run soon
	Registrar            Reading = "registrar"             // the registrar of the node
	Routes               Reading = "routes"                // the addresses of a node, as the registrar knows them
	ProxyRoutes          Reading = "proxy_routes"          // the proxies to a node, as the registrar knows them
	ApplicationRoutes    Reading = "application_routes"    // the nodes that run an application, as the registrar knows them
	Logs                 Reading = "logs"                  // log lines, and messages of events, that somebody listens to
	LogLevel             Reading = "log_level"             // the log level of the node or a process
	Loggers              Reading = "loggers"               // the loggers of the node
	Samplers             Reading = "samplers"              // the samplers of the node
	Goroutines           Reading = "goroutines"            // the goroutines by stack
	Heap                 Reading = "heap"                  // the functions that hold most heap
	CPUProfile           Reading = "cpu_profile"           // the functions that burn most CPU
	MessageTypes         Reading = "message_types"         // the message types that the node knows
	MessageType          Reading = "message_type"          // the fields of one message type
	Capabilities         Reading = "capabilities"          // what the node's inspection offers, its creation and build tags
)

// A Definition says what a reading is made of.
type Definition struct {
	Reading Reading
	Form    Form
	Key     []string // fields that identify a row of a table
	Subject []string // arguments that say whom it is about
	Cursor  []string // arguments that say from where to go on
	// Constant: what it says does not change in a node's life.
	Constant bool
	Fields   []Field
}

// A Field is one field of a reading.
type Field struct {
	Name string
	Kind ColumnKind
	Unit Unit
	// None is the value that stands for no value, "" if there is none: "-1" of
	// a mailbox latency says that the node does not measure it. Why says so.
	None string
	Why  string
	// Since is the release that first has the field; "" for any.
	Since string
}

// A Unit is what a field is counted in; "" is a plain number or a text.
type Unit string

// The units of fields.
const (
	Seconds      Unit = "s"
	Milliseconds Unit = "ms"
	Nanoseconds  Unit = "ns"
	UnixNano     Unit = "unix ns" // since 1970, by the node's clock
	Bytes        Unit = "bytes"
	Messages     Unit = "messages"
	Objects      Unit = "objects"
	Percent      Unit = "%"
	Timestamp    Unit = "time" // RFC 3339
)

// Define is the definition of a reading. The definition of a reading that is
// not known is that of a text without subject. Nobody changes it.
func Define(r Reading) Definition {
	if i, known := defined[r]; known {
		return definitions[i]
	}
	return Definition{Reading: r}
}

// defined are the places of readings in their table. Nobody changes it.
var defined = places()

func places() map[Reading]int {
	at := make(map[Reading]int, len(definitions))
	for i, d := range definitions {
		at[d.Reading] = i
	}
	return at
}

// Readings are all readings that are defined.
func Readings() []Reading {
	list := make([]Reading, len(definitions))
	for i, d := range definitions {
		list[i] = d.Reading
	}
	return list
}

// Field is the field of that name.
func (d Definition) Field(name string) (Field, bool) {
	if i := slices.IndexFunc(d.Fields, func(f Field) bool { return f.Name == name }); i >= 0 {
		return d.Fields[i], true
	}
	return Field{}, false
}

// Has reports whether the value of a field, as JSON, says something: it is
// there, not null, and not what stands for no value.
func (f Field) Has(literal string) bool {
	return literal != "" && literal != "null" && (f.None == "" || literal != f.None)
}
