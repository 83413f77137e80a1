package wire

import "time"

// What a [Notice] tells.
const (
	Joined    = "joined"    // there is a link to the node
	Lost      = "lost"      // the link ended; Err says why
	Restarted = "restarted" // joined, and it is a new incarnation
	Refused   = "refused"   // it could not be joined; Err says why; told once until that changes
	Passed    = "passed"    // a node that others name is not dialled; Err says what would allow it
	Pushing   = "pushing"   // the node pushes its log lines from now on
	Silent    = "silent"    // it pushes them no more, or not at all; Err says why
)

// A Notice tells of a change of a node.
type Notice struct {
	What     string
	Node     string
	At       time.Time
	Creation time.Time // the node's start, where it is known
	Err      error
}

// A Status is how a node stands.
type Status struct {
	Node     string
	Address  string // where it is reached, or was tried last
	Joined   bool
	Since    time.Time // of the link
	Creation time.Time // the node's start
	TLS      bool
	MCP      bool   // it has tools
	System   string // the releases whose questions its system application answers; "" where it answers none
	Layouts  string // how our layouts of 3.3 stand against the node's own description of them; "" where they were not compared yet, or there is nothing inferred
	Release  string // of the node's program, as it says
	Pushing  bool   // it pushes its log lines
	Err      error  // why it is not joined
	// Unread counts frames of the link that nobody here understands, Own the
	// pushed log lines about our own node.
	Unread, Own int64
}
