package recorder

import (
	"bytes"

	"ergorecorder/ergo/listing"
)

// A processRow is as much of a listing's row as the recorder itself looks at.
type processRow struct {
	PID     string
	Name    string
	Kind    string
	Parent  string
	Mailbox int64 `json:"MessagesMailbox"`
}

// processRows reads a listing; one that is broken has no rows. The recorder
// looks at each table that it stores: a general decoder takes many times as
// long.
func processRows(table []byte) []processRow {
	rows := make([]processRow, 0, bytes.Count(table, []byte(`"PID"`)))
	n, ok := listing.Read(table, func(i int, name, value []byte) {
		for i >= len(rows) {
			rows = append(rows, processRow{})
		}
		rows[i].set(name, value)
	})
	if !ok {
		return nil
	}
	for len(rows) < n { // rows without fields
		rows = append(rows, processRow{})
	}
	return rows
}

// set takes in one field.
func (r *processRow) set(name, value []byte) {
	switch string(name) {
	case "PID":
		r.PID = listing.Text(value)
	case "Name":
		r.Name = listing.Text(value)
	case "Kind":
		r.Kind = listing.Text(value)
	case "Parent":
		r.Parent = listing.Text(value)
	case "MessagesMailbox":
		r.Mailbox = listing.Integer(value)
	}
}
