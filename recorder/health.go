package recorder

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/schedule"
)

// The ways in which a node is away, as the marks node_lost and node_back have
// them in the field how.
const (
	awayDown  = "down"           // nothing is there, or no way leads there
	awayStill = "still"          // it is there and answers nothing
	awayNoApp = "no_application" // it runs, and nobody on it answers for tools
	awayNoWay = "no_way"         // no entry point answers: nothing is known of the node
)

// A health is what is known of whether the node is there.
type health struct {
	since, heardAt time.Time // when it first and last answered
	lostAt         time.Time // zero while it is there
	how            string    // it is away
	fails          int       // calls in a row that failed on their way
	late           int       // forwarded calls that timed out, since so many in a row were answered that the way is good again
	well           int       // calls in a row that were answered
	asked          time.Time // the steady time when it was last asked whether it is there
	doubted        bool      // it is being asked whether it is there
	told           time.Time // the steady time when it last pushed something
}

// Times that tell a node that stands still from one that is slow: for how long
// a call may be under way before the node is asked whether it is there, and how
// long such a question may take.
const (
	suspicious = 2 * time.Second
	probeTime  = 2 * time.Second
)

// Probes say how a node is asked whether it is there: so many questions at
// once, as many again where they leave it open, and how many of them have to
// fail before the node counts as standing still. A node of its own way is asked by
// so many at once that one of them is before a worker that nothing holds. Where
// the questions are forwarded, each holds a worker of the entry point, and may
// wait there behind a call that is under way: two that did reach the node have to fail.
type probes struct {
	each, waves, enough int
}

var (
	probesDirect = probes{each: 6, waves: 1, enough: 6}
	probesPassed = probes{each: 2, waves: 2, enough: 2}
)

// nextWave is when questions that nobody answered are asked again: when they
// would have failed if they had not waited.
const nextWave = probeTime + 500*time.Millisecond

// ownTime tells the tools that take their time by themselves, as a profile or
// a process that is asked and stuck: that they take long says nothing.
func ownTime(tool string) bool {
	return isProfile(tool) || tool == "process_inspect" || tool == "network_ping"
}

// watch asks whether the node is there if the call that begins now is under way
// for suspiciously long, until stop is called.
func (n *node) watch(ctx context.Context, tool string) (stop func() bool) {
	if ownTime(tool) || n.isLost() || n.r.clock.Replayed() {
		return func() bool { return true }
	}
	return time.AfterFunc(suspicious, func() {
		if n.r.enter() {
			defer n.r.running.Done()
			n.doubt(ctx)
		}
	}).Stop
}

// doubtEvery is how often a node is asked whether it is there, at most: where
// only some calls are lost on their way, many give reason to.
const doubtEvery = 10 * time.Second

// doubt asks the node whether it is there, with little patience; one doubt at a
// time. While a CPU profile is taken, a call may wait behind it: that tells nothing.
func (n *node) doubt(ctx context.Context) {
	n.mu.Lock()
	now := n.r.clock.Steady()
	idle := !n.doubted && n.lostAt.IsZero() && len(n.r.cpu) == 0 && (n.asked.IsZero() || now.Sub(n.asked) >= doubtEvery)
	if idle {
		n.asked = now
	}
	n.doubted = n.doubted || idle
	n.mu.Unlock()
	if !idle {
		return
	}
	defer func() {
		n.mu.Lock()
		n.doubted = false
		n.mu.Unlock()
	}()
	defer n.schedule.Hold(true)() // no more of ours than are under way
	err := n.knockAll(ctx)
	if how, _ := n.away(err); ctx.Err() == nil && (how != awayStill || !n.toldSince(now.Add(stillComing))) {
		n.found(err, true)
	}
}

// stillComing is for how long what a node that stands still had said before may
// be on its way.
const stillComing = time.Second

// toldSince reports whether the node has pushed something since a moment of the
// steady time: then it lives, whatever it does not answer.
func (n *node) toldSince(t time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told.After(t)
}

// open reports whether a question's outcome says nothing of the node: it waited
// at the entry point for all its time.
func (n *node) open(err error) bool {
	how, _ := n.away(err)
	return err != nil && how == "" && ergo.AsToolError(err) == nil
}

