package recorder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/redact"
	"ergorecorder/recorder/incident"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/schedule"
)

// A Detector watches what is recorded.
type Detector interface {
	// Detect judges the live window that ends at now. It is called by one
	// goroutine at a time.
	Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]Trigger, error)
}

// A Trigger is a detector's claim that something is wrong.
type Trigger struct {
	Kind     string // a kind of finding, such as blocked_callback
	Rule     string // the name of the user's rule, if one claims it
	Advice   string // what to do, as the finding has it
	Node     string
	PID      string // the process, if it is about one
	Name     string
	Behavior string // its Go type, such as myapp.Worker
	Onset    time.Time
	Note     string           // what was seen, in words
	Fetch    []incident.Fetch // what would show more of it
	Rank     int              // how severe it is, as incidents rank claims; 0 where nobody says
	Score    int              // how bad it is, 0 to 100
	Explains []incident.Key   // what else is claimed because of it
}

// fetches is what a trigger wants fetched. Notes and log lines come without a
// detector: they get what shows most at little cost.
func (t Trigger) fetches() []incident.Fetch {
	if t.Fetch == nil && (t.Kind == TriggerNote || t.Kind == TriggerLog) {
		return []incident.Fetch{incident.FetchStacks, incident.FetchHeap, incident.FetchRawGoroutine}
	}
	return t.Fetch
}

// claim is the trigger as the docket sees it.
func (t Trigger) claim() incident.Claim {
	return incident.Claim{
		Kind: strings.TrimSpace(t.Kind + " " + t.Rule), Node: t.Node, Name: t.Name, Behavior: t.Behavior, PID: t.PID,
		Rank: t.Rank, Score: t.Score, Explains: t.Explains, Onset: t.Onset,
	}
}

// An Incident is a window that is pinned because something was wrong in it.
type Incident struct {
	Trigger
	From, To time.Time
}

// Incidents says when detectors are asked and what an incident costs at most.
type Incidents struct {
	Detectors []Detector
	LogMatch  *regexp.Regexp // a log line that fits is a trigger; nil: none is
	Every     time.Duration  // how often the detectors are asked
	Share     float64        // of a core's time that they may use; where they need more they are asked less often
	// CPU is the CPU time that the process has used. Nil: the time that passes is taken for it.
	CPU      func() time.Duration
	Before   time.Duration // how much before the onset is pinned
	After    time.Duration // how much after the trigger is pinned, and sampled faster
	Faster   float64       // by how much
	Cooldown time.Duration // between two incidents of the same kind and subject
	PerHour  int           // incidents at most
	// Opened is called when an incident begins, and must not wait for anything.
	// Nil: nobody is told.
	Opened func(i Incident)
	// Done is called, in a goroutine of its own, when an incident's window is
	// over; the reader sees all of it. Nil: nothing is done.
	Done func(ctx context.Context, i Incident, view *archive.Reader)
}

// detectShare is the part of a core's time that detectors may use: less than recording itself
// needs of as many nodes as make them slow.
const detectShare = 0.03

func (i *Incidents) complete() {
	fallback := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	fallback(&i.Every, 15*time.Second)
	fallback(&i.Before, 5*time.Minute)
	fallback(&i.After, time.Minute)
	fallback(&i.Cooldown, 10*time.Minute)
	i.Faster = max(i.Faster, 1)
	i.Share = cmp.Or(i.Share, detectShare)
	if i.PerHour <= 0 {
		i.PerHour = 6
	}
}

// The kinds of triggers that are no findings.
const (
	TriggerNote  = "note"        // somebody asked for it
	TriggerLog   = "log_pattern" // a log line fits the pattern
	TriggerStill = "node_frozen" // the recorder itself finds a node that stands still
)

// Trigger reports that something is wrong, as a detector would. It does not
// wait for what follows.
func (r *Recorder) Trigger(t Trigger) {
	if !r.opts.KeepSecrets {
		t.Name, t.Note = redact.Text(t.Name), redact.Text(t.Note) // they may quote a log line
	}
	select {
	case r.triggers <- t:
	default:
		r.overrun.Add(1)
	}
}

// Note stores a remark, and opens an incident for it at all nodes.
func (r *Recorder) Note(text string) {
	r.mark(archive.Mark{Kind: "note", From: r.clock.Now(), Note: text})
	r.Trigger(Trigger{Kind: TriggerNote, Name: text, Note: text})
}

