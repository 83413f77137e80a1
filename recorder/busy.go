package recorder

import (
	"slices"

	"ergorecorder/ergo"
	"ergorecorder/recorder/rows"
)

// A busy is from which counters on a process was among the busiest of the last listing.
// They only grow, so the same processes are above them until the next.
type busy struct {
	of          *rows.Process // the first row of the listing of which this is known
	messages    int64
	runningTime int64 // ns
}

// busiest is how many processes are above each bound when it is found: in the time to the next
// listing some more may pass it.
const busiest = topRows * 4 / 5

// busyOf finds the bounds in a listing, unless they are known of it already.
func busyOf(known busy, list []rows.Process) busy {
	if len(list) == 0 || known.of == &list[0] {
		return known
	}
	return busy{
		of:          &list[0],
		messages:    bound(list, func(p rows.Process) int64 { return p.MessagesIn }),
		runningTime: bound(list, func(p rows.Process) int64 { return p.RunningTime }),
	}
}

// bound is the value that the busiest processes reach.
func bound(list []rows.Process, value func(rows.Process) int64) int64 {
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

// A most is an order, and which filter gives the rows that come first in it.
type most struct {
	order string
	bound ergo.Args // nil: not known
	of    func(piece) int64
}

// most are the orders in which the most interesting rows are asked for.
func (b busy) most() []most {
	all := []most{
		{"mailbox", waiting, func(p piece) int64 { return p.MessagesMailbox }},
		{"messages_in", nil, func(p piece) int64 { return p.MessagesIn }},
		{"running_time", nil, func(p piece) int64 { return p.RunningTime }},
	}
	if b.messages > 0 {
		all[1].bound = ergo.Args{"min_messages_in": b.messages}
		all[2].bound = ergo.Args{"min_running_time_ms": float64(b.runningTime) / 1e6}
	}
	return all
}