// knockAll asks the node for signs of life, and returns how the questions that
// decide it fared.
func (n *node) knockAll(ctx context.Context) (err error) {
	var all sync.WaitGroup
	defer all.Wait()
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	p := probesDirect
	if n.forwarded() {
		p = probesPassed
	}
	said := make(chan error, p.each*p.waves)
	sent, failed := 0, 0
	ask := func() {
		for range p.each {
			all.Go(func() { said <- n.knock(asking) })
		}
		sent += p.each
	}
	ask()
	again := time.NewTimer(nextWave)
	defer again.Stop()
	for heard := 0; heard < sent; {
		select {
		case err = <-said:
			heard++
			switch how, _ := n.away(err); {
			case how == awayStill:
				if failed++; failed == p.enough {
					return err
				}
			case !n.open(err):
				return err
			}
		case <-again.C:
			if sent < p.each*p.waves {
				ask()
			}
		}
	}
	return err
}

// knock asks the node for a sign of life, and waits for little time.
func (n *node) knock(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, n.allow(probeTime))
	defer cancel()
	began := n.r.clock.Steady()
	call := ergo.Call{Node: n.name, Tool: probe, Args: ergo.Args{"timeout": int(probeTime / time.Second)}}
	answer, err := n.r.caller.Call(limited, call)
	if ctx.Err() == nil && notForwarded(err) {
		n.store(call, answer, err)
	}
	if err != nil && n.r.pausedSince(began) {
		return nil
	}
	return err
}

// allow is how long to wait for a call that may take so long: longer where it
// is forwarded, for it may wait behind others before the entry point's workers.
func (n *node) allow(patience time.Duration) time.Duration {
	if n.forwarded() {
		return patience + queueTime
	}
	return patience + patience/4
}

// queueTime is how long a call may wait before a worker of an entry point.
const queueTime = 6 * time.Second

// away is as the function of that name. That no answer came from an entry point
// says something of the entry point, and nothing of the node behind it.
func (n *node) away(err error) (how, why string) {
	if err != nil && n.forwarded() && ergo.AsToolError(err) == nil && errors.Is(err, context.DeadlineExceeded) {
		return "", ""
	}
	return away(err)
}

// away says how an error shows that a node is away, and in which words; how is
// "" where the node answered.
func away(err error) (how, why string) {
	if t := ergo.AsToolError(err); t != nil {
		switch why, failed := t.LinkFailed(); {
		case !failed:
			return "", ""
		case why == "timed out":
			return awayStill, why
		default:
			return awayDown, why
		}
	}
	switch {
	case err == nil:
		return "", ""
	case errors.Is(err, ergo.ErrNoTools):
		return awayNoApp, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return awayStill, "timed out"
	}
	return awayDown, err.Error()
}

// silent is after how many calls in a row that failed on their way a node
// counts as lost. That there is no route to it is enough by itself, and so are
// the questions whether it is there.
const silent = 3

// heard notes how a call fared that began at the given steady time.
func (n *node) heard(err error, began time.Time) {
	if err != nil && n.r.pausedSince(began) {
		return // it was us who stood still
	}
	n.found(err, false)
}

// After how many answers in a row the way to a node is good again, up to how
// many forwarded calls that timed out until then one answer is enough to go on
// at once (answers that are too long to arrive time out as well), and how long
// it is left alone at most for one more.
const (
	wellAgain   = 5
	lateOnce    = 3
	longestRest = time.Minute
)

// found notes whether the node answered, and marks when it is lost or back.
// What was found out by asking for it is sure.
func (n *node) found(err error, sure bool) {
	how, why := n.away(err)
	if how == "" && err != nil && ergo.AsToolError(err) == nil {
		return
	}
	now := n.r.clock.Now()
	timedOut := how == awayStill && n.forwarded() && !n.r.clock.Replayed()
	n.mu.Lock()
	before := n.health
	if timedOut {
		n.late, n.well = n.late+1, 0
	}
	switch {
	case how == "":
		n.since = cmp.Or(n.since, now)
		n.heardAt, n.lostAt, n.how, n.fails = now, time.Time{}, "", 0
		if n.well++; n.well >= wellAgain {
			n.late = 0
		}
	case how == awayStill && !sure && n.lostAt.IsZero():
		// A tool that takes too long. Whether the node is there was asked.
	default:
		n.fails++
		if how == awayDown && why != "no route" && !n.owned() {
			how = awayNoWay
		}
		if n.lostAt.IsZero() && (sure || n.fails >= silent || why == "no route" || how == awayNoApp) {
			n.lostAt, n.how = now, how
		}
	}
	after := n.health
	n.mu.Unlock()
	if before.heardAt.IsZero() && !after.heardAt.IsZero() {
		n.r.makeRoom()
	}
	switch { // each such call holds a worker of the entry point: one that times out is enough
	case timedOut && after.lostAt.IsZero():
		n.schedule.Rest(min(schedule.Backoff(after.late), longestRest))
	case before.late > 0 && how == "" && after.late <= lateOnce:
		n.schedule.Rest(0)
	}
	switch {
	case before.lostAt.IsZero() && !after.lostAt.IsZero():
		n.lose(after, why)
	case !before.lostAt.IsZero() && after.lostAt.IsZero():
		n.regain(before, now)
	}
}

