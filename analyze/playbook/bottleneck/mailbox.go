package bottleneck

import (
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// mailboxGrowth judges a mailbox that is not late yet, but grows.
func mailboxGrowth(b *backlog) (*finding.Finding, error) {
	a := b.actor
	var depth series.Series
	for _, p := range b.Points {
		depth.Add(p.At, float64(p.Mailbox))
	}
	const enough = 12 // samples of a trend that is worth a forecast
	if !b.growing() || depth.Len() < enough || b.Worst.Mailbox < enough {
		return nil, nil
	}
	trend, err := series.MannKendall(depth)
	if err != nil || !trend.Rises(0.001) {
		return nil, nil
	}
	slope, err := series.TheilSen(depth)
	if err != nil || !slope.Grows() {
		return nil, nil
	}
	before, first := b.began()
	onset, off := series.Middle(before.At, first.At)
	if before.At.IsZero() {
		onset, off = first.At, a.Node.Interval
	}
	f := &finding.Finding{
		Kind: finding.MailboxGrowth, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Note, Confidence: finding.Medium,
		Title:          fmt.Sprintf("the mailbox of %s on %s grows steadily", a.Called(), a.Node.Name),
		Summary:        fmt.Sprintf("It holds %d messages and gains %s a second; the oldest waits for %s so far.", b.Worst.Mailbox, finding.Number(slope.PerSecond), finding.Seconds(b.peak())),
		Recommendation: "See what feeds the process and what it does per message before it falls behind for good.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid)},
	}
	from, to := first.At, b.End
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "messages waiting", Node: a.Node.Name, Tool: "process_list", Field: "MessagesMailbox", From: &from, To: &to,
		Series: finding.Chart("messages", depth),
	})
	e, all := &f.Evidence[0], a.Rows(b.Points[0].At, b.Points[len(b.Points)-1].At)
	e.Value("per_s", slope.PerSecond, all.Of("slope(MessagesMailbox)"))
	e.Value("mailbox", b.Worst.Mailbox, a.Rows(b.Worst.At, b.Worst.At).Of("last(MessagesMailbox)"))
	e.Value("oldest_message_s", b.peak(), all.Of("max("+b.formula()+")"))
	if age, err := series.TheilSen(b.age); err == nil {
		if fc, err := series.Reach(age, b.End, work.CallTimeout.Seconds()); err == nil {
			f.Summary += fmt.Sprintf(" At this pace the oldest message will wait for the call time-out of 5 s at %s (between %s and %s).",
				finding.Clock(fc.Expected), finding.Clock(fc.Earliest), finding.Clock(fc.Latest))
			f.Score = finding.Score(finding.MailboxGrowth, fc.Expected.Sub(b.End).Seconds())
		}
	}
	return f, nil
}
