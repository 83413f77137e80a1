package system

import (
	"time"

	"ergorecorder/ergo/wire/internal/edf"
)

// The layouts of 3.0 to 3.2 as of November 2025. What they share with 3.3 has
// no ending, what is theirs alone ends in Old.

// ProcessOld is a row of the table of processes.
type ProcessOld struct {
	PID               PID
	Name, Application edf.Atom
	Behavior          string
	MessagesIn        uint64
	MessagesOut       uint64
	MessagesMailbox   uint64
	RunningTime       uint64
	Uptime            int64
	State             State
	Parent, Leader    PID
	LogLevel          Level
}

// A Logger is one of the node's loggers.
type Logger struct {
	Name     string
	Behavior string
	Levels   []Level
}

// A Fallback is where messages go that a mailbox does not take.
type Fallback struct {
	Enable bool
	Name   edf.Atom
	Tag    string
}

// A CronJob is a job of the scheduler.
type CronJob struct {
	Disabled             bool
	Name                 edf.Atom
	Spec                 string
	Location, ActionInfo string
	LastRun              time.Time
	LastErr              string
	Fallback             Fallback
}

// A Cron is the scheduler.
type Cron struct {
	Next  time.Time
	Spool []edf.Atom
	Jobs  []CronJob
}

// Node30 is the node of 3.0, which has no scheduler.
type Node30 struct {
	Name               edf.Atom
	Uptime             int64
	Version, Framework Version
	Commercial         []Version
	Env                Env
	LogLevel           Level
	Loggers            []Logger
	NodeRest
}

// NodeOld is the node of 3.1 and 3.2.
type NodeOld struct {
	Name               edf.Atom
	Uptime             int64
	Version, Framework Version
	Commercial         []Version
	Env                Env
	LogLevel           Level
	Loggers            []Logger
	Cron               Cron
	NodeRest
}

// NodeRest is the end of the node of 3.0 to 3.2.
type NodeRest struct {
	ProcessesTotal      int64
	ProcessesRunning    int64
	ProcessesZombee     int64
	RegisteredAliases   int64
	RegisteredNames     int64
	RegisteredEvents    int64
	ApplicationsTotal   int64
	ApplicationsRunning int64
	MemoryUsed          uint64
	MemoryAlloc         uint64
	UserTime            int64
	SystemTime          int64
}

// LinkOld is one side of a connection.
type LinkOld struct {
	Node                            edf.Atom
	Uptime, ConnectionUptime        int64
	Version                         Version
	HandshakeVersion, ProtoVersion  Version
	NetworkFlags                    Flags
	PoolSize                        int
	PoolDSN                         []string
	MaxMessageSize                  int
	MessagesIn, MessagesOut         uint64
	BytesIn, BytesOut               uint64
	TransitBytesIn, TransitBytesOut uint64
}

// A Registrar is the registrar of a node.
type Registrar struct {
	Server                     string
	EmbeddedServer             bool
	SupportRegisterProxy       bool
	SupportRegisterApplication bool
	SupportConfig              bool
	SupportEvent               bool
	Version                    Version
}

// AcceptorOld is a listener.
type AcceptorOld struct {
	Interface                      string
	MaxMessageSize                 int
	Flags                          Flags
	TLS, CustomRegistrar           bool
	RegistrarServer                string
	RegistrarVersion               Version
	HandshakeVersion, ProtoVersion Version
}

// A Route is a static route.
type Route struct {
	Match                                       string
	Weight                                      int
	UseResolver, UseCustomCookie, UseCustomCert bool
	Flags                                       Flags
	HandshakeVersion, ProtoVersion              Version
	Host                                        string
	Port                                        uint16
}

// A ProxyRoute is a route through another node.
type ProxyRoute struct {
	Match                        string
	Weight                       int
	UseResolver, UseCustomCookie bool
	Flags                        []byte
	MaxHop                       int
	Proxy                        edf.Atom
}

// An EnabledSpawn is what others may spawn here.
type EnabledSpawn struct {
	Name     edf.Atom
	Behavior string
	Nodes    []edf.Atom
}

// An EnabledStart is what others may start here.
type EnabledStart struct {
	Name  edf.Atom
	Nodes []edf.Atom
}

