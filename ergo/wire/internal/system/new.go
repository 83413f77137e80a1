package system

import (
	"time"

	"ergorecorder/ergo/wire/internal/edf"
)

// The layouts of 3.3.

// ProcessRow is a row of the table of processes.
type ProcessRow struct {
	PID               PID
	Name, Application edf.Atom
	Behavior, Kind    string
	MessagesIn        uint64
	MessagesOut       uint64
	MessagesMailbox   uint64
	MailboxLatency    int64
	RunningTime       uint64
	InitTime          uint64
	Wakeups           uint64
	Uptime            int64
	State             State
	StateTime         int64
	Parent, Leader    PID
	LogLevel          Level
}

// An Attribute is one of a trace.
type Attribute struct{ Key, Value string }

// A Tracing is how something is traced.
type Tracing struct {
	Sampler    string
	Attributes []Attribute
}

// An Exporter takes traces.
type Exporter struct {
	Name         string
	Behavior     string
	Flags        uint32
	DroppedSpans uint64
}

// NodeInfo is the node.
type NodeInfo struct {
	Name                                                               edf.Atom
	Uptime                                                             int64
	Version, Framework                                                 Version
	Commercial                                                         []Version
	Env                                                                Env
	LogLevel                                                           Level
	Loggers                                                            []Logger
	Tracing                                                            Tracing
	TracingExporters                                                   []Exporter
	LogMessages                                                        [6]uint64
	TracingSpans                                                       [5]uint64
	Cron                                                               Cron
	ProcessesTotal, ProcessesRunning                                   int64
	ProcessesWaitResponse, ProcessesZombee                             int64
	ProcessesSpawned, ProcessesSpawnFailed, ProcessesTerminated        uint64
	SendErrorsLocal, SendErrorsRemote                                  uint64
	CallErrorsLocal, CallErrorsRemote                                  uint64
	RegisteredAliases, RegisteredNames, RegisteredEvents               int64
	EventsPublished, EventsReceived, EventsLocalSent, EventsRemoteSent int64
	ApplicationsTotal, ApplicationsRunning                             int64
	MemoryUsed, MemoryAlloc, MemoryLimit, HeapLive, HeapGoal           uint64
	Goroutines                                                         int64
	GCCycles                                                           uint64
	CPUTimeGC, CPUTimeTotal                                            float64
	UserTime, SystemTime                                               int64
	ServerTime                                                         time.Time
	HeapAllocObjects, HeapFreeObjects                                  uint64
}

// LinkInfo is one side of a connection.
type LinkInfo struct {
	Node                                           edf.Atom
	Uptime, ConnectionUptime                       int64
	Version, HandshakeVersion, ProtoVersion        Version
	NetworkFlags                                   Flags
	PoolSize, PoolLen                              int
	PoolDSN                                        []string
	MaxMessageSize                                 int
	TLS                                            bool
	MessagesIn, MessagesOut, BytesIn, BytesOut     uint64
	TransitBytesIn, TransitBytesOut, Reconnections uint64
	FragmentsSent, FragmentMessagesSent            uint64
	FragmentsReceived, FragmentMessagesRecv        uint64
	FragmentTimeouts, TracedSent, TracedReceived   uint64
	CompressedSent, CompressedBytesSent            uint64
	CompressedOrigBytesSent                        uint64
	DecompressedRecv, DecompressedBytesRecv        uint64
	DecompressedOrigRecv                           uint64
	ClockSkew                                      int64
}

// Acceptor is a listener.
type Acceptor struct {
	AcceptorOld
	HandshakeErrors uint64
}

// NetworkInfo is the network of a node.
type NetworkInfo struct {
	Mode                                    NetMode
	Registrar                               Registrar
	Acceptors                               []Acceptor
	MaxMessageSize                          int
	HandshakeVersion, ProtoVersion          Version
	Nodes                                   []edf.Atom
	Routes                                  []Route
	ProxyRoutes                             []ProxyRoute
	Flags                                   Flags
	ConnectionsEstablished, ConnectionsLost uint64
	EnabledSpawn                            []EnabledSpawn
	EnabledApplicationStart                 []EnabledStart
}

// Queues are the queues of a mailbox, and how old the oldest of each is.
type Queues struct {
	Main, System, Urgent, Log                             int64
	LatencyMain, LatencySystem, LatencyUrgent, LatencyLog int64
}

// OneProcess is all about a process.
type OneProcess struct {
	PID               PID
	Name, Application edf.Atom
	Behavior, Kind    string
	MailboxSize       int64
	MailboxQueues     Queues
	MessagesIn        uint64
	MessagesOut       uint64
	RunningTime       uint64
	InitTime, Wakeups uint64
	Compression       Compression
	MessagePriority   Priority
	Uptime            int64
	State             State
	StateTime         int64
	Parent, Leader    PID
	Tracing           Tracing
	Fallback          Fallback
	Env               Env
	Aliases           []Alias
	Events            []edf.Atom
	Metas             []Alias
	Relations
}

// Application is an application.
type Application struct {
	Name           edf.Atom
	Weight         int
	Tags           []edf.Atom
	Map            map[string]edf.Atom
	Description    string
	Version        Version
	Env            Env
	Depends        Depends
	Mode           Mode
	State          AppState
	Parent         edf.Atom
	Uptime         int64
	Group          []PID
	ProcessesTotal int
}

