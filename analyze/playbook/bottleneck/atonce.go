package bottleneck

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
)

// cameAtOnce reports whether a backlog is a batch: nearly all of it came within a moment, beyond what
// comes otherwise, and is worked off since. A process that is too slow for what comes
// steadily has no more arrivals than before; one that gets too much goes on getting it.
func (b *backlog) cameAtOnce(was, now pace, before work.Point) bool {
	const nearlyAll = 0.8
	if before.At.IsZero() || !b.drained() || outruns(now) || b.cameWithin(before) > max(b.actor.Node.Interval, work.CallTimeout) {
		return false
	}
	rose := b.Worst.At.Sub(before.At)
	beyond := float64(b.Worst.In-before.In) - was.arrived*rose.Seconds()
	return b.Worst.Mailbox > work.FewWait && beyond >= nearlyAll*float64(b.Worst.Mailbox)
}

// cameWithin is the time in which all that waited at the worst came: no longer than its oldest had
// waited, nor than since the last row before.
func (b *backlog) cameWithin(before work.Point) time.Duration {
	rose := b.Worst.At.Sub(before.At)
	if b.Worst.Latency > 0 {
		return min(rose, time.Duration(b.Worst.Latency))
	}
	return rose
}

// atOnce words a backlog that came at once and was worked off: load, and a note, unless messages waited
// for so long that whoever else sends to the process notices, or somebody was hurt by it.
func (b *backlog) atOnce(f *finding.Finding, was, now pace, before work.Point) {
	const noticed = time.Minute // who sends a batch counts on its waiting: how long it takes is how large it is
	a, within := b.actor, b.cameWithin(before)
	if b.peak() < noticed.Seconds() {
		f.Score = min(f.Score, finding.Note)
	}
	f.Title = fmt.Sprintf("%s on %s got %d messages at once, and worked them off", a.Called(), a.Node.Name, b.Worst.Mailbox)
	f.Summary = fmt.Sprintf("At %s %d messages waited, which had come within %s; it handled %s a second, and the oldest waited for %s. The mailbox drained again.",
		finding.Clock(b.Worst.At), b.Worst.Mailbox, finding.Duration(within), finding.Number(now.handled), finding.Seconds(b.peak()))
	if slower(was, now) {
		f.Facts = append(f.Facts, finding.Dearer, finding.Saturated)
		f.Summary += fmt.Sprintf(" Each message took %s, before %s.", finding.Seconds(1/now.handled), finding.Seconds(was.service))
	}
	f.Recommendation = "If messages may not wait for so long, let whoever sends that many at once send them in parts, or spread the work over a pool."
	if b.Worst.Latency > 0 && within == time.Duration(b.Worst.Latency) {
		f.Evidence[0].Value("came_within_s", within.Seconds(), a.Rows(b.Worst.At, b.Worst.At).Of("last(MailboxLatency) / 1e9"))
	} else {
		f.Evidence[0].Value("came_within_s", within.Seconds(), a.Rows(before.At, b.Worst.At).Of("span(MessagesIn)"))
	}
	f.Evidence[0].Value("most_waited_at", b.Worst.At.UTC().Format(time.RFC3339Nano), a.Rows(b.Worst.At, b.Worst.At).Of("last(at)"))
	end := b.End
	f.End = &end
}
