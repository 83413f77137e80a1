package recorder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/recorder/entries"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/names"
	"ergorecorder/recorder/schedule"
	"ergorecorder/recorder/share"
)

// A Sampler is what is asked again and again: one stream per node, or one
// subject after the other of a stream that has them.
type Sampler struct {
	Tool  string
	Args  ergo.Args     // without node and timeout
	Every time.Duration // the shortest interval
	Nodes []string      // globs over node names; none means all
	// Targets name whom the call is about, for tools that want a subject: the
	// words supervisors, pools, deepest (the five deepest mailboxes) and peers
	// (the other nodes), or globs over process names. One call is made for
	// each, one after the other. None means that Args say it all.
	Targets []string
}

// The words that Targets know.
const (
	TargetSupervisors = "supervisors"
	TargetPools       = "pools"
	TargetDeepest     = "deepest"
	TargetPeers       = "peers"
)

// Listening says which log lines are followed.
type Listening struct {
	Levels []string      // none: no log is followed
	Every  time.Duration // how often it is read
	Buffer int           // lines that a node keeps for us between two readings
	Renew  time.Duration // the life of a listener; its successor starts before it ends
}

// An EventListener follows one event by its name.
type EventListener struct {
	Event string
	Nodes []string // globs over node names; none means all
}

// Options of a Recorder.
type Options struct {
	Samplers []Sampler
	Logs     Listening
	Events   []EventListener
	Pprof    map[string]Profiler // by node
	PprofAll time.Duration       // how often raw heap and goroutine profiles are taken; zero: only at incidents

	Nodes    []string      // globs over node names: which are recorded; none means all
	Discover time.Duration // how often nodes are looked for
	Timeout  time.Duration // of one call; nodes are told so
	Parallel int           // calls under way per node
	Budget   float64       // the share of a node's time that may go into our calls; 0 means without bound
	For      time.Duration // how long to record; 0 means until the context ends
	FailFast bool          // end at once where no cluster answers at the start
	Append   bool          // go on with an archive even if it is of another cluster
	KeepEnv  bool          // keep the values of environment variables
	// KeepSecrets stores everything as it was said, secrets included.
	KeepSecrets bool

	Incidents Incidents
	// Version is that of the program, as the mark start keeps it.
	Version string

	// OwnNode is our own name among the nodes, where we joined the cluster.
	OwnNode string
	// Routes tells which nodes are asked without forwarding; nil means none.
	Routes entries.Routes
	// Pushes delivers what nodes push by themselves; nil means nothing: everything is polled.
	Pushes   Pushes
	Backlogs share.Backlogs // what is still to be taken elsewhere, for the status
	Fleet    share.Fleet    // who shares the nodes with us; nil: all are ours
	// Now is the world's clock; nil means the system's. Timers are the system's.
	Now func() time.Time
	// Elapsed is a steady time that no step of the world's clock moves; nil means the system's.
	Elapsed func() time.Duration
	// Jitter gives numbers in [0, 1) that spread schedules; nil means random.
	Jitter func() float64
	// Notice hears, in words, what the marks tell; nil means nobody.
	Notice func(string)
}

// A Profiler takes raw pprof profiles of one node.
type Profiler interface {
	// Profile returns a profile of the kind: heap, goroutine or cpu (over the
	// given time).
	Profile(ctx context.Context, kind string, over time.Duration) ([]byte, error)
}

// maxProcesses is a limit larger than any node's table: the tools take 0, or
// none, for 100 rows.
const maxProcesses = 1_000_000

var allLevels = []string{"info", "warning", "error", "panic"}

// Standard is the preset for a cluster that can spare 2 % of its time.
func Standard() Options {
	limit := ergo.Args{"limit": maxProcesses}
	const s = time.Second
	return Options{
		Samplers: []Sampler{
			{Tool: "node_info", Every: 2 * s},
			{Tool: "runtime_stats", Every: 2 * s},
			{Tool: "process_list", Args: limit, Every: 5 * s},
			{Tool: "network_nodes", Every: 10 * s},
			{Tool: "network_info", Every: 10 * s},
			{Tool: "network_acceptors", Every: 30 * s},
			{Tool: "network_ping", Every: 10 * s, Targets: []string{TargetPeers}},
			{Tool: "event_list", Args: limit, Every: 10 * s},
			{Tool: "app_list", Every: 10 * s},
			{Tool: "process_inspect", Every: 10 * s, Targets: []string{TargetSupervisors, TargetPools}},
			{Tool: "process_info", Every: 10 * s, Targets: []string{TargetDeepest}},
			{Tool: "cron_info", Every: 60 * s},
			{Tool: "registrar_info", Every: 600 * s},
			{Tool: "node_env", Every: 600 * s},
			{Tool: "loggers_list", Every: 600 * s},
			{Tool: "message_types", Every: 3600 * s},
			{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 1, "limit": 50}, Every: 60 * s},
			{Tool: "pprof_heap", Args: ergo.Args{"limit": 30}, Every: 60 * s},
			{Tool: "pprof_cpu", Args: ergo.Args{"duration": 5, "limit": 30}, Every: 600 * s},
		},
		Logs:     Listening{Levels: allLevels, Every: 2 * s, Buffer: 4096, Renew: time.Hour},
		PprofAll: 600 * s,
		Discover: 10 * s,
		Timeout:  10 * s,
		Parallel: 2,
		Budget:   0.02,
		Incidents: Incidents{
			Every: 15 * s, Share: detectShare, Before: 5 * time.Minute, After: time.Minute, Faster: 2,
			Cooldown: 10 * time.Minute, PerHour: 6,
		},
	}
}

