// Package rows reads of a listing of processes what the recorder itself looks
// at. It knows no other table.
package rows

import (
	"cmp"
	"slices"

	"ergorecorder/ergo/listing"
)

// A Process is as much of a listing's row as the recorder itself looks at.
type Process struct {
	PID      string
	Name     string
	Kind     string
	Parent   string
	State    string
	Behavior string
	Mailbox  int64 `json:"MessagesMailbox"`

	MessagesIn  int64
	RunningTime int64
}

// Read reads a listing of about so many rows; one that is broken has none. The recorder
// looks at each table that it stores, so only the fields that it wants are decoded.
func Read(table []byte, about int) []Process {
	rows := make([]Process, 0, about)
	n, ok := listing.Read(table, func(row int, name, value []byte) {
		for len(rows) <= row {
			rows = append(rows, Process{})
		}
		rows[row].set(name, value)
	})
	if !ok {
		return nil
	}
	for len(rows) < n { // without fields
		rows = append(rows, Process{})
	}
	return rows
}

// Deepest are the PIDs of those, at most so many, to which most messages wait.
func Deepest(list []Process, most int) (pids []string) {
	var waited []Process
	for _, p := range list {
		if p.Mailbox != 0 {
			waited = append(waited, p)
		}
	}
	slices.SortFunc(waited, func(a, b Process) int { return cmp.Compare(b.Mailbox, a.Mailbox) })
	for _, p := range waited[:min(most, len(waited))] {
		pids = append(pids, p.PID)
	}
	return pids
}

// set takes in one field.
func (r *Process) set(name, value []byte) {
	switch string(name) {
	case "PID":
		r.PID = listing.Text(value)
	case "Name":
		r.Name = listing.Text(value)
	case "State":
		r.State = listing.Text(value)
	case "Behavior":
		r.Behavior = listing.Text(value)
	case "Kind":
		r.Kind = listing.Text(value)
	case "Parent":
		r.Parent = listing.Text(value)
	case "MessagesMailbox":
		r.Mailbox = listing.Integer(value)
	case "MessagesIn":
		r.MessagesIn = listing.Integer(value)
	case "RunningTime":
		r.RunningTime = listing.Integer(value)
	}
}