// lose marks that the node is lost: between when it was last heard and now.
func (n *node) lose(h health, why string) {
	n.schedule.SetLost(!n.r.clock.Replayed())
	n.markLosses(true)
	from := h.heardAt
	if from.IsZero() {
		from = h.lostAt
	}
	n.r.mark(archive.Mark{
		Kind: "node_lost", Node: n.name, From: from, To: h.lostAt, Note: n.words(h.how, why),
		More: map[string]any{"how": h.how},
	})
	if h.how == awayStill {
		n.r.Trigger(Trigger{Kind: TriggerStill, Node: n.name, Onset: from, Note: n.words(h.how, why)})
	}
}

// regain marks that the node is back as of now, and what was not recorded.
func (n *node) regain(was health, now time.Time) {
	n.schedule.SetLost(false)
	from := was.heardAt
	if from.IsZero() {
		from = was.lostAt
	}
	more := map[string]any{"how": was.how, "away_s": now.Sub(from).Seconds()}
	n.r.mark(archive.Mark{Kind: "node_back", Node: n.name, From: now, To: now, More: more})
	n.r.mark(archive.Mark{Kind: archive.MarkGap, Node: n.name, From: from, To: now, Note: "the node did not answer", More: map[string]any{"how": was.how}})
	if len(n.r.opts.Logs.Levels) > 0 && !n.r.clock.Replayed() {
		n.mayLack("that did not arrive while the node was away", from, now)
	}
}

// words say how a node is away.
func (n *node) words(how, why string) string {
	switch {
	case how == awayStill && n.forwarded():
		return why + ": it stands still, its link hangs, or it runs without the application that answers"
	case how == awayStill:
		return why + ": it takes connections and answers nothing, as a process that is stopped or a machine that stands still"
	case how == awayNoWay:
		return "no entry point answers: " + why
	}
	return why
}

// owned reports whether the node is known to have a way of its own, up or not.
func (n *node) owned() bool {
	if o, ok := n.r.opts.Routes.(interface{ Owned(node string) bool }); ok {
		return o.Owned(n.name)
	}
	return true
}

// patience is how long a call may take: little while the node is lost, so that
// who forwards it is not held up.
func (n *node) patience(tool string) time.Duration {
	most := n.r.opts.Timeout
	switch {
	case n.r.clock.Replayed():
		return most
	case n.isLost(), tool == probe && n.isLate():
		return min(probeTime, most)
	case !n.forwarded() || tool == "pprof_cpu":
		return most
	case ownTime(tool):
		return min(ownPatience, most)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.spending.Of(tool)
	if c == nil || !c.Known() {
		return min(ownPatience, most)
	}
	return min(max(patientFor*c.Service(), leastPatience), most)
}

// How long a forwarded call may take, in times of what its tool costs and at
// least: it holds a worker of the entry point until its time is over. Tools of
// which that is not known, and those that wait for a process or a peer, which
// they do for 5 s, have their own time.
const (
	patientFor    = 50
	leastPatience = 3 * time.Second
	ownPatience   = 6 * time.Second
)

// The longest time between two questions whether a lost node is there: little
// where only the node itself hears them, more where they hold up another one.
const (
	knockEvery     = 2 * time.Second
	knockForwarded = 30 * time.Second
)

// knockRest is when a lost node is asked again, after so many time-outs in a row.
func (n *node) knockRest(timeouts int) time.Duration {
	longest := knockEvery
	if n.forwarded() {
		longest = knockForwarded
	}
	return min(time.Second<<min(timeouts, 10), longest)
}

// Nudge tells the recorder that a node may be back, or new: it is asked at once.
func (r *Recorder) Nudge(node string) {
	r.mu.Lock()
	n := r.nodes[node]
	r.mu.Unlock()
	if n != nil {
		n.schedule.Anew(func(t *schedule.Task) bool { return t.Probe })
		return
	}
	r.desk.LookSoon()
}

func (n *node) isLost() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.lostAt.IsZero()
}

// isLate reports whether the last forwarded call timed out.
func (n *node) isLate() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.late > 0
}
