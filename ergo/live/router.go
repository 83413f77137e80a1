package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A Way is one way into the cluster.
type Way struct {
	Name   string // what messages call it: its URL, or how it joined
	Caller ergo.Caller
	// Joined: the way reaches every node by itself and has no node of its
	// own (a link that joined the cluster): asked for none, it chooses one. Otherwise it is an entry point:
	// it answers calls without a node for its own, and forwards the others. A
	// caller that finds out by itself says so with a method Spans.
	Joined bool
}

// spans reports whether a way reaches every node by itself.
func (w Way) spans() bool {
	s, ok := w.Caller.(interface{ Spans() bool })
	return w.Joined || ok && s.Spans()
}

// offers says whether a tool can be asked of a node on this way.
func (w Way) offers(node, tool string) ergo.Offer {
	if o, ok := w.Caller.(interface {
		Offers(node, tool string) ergo.Offer
	}); ok {
		return o.Offers(node, tool)
	}
	if ergo.OfInspection(tool) {
		return ergo.Withheld
	}
	return ergo.Offered
}

// whole reports whether a way that spans the cluster gives answers of any size
// of a node.
func (w Way) whole(node string) bool {
	o, ok := w.Caller.(interface{ Whole(node string) bool })
	return ok && o.Whole(node)
}

// What a [Notice] tells.
const (
	WayFound   = "entry_found"    // answers, and is the entry point of Node
	WayLost    = "entry_lost"     // does not answer any more; Err says why
	WayBack    = "entry_back"     // answers again
	WayRenamed = "entry_renamed"  // is the entry point of another node than before, now Node
	WayNew     = "entry_new"      // was named by a source of ways
	WayGone    = "entry_gone"     // does not answer, and no source of ways names it any more
	WaysUnsure = "entries_unsure" // who has entry points could not be found out; Err says why
)

// A Notice tells of a change of a way.
type Notice struct {
	What string
	Way  string
	Node string // whose entry point it is, if known
	Err  error
}

// How long a way that gave no answer is left alone before it is tried again,
// at first and at most.
const (
	firstRest = time.Second
	lastRest  = 30 * time.Second
)

// timeouts is after how many calls in a row that timed out a way counts as
// lost: one that waits behind a worker that is held up says nothing yet.
const timeouts = 3

// A Router makes one [ergo.Caller] of several ways. A call to a node that has
// an entry point of its own goes there, without forwarding; any other through
// a joined way, else through the entry points that forward, in turn. A way that
// gives no answer is passed over for a while and the call tried on the next one;
// a call that timed out is not tried again, since it cost the cluster once, but
// the next call to that node goes another way. Where a node's own way says that
// nobody there answers, no other node is asked to forward to it.
//
// Refresh must be called before the first call and from time to time.
type Router struct {
	ways   []*way
	now    func() time.Time
	notify func(Notice)
	source func(context.Context) ([]Way, error) // nil: the ways stay as they are
	named  sync.Mutex                           // held while the source is asked
	mu     sync.Mutex
	turn   int   // whose turn it is to forward
	failed error // of the source, as it was told last
}

type way struct {
	Way
	node  string // its own, "" as long as it is not known
	sure  bool   // node was asked for since the way was last lost
	err   error  // why it is down; nil while it is up
	until time.Time
	rest  time.Duration
	late  int              // calls in a row that timed out
	still bool             // it was lost because it answers nothing: its node stands still
	avoid map[string]avoid // nodes to which forwarding timed out
	asked chan struct{}    // closed when it has said whose it is, or failed; nil: it is not asked
}

// known reports whether calls can be made on a way: it has said whose it is, or
// has no node of its own. One that was not heard yet may never answer.
func (w *way) known() bool { return w.spans() || w.node != "" }

// An avoid is for how long a way is not taken to a node.
type avoid struct {
	until time.Time
	rest  time.Duration
}

