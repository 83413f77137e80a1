package bottleneck

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// full judges a mailbox that stands at one number of messages, while deliveries
// fail: a bounded one is full and refuses what comes. Its bound is that number,
// where nobody asked for it.
func full(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	for _, e := range a.Episodes {
		refused := refusedDuring(s, a, e)
		if !flat(e) || refused.more < leastRefused {
			continue
		}
		return mailboxFull(ctx, s, a, e, refused)
	}
	return nil, nil
}

// leastRefused are the failed deliveries that make a full mailbox a fault.
const leastRefused = 10

// flat reports whether a mailbox stands at its deepest most of the time, but for the few
// messages that were taken or came just then: one that is not bounded sinks and rises.
func flat(e *work.Episode) bool {
	const (
		deep = 10               // messages, at least
		long = 10 * time.Second // at least
		near = 0.95
	)
	if e.Worst.Mailbox < deep || e.End.Sub(e.Points[0].At) < long || len(e.Points) < 5 {
		return false
	}
	top := 0
	for _, p := range e.Points {
		if float64(p.Mailbox) >= near*float64(e.Worst.Mailbox) || e.Worst.Mailbox-p.Mailbox <= work.FewWait {
			top++
		}
	}
	return 10*top >= 6*len(e.Points)
}

// A refusal is how many deliveries failed on a node while a mailbox stood.
type refusal struct {
	more           float64 // beyond those that failed before
	node           *scene.Node
	field          string
	before, during series.Series // of the node's count
}

// refusedDuring is where most deliveries failed while the mailbox stood.
func refusedDuring(s *scene.Scene, a *scene.Actor, e *work.Episode) refusal {
	var most refusal
	count := func(n *scene.Node, field string) {
		counted := n.Series(ergo.Node, field)
		r := refusal{node: n, field: field, before: counted.Before(e.Points[0].At), during: counted.Between(e.Points[0].At, e.End.Add(time.Second))}
		grown, span := series.Increase(r.during, n.Starts...)
		before, over := series.Increase(r.before, n.Starts...)
		r.more = grown
		if over > 0 {
			r.more -= 2 * before / over * span
		}
		if r.more > most.more {
			most = r
		}
	}
	count(a.Node, "SendErrorsLocal")
	for _, n := range s.Nodes {
		if n != a.Node {
			count(n, "SendErrorsRemote")
		}
	}
	return most
}

// evidence is what the node counted before and meanwhile.
func (r refusal) evidence() finding.Evidence {
	from, to := r.during.T[0], r.during.T[r.during.Len()-1]
	e := finding.Evidence{What: "deliveries that failed", Node: r.node.Name, Tool: "node_info", Field: r.field, From: &from, To: &to}
	grown, span := series.Increase(r.during, r.node.Starts...)
	e.Value("failed", grown, r.node.Over("node_info", r.during).Of("increase("+r.field+")"))
	if span > 0 {
		e.Value("failed_per_s.since", grown/span, r.node.Over("node_info", r.during).Of("rate("+r.field+")"))
	}
	if before, over := series.Increase(r.before, r.node.Starts...); over > 0 {
		e.Value("failed_per_s.before", before/over, r.node.Over("node_info", r.before).Of("rate("+r.field+")"))
	}
	return e
}

func mailboxFull(ctx context.Context, s *scene.Scene, a *scene.Actor, e *work.Episode, refused refusal) (*finding.Finding, error) {
	b := backlogOf(a, e)
	before, first := b.began()
	onset, off, err := riseOf(ctx, s, &b, before, first)
	if err != nil {
		return nil, err
	}
	was, now := paceBetween(a.Begin, before), paceBetween(first, e.Points[len(e.Points)-1])
	from, to := first.At, e.End
	failed, _ := series.Increase(refused.during, refused.node.Starts...)
	f := &finding.Finding{
		Kind: finding.MailboxFull, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.MailboxFull, refused.more), Confidence: finding.Medium,
		Title: fmt.Sprintf("the mailbox of %s on %s is full at %d messages, and refuses more", a.Called(), a.Node.Name, e.Worst.Mailbox),
		Summary: fmt.Sprintf("Up to %d messages have stood in its mailbox, and as deep as that most of the time, while %s more deliveries failed by %s of %s. It handles %s messages a second.",
			e.Worst.Mailbox, finding.Number(failed), refused.field, refused.node.Name, finding.Number(now.handled)),
		Recommendation: "Slow the senders, make the callback cheaper, or spread the work over a pool; a larger mailbox only delays it.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s: MailboxSize", a.Node.Name, a.Pid)},
		Caveats:        []string{"That the mailbox is bounded is told by its depth, which stands; MailboxSize in process_info would settle it."},
		Evidence: []finding.Evidence{{
			What: "messages waiting", Node: a.Node.Name, Tool: "process_list", Field: "MessagesMailbox", From: &from, To: &to,
			Series: mailboxSeries(a, from),
		}},
	}
	if err := tellBound(ctx, s, a, f, e.Worst.Mailbox, from, to); err != nil {
		return nil, err
	}
	rows, last := a.Rows(from, to), e.Points[len(e.Points)-1]
	f.Evidence[0].Value("mailbox", e.Worst.Mailbox, rows.Of("max(MessagesMailbox)"))
	f.Evidence[0].Value("handled_per_s", now.handled, rows.Between(from, last.At).Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
	f.Evidence = append(f.Evidence, refused.evidence())
	if slower(was, now) {
		f.Facts = append(f.Facts, finding.Dearer)
	}
	if !e.Open {
		end := e.End
		f.End = &end
		f.Summary += b.ended()
	}
	if before.At.IsZero() {
		f.Summary += " It was so when the recording of it began."
		f.Facts = append(f.Facts, finding.Older)
	}
	senders, err := feeders(ctx, s, a, onset)
	if err != nil {
		return nil, err
	}
	tellFeeders(f, senders, now.handled-was.handled, onset)
	return f, nil
}
