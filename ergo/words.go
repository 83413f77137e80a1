package ergo

// A State is the state of a process, in the words in which nodes print it.
type State string

// The states of a process.
const (
	StateInit         State = "init"
	StateSleep        State = "sleep"
	StateRunning      State = "running"
	StateWaitResponse State = "wait response"
	StateTerminated   State = "terminated"
	StateZombee       State = "zombee"
)

// States are all states of a process.
func States() []State {
	return []State{StateInit, StateSleep, StateRunning, StateWaitResponse, StateTerminated, StateZombee}
}

// A Level is the level of a log line, or the least level that is logged.
type Level string

// The log levels, in the order in which nodes count their lines.
const (
	LevelTrace    Level = "trace"
	LevelDebug    Level = "debug"
	LevelInfo     Level = "info"
	LevelWarning  Level = "warning"
	LevelError    Level = "error"
	LevelPanic    Level = "panic"
	LevelDisabled Level = "disabled" // nothing is logged; no line has it
)

// Levels are the levels that a line can have, in the order of
// node.LogMessages.
func Levels() []Level {
	return []Level{LevelTrace, LevelDebug, LevelInfo, LevelWarning, LevelError, LevelPanic}
}

// A ProcessKind is what a process is. The set is open: nodes name others too.
type ProcessKind string

// The kinds of processes that something depends on.
const (
	KindActor      ProcessKind = "actor"
	KindSupervisor ProcessKind = "supervisor"
	KindPool       ProcessKind = "pool"
	KindRouter     ProcessKind = "router"
	KindWeb        ProcessKind = "web"
	KindMonitor    ProcessKind = "monitor" // somebody who observes the node
	KindCustom     ProcessKind = "custom"
)

// A Mode is what becomes of an application whose process ends.
type Mode string

// The modes of an application.
const (
	ModePermanent Mode = "permanent"
	ModeTransient Mode = "transient"
	ModeTemporary Mode = "temporary"
)

// An ApplicationState is the state of an application. One that was stopped is
// loaded; some tools say stopped.
type ApplicationState string

// The states of an application.
const (
	ApplicationLoaded       ApplicationState = "loaded"
	ApplicationInitializing ApplicationState = "initializing"
	ApplicationRunning      ApplicationState = "running"
	ApplicationStopping     ApplicationState = "stopping"
	ApplicationStopped      ApplicationState = "stopped"
)
