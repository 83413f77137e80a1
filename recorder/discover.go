package recorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/entries"
	"ergorecorder/recorder/identity"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/names"
	"ergorecorder/recorder/schedule"
)

// firstDiscovery finds the cluster. Where none answers it tries again, ever
// more seldom, and says so; with FailFast, or when the time to record is over,
// it gives up.
func (r *Recorder) firstDiscovery(ctx context.Context) error {
	if r.opts.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.opts.For, errNobody)
		defer cancel()
	}
	var last error
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := r.recognize(ctx)
		if errors.As(err, new(*identity.ForeignError)) {
			return err
		}
		if err == nil {
			err = r.beginDiscovery(ctx)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return r.unfound(ctx, last, err)
		}
		if r.opts.FailFast {
			return err
		}
		last = err
		r.opts.Notice(fmt.Sprintf("no cluster answers: %v; trying again in %v", err, wait))
		if !r.clock.Sleep(ctx, wait) {
			return r.unfound(ctx, last, err)
		}
	}
}

// recognize refuses to go on with an archive of another cluster. That it is none is
// said by the first entry point that knows its nodes; that it is one, by all.
func (r *Recorder) recognize(ctx context.Context) error {
	if r.opts.Append {
		return nil
	}
	held, err := identity.Of(r.w.View())
	if err != nil || held.Empty() {
		return err
	}
	if err := r.desk.FindWays(ctx); err != nil {
		return err
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	why, known := "", false
	err = r.desk.Ask(ctx, r.desk.Nodes(), func(s entries.Said) {
		if known {
			return
		}
		if why = held.Foreign(s.Names, r.askLife(ctx)); why == "" {
			known = true
			enough()
		}
	})
	switch {
	case known:
		return nil
	case err != nil:
		return err
	}
	return &identity.ForeignError{Why: why}
}

// askLife asks nodes about themselves.
func (r *Recorder) askLife(ctx context.Context) identity.Ask {
	return func(node string) ([]byte, time.Time, error) {
		call := ergo.Call{Node: node, Tool: probe, Args: ergo.Args{"timeout": int(max(r.opts.Timeout/time.Second, 1))}}
		answer, err := r.caller.Call(ctx, call)
		r.clock.Hear(answer.Clock)
		return answer.Text, r.clock.Now(), err
	}
}

// errNobody is a time to record in which no cluster answered.
var errNobody = errors.New("no cluster answered in the time to record")

// unfound is why no cluster was found when ctx ended: the last reason that had
// not to do with it.
func (r *Recorder) unfound(ctx context.Context, last, now error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errNobody) {
		if last == nil {
			last = now
		}
		return fmt.Errorf("%w (%v): %w", errNobody, r.opts.For, last)
	}
	return ctx.Err()
}

// discoverLoop looks for nodes until halt is closed.
func (r *Recorder) discoverLoop(ctx context.Context) {
	for r.waitToLook(ctx) {
		if err := r.discover(ctx, func() {}); err != nil && ctx.Err() == nil {
			r.opts.Notice(fmt.Sprintf("look for nodes: %v", err))
		}
	}
}

// waitToLook waits until nodes are to be looked for again.
func (r *Recorder) waitToLook(ctx context.Context) bool {
	fire, stop := r.clock.After(r.clock.Steady().Add(r.opts.Discover))
	defer stop()
	for {
		select {
		case <-fire:
			return true
		case <-r.look:
			return true
		case <-r.shares.Changes():
			r.share()
		case <-ctx.Done():
			return false
		}
	}
}

// beginDiscovery returns when the first entry point has said which nodes there are:
// who is slow is waited for beside the recording, which begins.
func (r *Recorder) beginDiscovery(ctx context.Context) error {
	return r.desk.First(ctx, r.discover)
}

// discover asks every entry point which nodes there are, and begins to record
// those that were not known, those of each as soon as it has answered, which first
// hears. It fails where no entry point answers.
func (r *Recorder) discover(ctx context.Context, first func()) error {
	if err := r.desk.FindWays(ctx); err != nil {
		return err
	}
	asked := r.desk.Nodes()
	var lists [][]string
	err := r.desk.Ask(ctx, asked, func(s entries.Said) {
		if r.clock.Stamp(&s.Answer); s.Call.Node != "" {
			r.store(ingest.Record(s.Call, nil, s.Answer, nil, ingest.Options{}), s.Answer.Observed)
		}
		list := r.wanted(s.Names)
		lists = append(lists, list)
		room, _ := r.room()
		r.meetSome(r.shares.Also(list), min(room, max(room/len(asked), 1))) // no entry point fills the room of another
		first()
	})
	if err == nil {
		there := r.shares.Of(entries.InTurns(lists))
		r.forget(there)
		r.meetAll(there)
	}
	return err
}

