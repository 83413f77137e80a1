package scene

import (
	"context"
	"encoding/json"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Mailbox is what one answer about a process says of its mailbox.
type Mailbox struct {
	At     time.Time
	Size   int64 // messages that it holds at most; -1 or 0 where it is not bounded
	Queues Queues
}

// Queues are the four queues of a mailbox: messages, and the age of the oldest in ns.
// The urgent and the system queue go before the main one.
type Queues struct {
	Main, System, Urgent, Log                             int64
	LatencyMain, LatencySystem, LatencyUrgent, LatencyLog int64
}

// Mailboxes is what was asked about the mailbox of a process within a stretch.
func (s *Scene) Mailboxes(ctx context.Context, a *Actor, from, to time.Time) ([]Mailbox, error) {
	var all []Mailbox
	var ask replay.Fields
	pid, size, queues := ask.Of("PID"), ask.Of("MailboxSize"), ask.Of("MailboxQueues")
	for f, err := range s.answers(ctx, replay.Query{Node: a.Node.Name, Reading: ergo.Process, From: from, To: to, Fields: ask}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			if f.Columns[pid].Text(slot) != a.Pid {
				continue
			}
			m := Mailbox{At: f.At}
			m.Size, _ = f.Columns[size].Int(slot)
			if json.Unmarshal([]byte(f.Columns[queues].Text(slot)), &m.Queues) == nil || m.Size > 0 {
				all = append(all, m)
			}
		}
	}
	return all, nil
}
