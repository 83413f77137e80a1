package bottleneck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
)

// A dry process is one to which a steady stream of messages came, and then next
// to none, for good or for a while.
type dry struct {
	actor *scene.Actor
	since time.Time
	until time.Time // it was seen to last
	over  bool
	off   time.Duration
	rate  float64 // messages a second before
	sent  float64 // that it sent itself then
	again float64 // messages a second since it was over
}

func (d dry) quiet() time.Duration { return d.until.Sub(d.since) }

// dried finds the processes that are at rest for far longer than they ever
// were, while hundreds of messages would have come. Those that got them from one
// that dried up as well follow from that one. Of those whose behavior makes it a habit
// it is open whether somebody stopped feeding them.
func dried(ctx context.Context, s *scene.Scene, n *scene.Node, found []*finding.Finding) (out []*finding.Finding, open string, err error) {
	var all []dry
	told := map[string]bool{}
	for _, f := range found {
		told[f.Subject.PID] = true
	}
	usually, err := habits(s)
	if err != nil {
		return nil, "", err
	}
	var usual []dry
	for _, a := range n.Procs.Actors {
		switch d, ok := ranDry(a); {
		case !ok || told[a.Pid]:
		case habitual(pause{a, d.since, d.quiet()}, d.over, usually[a.Behavior]):
			usual = append(usual, d)
		default:
			all = append(all, d)
		}
	}
	if len(usual) > 0 {
		d := slices.MaxFunc(usual, func(x, y dry) int { return cmp.Compare(x.quiet(), y.quiet()) })
		open = fmt.Sprintf("next to no messages came to %d of its processes for up to %s (%s of %s), as to others of the same behavior at moments of their own: whether somebody stopped feeding them cannot be told",
			len(usual), finding.Duration(d.quiet()), d.actor.Pid, d.actor.Behavior)
	}
	// Who sends on what he gets stands above those that only get.
	slices.SortStableFunc(all, func(x, y dry) int { return cmp.Compare(y.sent, x.sent) })
	for _, d := range all {
		f := d.finding()
		if i := slices.IndexFunc(out, func(up *finding.Finding) bool {
			return up.Cause == nil && up.Onset.Sub(f.Onset).Abs() <= d.off+time.Second
		}); i >= 0 {
			f.FollowsFrom(out[i], "the stream to both ended at one moment")
		} else if err := tellWhoStopped(ctx, s, d, f); err != nil {
			return nil, "", err
		}
		out = append(out, f)
	}
	inTurn(out)
	return out, open, nil
}

func ranDry(a *scene.Actor) (dry, bool) {
	const (
		longer = 5                // times as long as it was ever quiet before
		steady = 10               // listings of a stream, at least
		least  = 10 * time.Second // quiet
		missed = 100              // messages that would have come
	)
	if a.Own() || a.Gone || a.Stream.Rose {
		return dry{}, false
	}
	step := max(a.Node.Interval, time.Second)
	try := func(from work.Point, until time.Time, usual time.Duration, over bool) (dry, bool) {
		d := dry{actor: a, since: from.At, until: until, over: over, off: step}
		lasted := from.At.Sub(a.Begin.At)
		if lasted < steady*step || lasted < 3*least || d.quiet() < least || d.quiet() < longer*max(usual, step) || 2*listed(a.Node, from.At, until) < int(d.quiet()/step) {
			return dry{}, false
		}
		d.rate = float64(from.In-a.Begin.In) / lasted.Seconds()
		d.sent = float64(from.Out-a.Begin.Out) / lasted.Seconds()
		if a.Node.IsPool(a) {
			d.sent *= 0.8 // to its workers, as much as it gets: who feeds it sends as much, and stands above it
		}
		return d, d.rate*d.quiet().Seconds() >= missed
	}
	cut := 2*a.Node.Procs.Lacking > len(a.Node.Procs.Listings) // who is not shown is no more known to be quiet
	if a.Rests() && !cut {
		if d, ok := try(a.Stream.Last, a.Last, a.Stream.Longest, false); ok {
			return d, true
		}
	}
	p := a.Stream.Pause
	d, ok := try(p.From, p.To.At, p.Next, true)
	if ok {
		d.goesOn(cut)
	}
	return d, ok
}

