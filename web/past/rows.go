package past

import (
	"context"
	"time"

	"ergorecorder/archive"
)

// texts and numbers are the fields of a process, by their columns.
func texts(p *Process) []*string {
	return []*string{
		(*string)(&p.PID), &p.Name, &p.Behavior, &p.Application, &p.Kind, (*string)(&p.Parent), (*string)(&p.Leader), &p.State, &p.LogLevel,
	}
}

func numbers(p *Process) []*int64 {
	return []*int64{
		&p.StateTime, &p.MessagesIn, &p.MessagesOut, &p.MessagesMailbox, &p.MailboxLatency, &p.RunningTime, &p.Wakeups, &p.InitTime, &p.Uptime,
	}
}

// processColumns are the columns of texts, then those of numbers.
func processColumns() []string {
	return []string{
		"PID", "Name", "Behavior", "Application", "Kind", "Parent", "Leader", "State", "LogLevel",
		"StateTime", "MessagesIn", "MessagesOut", "MessagesMailbox", "MailboxLatency", "RunningTime", "Wakeups", "InitTime", "Uptime",
	}
}

// listed are the processes of a node out of the columns of its listing: many rows
// are had without their text. ok is false where only the answer tells.
func (m *Moment) listed(ctx context.Context, node string) (rows []Process, at time.Time, ok bool) {
	f, r, ok := m.caller.Rows(ctx, node, processColumns())
	if !ok {
		return nil, at, false
	}
	m.cut(node, "process_list", r)
	rows = make([]Process, len(f.Live))
	for i, slot := range f.Live {
		fill(&rows[i], f, slot)
	}
	return rows, f.At, true
}

func fill(p *Process, f *archive.Frame, slot int32) {
	said := texts(p)
	for i, to := range said {
		*to = f.Columns[i].Text(slot)
	}
	for i, to := range numbers(p) {
		*to, _ = f.Columns[len(said)+i].Int(slot)
	}
}
