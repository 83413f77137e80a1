package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// Options of a Cluster. The zero value works.
type Options struct {
	// Token is the bearer token that callers must present; "" lets all in.
	Token string
	// Speed is how many times faster than the world the clock runs; 0 is 1.
	Speed float64
	// From and To bound the window; zero means the recording's own bounds. It
	// never begins before the entry point first said who it is.
	From, To time.Time
	// Prompt nodes are never busy: nobody queues, and a CPU profile takes no time.
	// It is for tests of what is said, not of when.
	Prompt bool
	// Now is the time of the world; nil means the system's.
	Now func() time.Time
	// Wait passes time of the world, or returns the context's error; nil
	// means a timer.
	Wait func(ctx context.Context, d time.Duration) error
}

// A Cluster is a recording that answers as the cluster did. It is safe for
// concurrent use.
type Cluster struct {
	rec      *replay.Recording
	clock    *Clock
	token    string
	wait     func(ctx context.Context, d time.Duration) error
	samplers samplers
	pools    pools
	prompt   bool
}

// New makes a recording a cluster.
func New(rec *replay.Recording, opts Options) (*Cluster, error) {
	_, to := rec.Window()
	from := opened(rec)
	if opts.From.After(from) {
		from = opts.From
	}
	if !opts.To.IsZero() {
		to = opts.To
	}
	if opts.Speed == 0 {
		opts.Speed = 1
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Wait == nil {
		opts.Wait = sleep
	}
	clock, err := NewClock(from, to, opts.Speed, opts.Now)
	if err != nil {
		return nil, err
	}
	return &Cluster{rec: rec, clock: clock, token: opts.Token, wait: opts.Wait, prompt: opts.Prompt}, nil
}

// opened is the first moment at which the entry point had said who it is and
// who else is there: before that no client could make a beginning.
func opened(rec *replay.Recording) time.Time {
	from, _ := rec.Window()
	entry := rec.Entry()
	first := map[string]time.Time{}
	for _, s := range rec.Streams() {
		if s.Kind != archive.Sample || s.Node != entry || s.Name != "node_info" && s.Name != "cluster_nodes" {
			continue
		}
		if at, ok := first[s.Name]; !ok || s.From.Before(at) {
			first[s.Name] = s.From
		}
	}
	for _, at := range first {
		if at.After(from) {
			from = at
		}
	}
	return from
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Clock is the cluster's clock.
func (c *Cluster) Clock() *Clock { return c.clock }

// wall is how many bytes of an answer, as escaped JSON, fit through the link
// between two nodes.
const wall = 65535

// slack is by how much a call that timed out may have taken longer than its
// time-out: what its record says comes before a time-out of ours.
const slack = time.Second

// forwardTimeout is how long a forwarded call may take unless it says.
const forwardTimeout = 30 * time.Second

// An outcome is a reply, or why there is none.
type outcome struct {
	reply replay.Reply
	err   error
}

// answer is what a node says to a call, asked by way of another: what its worker
// says when it is its turn.
func (c *Cluster) answer(ctx context.Context, via string, call ergo.Call) (replay.Reply, error) {
	out, err := queued(ctx, c.tools(call.Node), func(ctx context.Context) outcome {
		r, err := c.work(ctx, via, call, c.clock.Now())
		return outcome{r, err}
	})
	return out.reply, errors.Join(out.err, err)
}

// work is what a worker of a node says to a call at a moment, which takes as long
// as it did: the time-out of what was stuck, and all of a CPU profile.
func (c *Cluster) work(ctx context.Context, via string, call ergo.Call, now time.Time) (replay.Reply, error) {
	call.Args = call.Args.Without("timeout")
	m := c.rec.Faithful(now).Via(via)
	r, ours, err := c.sampled(ctx, m, via, call, now)
	if !ours {
		r, err = m.Ask(ctx, call)
	}
	if te := ergo.AsToolError(err); te != nil {
		if why, failed := te.LinkFailed(); failed && why == "timed out" {
			return r, errors.Join(c.wait(ctx, c.clock.World(r.Took)), err)
		}
		return r, err
	}
	if call.Tool == "pprof_cpu" && err == nil && !c.prompt {
		err = c.wait(ctx, c.clock.World(r.Took))
	}
	r.Text = ergo.Pretty(r.Text)
	return r, err
}

// forward is answer through the link between two nodes: what is too large for it
// never arrives, and what takes too long is not waited for. A worker of the node
// that was asked is held meanwhile.
func (c *Cluster) forward(ctx context.Context, via string, call ergo.Call) (replay.Reply, error) {
	out, err := queued(ctx, c.tools(via), func(ctx context.Context) outcome {
		timeout := forwardTimeout
		if s, ok := call.Args.Int("timeout"); ok && s >= 1 {
			timeout = time.Duration(s) * time.Second
		}
		late := replay.Reply{}
		limited, cancel := context.WithTimeout(ctx, c.clock.World(timeout+slack))
		defer cancel()
		r, err := c.answer(limited, via, call)
		switch {
		case limited.Err() != nil:
			return outcome{late, ergo.RemoteError(call.Node, "timed out")}
		case err != nil || escapedSize(r.Text) <= wall:
			return outcome{r, err}
		}
		if err := c.wait(ctx, c.clock.World(timeout)); err != nil {
			return outcome{late, err}
		}
		return outcome{late, ergo.RemoteError(call.Node, "timed out")}
	})
	return out.reply, errors.Join(out.err, err)
}

func escapedSize(text []byte) int {
	b, err := json.Marshal(string(text))
	if err != nil {
		return 0 // strings always encode
	}
	return len(b)
}

// refusal is the JSON-RPC error of any error.
func refusal(err error, forwarded bool) *ergo.ToolError {
	if te := ergo.AsToolError(err); te != nil {
		return te
	}
	code := ergo.CodeInvalidParams
	if forwarded {
		code = ergo.CodeInternal
	}
	return &ergo.ToolError{Code: code, Message: err.Error()}
}

// downAt reports whether a node did not answer at a moment.
func (c *Cluster) downAt(ctx context.Context, node string, now time.Time) bool {
	_, err := c.rec.Faithful(now).Ask(ctx, ergo.Call{Node: node, Tool: "node_info"})
	te := ergo.AsToolError(err)
	if te == nil {
		return false
	}
	why, failed := te.LinkFailed()
	return failed && why != "timed out"
}

// Nodes are the nodes that the recording knows, the entry point first.
func (c *Cluster) Nodes() []string {
	var names []string
	for _, n := range c.rec.Nodes() {
		if n.Entry {
			names = append([]string{n.Name}, names...)
			continue
		}
		names = append(names, n.Name)
	}
	return names
}

// Caller is the entry point of a node in this process: it answers as the HTTP
// handler does, and announces the clock in the answer's fields. An empty name
// means the recorded entry point.
func (c *Cluster) Caller(node string) (ergo.Caller, error) { return c.endpoint(node) }

func (c *Cluster) endpoint(node string) (*endpoint, error) {
	if node == "" {
		node = c.rec.Entry()
	}
	if err := c.check(node); err != nil {
		return nil, err
	}
	return &endpoint{c, node}, nil
}

// An endpoint is the entry point of one node.
type endpoint struct {
	*Cluster
	node string
}

// Call answers as the node does; where it was down nobody answers.
func (e *endpoint) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	now := e.clock.Now()
	if e.downAt(ctx, e.node, now) {
		return ergo.Answer{}, fmt.Errorf("call %s: %s is down", call, e.node)
	}
	reply, err := e.ask(ctx, call)
	a := reply.Answer
	a.Clock = e.clock.said()
	if a.Observed = !a.At.IsZero(); !a.Observed {
		a.At = a.Clock.Now
	}
	if err != nil && ctx.Err() == nil {
		err = refusal(err, e.forwards(call))
	}
	return a, err
}

// forwards reports whether a call goes through a link to another node.
func (e *endpoint) forwards(call ergo.Call) bool { return call.Node != "" && call.Node != e.node }

func (e *endpoint) ask(ctx context.Context, call ergo.Call) (replay.Reply, error) {
	if e.forwards(call) {
		return e.forward(ctx, e.node, call)
	}
	call.Node = e.node
	return e.answer(ctx, e.node, call)
}

// check refuses the name of a node that was never recorded.
func (c *Cluster) check(node string) error {
	for _, n := range c.rec.Nodes() {
		if n.Name == node {
			return nil
		}
	}
	return fmt.Errorf("node %s was not recorded: there are %v", node, c.Nodes())
}
