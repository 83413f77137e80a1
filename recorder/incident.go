package recorder

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/redact"
	"ergorecorder/recorder/ingest"
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
	Severity string // as the finding has it: critical or warning; "" if it is none
	Advice   string // what to do, as the finding has it
	Node     string
	PID      string // the process, if it is about one
	Name     string
	Behavior string // its Go type, such as myapp.Worker
	Onset    time.Time
	Note     string  // what was seen, in words
	Fetch    []Fetch // what would show more of it
}

// A Fetch is something to fetch of a node, once, when something is wrong. Which
// kind of trigger wants which is its detector's to say.
type Fetch string

// What can be fetched.
const (
	FetchStacks       Fetch = "stacks"    // all goroutines, grouped by stack
	FetchOwnStack     Fetch = "own stack" // the goroutines in the code of the process's behavior
	FetchHeap         Fetch = "heap"      // the heap by function, as text
	FetchCPU          Fetch = "cpu"       // the CPU by function, as text
	FetchRawHeap      Fetch = "raw heap"  // the profiles themselves, where the node gives them
	FetchRawCPU       Fetch = "raw cpu"
	FetchRawGoroutine Fetch = "raw goroutine"
)

// fetches is what a trigger wants fetched. Notes and log lines come without a
// detector: they get what shows most at little cost.
func (t Trigger) fetches() []Fetch {
	if t.Fetch == nil && (t.Kind == TriggerNote || t.Kind == TriggerLog) {
		return []Fetch{FetchStacks, FetchHeap, FetchRawGoroutine}
	}
	return t.Fetch
}

// subject tells incidents of the same kind apart.
func (t Trigger) subject() string {
	return t.Kind + " " + t.Rule + " " + t.Node + " " + cmp.Or(t.PID, t.Name, t.Behavior)
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
	Before    time.Duration  // how much before the onset is pinned
	After     time.Duration  // how much after the trigger is pinned, and sampled faster
	Faster    float64        // by how much
	Cooldown  time.Duration  // between two incidents of the same kind and subject
	PerHour   int            // incidents at most
	// Opened is called when an incident begins, and must not wait for anything.
	// Nil: nobody is told.
	Opened func(i Incident)
	// Done is called, in a goroutine of its own, when an incident's window is
	// over; the reader sees all of it. Nil: nothing is done.
	Done func(ctx context.Context, i Incident, view *archive.Reader)
}

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
	default: // so many wait that one more tells nothing new
	}
}

// idle is how many times longer than they took the detectors rest.
const idle = 5

// Note stores a remark, and opens an incident for it at all nodes.
func (r *Recorder) Note(text string) {
	r.mark(archive.Mark{Kind: "note", From: r.clock.Now(), Note: text})
	r.Trigger(Trigger{Kind: TriggerNote, Name: text, Note: text})
}

