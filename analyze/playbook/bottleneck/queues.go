package bottleneck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// tellBound adds the bound of a mailbox, where somebody asked for it while it was
// full: then that it is bounded is known.
func tellBound(ctx context.Context, s *scene.Scene, a *scene.Actor, f *finding.Finding, depth int64, from, to time.Time) error {
	all, err := s.Mailboxes(ctx, a, s.From, to.Add(s.Usual(a.Node)))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m scene.Mailbox) bool { return m.Size > 0 })
	if i < 0 || depth < all[i].Size*9/10 {
		return nil
	}
	f.Confidence, f.Caveats = finding.High, nil
	f.Summary += fmt.Sprintf(" Its mailbox holds %d messages.", all[i].Size)
	e := finding.Evidence{What: "messages that its mailbox holds", Node: a.Node.Name, Tool: "process_info", Field: "MailboxSize", From: &from, To: &to}
	asked := finding.Source{Tool: "process_info", Node: a.Node.Name, Row: a.Pid, From: all[i].At, To: all[i].At}
	e.Value("size", all[i].Size, asked.Of("last(MailboxSize)"))
	f.Evidence = append(f.Evidence, e)
	return nil
}

// tellQueues says where the messages of a process wait that falls behind, if
// somebody asked: in the main queue, or in those that go before it, while what is in
// the main one is not taken at all.
func tellQueues(ctx context.Context, s *scene.Scene, a *scene.Actor, f *finding.Finding, from, to time.Time) error {
	all, err := s.Mailboxes(ctx, a, from, to)
	if err != nil || len(all) == 0 {
		return err
	}
	m := all[len(all)-1]
	q := m.Queues
	before := q.Urgent + q.System
	if before == 0 || q.Main == 0 || before < q.Main/10 {
		return nil
	}
	f.Summary += fmt.Sprintf(" At %s %d of its messages waited in the urgent and the system queue and %d in the main one, which is taken only when those are empty: its main queue is starved.",
		finding.Clock(m.At), before, q.Main)
	f.Recommendation = "Find who sends it urgent messages, and let only what must go first be urgent: the main queue is taken when no other waits. " + f.Recommendation
	e := finding.Evidence{
		What: "messages in its queues", Node: a.Node.Name, Tool: "process_info", Field: "MailboxQueues", From: &m.At, To: &m.At,
		Lines: []string{fmt.Sprintf("urgent %d, system %d, main %d, log %d", q.Urgent, q.System, q.Main, q.Log)},
	}
	asked := finding.Source{Tool: "process_info", Node: a.Node.Name, Row: a.Pid, From: m.At, To: m.At}
	e.Value("before_main", before, asked.Of("last(part(MailboxQueues, 'Urgent') + part(MailboxQueues, 'System'))"))
	e.Value("main", q.Main, asked.Of("last(part(MailboxQueues, 'Main'))"))
	if q.LatencyMain > 0 {
		e.Lines = append(e.Lines, fmt.Sprintf("the oldest waits for %s in the main queue, for %s in the urgent one",
			finding.Duration(time.Duration(q.LatencyMain)), finding.Duration(time.Duration(q.LatencyUrgent))))
	}
	f.Evidence = append(f.Evidence, e)
	return nil
}
