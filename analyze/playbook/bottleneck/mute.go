package bottleneck

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// tellMute says of a finding about one who waits for replies which process goes on
// getting messages and sends next to none since then, if there is one: it takes calls, and does
// not answer them. Nothing waits for it, so that no other finding tells.
func tellMute(ctx context.Context, s *scene.Scene, a *scene.Actor, f *finding.Finding) error {
	if f == nil || !f.Is(finding.Waits) || f.Score < finding.ScoreWarning {
		return nil
	}
	from, until := f.Onset.Add(-20*a.Node.Interval), series.Earlier(s.To, f.Onset.Add(20*a.Node.Interval))
	if f.End != nil {
		until = series.Earlier(until, *f.End)
	}
	var all []feeder
	for _, n := range s.Nodes {
		w, err := swingsAt(ctx, s, n, from, until, f.Onset)
		if err != nil {
			return err
		}
		for _, x := range w.fell {
			if who := n.Procs.Known[x.pid]; x.mute() && who != nil && who != a && !who.Notable() {
				all = append(all, x)
			}
		}
	}
	if len(all) != 1 {
		return nil
	}
	x := all[0]
	f.Subject.Peer = x.node
	f.Summary += fmt.Sprintf(" Since then %s %s on %s gets %s messages a second and sends %s, where it sent %s before: perhaps it is the one that does not answer.",
		x.who, x.pid, x.node, finding.Number(x.got[1]), finding.Number(x.sent[1]), finding.Number(x.sent[0]))
	f.Recommendation = fmt.Sprintf("Look at %s on %s: it takes messages and seems to answer none. See whether its callback returns a reply, or keeps the caller's reference for later and forgets it.", x.who, x.node)
	f.Evidence = append(f.Evidence, finding.Evidence{What: "who gets messages and sends none since then", Node: x.node, Tool: "process_list", Field: "MessagesOut", From: &x.over[1].From, To: &x.over[1].To})
	e := &f.Evidence[len(f.Evidence)-1]
	for i, when := range []string{"before", "after"} {
		rows := finding.Source{Tool: "process_list", Node: x.node, Row: x.pid, From: x.over[i].From, To: x.over[i].To}
		e.Value("sends_per_s."+when, x.sent[i], rows.Of("change(MessagesOut) / span(MessagesOut)"))
		e.Value("gets_per_s."+when, x.got[i], rows.Of("change(MessagesIn) / span(MessagesIn)"))
	}
	return nil
}

// mute reports whether a process sent at least every other time that it got something, as
// who answers does, and goes on getting messages and sends next to nothing since. It gets
// fewer: who waits for an answer sends no more.
func (f feeder) mute() bool {
	const some = 5 // messages that it would have answered: fewer may be others
	return f.sent[0] >= f.got[0]/2 && f.sent[1] <= min(f.sent[0], f.got[1])/20 &&
		f.got[1]*f.over[1].To.Sub(f.over[1].From).Seconds() >= some
}