// NetworkOld is the network of a node.
type NetworkOld struct {
	Mode                           NetMode
	Registrar                      Registrar
	Acceptors                      []AcceptorOld
	MaxMessageSize                 int
	HandshakeVersion, ProtoVersion Version
	Nodes                          []edf.Atom
	Routes                         []Route
	ProxyRoutes                    []ProxyRoute
	Flags                          Flags
	EnabledSpawn                   []EnabledSpawn
	EnabledApplicationStart        []EnabledStart
}

// A Compression is how a process compresses what it sends.
type Compression struct {
	Enable    bool
	Type      string
	Level     int
	Threshold int
}

// QueuesOld are the queues of a mailbox.
type QueuesOld struct{ Main, System, Urgent, Log int64 }

// Relations are whom a process watches, and is linked with.
type Relations struct {
	MonitorsPID       []PID
	MonitorsProcessID []ProcessID
	MonitorsAlias     []Alias
	MonitorsEvent     []Event
	MonitorsNode      []edf.Atom
	LinksPID          []PID
	LinksProcessID    []ProcessID
	LinksAlias        []Alias
	LinksEvent        []Event
	LinksNode         []edf.Atom
	LogLevel          Level
	KeepNetworkOrder  bool
	ImportantDelivery bool
}

// OneProcessOld is all about a process.
type OneProcessOld struct {
	PID               PID
	Name, Application edf.Atom
	Behavior          string
	MailboxSize       int64
	MailboxQueues     QueuesOld
	MessagesIn        uint64
	MessagesOut       uint64
	RunningTime       uint64
	Compression       Compression
	MessagePriority   Priority
	Uptime            int64
	State             State
	Parent, Leader    PID
	Fallback          Fallback
	Env               Env
	Aliases           []Alias
	Events            []edf.Atom
	Metas             []Alias
	Relations
}

// A Depends is what an application needs.
type Depends struct {
	Applications []edf.Atom
	Network      bool
}

// ApplicationOld is an application.
type ApplicationOld struct {
	Name        edf.Atom
	Weight      int
	Description string
	Version     Version
	Env         Env
	Depends     Depends
	Mode        Mode
	State       AppState
	Parent      edf.Atom
	Uptime      int64
	Group       []PID
}

// The requests of 3.0 to 3.2. Each is answered with the event to follow.
type (
	InspectEmpty       struct{}
	InspectConnection  struct{ RemoteNode edf.Atom }
	InspectProcessList struct{ Start, Limit int }
	InspectByPID       struct{ PID PID }
	InspectByAlias     struct{ Meta Alias }
	InspectLogOld      struct{ Levels []int }

	InspectNodeAnswer struct {
		CRC32    string
		Event    edf.Event
		OS, Arch string
		Cores    int
		Version  Version
		Creation int64
	}
	InspectNetworkAnswer struct {
		Event   edf.Event
		Stopped bool
		Info    NetworkOld
	}
	InspectConnectionAnswer struct {
		Event        edf.Event
		Disconnected bool
		Info         LinkOld
	}
	InspectAnswer struct{ Event edf.Event }
)

// The messages of their events.
type (
	NodeMessage30 struct {
		Node edf.Atom
		Info Node30
	}
	NodeMessageOld struct {
		Node edf.Atom
		Info NodeOld
	}
	NetworkMessageOld struct {
		Node    edf.Atom
		Stopped bool
		Info    NetworkOld
	}
	ConnectionMessageOld struct {
		Node         edf.Atom
		Disconnected bool
		Info         LinkOld
	}
	ProcessListMessageOld struct {
		Node      edf.Atom
		Processes []ProcessOld
	}
	ProcessMessageOld struct {
		Node       edf.Atom
		Info       OneProcessOld
		Terminated bool
	}
	StateMessage struct {
		Node  edf.Atom
		PID   PID
		State map[string]string
	}
	MetaStateMessage struct {
		Node  edf.Atom
		Meta  Alias
		State map[string]string
	}
	ApplicationsMessageOld struct {
		Node         edf.Atom
		Applications map[edf.Atom]ApplicationOld
	}
)