// NewRouter makes a router; notify, if not nil, hears of every change and
// must not call the router.
func NewRouter(ways []Way, now func() time.Time, notify func(Notice)) *Router {
	if notify == nil {
		notify = func(Notice) {}
	}
	r := &Router{now: now, notify: notify}
	for _, w := range ways {
		r.ways = append(r.ways, &way{Way: w})
	}
	return r
}

// Follow has the router ask a source for its ways with every [Router.Refresh]:
// ways that are new are taken, and those that are not named any more are given
// up as soon as they do not answer. Ways are told apart by their names. Where the source
// fails, what it names all the same is taken, and none is given up.
func (r *Router) Follow(source func(context.Context) ([]Way, error)) { r.source = source }

// ask asks the source for the ways, unless that is done at this moment, and
// returns those that are new.
func (r *Router) ask(ctx context.Context) []*way {
	if r.source == nil || !r.named.TryLock() {
		return nil
	}
	defer r.named.Unlock()
	ways, err := r.source(ctx)
	if ctx.Err() != nil {
		return nil
	}
	r.mu.Lock()
	told := r.failed
	r.failed = err
	r.mu.Unlock()
	if err != nil && (told == nil || told.Error() != err.Error()) {
		r.notify(Notice{What: WaysUnsure, Way: "entry points", Err: err})
	}
	fresh, changes := r.set(ways, err == nil)
	for _, n := range changes {
		r.notify(n)
	}
	return fresh
}

// set takes the ways that are named, and says which are new and what changed. Where
// they are not all, none is given up.
func (r *Router) set(named []Way, all bool) (fresh []*way, changes []Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ways []*way
	had := map[string]bool{}
	for _, w := range r.ways {
		listed := slices.ContainsFunc(named, func(n Way) bool { return n.Name == w.Name })
		if all && !listed && w.err != nil {
			changes = append(changes, Notice{What: WayGone, Way: w.Name, Node: w.node, Err: w.err})
			continue
		}
		ways, had[w.Name] = append(ways, w), true
	}
	for _, n := range named {
		if !had[n.Name] {
			fresh, had[n.Name] = append(fresh, &way{Way: n}), true
			changes = append(changes, Notice{What: WayNew, Way: n.Name})
		}
	}
	r.ways = append(ways, fresh...)
	return fresh, changes
}

// all are the ways that there are now.
func (r *Router) all() []*way {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ways
}

// Refresh asks the source of ways, if there is one, and every entry point, but
// those at rest, whose it is, all beside each other; who is being asked already is
// not asked again. It returns when all have answered or failed, and fails with
// [ErrNoWay] where no way is left. Some, if not nil, is called before that, a moment
// after the first has answered: others may take as long as a call may.
func (r *Router) Refresh(ctx context.Context, some func()) error {
	var all sync.WaitGroup
	first := make(chan struct{}, 1)
	ask := func(w *way) {
		all.Go(func() {
			if r.heard(ctx, w); r.useful(w) {
				select {
				case first <- struct{}{}:
				default:
				}
			}
		})
	}
	for _, w := range r.all() {
		ask(w)
	}
	all.Go(func() {
		for _, w := range r.ask(ctx) {
			ask(w)
		}
	})
	if some != nil {
		soon(&all, first, some)
	}
	all.Wait()
	return r.left()
}

// soon calls some when the first has answered and the others had their moment, if
// not all have ended before.
func soon(all *sync.WaitGroup, first <-chan struct{}, some func()) {
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-ended:
		return
	case <-first:
	}
	moment := time.NewTimer(ergo.Promptly)
	defer moment.Stop()
	select {
	case <-ended:
	case <-moment.C:
		some()
	}
}

// left fails where no way is left.
func (r *Router) left() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := []error{r.failed}
	for _, w := range r.ways {
		switch {
		case w.err != nil:
			errs = append(errs, w.err)
		case w.known():
			return nil
		default:
			errs = append(errs, fmt.Errorf("%s has not answered yet", w.Name))
		}
	}
	if len(r.ways) == 0 && r.failed == nil {
		errs = append(errs, errors.New("nobody is named"))
	}
	return fmt.Errorf("%w: %w", ErrNoWay, errors.Join(errs...))
}

