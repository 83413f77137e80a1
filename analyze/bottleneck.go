package analyze

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/replay"
)

const (
	// callTimeout is the framework's default time-out of a synchronous call.
	// Who does not take a message for that long fails every caller.
	callTimeout = 5 * time.Second
	// lateAge is the age of the oldest message, in seconds, from which a
	// mailbox counts as overloaded: a fifth of the call time-out. Below it, a
	// backlog matters only if it grows.
	lateAge = 1.0
)

// bottleneck looks for processes whose messages wait: because a callback does
// not return, because it waits for another process, or because more arrives
// than is handled.
//
// Windowed liveness decides: the messages handled, the callbacks ended and the
// age of the oldest message between listings. The upstream formula, over the
// whole life of the process, is reported beside it.
func bottleneck(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		if len(n.procs.listings) < 3 {
			v.skip("%s: %s", n.Name, n.procs.missing())
			continue
		}
		if n.Latency == replay.No {
			v.skip("%s was built without -tags=latency: the age of the oldest message is estimated from the mailbox and the rate of handling; the tag would sharpen it", n.Name)
		}
		found, err := s.waitingOn(ctx, n)
		if err != nil {
			return err
		}
		for _, f := range found {
			v.find(f)
		}
		if len(found) == 0 {
			v.fine("%s: no process of %d had messages waiting for long, over %d listings", n.Name, len(n.procs.actors), len(n.procs.listings))
		}
	}
	return nil
}

// waitingOn are the findings of one node.
func (s *scene) waitingOn(ctx context.Context, n *node) ([]*Finding, error) {
	var found []*Finding
	for _, a := range n.procs.actors {
		if a.own() {
			continue
		}
		f, err := s.suspect(ctx, a)
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, f)
		}
	}
	over := s.overflows(n, found)
	return append(append(found, over...), s.together(n, found)...), nil
}

// suspect is the finding about one process, nil where there is nothing to say.
// A process that stands still is told by that, whatever its mailbox does.
func (s *scene) suspect(ctx context.Context, a *actor) (*Finding, error) {
	if st := a.longest(waiting); st != nil {
		if f, err := s.stuckCall(ctx, a, st); f != nil || err != nil {
			return f, err
		}
	}
	if st := a.longest(running, otherState); st != nil {
		if f, err := s.blocked(ctx, a, st); f != nil || err != nil {
			return f, err
		}
	}
	if a.zombie() != nil {
		return nil, nil // another playbook's
	}
	return s.overloaded(ctx, a)
}

// longest is the longest stall in one of the states; one that lasts to the end
// of the window goes before others.
func (a *actor) longest(states ...procState) *stall {
	var best *stall
	for _, st := range a.stalls {
		if !slices.Contains(states, st.state) {
			continue
		}
		if best == nil || st.open && !best.open || st.open == best.open && st.lasted() > best.lasted() {
			best = st
		}
	}
	return best
}

// habitual reports whether the process stands still like that time and again,
// from early on, and no longer now than otherwise: then it is its way of
// working.
func (a *actor) habitual(st *stall) bool {
	var like []float64
	early := false
	for _, o := range a.stalls {
		if o != st && o.state == st.state && !o.open {
			like = append(like, o.lasted().Seconds())
			early = early || o.from.at.Sub(a.first) < st.from.at.Sub(a.first)/2
		}
	}
	return len(like) >= 3 && early && st.lasted().Seconds() < 2*series.Median(like)
}

// A start is when a stall began.
type start struct {
	at    time.Time
	off   time.Duration
	exact bool // the node itself said since when
}

// lasted is for how long the process stood still at least.
func (b start) lasted(st *stall) time.Duration {
	if b.exact {
		return st.to.at.Sub(b.at)
	}
	return st.lasted()
}

