package bottleneck

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// full judges a mailbox that stands at one number of messages, while deliveries
// fail: a bounded one is full and refuses what comes. Its bound is that number,
// where nobody asked for it.
func full(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	for _, e := range a.Episodes {
		refused, where := refusedDuring(s, a, e)
		if !flat(e) || refused < leastRefused {
			continue
		}
		return mailboxFull(ctx, s, a, e, refused, where)
	}
	return nil, nil
}

// leastRefused are the failed deliveries that make a full mailbox a fault.
const leastRefused = 10

// flat reports whether a mailbox stands at its deepest most of the time: one
// that is not bounded sinks and rises.
func flat(e *scene.Episode) bool {
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
		if float64(p.Mailbox) >= near*float64(e.Worst.Mailbox) {
			top++
		}
	}
	return 10*top >= 6*len(e.Points)
}

// refusedDuring is how many deliveries failed while the mailbox stood, beyond
// those before, and on which node they were counted.
func refusedDuring(s *scene.Scene, a *scene.Actor, e *scene.Episode) (float64, string) {
	most, where := 0.0, ""
	count := func(n *scene.Node, field string) {
		counted := n.Series(ergo.Node, field)
		during, span := series.Increase(counted.Between(e.Points[0].At, e.End.Add(time.Second)), n.Starts...)
		before, over := series.Increase(counted.Before(e.Points[0].At), n.Starts...)
		if over > 0 {
			during -= 2 * before / over * span
		}
		if during > most {
			most, where = during, field+" of "+n.Name
		}
	}
	count(a.Node, "SendErrorsLocal")
	for _, n := range s.Nodes {
		if n != a.Node {
			count(n, "SendErrorsRemote")
		}
	}
	return most, where
}

func mailboxFull(ctx context.Context, s *scene.Scene, a *scene.Actor, e *scene.Episode, refused float64, where string) (*finding.Finding, error) {
	b := backlogOf(a, e)
	before, first := b.began()
	onset, off, err := riseOf(ctx, s, &b, before, first)
	if err != nil {
		return nil, err
	}
	was, now := paceBetween(a.Begin, before), paceBetween(first, e.Points[len(e.Points)-1])
	from, to := first.At, e.End
	f := &finding.Finding{
		Kind: finding.MailboxFull, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.MailboxFull, refused), Confidence: finding.Medium,
		Title: fmt.Sprintf("the mailbox of %s on %s is full at %d messages, and refuses more", a.Called(), a.Node.Name, e.Worst.Mailbox),
		Summary: fmt.Sprintf("Its mailbox has stood at %d messages, while %s grew by %s more than before. It handles %s messages a second.",
			e.Worst.Mailbox, where, finding.Number(refused), finding.Number(now.handled)),
		Recommendation: "Slow the senders, make the callback cheaper, or spread the work over a pool; a larger mailbox only delays it.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s: MailboxSize", a.Node.Name, a.Pid)},
		Caveats:        []string{"That the mailbox is bounded is told by its depth, which stands; MailboxSize in process_info would settle it."},
		Evidence: []finding.Evidence{{
			What: "messages waiting", Node: a.Node.Name, Tool: "process_list", Field: "MessagesMailbox", From: &from, To: &to,
			Values: map[string]any{"mailbox": e.Worst.Mailbox}, Series: mailboxSeries(a, from),
		}},
	}
	if slower(was, now) {
		f.Facts = append(f.Facts, finding.Dearer)
	}
	if !e.Open {
		end := e.End
		f.End = &end
		f.Summary += " The mailbox drained again."
	}
	if before.At.IsZero() {
		f.Summary += " It was so when the recording of it began."
	}
	senders, err := feeders(ctx, s, a, onset)
	if err != nil {
		return nil, err
	}
	tellFeeders(f, senders, now.handled-was.handled, onset)
	return f, nil
}
