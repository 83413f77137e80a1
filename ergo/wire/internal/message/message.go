// Package message holds the shapes of the values that our node and others
// say to each other once they are linked: calls of the MCP application, the
// push of log lines, and the monitoring of events.
//
// The names and the order of the fields are Ergo's; the fields' own names
// never reach the wire. It does no more than name them.
package message

import (
	"reflect"

	"ergorecorder/ergo/wire/internal/edf"
)

// The processes that our node calls.
const (
	MCPProcess     = "mcp"
	InspectProcess = "system_inspect"
)

const (
	mcpPrefix     = "#ergo.services/application/mcp/"
	inspectPrefix = "#ergo.services/ergo/app/system/inspect/"
	protoPrefix   = "#ergo.services/ergo/net/proto/"
)

// The registered names of types.
const (
	ToolCallRequestType    = mcpPrefix + "ToolCallRequest"
	ToolCallResponseType   = mcpPrefix + "ToolCallResponse"
	RequestInspectLogType  = inspectPrefix + "RequestInspectLog"
	ResponseInspectLogType = inspectPrefix + "ResponseInspectLog"
	LogNodeType            = inspectPrefix + "MessageInspectLogNode"
	LogProcessType         = inspectPrefix + "MessageInspectLogProcess"
	LogNetworkType         = inspectPrefix + "MessageInspectLogNetwork"
	LogMetaType            = inspectPrefix + "MessageInspectLogMeta"
	MonitorEventType       = protoPrefix + "MessageMonitorEvent"
	DemonitorEventType     = protoPrefix + "MessageDemonitorEvent"
	ResultType             = protoPrefix + "MessageResult"
	MessageEventType       = "#ergo.services/ergo/gen/MessageEvent"

	// ClockType is no type of Ergo's: only a replay announces it.
	ClockType = "#ergorecorder/replay/MessageClock"
)

// A ToolCallRequest asks the process mcp for one tool's answer.
type ToolCallRequest struct {
	Tool   string
	Params string // the JSON object of the arguments, "" is {}
}

// A ToolCallResponse is its answer: the JSON text of the tool's result
// object, or the text of an error.
type ToolCallResponse struct {
	Result string
	Error  string
}

// A RequestInspectLog asks system_inspect for an event that carries the
// node's log lines; nil levels are all but trace. Monitor the event within
// 10 s.
type RequestInspectLog struct{ Levels []int }

// A ResponseInspectLog names that event.
type ResponseInspectLog struct{ Event edf.Event }

// A LogLine is the end of every message that carries one.
type LogLine struct {
	Timestamp int64 // unix ns, the node's clock
	Level     int   // -2 trace, -1 debug, 1 info, 2 warning, 3 error, 4 panic
	Message   string
}

// A LogNode is a line of the node itself.
type LogNode struct {
	Node     edf.Atom
	Creation int64
	LogLine
}

// A LogProcess is a line of a process.
type LogProcess struct {
	Node edf.Atom
	Name edf.Atom
	PID  edf.PID
	LogLine
}

// A LogNetwork is a line of the node's connection to a peer.
type LogNetwork struct {
	Node edf.Atom
	Peer edf.Atom
	LogLine
}

// A LogMeta is a line of a meta process.
type LogMeta struct {
	Node   edf.Atom
	Parent edf.PID
	Meta   edf.Alias
	LogLine
}

// A Result answers every structured request, by its Ref.
type Result struct {
	Error  error
	Result any
	Ref    edf.Ref
}

// A MessageEvent is one past message of an event, in the answer to a monitor.
type MessageEvent struct {
	Event     edf.Event
	Timestamp int64
	Message   any
}

// A Clock goes before what a replay says, and is about it alone: where the
// replay is in the window that it plays, how many times faster than the world it
// runs, where the window ends, and when what it says was observed. Times are unix
// ns. Real nodes neither send nor know it.
type Clock struct {
	About    [3]uint64 // the reference of the answer that comes next; zero: what is pushed next
	Now, End int64
	Speed    float64
	Observed int64 // 0: it was made up on the spot
	// Missing are the fields of the answer that were not recorded: it has no way
	// to leave one out.
	Missing []string
}

// A Relation asks to begin or end a link or a monitor between a process and a
// target of type T. All such requests have this layout.
type Relation[T any] struct {
	Source edf.PID
	Target T
	Ref    edf.Ref
}

// relations adds the requests to link and monitor: a registered name such as
// "MessageUnlinkAlias" is a verb and a target.
func relations(t edf.Types) {
	for _, verb := range []string{"Link", "Unlink", "Monitor", "Demonitor"} {
		t[protoPrefix+"Message"+verb+"PID"] = reflect.TypeFor[Relation[edf.PID]]()
		t[protoPrefix+"Message"+verb+"ProcessID"] = reflect.TypeFor[Relation[edf.ProcessID]]()
		t[protoPrefix+"Message"+verb+"Alias"] = reflect.TypeFor[Relation[edf.Alias]]()
		t[protoPrefix+"Message"+verb+"Event"] = reflect.TypeFor[Relation[edf.Event]]()
	}
}

// Types are the types of this package.
func Types() edf.Types {
	t := edf.Types{
		ToolCallRequestType:    reflect.TypeFor[ToolCallRequest](),
		ToolCallResponseType:   reflect.TypeFor[ToolCallResponse](),
		RequestInspectLogType:  reflect.TypeFor[RequestInspectLog](),
		ResponseInspectLogType: reflect.TypeFor[ResponseInspectLog](),
		LogNodeType:            reflect.TypeFor[LogNode](),
		LogProcessType:         reflect.TypeFor[LogProcess](),
		LogNetworkType:         reflect.TypeFor[LogNetwork](),
		LogMetaType:            reflect.TypeFor[LogMeta](),
		MessageEventType:       reflect.TypeFor[MessageEvent](),
		ResultType:             reflect.TypeFor[Result](),
		ClockType:              reflect.TypeFor[Clock](),
	}
	relations(t)
	return t
}

// Reference is the reference under which the answer is awaited.
func (r Relation[T]) Reference() edf.Ref { return r.Ref }