// incidentLoop asks the detectors and opens incidents until ctx ends.
func (r *Recorder) incidentLoop(ctx context.Context) {
	in := incidents{r: r, seen: map[string]time.Time{}}
	next := r.clock.Steady().Add(r.opts.Incidents.Every)
	for {
		fire, stop := r.clock.After(next)
		select {
		case t := <-r.triggers:
			in.consider(ctx, t)
		case <-fire:
			begin := r.clock.Steady()
			for _, t := range r.detect(ctx) {
				in.consider(ctx, t)
			}
			now := r.clock.Steady()
			next = now.Add(max(r.opts.Incidents.Every, idle*now.Sub(begin)))
		case <-ctx.Done():
			stop()
			return
		}
		stop()
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

// incidents are those of late: what bounds new ones.
type incidents struct {
	r      *Recorder
	seen   map[string]time.Time // when each subject had its last
	opened []time.Time          // of the last hour
}

// consider opens an incident, unless its subject had one of late or there were
// too many within the hour.
func (in *incidents) consider(ctx context.Context, t Trigger) {
	now := in.r.clock.Now()
	maps.DeleteFunc(in.seen, func(_ string, last time.Time) bool { return now.Sub(last) >= in.r.opts.Incidents.Cooldown })
	if _, ok := in.seen[t.subject()]; ok {
		return
	}
	for len(in.opened) > 0 && now.Sub(in.opened[0]) >= time.Hour {
		in.opened = in.opened[1:]
	}
	in.seen[t.subject()] = now
	if len(in.opened) >= in.r.opts.Incidents.PerHour {
		in.r.mark(archive.Mark{Kind: "trigger", Node: t.Node, From: cmpTime(t.Onset, now), To: now, Note: t.Kind + ": " + t.Note + " (too many incidents within the hour: nothing is done)"})
		return
	}
	in.opened = append(in.opened, now)
	in.r.open(ctx, t, now)
}

func cmpTime(t, fallback time.Time) time.Time {
	if t.IsZero() {
		return fallback
	}
	return t
}

// open pins the window of an incident, takes the profiles that its kind needs,
// and samples faster until the window is over.
func (r *Recorder) open(ctx context.Context, t Trigger, now time.Time) {
	o := &r.opts.Incidents
	t.Onset = cmpTime(t.Onset, now)
	i := Incident{t, t.Onset.Add(-o.Before), now.Add(o.After)}
	more := map[string]any{"kind": t.Kind, "pid": t.PID, "name": t.Name, "behavior": t.Behavior, "onset": t.Onset}
	r.mark(archive.Mark{Kind: "trigger", Node: t.Node, From: t.Onset, To: now, Note: t.Kind + ": " + t.Note, More: more})
	r.mark(archive.Mark{Kind: archive.MarkIncident, Node: t.Node, From: i.From, To: i.To, Note: t.Kind + ": " + t.Note, More: more})
	r.mu.Lock()
	r.opened++
	nodes := []*node{r.nodes[t.Node]}
	r.mu.Unlock()
	switch {
	case t.Node == "":
		nodes = r.known()
	case nodes[0] == nil:
		nodes = nil
	}
	if o.Opened != nil {
		o.Opened(i)
	}
	r.following.Go(func() { r.follow(ctx, i, nodes) })
}

// follow is what an incident leads to.
func (r *Recorder) follow(ctx context.Context, i Incident, nodes []*node) {
	o := &r.opts.Incidents
	var all sync.WaitGroup
	for _, n := range nodes {
		n.schedule.hurry(o.Faster)
		defer n.schedule.calm()
		all.Go(func() { n.diagnose(ctx, i.Trigger) })
	}
	all.Wait()
	r.clock.Sleep(ctx, i.To.Sub(r.clock.Now()))
	if o.Done != nil {
		o.Done(context.WithoutCancel(ctx), i, r.w.View())
	}
}

// diagnose makes the calls that a diagnosis of the trigger's kind needs.
func (n *node) diagnose(ctx context.Context, t Trigger) {
	for _, c := range diagnoses(t) {
		if ctx.Err() != nil {
			return
		}
		if n.offers(c.Tool) == ergo.Withheld {
			continue
		}
		if c.Tool == "pprof_cpu" {
			n.sampleCPU(ctx, &run{}, c.Args)
		} else {
			n.sample(ctx, &run{}, c.Tool, c.Args)
		}
	}
	for _, kind := range rawKinds(t) {
		n.takeProfile(ctx, kind)
	}
}

// diagnoses are the calls that a trigger wants made.
// Stacks spell a type pkg.(*Type), so goroutines are picked by its name alone;
// a process that is stuck is not inspected, for that would hang as well.
func diagnoses(t Trigger) []ergo.Call {
	var calls []ergo.Call
	if t.PID != "" {
		calls = append(calls, ergo.Call{Tool: "process_info", Args: ergo.Args{"pid": t.PID}})
	}
	for _, f := range t.fetches() {
		switch f {
		case FetchStacks:
			calls = append(calls, ergo.Call{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 1, "limit": 200}})
		case FetchOwnStack:
			if _, name, ok := strings.Cut(t.Behavior, "."); ok {
				calls = append(calls, ergo.Call{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 2, "limit": 50, "filter": name}})
			}
		case FetchHeap:
			calls = append(calls, ergo.Call{Tool: "pprof_heap", Args: ergo.Args{"limit": 50}})
		case FetchCPU:
			calls = append(calls, ergo.Call{Tool: "pprof_cpu", Args: ergo.Args{"duration": 5, "limit": 50}})
		}
	}
	return calls
}

// rawKinds are the raw profiles that a trigger wants.
func rawKinds(t Trigger) []string {
	var kinds []string
	for _, f := range t.fetches() {
		if kind, raw := strings.CutPrefix(string(f), "raw "); raw {
			kinds = append(kinds, kind)
		}
	}
	return kinds
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
	n.schedule.add(&task{name: "raw profiles", every: n.r.opts.PprofAll, do: func(ctx context.Context, _ *run) {
		n.takeProfile(ctx, "heap")
		n.takeProfile(ctx, "goroutine")
	}})
}

// hurry shortens all intervals while incidents that want it are open; calm
// ends what hurry began.
func (s *schedule) hurry(faster float64) {
	now := s.clock.Steady()
	s.mu.Lock()
	s.hurried++
	s.faster = faster
	for t := range s.idle {
		if soon := now.Add(s.interval(t)); t.due.After(soon) {
			t.due = soon
		}
	}
	s.mu.Unlock()
	s.rouse()
}

func (s *schedule) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hurried--; s.hurried == 0 {
		s.faster = 1
	}
}
