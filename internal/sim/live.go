package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A Live is a cluster that answers calls as real nodes do: a few workers that
// are fed round robin whatever they are doing, a CPU profile that holds one of
// them, forwarded calls that hold one for as long as the other node takes, ring
// buffers that overflow, and answers of more than 64 KB that never arrive. Its
// time is that of the caller; it is meant for the bubbles of testing/synctest.
type Live struct {
	// Spread gives the time for which the so many-th call of a node waits before
	// it is worked on, so that no two calls are at one instant; nil: none waits.
	// It is set before the first call.
	Spread func(node string, nth int) time.Duration

	mu    sync.Mutex
	nodes map[string]*LiveNode
	done  chan struct{}
}

// liveWall is how long a forwarded answer may be, as JSON in JSON.
const liveWall = 65_535

// NewLive makes a cluster of healthy nodes. Close ends what is under way on it.
func NewLive(names ...string) *Live {
	c := &Live{nodes: map[string]*LiveNode{}, done: make(chan struct{})}
	for _, name := range names {
		n := &LiveNode{Name: name, c: c, Processes: 60, Service: map[string]time.Duration{"": 2 * time.Millisecond}}
		n.start(time.Now().Add(-time.Hour))
		c.nodes[name] = n
	}
	return c
}

// Close ends the cluster: whoever waits on it is let go.
func (c *Live) Close() { close(c.done) }

// Node changes a node, or looks at it, while nothing else does.
func (c *Live) Node(name string, change func(*LiveNode)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.nodes[name])
}

// A LiveNode is a node of a Live cluster. Its fields are read and changed
// within [Live.Node].
type LiveNode struct {
	Name      string
	Processes int
	Service   map[string]time.Duration // what a call costs, by tool; "" is all others
	NoApp     bool                     // it does not run the application that answers
	Cut       map[string]bool          // nodes that it has no link with
	Drops     int                      // of so many calls that are forwarded to it one arrives; 0 and 1: all do
	LineSize  int                      // of a log line's message, in bytes
	Calls     map[string]int           // made of it, by tool
	Forwarded int                      // calls that it forwarded
	Held      time.Duration            // time for which its workers were held by forwarded calls

	c       *Live
	dead    bool
	frozen  chan struct{} // closed when it goes on; nil while it runs
	life    int
	began   time.Time
	workers []chan struct{} // each holds one token while its worker is busy
	next    int
	cpu     time.Duration
	logged  [6]int
	lines   int
	rings   map[string]*ring
	started int // samplers, of all lives
	errors  int // calls to others that failed
	passed  int // calls that others forwarded to it
}

// workersOf is how many workers answer.
const workersOf = 5

// start begins a life of the node. The lock is held, or nobody else is there.
func (n *LiveNode) start(at time.Time) {
	n.life++
	n.began, n.dead, n.frozen = at, false, nil
	n.workers = make([]chan struct{}, workersOf)
	for i := range n.workers {
		n.workers[i] = make(chan struct{}, 1)
	}
	n.next, n.cpu, n.logged, n.errors = 0, 0, [6]int{}, 0
	n.rings, n.Calls = map[string]*ring{}, map[string]int{}
}

// Kill ends the node at once; Start begins a new life of it.
func (n *LiveNode) Kill() {
	n.thaw()
	n.dead, n.rings = true, nil
	n.life++
}

// Start begins a new life of a node that was killed.
func (n *LiveNode) Start() { n.start(time.Now()) }

// Dead reports whether the node was killed, and not started since.
func (n *LiveNode) Dead() bool { return n.dead }

// Freeze stops the node as SIGSTOP does: connections are taken, nothing is answered.
func (n *LiveNode) Freeze() {
	if n.frozen == nil {
		n.frozen = make(chan struct{})
	}
}

// Thaw lets a frozen node go on.
func (n *LiveNode) Thaw() { n.thaw() }

func (n *LiveNode) thaw() {
	if n.frozen != nil {
		close(n.frozen)
		n.frozen = nil
	}
}

// Log writes lines to the node's log at once.
func (n *LiveNode) Log(lines int) {
	for range lines {
		n.lines++
		n.logged[3]++
		for _, r := range n.rings {
			r.add(n.line())
		}
	}
}

// Deafen ends all that listens to the node's log, as when what keeps it is restarted.
func (n *LiveNode) Deafen() { n.rings = map[string]*ring{} }

// A Line is a log line as the application gives one.
type line struct {
	Level   string `json:"level"`
	Message string `json:"message"`
	Source  string `json:"source"`
	Time    string `json:"time"`
	Type    string `json:"type"`
}

func (n *LiveNode) line() line {
	message := fmt.Sprintf("line %d", n.lines)
	for len(message) < n.LineSize {
		message += " and so on"
	}
	return line{"warning", message, n.Name, time.Now().Add(time.Duration(n.lines)).Format(time.RFC3339Nano), "node"}
}

