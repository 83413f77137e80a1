package recorder

import (
	"context"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// sampleBy adds the tasks of a sampler.
func (n *node) sampleBy(s *Sampler) {
	t := n.task(s)
	n.schedule.add(t)
	if s.Tool == "process_list" {
		n.schedule.add(&task{name: "process_list (top)", every: s.Every, do: func(ctx context.Context, r *run) { n.sampleTop(ctx, r, t) }})
	}
}

// task makes a task of a sampler.
func (n *node) task(s *Sampler) *task {
	t := &task{name: s.Tool, every: s.Every, vital: vital(s.Tool), later: s.Tool == "pprof_cpu", steady: s.Tool == probe || s.Tool == "process_list"}
	switch {
	case len(s.Targets) > 0:
		var last string // of the run before
		t.do = func(ctx context.Context, r *run) { n.sampleTargets(ctx, r, s, &last) }
	case s.Tool == probe:
		t.probe = true
		t.do = func(ctx context.Context, r *run) {
			if a := n.sample(ctx, r, s.Tool, s.Args); a.Text != nil {
				n.learn(a.Text, a.At)
			}
		}
	case s.Tool == "process_list":
		t.do = func(ctx context.Context, r *run) { n.listProcesses(ctx, r, s) }
	case s.Tool == "pprof_cpu":
		t.do = func(ctx context.Context, r *run) { n.regularCPU(ctx, r, s.Args) }
	default:
		t.do = func(ctx context.Context, r *run) { n.sample(ctx, r, s.Tool, s.Args) }
	}
	ask := t.do
	t.do = func(ctx context.Context, r *run) {
		// What stops the node is asked by a diagnosis only, and what the road
		// does not have not at all.
		if n.offers(s.Tool) == ergo.Offered {
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
func (n *node) regularCPU(ctx context.Context, r *run, args ergo.Args) {
	if !n.r.clock.Replayed() && (n.forwarded() || !n.workersIdle()) {
		r.postponed = true
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
func (n *node) sampleCPU(ctx context.Context, r *run, args ergo.Args) {
	select {
	case n.r.cpu <- struct{}{}:
		defer n.holdAll()()
		n.sample(ctx, r, "pprof_cpu", args)
		<-n.r.cpu
	default:
		r.postponed = true
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
		all = append(all, n.schedule.hold(false))
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

// atOnce is how many targets are asked about in one run. Where there are more
// they take turns.
const atOnce = 16

// turn is the next few targets behind the last one of the run before.
func turn(targets []string, last *string) []string {
	if len(targets) <= atOnce {
		return targets
	}
	i, _ := slices.BinarySearch(targets, *last+"\x00")
	targets = append(targets[i:len(targets):len(targets)], targets[:i]...)[:atOnce]
	*last = targets[atOnce-1]
	return targets
}

// sampleTargets makes the sampler's call for each of its targets. One that
// timed out is left alone for a while, twice as long each time: a process
// that is stuck holds up the node's workers with every call.
func (n *node) sampleTargets(ctx context.Context, r *run, s *Sampler, last *string) {
	schema := tools48.Schema(s.Tool)
	for _, target := range turn(n.targets(ctx, r, s), last) {
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
		one := run{}
		n.sample(ctx, &one, s.Tool, s.Args.With(schema.Subject[0], target))
		r.add(one)
		n.rest(key, one.timedOut)
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
	n.rests[key] = rest{n.r.clock.Now().Add(backoff(times)), times}
}

// backoff is how long to leave alone what timed out so many times in a row.
func backoff(times int) time.Duration {
	if times > 16 {
		return lastRest
	}
	return min(firstRest<<(times-1), lastRest)
}
