package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/wire"
	"ergorecorder/recorder"
)

// cookieEnv is the environment variable that holds the cookie where no file
// is named.
const cookieEnv = "ERGO_COOKIE"

// A joinConfig says how to join the cluster as a node.
type joinConfig struct {
	Nodes        []string `yaml:"nodes"` // name@host or name@host:port
	CookieFile   string   `yaml:"cookie-file"`
	NodeName     string   `yaml:"node-name"`
	TLS          bool     `yaml:"tls"`
	FollowRoutes bool     `yaml:"follow-routes"`
}

// addJoinFlags adds the flags that set a joinConfig.
func addJoinFlags(fl *pflag.FlagSet) {
	fl.StringArray("join", nil, "join the cluster as a node: name@host or name@host:port of a node to link to (default: the port that the host's registrar names), or name@host=address:port where it is reached elsewhere; repeatable")
	fl.String("cookie-file", "", "a file with the cluster's cookie, readable by nobody else (default: $"+cookieEnv+")")
	fl.String("node-name", "", "our own name as a node (default: recorder@ and this host's name)")
	fl.Bool("tls", false, "link in TLS only; certificates are checked by the handshake's digest")
	fl.Bool("follow-routes", false, "link to the nodes that others name as well, where the registrar of their host says")
}

// complete adds to the options what the configuration says of the cluster to
// join.
func (j *joinConfig) complete(o wire.Options) (wire.Options, error) {
	o.Node, o.TLS, o.FollowRoutes = j.NodeName, j.TLS, j.FollowRoutes
	var errs []error
	for _, n := range j.Nodes {
		t, err := wire.ParseTarget(n)
		o.Targets, errs = append(o.Targets, t), append(errs, err)
	}
	if o.Node == "" {
		host, err := os.Hostname()
		o.Node, errs = "recorder@"+host, append(errs, err)
	}
	cookie, err := j.cookie()
	o.Cookie = cookie
	return o, errors.Join(append(errs, err)...)
}

// cookie is read from the file or the environment, never from a flag, which
// everybody on the machine could see.
func (j *joinConfig) cookie() (wire.Cookie, error) {
	if j.CookieFile != "" {
		return wire.ReadCookie(j.CookieFile)
	}
	c, err := wire.NewCookie(os.Getenv(cookieEnv))
	if err != nil {
		return c, fmt.Errorf("no cookie to join with: give --cookie-file FILE or set %s", cookieEnv)
	}
	return c, nil
}

// joined is the cluster as our node sees it: a way to every node, and what
// the nodes push.
type joined struct {
	*wire.Cluster
	pushed *wire.Subscription
	back   atomic.Pointer[func(node string)] // hears of nodes that there is a link to now
}

// tell hands on that there is a link to a node, to whom it matters.
func (j *joined) tell(n wire.Notice) {
	if back := j.back.Load(); back != nil && (n.What == wire.Joined || n.What == wire.Restarted) {
		(*back)(n.Node)
	}
}

// nudge has the recorder ask a node at once when there is a link to it again:
// it does not wait for its next question.
func (j *joined) nudge(r *recorder.Recorder) {
	if j != nil {
		back := r.Nudge
		j.back.Store(&back)
	}
}

// pushBuffer is how many pushed messages may wait to be recorded: a storm of
// log lines comes faster than any disk takes them.
const pushBuffer = 1 << 16

// join begins to join the cluster with the given options and those that j has, and
// waits for nobody: the router does, beside the entry points. That a node cannot be
// linked to is told, and tried again.
func (j *joinConfig) join(opts wire.Options, say func(string)) (*joined, error) {
	opts, err := j.complete(opts)
	if err != nil {
		return nil, err
	}
	joined := &joined{}
	opts.Notify = func(n wire.Notice) {
		say(noticeText(n))
		joined.tell(n)
	}
	c, err := wire.Open(opts)
	if err != nil {
		return nil, err
	}
	joined.Cluster, joined.pushed = c, c.Subscribe(pushBuffer)
	return joined, nil
}