// useful reports whether nodes can be asked on a way now.
func (r *Router) useful(w *way) bool {
	if joined, ok := w.Caller.(interface{ Nodes() []string }); ok && w.Joined {
		return len(joined.Nodes()) > 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.err == nil && w.known()
}

// heard returns when a way has said whose it is, or failed to; one at rest is not
// asked.
func (r *Router) heard(ctx context.Context, w *way) {
	r.mu.Lock()
	asked := w.asked
	mine := asked == nil && (w.Joined || w.err == nil || !r.now().Before(w.until))
	if mine {
		asked = make(chan struct{})
		w.asked = asked
	}
	r.mu.Unlock()
	if !mine {
		if asked != nil {
			select {
			case <-asked:
			case <-ctx.Done():
			}
		}
		return
	}
	if w.Joined {
		ready(ctx, w)
	} else {
		r.identify(ctx, w)
	}
	r.mu.Lock()
	w.asked = nil
	r.mu.Unlock()
	close(asked)
}

// ready waits until the first node is joined, or none could be: that is told by who
// joins, and tried again.
func ready(ctx context.Context, w *way) {
	if joined, ok := w.Caller.(interface{ Ready(context.Context) error }); ok {
		_ = joined.Ready(ctx)
	}
}

// identify asks a way for its own node.
func (r *Router) identify(ctx context.Context, w *way) {
	answer, err := w.Caller.Call(ctx, ergo.Call{Tool: "cluster_nodes", Args: ergo.Args{"timeout": 5}})
	if err == nil && w.spans() {
		r.up(w)
		return
	}
	var name string
	if err == nil {
		name, err = selfOf(answer.Text)
	}
	if ergo.AsToolError(err) != nil {
		name, err = NameOf(ctx, w.Caller)
	}
	if err != nil {
		r.judge(ctx, w, "", err)
		return
	}
	r.up(w)
	r.mu.Lock()
	before := w.node
	w.node, w.sure = name, true
	r.mu.Unlock()
	switch before {
	case name:
	case "":
		r.notify(Notice{What: WayFound, Way: w.Name, Node: name})
	default:
		r.notify(Notice{What: WayRenamed, Way: w.Name, Node: name})
	}
}

// selfOf finds the node that answered cluster_nodes.
func selfOf(text []byte) (string, error) {
	var rows []struct{ Name, Status string }
	if err := json.Unmarshal(text, &rows); err != nil {
		return "", fmt.Errorf("cluster_nodes: %w", err)
	}
	for _, n := range rows {
		if n.Status == "self" && n.Name != "" {
			return n.Name, nil
		}
	}
	return "", errors.New("cluster_nodes: no node says self")
}

// NameOf is the name of the node that answers calls which name none.
func NameOf(ctx context.Context, c ergo.Caller) (string, error) {
	answer, err := c.Call(ctx, ergo.Call{Tool: "node_info", Args: ergo.Args{"timeout": 5}})
	if err != nil {
		return "", err
	}
	var info struct{ Name string }
	if err := json.Unmarshal(answer.Text, &info); err != nil {
		return "", fmt.Errorf("node_info: %w", err)
	}
	if info.Name == "" {
		return "", errors.New("node_info: no name")
	}
	return info.Name, nil
}

// Entries are the nodes that can be asked for the cluster's nodes: those that
// have an entry point which answers, and those that a joined way names with a
// method Nodes.
func (r *Router) Entries() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, w := range r.ways {
		if joined, ok := w.Caller.(interface{ Nodes() []string }); ok && w.spans() && w.err == nil {
			names = append(names, joined.Nodes()...)
		}
		if w.sure && w.err == nil {
			names = append(names, w.node)
		}
	}
	return names
}

// Owned reports whether a node is known to have a way of its own, be it up or not.
func (r *Router) Owned(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.ways {
		if w.spans() || w.node == node {
			return true
		}
	}
	return false
}

