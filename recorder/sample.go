package recorder

import (
	"context"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/recorder/schedule"
)

// sampleBy adds the tasks of a sampler.
func (n *node) sampleBy(s *Sampler) {
	t := n.task(s)
	n.schedule.Add(t)
	if s.Tool == "process_list" {
		n.schedule.Add(&schedule.Task{Name: "process_list (top)", Every: s.Every, Do: func(ctx context.Context, r *schedule.Run) { n.sampleTop(ctx, r, t) }})
	}
}

// task makes a task of a sampler.
func (n *node) task(s *Sampler) *schedule.Task {
	t := &schedule.Task{Name: s.Tool, Every: s.Every, Vital: vital(s.Tool), Later: s.Tool == "pprof_cpu", Steady: s.Tool == probe || s.Tool == "process_list"}
	switch {
	case len(s.Targets) > 0:
		var last string // of the run before
		t.Do = func(ctx context.Context, r *schedule.Run) { n.sampleTargets(ctx, r, s, &last) }
	case s.Tool == probe:
		t.Probe = true
		t.Do = func(ctx context.Context, r *schedule.Run) {
			if a := n.sample(ctx, r, s.Tool, s.Args); a.Text != nil {
				n.learn(a.Text, a.At)
			}
		}
	case s.Tool == "process_list":
		t.Do = func(ctx context.Context, r *schedule.Run) { n.listProcesses(ctx, r, s) }
	case s.Tool == "pprof_cpu":
		t.Do = func(ctx context.Context, r *schedule.Run) { n.regularCPU(ctx, r, s.Args) }
	default:
		t.Do = func(ctx context.Context, r *schedule.Run) { n.sample(ctx, r, s.Tool, s.Args) }
	}
	ask := t.Do
	t.Do = func(ctx context.Context, r *schedule.Run) {
		// What stops the node is asked by a diagnosis only, and what the road
		// does not have not at all; but a node that no road leads to any more is asked
		// whether it is there, for else nobody would know that it is away.
		if s.Tool == probe || n.offers(s.Tool) == ergo.Offered {
			ask(ctx, r)
		}
	}
	return t
}

// vital are the tools that every verdict needs.
func vital(tool string) bool {
	return tool == probe || tool == "runtime_stats" || tool == "process_list"
}

// regularCPU takes a CPU profile that nobody has a reason for, if it disturbs
// nobody: the node's own workers answer it, and none of them is at work for
// others.
func (n *node) regularCPU(ctx context.Context, r *schedule.Run, args ergo.Args) {
	if !n.r.clock.Replayed() && (n.forwarded() || !n.workersIdle()) {
		r.Postponed = true
		return
	}
	n.sampleCPU(ctx, r, args)
}

// workersIdle reports whether no worker of the application that answers was at
// work in the last listing, but for the one that gave it and one more of ours.
func (n *node) workersIdle() bool {
	workers, busy := 0, 0
	for _, p := range n.processes() {
		if _, ours := ergo.Observes(ergo.TraceBehavior, p.Behavior); ours && p.Kind != "supervisor" && p.Kind != "pool" {
			workers++
			if p.State != "sleep" {
				busy++
			}
		}
	}
	return workers > 0 && busy <= n.r.opts.Parallel
}

// sampleCPU takes a CPU profile, if none is being taken anywhere in the
// cluster. It blocks one of the node's few workers for its whole duration, and
// where it is forwarded one of the entry point's as well; meanwhile no other
// call of ours begins that could wait behind it, but the few that tell who is there
// and what processes do: what happens while something is wrong is what people need.
func (n *node) sampleCPU(ctx context.Context, r *schedule.Run, args ergo.Args) {
	select {
	case n.r.cpu <- struct{}{}:
		defer n.holdAll()()
		n.sample(ctx, r, "pprof_cpu", args)
		<-n.r.cpu
	default:
		r.Postponed = true
	}
}

// holdAll keeps all nodes whose calls may wait behind a long one to this node to
// their steady tasks.
func (n *node) holdAll() (release func()) {
	nodes := []*node{n}
	if n.forwarded() {
		nodes = n.r.known()
	}
	var all []func()
	for _, n := range nodes {
		all = append(all, n.schedule.Hold(false))
	}
	return func() {
		for _, release := range all {
			release()
		}
	}
}

// A rest is how long a call about one subject is left alone after it timed out.
type rest struct {
	until time.Time
	times int
}

// sampleTargets makes the sampler's call for each of its targets. One that
// timed out is left alone for a while, twice as long each time: a process
// that is stuck holds up the node's workers with every call.
func (n *node) sampleTargets(ctx context.Context, r *schedule.Run, s *Sampler, last *string) {
	schema := tools48.Schema(s.Tool)
	for _, target := range schedule.Turn(n.targets(ctx, r, s), last) {
		if ctx.Err() != nil {
			return
		}
		key := s.Tool + " " + target
		n.mu.Lock()
		resting := n.r.clock.Now().Before(n.rests[key].until)
		n.mu.Unlock()
		if resting && !n.r.clock.Replayed() {
			continue
		}
		one := schedule.Run{}
		if n.sample(ctx, &one, s.Tool, s.Args.With(schema.Subject[0], target)).Text != nil && tools48.Reading(s.Tool) == ergo.Inspection {
			n.askedOf(target)
		}
		r.Add(one)
		n.rest(key, one.TimedOut)
	}
}

// rest notes whether a call timed out.
func (n *node) rest(key string, timedOut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !timedOut {
		delete(n.rests, key)
		return
	}
	if n.rests == nil {
		n.rests = map[string]rest{}
	}
	times := n.rests[key].times + 1
	n.rests[key] = rest{n.r.clock.Now().Add(schedule.Backoff(times)), times}
}