// Logged is how many lines the node has written in all its lives.
func (n *LiveNode) Logged() int { return n.lines }

// errRefused is a node that is not there.
var errRefused = errors.New("connect: connection refused")

// Endpoint is the entry point of a node.
func (c *Live) Endpoint(name string) ergo.Caller {
	return ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		begin := time.Now()
		seconds, ok := call.Args.Int("timeout")
		if !ok {
			seconds = 30
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+2*time.Second)
		defer cancel()
		text, err := c.answer(ctx, name, call)
		answer := ergo.Answer{At: time.Now(), Took: time.Since(begin)}
		if err == nil {
			answer.Text = []byte(text)
		}
		return answer, err
	})
}

// answer is what a node answers. The work goes on though nobody waits for it.
func (c *Live) answer(ctx context.Context, name string, call ergo.Call) (string, error) {
	c.mu.Lock()
	n := c.nodes[name]
	if n == nil || n.dead {
		c.mu.Unlock()
		return "", errRefused
	}
	said := n.enqueue(call)
	c.mu.Unlock()
	select {
	case a := <-said:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

type said struct {
	text string
	err  error
}

// enqueue puts a call before the next worker. The lock is held.
func (n *LiveNode) enqueue(call ergo.Call) <-chan said {
	out := make(chan said, 1)
	w := n.workers[n.next%len(n.workers)]
	n.next++
	n.Calls[call.Tool]++
	life, nth := n.life, n.next
	go func() {
		select {
		case w <- struct{}{}:
		case <-n.c.done:
			return
		}
		defer func() { <-w }()
		text, err := n.work(call, life, nth)
		out <- said{text, err}
	}()
	return out
}

// work is what a worker does with a call, the so many-th of this life.
func (n *LiveNode) work(call ergo.Call, life, nth int) (string, error) {
	if !n.awake(life) || n.c.Spread != nil && !n.c.sleep(n.c.Spread(n.Name, nth)) {
		return "", errors.New("connection reset by peer")
	}
	if call.Node != "" && call.Node != n.Name {
		return n.forward(call, life)
	}
	n.c.mu.Lock()
	cost, ok := n.Service[call.Tool]
	if !ok {
		cost = n.Service[""]
	}
	n.cpu += cost
	n.c.mu.Unlock()
	if call.Tool == "pprof_cpu" {
		seconds, ok := call.Args.Int("duration")
		if !ok {
			seconds = 5
		}
		cost += time.Duration(seconds) * time.Second
	}
	if !n.c.sleep(cost) || !n.awake(life) {
		return "", errors.New("connection reset by peer")
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	if n.dead || n.life != life {
		return "", errors.New("connection reset by peer")
	}
	return n.tool(call)
}

// awake waits until the node is not frozen; false where that life is over.
func (n *LiveNode) awake(life int) bool {
	for {
		n.c.mu.Lock()
		frozen, over := n.frozen, n.dead || n.life != life
		n.c.mu.Unlock()
		if over || frozen == nil {
			return !over
		}
		select {
		case <-frozen:
		case <-n.c.done:
			return false
		}
	}
}

func (c *Live) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.done:
		return false
	}
}

// forward hands a call on to another node, and holds the worker meanwhile.
func (n *LiveNode) forward(call ergo.Call, life int) (string, error) {
	begin := time.Now()
	seconds, ok := call.Args.Int("timeout")
	if !ok || seconds < 1 {
		seconds = 30
	}
	limit := time.Duration(seconds) * time.Second
	n.c.mu.Lock()
	n.Forwarded++
	to := n.c.nodes[call.Node]
	if to == nil || to.dead || n.Cut[call.Node] {
		n.errors++
		n.c.mu.Unlock()
		return "", ergo.RemoteError(call.Node, "no route")
	}
	var answer <-chan said // nobody answers for a node without the application
	to.passed++
	if !to.NoApp && to.passed%max(to.Drops, 1) == 0 {
		inner := call
		inner.Node = ""
		answer = to.enqueue(inner)
	}
	n.c.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	defer func() {
		n.c.mu.Lock()
		n.Held += time.Since(begin)
		n.c.mu.Unlock()
	}()
	select {
	case a := <-answer:
		if a.err == nil && len(jsonText(a.text)) <= liveWall {
			return a.text, nil
		}
		if t := ergo.AsToolError(a.err); t != nil {
			return "", &ergo.ToolError{Code: ergo.CodeInternal, Message: t.Message}
		}
		if a.err != nil {
			return "", ergo.RemoteError(call.Node, "no route")
		}
		if !n.c.sleep(limit - time.Since(begin)) {
			return "", errRefused
		}
	case <-timer.C:
	case <-n.c.done:
		return "", errRefused
	}
	n.c.mu.Lock()
	n.errors++
	n.c.mu.Unlock()
	return "", ergo.RemoteError(call.Node, "timed out")
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only what this package makes up gets here
	}
	return string(b)
}