// forgetAfter is how long a node that is lost, and that no entry point knows
// any more, is still asked whether it is back. One that comes back later is
// found again as any other.
const forgetAfter = time.Hour

// forget gives up the nodes that are gone for good: clusters whose nodes get
// new names with every start would otherwise be asked for more and more.
func (r *Recorder) forget(there []string) {
	now := r.clock.Now()
	for _, n := range r.known() {
		n.mu.Lock()
		lost := n.lostAt
		n.mu.Unlock()
		gone := !lost.IsZero() && now.Sub(lost) >= forgetAfter && !slices.Contains(there, n.name)
		why := "lost for too long, and no entry point knows it"
		if !gone && n.tooStrange(now) {
			gone, lost, why = true, n.met, "it never answered, and others wait to be asked"
		}
		if !gone || r.clock.Replayed() {
			continue
		}
		if n.dismiss() {
			r.mark(archive.Mark{Kind: "node_forgotten", Node: n.name, From: lost, To: now, Note: why})
		}
	}
}

// dismiss ends the calls to a node for good, and reports whether it did.
func (n *node) dismiss() bool {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if n.r.halted() || n.r.nodes[n.name] != n {
		return false
	}
	delete(n.r.nodes, n.name)
	close(n.halt)
	return true
}

// wanted are the nodes that are to be recorded.
func (r *Recorder) wanted(there []string) []string {
	there = slices.DeleteFunc(slices.Clone(there), func(n string) bool { return !names.Match(r.opts.Nodes, n) || r.observes(n) })
	slices.Sort(there)
	return slices.Compact(there)
}

// observes reports whether a node is a recorder, we or another: it answers nobody. One
// that patterns name is recorded all the same.
func (r *Recorder) observes(name string) bool {
	_, ok := ergo.Observes(ergo.TraceNode, name)
	return (ok || name == r.opts.OwnNode) && len(r.opts.Nodes) == 0
}

// meet begins to record a node that was not known.
func (r *Recorder) meet(name string) {
	r.mu.Lock()
	if r.nodes[name] != nil || r.halted() {
		r.mu.Unlock()
		return
	}
	n := &node{r: r, name: name, met: r.clock.Now(), halt: make(chan struct{})}
	n.schedule = schedule.New(r.clock, r.opts.pace(n))
	r.nodes[name] = n
	for i := range r.opts.Samplers {
		if s := &r.opts.Samplers[i]; names.Match(s.Nodes, name) {
			n.sampleBy(s)
		}
	}
	n.listen()
	n.profile()
	r.running.Go(func() { n.schedule.Loop(r.calls, n.halt) })
	r.mu.Unlock()
	r.mark(archive.Mark{Kind: "node_seen", Node: name, From: r.clock.Now()})
}

// share begins with the nodes that became ours, and leaves those that are not, whose listeners are read to the end.
func (r *Recorder) share() {
	for _, n := range r.known() {
		if r.opts.Fleet.Ours(n.name) || !n.dismiss() {
			continue
		}
		r.running.Go(func() {
			for _, l := range n.listeners {
				l.stop(r.calls)
			}
			n.markLosses(true)
			r.mark(archive.Mark{Kind: "node_left", Node: n.name, From: r.clock.Now(), Note: "another recorder of the fleet has it"})
		})
	}
	r.meetAll(r.shares.Mine())
}

// peers are the other nodes that are there.
func (r *Recorder) peers(of string) []string {
	if r.opts.Fleet != nil {
		return slices.DeleteFunc(r.shares.There(), func(n string) bool { return n == of })
	}
	var out []string
	for _, n := range r.known() {
		if n.name != of {
			out = append(out, n.name)
		}
	}
	return out
}

// known are all nodes, by name.
func (r *Recorder) known() []*node {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*node, 0, len(r.nodes))
	for _, n := range r.nodes {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *node) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}