// joinAny joins the cluster if any node to join was named, and lets the
// recorder take what nodes push.
func (r *reach) joinAny(opts *recorder.Options, say func(string)) (*joined, error) {
	if len(r.join.Nodes) == 0 {
		return nil, nil
	}
	var events []string
	for _, e := range opts.Events {
		events = append(events, e.Event)
	}
	j, err := r.join.join(wire.Options{Logs: opts.Logs.Levels, Events: events, Timeout: opts.Timeout, Limit: int(r.maxAnswer)}, say)
	if err != nil {
		return nil, err
	}
	opts.Pushes, opts.OwnNode = j, j.Name()
	return j, nil
}

// noticeText is a change of a node that was, or is to be, joined, in words.
func noticeText(n wire.Notice) string {
	s := n.Node + ": " + n.What
	if n.What == wire.Pushing {
		s += " its log"
	}
	if !n.Creation.IsZero() {
		s += ", running since " + n.Creation.Format(time.RFC3339)
	}
	if n.Err != nil {
		s += ": " + n.Err.Error()
	}
	return s
}

// way is the joined cluster as one way among others.
func (j *joined) way() live.Way {
	return live.Way{Name: "joined as " + j.Name(), Caller: j, Joined: true}
}

// hide keeps our node out of what an entry point says of the cluster.
func (j *joined) hide(w live.Way) live.Way {
	w.Caller = wire.Hide(w.Caller, j.Name())
	return w
}

// A wayCheckup says which way a node is asked, and why that one.
type wayCheckup struct {
	Node string `json:"node"`
	Way  string `json:"way"`
	Why  string `json:"why,omitempty"`
}

// ways are the ways to the nodes of a checkup, in its order. Nothing is joined
// where j is nil.
func (j *joined) ways(c *recorder.Checkup) []wayCheckup {
	linked := map[string]wire.Status{}
	if j != nil {
		for _, s := range j.Status() {
			linked[s.Node] = s
		}
	}
	list := make([]wayCheckup, len(c.Nodes))
	for i, n := range c.Nodes {
		way := wayCheckup{Node: n.Node, Way: "by forwarding"}
		switch s, named := linked[n.Node]; {
		case n.Road == ergo.RoadObserver:
			way.Way, way.Why = "through an Observer", "it gives whole tables; no CPU profile, no ping, nothing on a schedule that stops the node"
		case n.Road == ergo.RoadSystem:
			way.Way, way.Why = "through its system application", "it has not the 48 tools, and no entry point of its own was named; it answers the questions of "+s.System
			if s.Layouts != "" {
				way.Why += "; " + s.Layouts
			}
		case n.Direct && n.Road == ergo.RoadMCP:
			way.Way, way.Why = "directly", "its entry point gives answers of any size"
		case n.Direct:
			way.Way = "directly"
		case s.Joined && s.MCP && s.System != "":
			way.Way, way.Why = "over its link", "it has no entry point of its own; the 48 tools give more than its system application (that of "+s.System+") alone"
		case s.Joined && s.MCP:
			way.Way, way.Why = "over its link", "it has no entry point of its own"
		case s.Joined:
			way.Why = fmt.Sprintf("linked, but %v, and its system application knows no question of ours", wire.ErrNoMCP)
		case named:
			way.Why = fmt.Sprintf("it could not be linked to: %v", s.Err)
		case j != nil:
			way.Why = "it is not linked to: name it with --join " + n.Node + ", or allow --follow-routes"
		}
		list[i] = way
	}
	return list
}

// Next implements [recorder.Pushes].
func (j *joined) Next(ctx context.Context) (recorder.Pushed, error) {
	select {
	case m := <-j.pushed.C(): // what has come is not lost, though it is time to end
		return pushedRecord(m), nil
	default:
	}
	select {
	case m := <-j.pushed.C():
		return pushedRecord(m), nil
	case <-ctx.Done():
		return recorder.Pushed{}, ctx.Err()
	}
}

// Losses are how many pushed messages were dropped, by node, since they were
// last told.
func (j *joined) Losses() map[string]int { return j.pushed.Losses() }

// pushedRecord is a pushed message as it is recorded.
func pushedRecord(m wire.Message) recorder.Pushed {
	event, text := m.Entry()
	return recorder.Pushed{Node: m.Node, Event: event, At: m.Received, Text: text, Lost: m.Dropped}
}

var (
	_ ergo.Caller     = (*joined)(nil)
	_ recorder.Pushes = (*joined)(nil)
)
