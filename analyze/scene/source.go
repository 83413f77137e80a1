package scene

import (
	"time"

	"ergorecorder/analyze/finding"
)

// Rows is where values about the process come from: its row in the listings of
// a stretch, both ends included.
func (a *Actor) Rows(from, to time.Time) finding.Source {
	return finding.Source{Tool: "process_list", Node: a.Node.Name, Row: a.Pid, From: from, To: to}
}

// Says is where values about the node come from: what a tool answered in a
// stretch, both ends included.
func (n *Node) Says(tool string, from, to time.Time) finding.Source {
	return finding.Source{Tool: tool, Node: n.Name, From: from, To: to}
}
