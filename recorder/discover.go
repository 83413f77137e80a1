package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
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
		if errors.As(err, new(*ForeignError)) {
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

// A ForeignError refuses an archive of another cluster.
type ForeignError struct{ Why string }

// Error implements error.
func (e *ForeignError) Error() string {
	return "the archive is of another cluster: " + e.Why + "; record into a new one, or go on with this one all the same with --append"
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
	if err := r.findWays(ctx); err != nil {
		return err
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	why, known := "", false
	err = r.askEntries(ctx, func(s said) {
		if known {
			return
		}
		if why = held.Foreign(s.names, r.askLife(ctx)); why == "" {
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
	return &ForeignError{why}
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
	found := make(chan error, 2)
	first := sync.OnceFunc(func() { found <- nil })
	r.running.Go(func() { found <- r.discover(r.looking, first) })
	return r.untilDone(ctx, found)
}

// discover asks every entry point which nodes there are, and begins to record
// those that were not known, those of each as soon as it has answered, which first
// hears. It fails where no entry point answers.
func (r *Recorder) discover(ctx context.Context, first func()) error {
	if err := r.findWays(ctx); err != nil {
		return err
	}
	entries := r.whomToAsk()
	var lists [][]string
	err := r.ask(ctx, entries, func(s said) {
		if s.call.Node != "" {
			r.store(ingest.Record(s.call, nil, s.answer, nil, ingest.Options{}), s.answer.Observed)
		}
		list := r.wanted(s.names)
		lists = append(lists, list)
		room, _ := r.room()
		r.meetSome(r.shares.Also(list), max(room/len(entries), 1)) // no entry point fills the room of another
		first()
	})
	if err == nil {
		there := r.shares.Of(inTurns(lists))
		r.forget(there)
		r.meetAll(there)
	}
	return err
}

// inTurns are the nodes of all lists, once, the first of each before the second of
// any: who makes up many nodes does not hide those of another.
func inTurns(lists [][]string) []string {
	var all []string
	had := map[string]bool{}
	for i, more := 0, true; more; i++ {
		more = false
		for _, list := range lists {
			if i >= len(list) {
				continue
			}
			more = true
			if !had[list[i]] {
				had[list[i]] = true
				all = append(all, list[i])
			}
		}
	}
	return all
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

// findWays has the ways into the cluster asked whose they are. It returns when the
// first is known: who is slow is waited for beside, and nodes are looked for again
// when that made more of them known.
func (r *Recorder) findWays(ctx context.Context) error {
	if r.opts.Routes == nil {
		return nil
	}
	known := make(chan error, 2)
	r.running.Go(func() {
		had := -1
		err := r.opts.Routes.Refresh(r.looking, func() {
			had = len(r.opts.Routes.Entries())
			known <- nil
		})
		if had >= 0 && len(r.opts.Routes.Entries()) > had {
			r.lookSoon()
		}
		known <- err
	})
	return r.untilDone(ctx, known)
}

// untilDone waits for what a search comes to. When ctx ends before, so does all
// looking for nodes, and what it came to until then is the result.
func (r *Recorder) untilDone(ctx context.Context, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		r.endLook()
		if err := <-result; err != nil {
			return err
		}
		return ctx.Err()
	}
}

// lookSoon has the nodes looked for before it is time.
func (r *Recorder) lookSoon() {
	select {
	case r.look <- struct{}{}:
	default:
	}
}

// whomToAsk are the nodes that are asked which nodes there are; "" is whoever answers.
func (r *Recorder) whomToAsk() []string {
	entries := r.entries()
	if len(entries) == 0 {
		return []string{""}
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// said is what an entry point said of the cluster.
type said struct {
	call   ergo.Call
	answer ergo.Answer
	names  []string
	err    error
}

// askEntries asks every entry point which nodes there are; see ask.
func (r *Recorder) askEntries(ctx context.Context, heard func(said)) error {
	return r.ask(ctx, r.whomToAsk(), heard)
}

// ask asks entry points beside each other which nodes there are, and hands on what
// each said as it comes. It returns when all have answered, and fails where none did.
func (r *Recorder) ask(ctx context.Context, entries []string, heard func(said)) error {
	answers := make(chan said, len(entries))
	for _, entry := range entries {
		go func() { answers <- r.clusterNodes(ctx, entry) }()
	}
	answered := false
	var err error
	for range entries {
		s := <-answers
		if s.err != nil {
			err = s.err
			continue
		}
		answered = true
		heard(s)
	}
	if !answered {
		return fmt.Errorf("ask for the cluster's nodes: %w", err)
	}
	return nil
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

// clusterNodes asks one entry point for the nodes that it knows. The call names the
// node that answered, where it says so.
func (r *Recorder) clusterNodes(ctx context.Context, entry string) (s said) {
	s.call = ergo.Call{Node: entry, Tool: "cluster_nodes", Args: ergo.Args{"timeout": int(max(r.opts.Timeout/time.Second, 1))}}
	s.answer, s.err = r.caller.Call(ctx, s.call)
	r.clock.Hear(s.answer.Clock)
	if s.err != nil {
		return s
	}
	var rows []struct{ Name, Status string }
	if err := json.Unmarshal(s.answer.Text, &rows); err != nil {
		s.err = fmt.Errorf("cluster_nodes: %w", err)
		return s
	}
	for _, row := range rows {
		if row.Name == "" {
			continue
		}
		s.names = append(s.names, row.Name)
		if row.Status == "self" {
			s.call.Node = row.Name
		}
	}
	return s
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