// incidentLoop asks the detectors and opens incidents until ctx ends.
func (r *Recorder) incidentLoop(ctx context.Context) {
	docket := incident.NewDocket(incident.Limits{Cooldown: r.opts.Incidents.Cooldown, PerHour: r.opts.Incidents.PerHour})
	spacing := incident.Spacing{Every: r.opts.Incidents.Every, Share: r.opts.Incidents.Share}
	next := r.clock.Steady().Add(spacing.Every)
	for {
		fire, stop := r.clock.After(next)
		select {
		case t := <-r.triggers:
			r.consider(ctx, docket, t)
		case <-fire:
			before := r.used()
			for _, t := range r.detect(ctx) {
				r.consider(ctx, docket, t)
			}
			next = r.clock.Steady().Add(spacing.Rest(r.used() - before))
		case <-ctx.Done():
			stop()
			return
		}
		stop()
		r.tellOverrun()
	}
}

// used is the CPU time that detectors are charged by.
func (r *Recorder) used() time.Duration {
	if r.opts.Incidents.CPU != nil {
		return r.opts.Incidents.CPU()
	}
	return r.opts.Elapsed()
}

// tellOverrun marks how many triggers came faster than they could be considered.
func (r *Recorder) tellOverrun() {
	if n := r.overrun.Swap(0); n > 0 {
		r.mark(archive.Mark{Kind: "trigger", From: r.clock.Now(), Note: fmt.Sprintf("%d triggers came faster than they could be considered: nothing is done", n)})
	}
}

// detect asks all detectors. One that fails is told of and passed over.
func (r *Recorder) detect(ctx context.Context) []Trigger {
	var all []Trigger
	for _, d := range r.opts.Incidents.Detectors {
		found, err := d.Detect(ctx, r.w.View(), r.clock.Now())
		if err != nil && ctx.Err() == nil {
			r.opts.Notice(fmt.Sprintf("detect: %v", err))
		}
		all = append(all, found...)
	}
	return all
}

// consider opens an incident, unless the docket knows better. What is not acted
// on is marked all the same, and acted on later if it is claimed then as well.
func (r *Recorder) consider(ctx context.Context, docket *incident.Docket, t Trigger) {
	now := r.clock.Now()
	switch docket.Consider(t.claim(), now, r.away()) {
	case incident.Open:
		r.mu.Lock()
		r.opened++
		r.mu.Unlock()
		r.open(ctx, t, now)
	case incident.Worse:
		t.Note += " (it got worse)"
		r.open(ctx, t, now)
	case incident.Refused:
		r.mu.Lock()
		r.refused++
		r.mu.Unlock()
		r.markUndone(t, now, "too many incidents within the hour: nothing is done until there is room again")
	case incident.PutOff:
		r.markUndone(t, now, "a node is away, and this may follow from it: nothing is done until that is known")
	}
}

// markUndone marks a trigger on which nothing is done at present.
func (r *Recorder) markUndone(t Trigger, now time.Time, why string) {
	r.mark(archive.Mark{
		Kind: "trigger", Node: t.Node, From: cmp.Or(t.Onset, now), To: now, More: t.more(),
		Note: t.Kind + ": " + t.Note + " (" + why + ")",
	})
}

// away are the nodes that answer nothing at present.
func (r *Recorder) away() (list []incident.Absence) {
	for _, n := range r.known() {
		n.mu.Lock()
		if !n.lostAt.IsZero() {
			list = append(list, incident.Absence{Node: n.name, Since: cmp.Or(n.heardAt, n.lostAt)})
		}
		n.mu.Unlock()
	}
	return list
}

// more is what the marks of a trigger tell besides words.
func (t Trigger) more() map[string]any {
	return map[string]any{"kind": t.Kind, "pid": t.PID, "name": t.Name, "behavior": t.Behavior, "onset": t.Onset}
}

// open pins the window of an incident, takes the profiles that its kind needs,
// and samples faster until the window is over.
func (r *Recorder) open(ctx context.Context, t Trigger, now time.Time) {
	o := &r.opts.Incidents
	t.Onset = cmp.Or(t.Onset, now)
	nodes, after := r.meant(t), o.After
	if slices.ContainsFunc(nodes, func(n *node) bool { return n.onlyNow(t) != nil }) {
		after = max(after, ergo.SuspicionRest+twiceIn)
	}
	i := Incident{t, t.Onset.Add(-o.Before), now.Add(after)}
	more := t.more()
	r.mark(archive.Mark{Kind: "trigger", Node: t.Node, From: t.Onset, To: now, Note: t.Kind + ": " + t.Note, More: more})
	r.mark(archive.Mark{Kind: archive.MarkIncident, Node: t.Node, From: i.From, To: i.To, Note: t.Kind + ": " + t.Note, More: more})
	if o.Opened != nil {
		o.Opened(i)
	}
	r.following.Go(func() { r.follow(ctx, i, nodes) })
}