// Direct reports whether a node is asked over its own entry point, so that
// its answers may be of any size.
func (r *Router) Direct(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.best(node)
	return w != nil && w.err == nil && (w.sure && w.node == node || w.spans() && w.whole(node))
}

// Offers says whether a tool can be asked of a node: the best of what its ways
// that answer offer.
func (r *Router) Offers(node, tool string) ergo.Offer {
	best := ergo.Withheld
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.ways {
		if w.err == nil && w.known() {
			best = min(best, w.offers(node, tool))
		}
	}
	return best
}

// Ways are the names of the ways to a node that answer, best first.
func (r *Router) Ways(node string) []Way {
	var list []Way
	for _, w := range r.order(node, "") {
		r.mu.Lock()
		if w.err == nil {
			list = append(list, w.Way)
		}
		r.mu.Unlock()
	}
	return list
}

// Forwarded reports whether a call to the node is handed on by another one,
// whose worker it holds meanwhile.
func (r *Router) Forwarded(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.best(node)
	return w == nil || !w.spans() && !((w.sure || w.still) && w.node == node)
}

// ownWay is the node's own way for a call, if that is the best class of all; nil where
// there is none. With many entry points it is found at little cost. r.mu is held.
func (r *Router) ownWay(node, tool string) *way {
	now := r.now()
	for _, w := range r.ways {
		if node != "" && w.node == node && w.class(node, tool, now) == own {
			return w
		}
	}
	return nil
}

// best is the first of the ways to a node, nil where there are none. r.mu is held.
func (r *Router) best(node string) (best *way) {
	if w := r.ownWay(node, ""); w != nil {
		return w
	}
	now, of := r.now(), last+1
	for _, w := range r.ways {
		if c := w.class(node, "", now); c < of {
			best, of = w, c
		}
	}
	return best
}

// Call implements [ergo.Caller].
func (r *Router) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	var noRoute error // what a way said that could not reach the node
	var said ergo.Answer
	var errs []error
	for w := range r.inTurn(call.Node, call.Tool) {
		if err := r.standing(w, call.Node); err != nil {
			errs = append(errs, err)
			continue
		}
		answer, err := r.try(ctx, w, call)
		if !another(ctx, err) {
			return answer, err
		}
		if ergo.AsToolError(err) != nil {
			noRoute, said = err, answer
		} else {
			errs = append(errs, err)
		}
	}
	if noRoute != nil {
		return said, noRoute
	}
	return ergo.Answer{}, fmt.Errorf("%w: %w", ErrNoWay, errors.Join(errs...))
}

// inTurn are the ways for a call as they are tried. Mostly the first answers, and the order
// of the others is not asked for.
func (r *Router) inTurn(node, tool string) iter.Seq[*way] {
	return func(yield func(*way) bool) {
		r.mu.Lock()
		first := r.ownWay(node, tool)
		r.mu.Unlock()
		if first != nil && !yield(first) {
			return
		}
		for _, w := range r.order(node, tool) {
			if w != first && !yield(w) {
				return
			}
		}
	}
}

// standing is why a way is of no use for a call to a node, if its own node
// stands still.
func (r *Router) standing(w *way, node string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.still && node != w.node && r.now().Before(w.until) {
		return w.err
	}
	return nil
}

// another reports whether a call that ended so may fare better on another way.
func another(ctx context.Context, err error) bool {
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, ErrTooLarge), errors.Is(err, ergo.ErrNoTools):
		return false
	}
	if t := ergo.AsToolError(err); t != nil {
		why, failed := t.LinkFailed()
		return failed && why == "no route"
	}
	return true
}

// try makes the call on one way and notes whether the way is up.
func (r *Router) try(ctx context.Context, w *way, call ergo.Call) (ergo.Answer, error) {
	r.mu.Lock()
	if (w.sure || w.still) && call.Node == w.node {
		call.Node = ""
	}
	r.mu.Unlock()
	answer, err := w.Caller.Call(ctx, call)
	r.judge(ctx, w, call.Node, err)
	return answer, err
}