// Light is the preset for clusters that have little to spare: everything a
// quarter as often, and no profiles but at incidents.
func Light() Options {
	o := Standard()
	for i := range o.Samplers {
		o.Samplers[i].Every *= 4
	}
	o.Samplers = slices.DeleteFunc(o.Samplers, func(s Sampler) bool { return isProfile(s.Tool) })
	o.Logs.Levels = []string{"warning", "error", "panic"}
	o.Logs.Every *= 2
	o.PprofAll = 0
	o.Budget = 0.005
	return o
}

func isProfile(tool string) bool {
	switch tools48.Reading(tool) {
	case ergo.CPUProfile, ergo.Heap, ergo.Goroutines:
		return true
	}
	return false
}

// complete fills in what was left open and reports all that is wrong.
func (o *Options) complete() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Elapsed == nil {
		began := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(began) }
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	o.Parallel = max(o.Parallel, 1)
	fallback := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	fallback(&o.Timeout, 10*time.Second)
	fallback(&o.Discover, 10*time.Second)
	fallback(&o.Logs.Every, 2*time.Second)
	fallback(&o.Logs.Renew, time.Hour)
	if o.Logs.Buffer <= 0 {
		o.Logs.Buffer = 4096
	}
	o.Incidents.complete()
	var errs []error
	for i, s := range o.Samplers {
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("sampler %d: %w", i+1, err))
		}
	}
	for _, g := range o.Nodes {
		errs = append(errs, names.Check(g))
	}
	for _, e := range o.Events {
		if e.Event == "" {
			errs = append(errs, errors.New("event listener: no event is named"))
		}
		for _, g := range e.Nodes {
			errs = append(errs, names.Check(g))
		}
	}
	if o.Budget < 0 || o.Budget > 1 {
		errs = append(errs, fmt.Errorf("budget %v: must be a share between 0 and 1", o.Budget))
	}
	return errors.Join(errs...)
}

func (s *Sampler) check() error {
	var errs []error
	if s.Tool == "" {
		return errors.New("no tool is named")
	}
	reading, ok := tools48.Spelling().ReadingOf(s.Tool)
	if d := ergo.Define(reading); !ok || d.Cursor != nil {
		return fmt.Errorf("%s is not for sampling: %s", s.Tool, whyNotSampled(s.Tool))
	}
	if s.Every <= 0 {
		errs = append(errs, fmt.Errorf("%s: interval %v", s.Tool, s.Every))
	}
	if len(s.Targets) > 0 && ergo.Define(reading).Subject == nil {
		errs = append(errs, fmt.Errorf("%s is about nobody: it takes no targets", s.Tool))
	}
	for _, g := range append(slices.Clone(s.Nodes), s.Targets...) {
		errs = append(errs, names.Check(g))
	}
	return errors.Join(errs...)
}

// whyNotSampled says why a tool is never called at an interval: only what is
// known to read is.
func whyNotSampled(tool string) string {
	switch t, known := tools48.Tool(tool); {
	case !known:
		return "no tool of that name is known, and what it does neither"
	case t.Kind == ergo.Action:
		return "it changes the cluster"
	}
	return "logs and events are followed by listeners, see logs and events in the configuration"
}

// Scale changes all intervals in proportion, so that processes are listed in
// the given one.
func (o *Options) Scale(list time.Duration) {
	i := slices.IndexFunc(o.Samplers, func(s Sampler) bool { return s.Tool == "process_list" })
	if i < 0 {
		return
	}
	by := float64(list) / float64(o.Samplers[i].Every)
	for i := range o.Samplers {
		o.Samplers[i].Every = time.Duration(float64(o.Samplers[i].Every) * by)
	}
	o.Logs.Every = time.Duration(float64(o.Logs.Every) * by)
}

// kept says what is kept of what nodes say.
func (o *Options) kept() ingest.Options {
	return ingest.Options{KeepEnv: o.KeepEnv, KeepSecrets: o.KeepSecrets}
}

// pace is how the schedule of a node goes.
func (o *Options) pace(n *node) schedule.Pace {
	return schedule.Pace{Jitter: o.Jitter, Share: o.Budget, Parallel: o.Parallel, Knock: n.knockRest}
}