// meant are the nodes of a trigger: its own, or all.
func (r *Recorder) meant(t Trigger) []*node {
	if t.Node == "" {
		return r.known()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.nodes[t.Node]; n != nil {
		return []*node{n}
	}
	return nil
}

// follow is what an incident leads to.
func (r *Recorder) follow(ctx context.Context, i Incident, nodes []*node) {
	o := &r.opts.Incidents
	var all sync.WaitGroup
	for _, n := range nodes {
		n.schedule.Hurry(o.Faster)
		defer n.schedule.Calm()
		all.Go(func() { n.diagnose(ctx, i.Trigger) })
	}
	all.Wait()
	first := r.clock.Now()
	for _, n := range nodes {
		if c := n.onlyNow(i.Trigger); c != nil && r.clock.Sleep(ctx, first.Add(ergo.SuspicionRest).Sub(r.clock.Now())) {
			_ = n.fetch(ctx, *c) // what is refused is stored, too
		}
	}
	r.clock.Sleep(ctx, i.To.Sub(r.clock.Now()))
	if o.Done != nil {
		o.Done(context.WithoutCancel(ctx), i, r.w.View())
	}
}

// diagnose makes the calls that a diagnosis of the trigger's kind needs, and
// marks what could not be had.
func (n *node) diagnose(ctx context.Context, t Trigger) {
	var missed []string
	for _, c := range incident.Calls(t.PID, t.Behavior, t.fetches()) {
		if ctx.Err() != nil {
			return
		}
		if err := n.fetch(ctx, c); err != nil {
			missed = append(missed, fmt.Sprintf("%s: %v", c.Tool, err))
		}
	}
	for _, kind := range incident.Profiles(t.fetches()) {
		n.takeProfile(ctx, kind)
	}
	if len(missed) > 0 && ctx.Err() == nil {
		now := n.r.clock.Now()
		n.r.mark(archive.Mark{Kind: "unfetched", Node: n.name, From: now, To: now, Note: t.Kind + ": not to be had: " + strings.Join(missed, "; "), More: t.more()})
	}
}

// twiceIn is how much longer than a node rests an incident lasts whose heap is
// fetched twice: as long as the first fetches may take.
const twiceIn = 15 * time.Second

// onlyNow is the call of a trigger that is never made by schedule and tells most by
// the change from one answer to the next: that for what is in use of the heap. It
// is made twice. Nil where there is none.
func (n *node) onlyNow(t Trigger) *ergo.Call {
	for _, c := range incident.Calls("", "", t.fetches()) {
		if c.Tool == "pprof_heap" && n.offers(c.Tool) == ergo.Suspicion {
			return &c
		}
	}
	return nil
}

// errWithheld is a call that no road to the node offers.
var errWithheld = errors.New("no road to the node has it")

// fetch makes one call of a diagnosis. A CPU profile waits until no other is
// taken.
func (n *node) fetch(ctx context.Context, c ergo.Call) error {
	if n.offers(c.Tool) == ergo.Withheld {
		return errWithheld
	}
	if c.Tool == "pprof_cpu" {
		select {
		case n.r.cpu <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-n.r.cpu }()
		defer n.holdAll()()
	}
	_, err := n.try(ctx, &schedule.Run{}, c.Tool, c.Args)
	return err
}

// cpuTime is over how long a raw CPU profile is taken.
const cpuTime = 5 * time.Second

// takeProfile takes and stores a raw profile, where the node gives them.
func (n *node) takeProfile(ctx context.Context, kind string) {
	p := n.r.opts.Pprof[n.name]
	if p == nil {
		return
	}
	if kind == "cpu" {
		select {
		case n.r.cpu <- struct{}{}:
			defer func() { <-n.r.cpu }()
		case <-ctx.Done():
			return
		}
	}
	begin := n.r.clock.Now()
	raw, err := p.Profile(ctx, kind, cpuTime)
	now := n.r.clock.Now()
	if err != nil {
		if ctx.Err() == nil {
			n.r.opts.Notice(fmt.Sprintf("%s profile of %s: %v", kind, n.name, err))
		}
		return
	}
	rec, err := ingest.ProfileRecord(raw, n.name, kind, now, now.Sub(begin), n.r.opts.kept())
	if err != nil {
		n.r.opts.Notice(err.Error())
		return
	}
	n.r.append(rec)
}

// profile adds the task that takes raw heap and goroutine profiles.
func (n *node) profile() {
	if n.r.opts.Pprof[n.name] == nil || n.r.opts.PprofAll <= 0 {
		return
	}
	n.schedule.Add(&schedule.Task{Name: "raw profiles", Every: n.r.opts.PprofAll, Do: func(ctx context.Context, _ *schedule.Run) {
		n.takeProfile(ctx, "heap")
		n.takeProfile(ctx, "goroutine")
	}})
}