// judge notes what the outcome of a call, forwarded to node if one is named,
// says of the way.
func (r *Router) judge(ctx context.Context, w *way, node string, err error) {
	tool := ergo.AsToolError(err)
	if !w.spans() && node != "" {
		r.forwarded(w, node, tool)
	}
	switch {
	case err == nil || tool != nil:
		r.up(w)
	case w.Joined, errors.Is(err, ErrTooLarge), errors.Is(err, context.Canceled):
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		r.mu.Lock()
		w.late++
		lost := w.late >= timeouts || w.node == ""
		w.still = w.still || lost && w.node != ""
		r.mu.Unlock()
		if lost {
			r.lost(w, err)
		}
	default:
		r.lost(w, err)
	}
}

// How long a way is not taken to a node after forwarding to it timed out.
const (
	firstAvoid = 10 * time.Second
	lastAvoid  = 5 * time.Minute
)

// forwarded notes whether forwarding to a node timed out.
func (r *Router) forwarded(w *way, node string, refused *ergo.ToolError) {
	late := false
	if refused != nil {
		why, failed := refused.LinkFailed()
		late = failed && why == "timed out"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !late {
		delete(w.avoid, node)
		return
	}
	if w.avoid == nil {
		w.avoid = map[string]avoid{}
	}
	rest := min(max(2*w.avoid[node].rest, firstAvoid), lastAvoid)
	w.avoid[node] = avoid{r.now().Add(rest), rest}
}

// order is the ways to a node, best first, by their classes; those that forward
// in turn.
func (r *Router) order(node, tool string) []*way {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var next [last + 2]int // where the next way of a class goes
	of := make([]class, len(r.ways))
	for i, w := range r.ways {
		of[i] = w.class(node, tool, now)
		next[of[i]+1]++
	}
	for c := range last {
		next[c+1] += next[c]
	}
	others := next[forwards]
	order := make([]*way, len(r.ways))
	for i, w := range r.ways {
		order[next[of[i]]] = w
		next[of[i]]++
	}
	if equal := order[others:next[forwards]]; len(equal) > 1 && node != "" && others == 0 {
		first := r.turn % len(equal)
		copy(equal, slices.Concat(equal[first:], equal[:first]))
		r.turn++
	}
	return order
}

// A class is how good a way is for a call, the best first.
type class int

const (
	own      class = iota // the node's entry point: nobody else will fare better
	joins                 // a joined way
	forwards              // another node's entry point
	chooses               // a joined way, for a call that names no node: an entry point answers for its own
	avoided               // could not reach the node of late, or does not offer the tool, if one is named
	last                  // rests, or has not said yet whose it is
)

// class is that of a way for a call. The router's mu is held.
func (w *way) class(node, tool string, now time.Time) class {
	switch {
	case w.still && w.node == node:
		return own
	case w.err != nil && now.Before(w.until), !w.known():
		return last
	case tool != "" && w.offers(node, tool) == ergo.Withheld:
		return avoided
	case w.spans() && node == "":
		return chooses
	case w.sure && w.node == node:
		return own
	case w.spans():
		return joins
	case now.Before(w.avoid[node].until):
		return avoided
	}
	return forwards
}

func (r *Router) up(w *way) {
	r.mu.Lock()
	was, node := w.err, w.node
	w.err, w.rest, w.late, w.still = nil, 0, 0, false
	r.mu.Unlock()
	if was != nil && node != "" {
		r.notify(Notice{What: WayBack, Way: w.Name, Node: node})
	}
}

func (r *Router) lost(w *way, err error) {
	r.mu.Lock()
	was, node := w.err, w.node
	w.err, w.sure, w.late = err, false, 0
	w.rest = min(max(2*w.rest, firstRest), lastRest)
	w.until = r.now().Add(w.rest)
	r.mu.Unlock()
	if was == nil {
		r.notify(Notice{What: WayLost, Way: w.Name, Node: node, Err: err})
	}
}
