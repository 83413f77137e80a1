package bottleneck

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
)

// glimpsed judges a process of which the listings are too far apart to see it stand still
// for long: one of them tells it all the same, by how long it has been in its state and
// how long its oldest message has waited.
func glimpsed(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	st := a.Glimpses.Worst
	if st == nil || st.To.Mailbox <= work.FewWait {
		return nil, nil
	}
	is, err := stood(ctx, s, a, st)
	if err != nil || is.lasted < work.CallTimeout || st.State == work.Waiting && is.lasted <= work.CallTimeout*6/5 {
		return nil, err
	}
	onset, off := is.at, is.off
	if first := a.Glimpses.First; first != st {
		was, err := stood(ctx, s, a, first)
		if err != nil {
			return nil, err
		}
		if was.lasted >= work.MinStall {
			onset, off = was.at, was.off
		}
	}
	f := glimpse(a, st, is, onset, off)
	if end := a.Glimpses.Ended(s.To); !end.IsZero() {
		f.End = &end
	}
	stack, err := s.LastStack(ctx, a, onset, st.To.At)
	if err != nil {
		return nil, err
	}
	s.TellStack(f, a, stack)
	return f, nil
}

// A standstill is since when and for how long a process stands still in a listing.
type standstill struct {
	at     time.Time
	off    time.Duration // how far off that may be
	lasted time.Duration
	exact  bool // the node itself says for how long it has been in its state
}

// stood is since when and for how long a process stands still in a listing; 0 where it may
// have worked meanwhile. Who has done more than one callback since it woke up has taken
// messages: the oldest that waits is younger than that.
func stood(ctx context.Context, s *scene.Scene, a *scene.Actor, st *work.Stall) (standstill, error) {
	began, err := s.StallBegan(ctx, a, st)
	if err != nil {
		return standstill{}, err
	}
	d, oldest := began.Lasted(st), time.Duration(st.To.Latency)
	switch {
	case oldest < 0:
		oldest = d // not told, and then nothing but the state tells
	case !began.Exact:
		d = oldest
	}
	if oldest < d*4/5 || oldest <= 0 || !a.StoodStill(st, oldest) {
		return standstill{}, nil
	}
	return standstill{began.At, began.Off, d, began.Exact}, nil
}

// told is for how long, in words: nothing where only the age of a message tells it.
func (is standstill) told() string {
	if !is.exact {
		return ""
	}
	return " for " + finding.Duration(is.lasted)
}

// glimpse is the finding about a standstill that is told by single listings.
func glimpse(a *scene.Actor, st *work.Stall, is standstill, onset time.Time, off time.Duration) *finding.Finding {
	f := &finding.Finding{
		Kind: finding.BlockedCallback, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(), Confidence: finding.Medium,
		Title:          fmt.Sprintf("%s on %s is blocked inside a callback", a.Called(), a.Node.Name),
		Recommendation: "Find what the callback waits for (a lock, a channel, a system call) and bound it with a time-out, or move it to a meta process.",
		Confirm: []string{
			fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.Node.Name, scene.TypeName(a.Behavior)),
		},
	}
	doing := "at work without a rest" // one callback, or several that take long
	if !is.exact {
		doing = "at work"
	}
	if st.State == work.Waiting {
		f.Kind, f.Facts, doing = finding.StuckCall, []finding.Fact{finding.Waits}, "waiting for a response"
		f.Title = fmt.Sprintf("%s on %s waits for a reply that does not come", a.Called(), a.Node.Name)
		f.Recommendation = "Look at the process it calls: that one is stuck, too slow, or calls back. Give the call a time-out, and break call cycles with a message."
	}
	f.Score = finding.Score(f.Kind, waited(is.lasted, st.To.Mailbox))
	f.AtMost(finding.Unsure)
	f.Summary = fmt.Sprintf("The listing of %s shows it %s%s; %d messages wait", finding.Clock(st.To.At), doing, is.told(), st.To.Mailbox)
	if st.To.Latency > 0 {
		f.Summary += fmt.Sprintf(", the oldest for %s", finding.Duration(time.Duration(st.To.Latency)))
	}
	f.Summary += "."
	f.Caveats = append(f.Caveats, fmt.Sprintf("Listings are %s apart: what it does between two of them is not known.", finding.Duration(a.Node.Interval)))
	if n := a.Glimpses.Late; n > 1 {
		f.Summary += fmt.Sprintf(" In %d listings the oldest of its messages had waited for %s or longer.", n, finding.Duration(work.CallTimeout))
	}
	at := st.To.At
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: doing + ", while messages wait", Node: a.Node.Name, Tool: "process_list", Field: "StateTime, MailboxLatency", From: &at, To: &at,
		Records: []string{finding.RecordName(a.Node.Name, "process_list", at)}, Series: mailboxSeries(a, onset),
	})
	e, row := &f.Evidence[0], a.Rows(at, at)
	e.Value("state", st.State.String(), row.Of("last(State)"))
	e.Value("for_s", is.lasted.Seconds(), row.Of("seconds("+finding.Instant(at.Add(-is.lasted))+", last(at))"))
	e.Value("mailbox", st.To.Mailbox, row.Of("last(MessagesMailbox)"))
	if st.To.Latency > 0 {
		e.Value("oldest_message_s", float64(st.To.Latency)/1e9, row.Of("last(MailboxLatency) / 1e9"))
	}
	e.Value("handled_since_the_listing_before", st.To.Handled()-st.Progress.Handled(), a.Rows(st.Progress.At, at).Of("change(MessagesIn - MessagesMailbox)"))
	if a.Glimpses.Late > 1 {
		e.Value("each_at_least_s", work.CallTimeout.Seconds(), row.Of(finding.Number(work.CallTimeout.Seconds())))
		e.Value("listings", a.Glimpses.Late, a.Rows(a.First, a.Last).Of(fmt.Sprintf("sum((1 - is(State, 'sleep')) * least(floor(MailboxLatency / %d), 1))", int64(work.CallTimeout))))
	}
	return f
}