// since is when the process last did something before a stall: by the node's
// own StateTime, else by the age of the oldest message, else between the last
// listing that shows work done and the first of the stall.
func (s *scene) since(ctx context.Context, a *actor, st *stall) (start, error) {
	lower := st.progress.at
	if lower.IsZero() {
		lower = st.from.at
	}
	rows, err := s.zoom(ctx, a.node, lower, st.from.at.Add(2*a.node.interval), a.pid)
	if err != nil {
		return start{}, err
	}
	// A process that was busy for long has been running since before its last
	// progress: then its ages say nothing.
	plausible := func(at time.Time) bool {
		return !at.Before(lower.Add(-time.Second)) || st.progress.at.IsZero()
	}
	for _, r := range rows[a.pid] {
		if r.at.Before(st.from.at) {
			continue
		}
		if at := r.at.Add(-r.stateTime); r.stateTime > 0 && plausible(at) {
			return start{at, r.took + 100*time.Millisecond, true}, nil
		}
		if at := r.at.Add(-time.Duration(r.latency)); r.latency > 0 && plausible(at) {
			return start{at, r.took + 500*time.Millisecond, false}, nil
		}
	}
	at, off := middle(lower, st.from.at)
	return start{at, off, false}, nil
}

func middle(a, b time.Time) (time.Time, time.Duration) {
	half := b.Sub(a) / 2
	return a.Add(half), half
}

// blocked judges a process that is inside one callback.
func (s *scene) blocked(ctx context.Context, a *actor, st *stall) (*Finding, error) {
	began, err := s.since(ctx, a, st)
	if err != nil {
		return nil, err
	}
	onset, d := began.at, began.lasted(st)
	silent := st.to.mailbox == 0
	switch {
	case d < callTimeout:
		return nil, nil
	case silent && !a.overdue(st):
		return nil, nil
	}
	stack, err := s.lastStack(ctx, a, onset, st.to.at)
	if err != nil {
		return nil, err
	}
	f := &Finding{
		Kind: "blocked_callback", Subject: a.subject(onset), Onset: onset, OnsetErrorS: began.off.Seconds(),
		Score: 88, Confidence: High,
		Title: fmt.Sprintf("%s on %s is blocked inside a callback", a.called(), a.node.Name),
	}
	f.Summary = fmt.Sprintf("%s has handled nothing for %s: it is running, %d messages wait and no callback has ended.",
		a.called(), short(d), st.to.mailbox)
	f.Recommendation = "Find what the callback waits for (a lock, a channel, a system call) and bound it with a time-out, or move it to a meta process; only a restart of the node frees the process, for killing it leaves a zombee until the callback returns."
	f.Confirm = []string{
		fmt.Sprintf("process_info node=%s pid=%s", a.node.Name, a.pid),
		fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.node.Name, typeName(a.behavior)),
	}
	switch {
	case silent:
		f.Score, f.Confidence = 62, Medium
		f.Summary = fmt.Sprintf("%s has been inside one callback for %s; it used to return within %s. Nothing waits for it yet.",
			a.called(), short(d), short(a.usualGap(st)))
		f.Caveats = append(f.Caveats, "no message waits, so nobody may be harmed yet")
	case a.habitual(st):
		f.Score, f.Confidence = 40, Medium
		f.Caveats = append(f.Caveats, "it stands still like this time and again: that may be its way of working")
	case !st.open && d < 3*callTimeout:
		f.Score = 60
	}
	s.endOf(f, a, st)
	f.Evidence = append(f.Evidence, s.stillness(a, st, onset, d))
	s.addStack(f, a, stack)
	return f, nil
}

// overdue reports whether a process that has nothing waiting is in its callback
// for so much longer than it ever was that this is no way of working.
func (a *actor) overdue(st *stall) bool {
	const often = 10 // callbacks that must have returned before, for a habit
	if st.progress.at.IsZero() || st.progress.wakeups-a.begin.wakeups < often {
		return false
	}
	return st.open && st.lasted() > 4*callTimeout && st.lasted() > 10*a.usualGap(st)
}

