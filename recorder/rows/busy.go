package rows

import (
	"slices"

	"ergorecorder/ergo"
)

// A Busy is from which counters on a process was among the busiest of the last listing.
// They only grow, so the same processes are above them until the next.
type Busy struct {
	of          *Process // the first row of the listing of which this is known
	messages    int64
	runningTime int64 // ns
}

// busiest is how many processes are above each bound when it is found: in the time to the next
// listing some more may pass it.
const busiest = TopRows * 4 / 5

// BusyOf finds the bounds in a listing, unless they are known of it already.
func BusyOf(known Busy, list []Process) Busy {
	if len(list) == 0 || known.of == &list[0] {
		return known
	}
	return Busy{
		of:          &list[0],
		messages:    bound(list, func(p Process) int64 { return p.MessagesIn }),
		runningTime: bound(list, func(p Process) int64 { return p.RunningTime }),
	}
}

// bound is the value that the busiest processes reach.
func bound(list []Process, value func(Process) int64) int64 {
	values := make([]int64, len(list))
	for i, p := range list {
		values[i] = value(p)
	}
	slices.Sort(values)
	if len(values) <= busiest {
		return 1
	}
	return max(values[len(values)-busiest], 1)
}

// A Most is an order, and which filter gives the rows that come first in it.
type Most struct {
	Order string
	Bound ergo.Args // nil: not known
	Of    func(Piece) int64
}

// Most are the orders in which the most interesting rows are asked for.
func (b Busy) Most() []Most {
	all := []Most{
		{"mailbox", Waiting(), func(p Piece) int64 { return p.MessagesMailbox }},
		{"messages_in", nil, func(p Piece) int64 { return p.MessagesIn }},
		{"running_time", nil, func(p Piece) int64 { return p.RunningTime }},
	}
	if b.messages > 0 {
		all[1].Bound = ergo.Args{"min_messages_in": b.messages}
		all[2].Bound = ergo.Args{"min_running_time_ms": float64(b.runningTime) / 1e6}
	}
	return all
}

// TopRows is how many rows of each order are wanted.
const TopRows = 50

// Waiting asks for the rows of processes to which something is waiting. Where they fit, they
// are what the first two orders begin with; a node that filters does a fraction of the work
// of one that sorts its whole table.
func Waiting() ergo.Args { return ergo.Args{"min_mailbox": 1} }