// EventInfo is an event.
type EventInfo struct {
	CreatedAt                                                int64
	Event                                                    Event
	Producer                                                 PID
	BufferSize, CurrentBuffer                                int
	Notify, Open                                             bool
	Subscribers                                              int64
	MessagesPublished, MessagesLocalSent, MessagesRemoteSent int64
	LastPublishedAt                                          int64
}

// The requests of 3.3 that are answered at once.
type (
	GetEmpty          struct{}
	GetConnection     struct{ RemoteNode edf.Atom }
	GetConnectionList struct {
		Limit int
		Name  string
	}
	GetProcessList struct {
		Start, Limit                       int
		Name, Behavior, Application, State string
		MinMailbox                         uint64
	}
	GetProcessRange struct {
		Name, Behavior, Application, State string
		MinMailbox                         uint64
		Limit                              int
	}
	GetProcess      struct{ PID PID }
	GetProcessState struct {
		PID   PID
		Items []string
	}
	GetProcessLookup struct {
		Name edf.Atom
		PID  PID
	}
	GetMetaState struct {
		Meta  Alias
		Items []string
	}
	GetAppTree struct {
		Application edf.Atom
		Limit       int
	}
	GetSubtree struct {
		PID   PID
		Limit int
	}
	GetEventList struct {
		Timestamp              int64
		Limit                  int
		Name                   string
		Notify, Buffered, Open int
		MinSubscribers         int64
	}
	GetEvent      struct{ Name edf.Atom }
	GetGoroutines struct {
		Stack, State string
		MinWait      int64
	}
	GetHeapProfile struct {
		MinBytes int64
		Limit    int
	}
	GetTypes struct {
		Name, Kind string
		Limit      int
	}
	InspectLog struct {
		Levels         []int
		Limit          int
		MessagePattern string
		MessageExclude bool
	}
)

// Their answers; Error comes last but for the capabilities.
type (
	CapabilitiesAnswer struct {
		Node                edf.Atom
		Creation            int64
		Version, Framework  Version
		Manage              bool
		Capabilities, Build []string
	}
	NodeAnswer struct {
		Node  edf.Atom
		Info  NodeInfo
		Error error `json:"-"`
	}
	NetworkAnswer struct {
		Node  edf.Atom
		Info  NetworkInfo
		Error error `json:"-"`
	}
	ConnectionAnswer struct {
		Node  edf.Atom
		Info  LinkInfo
		Error error `json:"-"`
	}
	ConnectionListAnswer struct {
		Node        edf.Atom
		Connections []LinkInfo
		Error       error `json:"-"`
	}
	ProcessesAnswer struct {
		Node      edf.Atom
		Processes []ProcessRow
		Truncated bool
		Error     error `json:"-"`
	}
	ProcessAnswer struct {
		Node  edf.Atom
		Info  OneProcess
		Error error `json:"-"`
	}
	StateAnswer struct {
		State map[string]string
		Error error `json:"-"`
	}
	LookupAnswer struct {
		PID   PID
		Name  edf.Atom
		State State
		Error error `json:"-"`
	}
	ApplicationsAnswer struct {
		Node         edf.Atom
		Applications map[edf.Atom]Application
		Error        error `json:"-"`
	}
	AppTreeAnswer struct {
		Node, Application edf.Atom
		Processes         []ProcessRow
		Truncated         int
		Error             error `json:"-"`
	}
	SubtreeAnswer struct {
		Node      edf.Atom
		PID       PID
		Processes []ProcessRow
		Truncated int
		Error     error `json:"-"`
	}
	EventListAnswer struct {
		Node   edf.Atom
		Events []EventInfo
		Error  error `json:"-"`
	}
	EventAnswer struct {
		Node  edf.Atom
		Info  EventInfo
		Error error `json:"-"`
	}
	GoroutinesAnswer struct {
		Groups          []Group
		Total, Filtered int
		Error           error `json:"-"`
	}
	HeapAnswer struct {
		Records                              []Record
		TotalInuse, TotalAlloc, TotalObjects int64
		Truncated                            int
		Error                                error `json:"-"`
	}
	TypesAnswer struct {
		Types     []Described
		Truncated int
		Error     error `json:"-"`
	}
)

// A Group is goroutines with one stack.
type Group struct {
	Count                  int
	State                  string
	WaitSec                int64
	Origin, Current, Stack string
	IDs                    []int
}

// A Record is memory by stack.
type Record struct {
	InuseBytes, InuseObjects, AllocBytes, AllocObjects, FreeObjects int64
	Stack                                                           []string
}

// A Described is a type as the node describes it.
type Described struct {
	ID                        uint64
	Name, Kind, Schema, Proto string
	MinSize                   uint32
	SizeVariable              bool
	Stats                     struct {
		Enabled                                      bool
		Encoded, Decoded, EncodedBytes, DecodedBytes int64
	}
}

// LogMessage is what the log's event publishes: lines of up to a second.
type LogMessage struct {
	Node       edf.Atom
	Entries    []LogEntry
	Suppressed int64
}

// A LogEntry is one line.
type LogEntry struct {
	Source    string
	Name      edf.Atom
	PID       PID
	Behavior  string
	Peer      edf.Atom
	Parent    PID
	Meta      Alias
	Creation  int64
	Timestamp int64
	Level     int
	Message   string
	Fields    []LogField
}

// A LogField is a value that the program gave a line.
type LogField struct {
	Name  string
	Value any
}