// usualGap is the usual time between two callbacks before a stall.
func (a *actor) usualGap(st *stall) time.Duration {
	n := st.progress.wakeups - a.begin.wakeups
	if n <= 0 {
		return 0
	}
	return st.progress.at.Sub(a.begin.at) / time.Duration(n)
}

// endOf says when a stall ended, if it did.
func (s *scene) endOf(f *Finding, a *actor, st *stall) {
	if st.open {
		return
	}
	end := st.to.at
	f.End = &end
	if a.gone {
		f.Summary += " It is gone since."
	} else {
		f.Summary += " It works again since."
	}
}

// stillness is the evidence that a process does nothing.
func (s *scene) stillness(a *actor, st *stall, onset time.Time, d time.Duration) Evidence {
	from, to := st.from.at, st.to.at
	was := paceBetween(a.begin, st.progress)
	values := map[string]any{
		"for_s": round(d.Seconds()), "state": st.state.String(),
		"handled":           st.to.handled() - st.from.handled(),
		"arrived":           st.to.in - st.from.in,
		"mailbox":           st.to.mailbox,
		"running_time_ns":   st.to.run - st.from.run,
		"liveness_windowed": 0,
	}
	if was.messages > 0 {
		values["handled_per_s_before"] = round(was.handled)
	}
	if st.to.latency > 0 {
		values["oldest_message_s"] = round(float64(st.to.latency) / 1e9)
		slope := float64(st.to.latency-st.from.latency) / float64(max(to.Sub(from), 1))
		values["latency_slope"] = round(slope)
		if life := to.Sub(a.first); life > 0 {
			values["liveness_upstream"] = float64(st.to.run) / (life.Seconds() * float64(st.to.latency))
		}
	}
	return Evidence{
		What: "no message taken and no callback ended, while messages arrive", Node: a.node.Name, Tool: "process_list",
		Field: "MessagesIn - MessagesMailbox", From: &from, To: &to, Values: values,
		Records: []string{recordName(a.node.Name, "process_list", from), recordName(a.node.Name, "process_list", to)},
		Series:  a.mailboxSeries(onset),
	}
}

// addStack puts what the goroutine shows into a finding.
func (s *scene) addStack(f *Finding, a *actor, st *stack) {
	if st == nil {
		why := "no goroutine dump of the stretch shows the process: its stack would tell what it waits for"
		if a.node.Pprof == replay.No {
			why += "; -tags=pprof labels goroutines with their process"
		}
		f.Caveats = append(f.Caveats, why)
		return
	}
	f.Subject.Function = st.function
	at := st.at
	what := "its goroutine"
	if st.blocked != "" {
		what += " waits: " + st.blocked
	}
	if st.function != "" {
		f.Summary += fmt.Sprintf(" Its goroutine is in %s", st.function)
		if st.blocked != "" {
			f.Summary += ", on a " + st.blocked
		}
		f.Summary += "."
	}
	f.Evidence = append(f.Evidence, Evidence{
		What: what, Node: a.node.Name, Tool: "pprof_goroutines", From: &at, To: &at, Lines: st.lines, Records: []string{st.record},
	})
}

// mailboxSeries is the mailbox over the worst episode, with some rest before.
func (a *actor) mailboxSeries(onset time.Time) *Series {
	var worst *episode
	for _, e := range a.episodes {
		if worst == nil || e.worst.mailbox > worst.worst.mailbox {
			worst = e
		}
	}
	if worst == nil {
		return nil
	}
	var sr series.Series
	if !worst.before.at.IsZero() {
		sr.Add(worst.before.at, float64(worst.before.mailbox))
	}
	for _, p := range worst.points {
		sr.Add(p.at, float64(p.mailbox))
	}
	return chart("messages", sr)
}

// typeName is the type's name alone, as goroutine filters want it.
func typeName(behavior string) string {
	return behavior[strings.LastIndexByte(behavior, '.')+1:]
}