// goesOn looks at what came after a pause: how much, and whether it is over at all. A few messages
// after it, such as of somebody who looks at the process, are next to none too.
func (d *dry) goesOn(cut bool) {
	const few = 0.1 // of what came before
	p, now := d.actor.Stream.Pause, d.actor.Now()
	d.again = float64(now.In-p.To.In) / max(now.At.Sub(p.To.At).Seconds(), 1e-3)
	if since := float64(now.In-p.From.In) / max(now.At.Sub(p.From.At).Seconds(), 1e-3); !cut && since < few*d.rate && d.again < few*d.rate {
		d.until, d.over = now.At, false
	}
}

func (d dry) finding() *finding.Finding {
	a, from, to := d.actor, d.since, d.until
	missing := d.rate * d.quiet().Seconds()
	f := &finding.Finding{
		Kind: finding.TrafficStopped, Subject: a.Subject(d.since), Onset: d.since, OnsetErrorS: d.off.Seconds(),
		Score: finding.Score(finding.TrafficStopped, missing), Confidence: finding.Medium, Harm: finding.Harm{finding.TrafficStopped: missing},
		Title: fmt.Sprintf("next to no messages come to %s on %s any more", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("Until %s %s messages a second came to it; since then, for %s, next to none: in the recording it was never quiet for so long. Nothing waits: whoever feeds it stopped.",
			finding.Clock(d.since), finding.Number(d.rate), finding.Duration(d.quiet())),
		Recommendation: "Look at what feeds it: a process, a connection, a subscription. A stream that is meant to end is no fault.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s, twice: MessagesIn", a.Node.Name, a.Pid)},
		Caveats:        []string{"Whether the stream was meant to end is not in the recording."},
		Evidence: []finding.Evidence{{
			What: "messages that came", Node: a.Node.Name, Tool: "process_list", Field: "MessagesIn", From: &from, To: &to,
			Records: []string{finding.RecordName(a.Node.Name, "process_list", from), finding.RecordName(a.Node.Name, "process_list", to)},
		}},
	}
	e, before, quiet := &f.Evidence[0], a.Rows(a.Begin.At, from), a.Rows(from, to)
	e.Value("per_s_before", d.rate, before.Of("change(MessagesIn) / span(MessagesIn)"))
	e.Value("quiet_s", d.quiet().Seconds(), quiet.Of("seconds("+finding.Instant(from)+", "+finding.Instant(to)+")"))
	e.Value("missing", missing, before.Of(fmt.Sprintf("change(MessagesIn) / span(MessagesIn) * %v", d.quiet().Seconds())))
	if d.over {
		f.End = &to
		f.Score = min(f.Score, finding.Paused)
		f.Title = fmt.Sprintf("next to no messages came to %s on %s for %s", a.Called(), a.Node.Name, finding.Duration(d.quiet()))
		f.Summary = fmt.Sprintf("Until %s %s messages a second came to it, then next to none for %s, far longer than otherwise; since then %s a second come. Nothing waited: whoever feeds it had stopped.",
			finding.Clock(d.since), finding.Number(d.rate), finding.Duration(d.quiet()), finding.Number(d.again))
		e.Value("per_s_since", d.again, a.Rows(to, a.Now().At).Of("change(MessagesIn) / span(MessagesIn)"))
		f.Caveats = []string{"Whether the stream was meant to pause is not in the recording."}
	}
	return f
}

// tellWhoStopped names the processes that send less since then, if there are
// some that send clearly less.
func tellWhoStopped(ctx context.Context, s *scene.Scene, d dry, f *finding.Finding) error {
	all, err := stoppers(ctx, s, d.actor, d.since, d.rate/2)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		f.Caveats = append(f.Caveats, "No process of the recorded nodes sends less since then: what fed it is none of them, or a meta process.")
		return nil
	}
	e := finding.Evidence{What: "who sends less since then", Node: f.Subject.Node, Tool: "process_list", Field: "MessagesOut", From: &f.Onset}
	for _, x := range all {
		e.Lines = append(e.Lines, fmt.Sprintf("%s %s on %s: %s a second, %s before", x.who, x.pid, x.node, finding.Number(x.sent[1]), finding.Number(x.sent[0])))
		if x.node != f.Subject.Node && f.Subject.Peer == "" {
			f.Subject.Peer = x.node
		}
	}
	f.Evidence = append(f.Evidence, e)
	return nil
}
