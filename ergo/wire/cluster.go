package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/link"
)

// A Cluster is the nodes that our node is linked to, or tries to be. It is an
// [ergo.Caller].
type Cluster struct {
	opts     Options
	creation int64 // of our node: unix seconds of its start
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	members map[string]*member
	passed  map[string]bool // nodes that others name and that may not be dialled
	subs    map[*Subscription]bool
	changed chan struct{} // closed, and made anew, when a member's state changes
}

// Open begins to join the nodes and returns at once: see Wait. It fails only
// where the options are wrong.
func Open(opts Options) (*Cluster, error) {
	if err := opts.complete(); err != nil {
		return nil, fmt.Errorf("join the cluster: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Cluster{
		opts: opts, creation: opts.Now().Unix(), ctx: ctx, cancel: cancel,
		members: map[string]*member{}, passed: map[string]bool{},
		subs: map[*Subscription]bool{}, changed: make(chan struct{}),
	}
	for _, t := range opts.Targets {
		c.add(t)
	}
	return c, nil
}

// Close leaves the cluster. What was being called fails.
func (c *Cluster) Close() {
	c.cancel()
	c.running.Wait()
}

// add begins to join a node, unless that is done already.
func (c *Cluster) add(t Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members[t.Node] != nil || c.ctx.Err() != nil {
		return
	}
	m := newMember(c, t)
	c.members[t.Node] = m
	c.running.Go(m.run)
}

// Name is our own node's name.
func (c *Cluster) Name() string { return c.opts.Node }

// all are the members, by name.
func (c *Cluster) all() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*member, 0, len(c.members))
	for _, m := range c.members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *member) int { return cmp.Compare(a.target.Node, b.target.Node) })
	return list
}

// Status is how every node stands, by name.
func (c *Cluster) Status() []Status {
	var list []Status
	for _, m := range c.all() {
		list = append(list, m.status())
	}
	return list
}

// Nodes are the names of the nodes that are joined and have tools.
func (c *Cluster) Nodes() []string {
	var names []string
	for _, s := range c.Status() {
		if s.Joined && (s.MCP || s.System != "") {
			names = append(names, s.Node)
		}
	}
	return names
}

// Pushing reports whether a node pushes its log lines at present, or with an
// event's name the messages of the event.
func (c *Cluster) Pushing(node, event string) bool {
	c.mu.Lock()
	m := c.members[node]
	c.mu.Unlock()
	return m != nil && m.pushing(event)
}

// Wait waits until every node that was named is joined or could not be at the
// first attempt. It fails where none was joined, with every reason.
func (c *Cluster) Wait(ctx context.Context) error {
	return c.wait(ctx, func(pending bool) bool { return !pending })
}

// Ready waits until a node that can be asked is joined. It fails where none could
// be at the first attempt, with every reason.
func (c *Cluster) Ready(ctx context.Context) error {
	return c.wait(ctx, func(pending bool) bool { return !pending || len(c.Nodes()) > 0 })
}

// wait waits until it is enough, and fails where none was joined.
func (c *Cluster) wait(ctx context.Context, enough func(pending bool) bool) error {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		joined, pending := false, false
		for _, s := range c.Status() {
			joined = joined || s.Joined
			pending = pending || !s.Joined && s.Err == nil
		}
		switch {
		case !enough(pending):
		case joined:
			return nil
		default:
			return c.nobody()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nobody says why no node with tools is joined.
func (c *Cluster) nobody() error {
	var errs []error
	for _, s := range c.Status() {
		switch {
		case s.Err != nil:
			errs = append(errs, s.Err)
		case s.Joined:
			errs = append(errs, fmt.Errorf("%s: %w", s.Node, ErrNoMCP))
		default:
			errs = append(errs, fmt.Errorf("%s is not joined yet", s.Node))
		}
	}
	return fmt.Errorf("join the cluster: %w", errors.Join(errs...))
}

// notify tells of a change.
func (c *Cluster) notify(n Notice) {
	n.At = c.opts.Now()
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	c.opts.Notify(n)
}

// learn takes in the names of nodes that another one is connected with. They
// are joined if we may dial what the operator did not name.
func (c *Cluster) learn(names []string) {
	for _, name := range names {
		t, err := ParseTarget(name)
		if err != nil || t.Port != 0 || name == c.opts.Node {
			continue
		}
		c.mu.Lock()
		known := c.members[name] != nil || c.passed[name] || len(c.members)+len(c.passed) >= maxNodes
		if !known && !c.opts.FollowRoutes {
			c.passed[name] = true
		}
		c.mu.Unlock()
		switch {
		case known:
		case c.opts.FollowRoutes:
			c.add(t)
		default:
			c.notify(Notice{What: Passed, Node: name, Err: fmt.Errorf("not dialled: name it with --join %s, or allow --follow-routes", name)})
		}
	}
}

// nodeNames are the nodes that an answer of cluster_nodes names.
func nodeNames(text []byte) []string {
	var rows []struct{ Name string }
	if json.Unmarshal(text, &rows) != nil {
		return nil
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return names
}

// member finds the node that a call is for: without a name, the first that
// has tools.
func (c *Cluster) member(node string) *member {
	if node != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.members[node]
	}
	for _, m := range c.all() {
		if s := m.status(); s.Joined && (s.MCP || s.System != "") {
			return m
		}
	}
	return nil
}

// Call implements [ergo.Caller].
func (c *Cluster) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	begin := c.opts.Now()
	var waited time.Duration
	var said link.Said
	text, isError, road, err := c.call(link.Hear(context.WithValue(ctx, waitedKey{}, &waited), &said), call)
	answer := ergo.Answer{Text: text, IsError: isError, At: c.opts.Now(), Road: road}
	answer.Took = max(answer.At.Sub(begin)-waited, 0)
	c.clocked(call.Node, said, &answer)
	if err != nil {
		return answer, err
	}
	if call.Tool == toolClusterNodes {
		c.learn(nodeNames(text))
	}
	answer.Text = without(call.Tool, text, c.opts.Node)
	return answer, nil
}

// clocked gives an answer of a replay the replay's time. What was refused on our
// side, without a question, was not observed.
func (c *Cluster) clocked(node string, said link.Said, answer *ergo.Answer) {
	m := c.member(node)
	if m == nil {
		return
	}
	if said.Clock.Speed == 0 {
		if answer.Clock = m.replayed(); answer.Clock != nil {
			answer.At = answer.Clock.Now
		}
		return
	}
	m.hear(said.Clock)
	answer.Clock, answer.At = &said.Clock, said.Clock.Now
	if !said.Observed.IsZero() {
		answer.At, answer.Observed = said.Observed, true
	}
}

// Offers says whether a tool can be asked of a node over its link.
func (c *Cluster) Offers(node, tool string) ergo.Offer {
	if m := c.member(node); m != nil {
		return m.offers(tool)
	}
	return ergo.Withheld
}

// Whole reports whether answers of a node may be of any size: those of the
// system application may, those of tools end at 65535 bytes.
func (c *Cluster) Whole(node string) bool {
	m := c.member(node)
	return m != nil && m.whole()
}

func (c *Cluster) call(ctx context.Context, call ergo.Call) (text []byte, isError bool, road ergo.Road, err error) {
	m := c.member(call.Node)
	switch {
	case m == nil && call.Node == "":
		return nil, false, "", c.nobody()
	case m == nil:
		return nil, false, "", unreachable(call.Node, "no route", errNotNamed)
	}
	return m.call(ctx, call)
}

var errNotNamed = errors.New("the node was not named to be joined")

// unreachable words a failed link as an entry point does, with our own reason.
func unreachable(node, why string, cause error) error {
	return fmt.Errorf("%w (%w)", ergo.RemoteError(node, why), cause)
}

// timeOf is how long a call may take.
func (o *Options) timeOf(args ergo.Args) time.Duration {
	if s, ok := args.Int("timeout"); ok && s > 0 && s < 3600 {
		return time.Duration(s) * time.Second
	}
	return o.Timeout
}

// errorText is an error that a process of the node answered.
func errorText(err error) (string, bool) {
	var said edf.Error
	ok := errors.As(err, &said)
	return string(said), ok
}
