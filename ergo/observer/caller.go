package observer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/inspect"
	"ergorecorder/internal/limit"
)

// A Caller answers the calls of the 48 tools over an Observer. It reaches
// every node that the Observer's own is connected with, and has no node of its
// own: what is asked without a node is asked of that one.
type Caller struct {
	client *Client

	mu        sync.Mutex
	creations map[string]int64 // of every node's present life, as the cluster map told
	home      string           // the Observer's own node, "" as long as it is not known
	nodes     []string         // that are reachable
	kept      map[string]*kept
	stopped   map[string]time.Time // when a node's world was stopped last, for each tool
	follows   map[string]*follow
	numbered  int // follows begun
}

// NewCaller makes a caller of a client.
func NewCaller(client *Client) *Caller {
	return &Caller{
		client: client, creations: map[string]int64{}, kept: map[string]*kept{},
		stopped: map[string]time.Time{}, follows: map[string]*follow{},
	}
}

// Client is the client behind the caller.
func (c *Caller) Client() *Client { return c.client }

// Close drops idle connections.
func (c *Caller) Close() { c.client.Close() }

// Offers says which of the 48 tools an Observer can answer; capabilities is
// its own.
func Offers(tool string) ergo.Offer {
	switch tool {
	case "cluster_nodes", "node_info", "runtime_stats", "node_env", "loggers_list", "cron_info",
		"process_list", "process_children", "process_info", "process_state", "process_lookup", "process_inspect",
		"meta_inspect", "app_list", "app_info", "app_processes", "event_list", "event_info",
		"network_info", "network_nodes", "network_node_info", "network_acceptors", "registrar_info", "message_types",
		"sample_listen", "sample_read", "sample_stop", "capabilities":
		return ergo.Offered
	case "pprof_goroutines", "pprof_heap":
		return ergo.Suspicion
	}
	return ergo.Withheld
}

// Offers says which of the 48 tools the caller can answer of a node.
func (c *Caller) Offers(_, tool string) ergo.Offer { return Offers(tool) }

// Nodes is the node that is asked for the cluster: the Observer's own, or the
// first that it reaches.
func (c *Caller) Nodes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.home != "":
		return []string{c.home}
	case len(c.nodes) > 0:
		return c.nodes[:1:1]
	}
	return nil
}

// Whole reports whether the answers of a node may be of any size: an Observer
// gives whole tables.
func (c *Caller) Whole(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.nodes, node)
}

// Creation is the start of a node's present life in unix seconds, 0 where it
// is not known.
func (c *Caller) Creation(node string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.creations[node]
}

// Call implements [ergo.Caller].
func (c *Caller) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	call.Args = call.Args.Without("timeout", "node")
	if Offers(call.Tool) == ergo.Withheld {
		return c.refuse("unknown tool: " + call.Tool + " (the Observer has nothing like it)")
	}
	if call.Tool == "cluster_nodes" {
		return c.cluster(ctx)
	}
	if call.Node == "" {
		if call.Node = c.homeNode(ctx); call.Node == "" {
			return c.refuse("no node is named, and the Observer's own is not known")
		}
	}
	text, r, err := c.ask(ctx, call)
	answer := answerOf(r)
	if err != nil {
		return answer, explain(call, err)
	}
	answer.Text = text
	return answer, nil
}

func (c *Caller) refuse(message string) (ergo.Answer, error) {
	return ergo.Answer{At: c.client.opts.Now(), Road: ergo.RoadObserver}, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: message}
}

// answerOf is an answer with the times of a result.
func answerOf(r *Result) ergo.Answer {
	if r == nil {
		return ergo.Answer{Road: ergo.RoadObserver}
	}
	return ergo.Answer{At: r.At, Took: r.Took, Observed: r.Observed, Clock: r.Clock, Road: ergo.RoadObserver}
}

// explain words a refusal as an entry point would that forwards the call: the
// words of the Observer are behind it.
func explain(call ergo.Call, err error) error {
	te := ergo.AsToolError(err)
	if te == nil {
		return err
	}
	own, ok := strings.CutPrefix(te.Message, "node "+call.Node)
	switch {
	case !ok:
		return err
	case strings.HasPrefix(own, " is not connected"):
		return fmt.Errorf("%w (%w)", ergo.RemoteError(call.Node, "no route"), err)
	case own == ": timed out" && !aboutTarget(call.Tool):
		return fmt.Errorf("%w (%w)", ergo.RemoteError(call.Node, "timed out"), err)
	}
	return err
}

// aboutTarget reports whether a tool asks a process, which may be stuck while
// its node is well.
func aboutTarget(tool string) bool { return tool == "process_inspect" || tool == "meta_inspect" }

// homeNode is the Observer's own node, or one that it reaches.
func (c *Caller) homeNode(ctx context.Context) string {
	if n := c.Nodes(); n != nil {
		return n[0]
	}
	if _, err := c.cluster(ctx); err != nil {
		return ""
	}
	if n := c.Nodes(); n != nil {
		return n[0]
	}
	return ""
}

// ask makes the call of an Observer that comes nearest to one of the 48 tools,
// and gives the answer their form.
func (c *Caller) ask(ctx context.Context, call ergo.Call) ([]byte, *Result, error) {
	node := call.Node
	of := ergo.Args{"node": node}
	var r *Result
	var err error
	switch call.Tool {
	case "node_info", "runtime_stats", "node_env", "loggers_list":
		r, err = c.shared(ctx, "node", node)
	case "network_info", "network_acceptors", "registrar_info":
		r, err = c.shared(ctx, "network", node)
	case "capabilities":
		r, err = c.client.Tool(ctx, "capabilities", of)
		return r.text(), r, err
	case "cron_info":
		r, err = c.client.Tool(ctx, "cron", of)
	case "process_list":
		r, err = c.processes(ctx, node, call.Args)
	case "app_processes":
		r, err = c.client.Tool(ctx, "app_tree", of.With("app", call.Args.Text("name")).With("limit", maxRows))
	case "app_list", "app_info":
		r, err = c.client.Tool(ctx, "applications", of)
	case "event_list":
		r, err = c.client.Tool(ctx, "events", of.With("limit", maxEvents))
	case "event_info":
		r, err = c.client.Tool(ctx, "event", of.With("name", call.Args.Text("name")))
	case "network_nodes":
		r, err = c.client.Tool(ctx, "connections", of)
	case "network_node_info":
		r, err = c.client.Tool(ctx, "connection", of.With("peer", call.Args.Text("name")))
	case "message_types":
		r, err = c.client.Tool(ctx, "types", of.With("limit", maxEvents))
	case "pprof_goroutines", "pprof_heap":
		r, err = c.stopping(ctx, call)
	case "sample_listen", "sample_read", "sample_stop":
		return c.sampler(ctx, call)
	default:
		return c.askAbout(ctx, call)
	}
	if err != nil {
		return nil, r, err
	}
	text, err := inspect.Canonical(call.Tool, call.Args, r.Text, c.Creation(node))
	return text, r, err
}

// Limits of listings: more than any node has.
const (
	pageRows  = 10_000 // of a page of processes
	maxRows   = 1_000_000
	maxEvents = 100_000
)

// askAbout makes the calls that are about one process.
func (c *Caller) askAbout(ctx context.Context, call ergo.Call) ([]byte, *Result, error) {
	of := ergo.Args{"node": call.Node}
	var r *Result
	pid, err := c.ident(ctx, call)
	if err != nil {
		return nil, nil, err
	}
	switch call.Tool {
	case "process_info":
		r, err = c.client.Read(ctx, "ergo://"+call.Node+"/process/"+pid)
	case "process_inspect":
		r, err = c.client.Tool(ctx, "process_state", withItems(of.With("pid", pid), call.Args))
	case "meta_inspect":
		r, err = c.client.Tool(ctx, "meta_state", withItems(of.With("alias", pid), call.Args))
	case "process_children":
		r, err = c.client.Tool(ctx, "subtree", of.With("pid", pid).With("limit", maxRows))
	default: // process_state, process_lookup
		return c.lookup(ctx, call, of, pid)
	}
	if err != nil {
		return nil, r, err
	}
	text, err := inspect.Canonical(call.Tool, call.Args, r.Text, c.Creation(call.Node))
	return text, r, err
}

func withItems(of, args ergo.Args) ergo.Args {
	if items, ok := args["items"]; ok {
		return of.With("items", items)
	}
	return of
}

// lookup answers process_state and process_lookup, which are single words.
func (c *Caller) lookup(ctx context.Context, call ergo.Call, of ergo.Args, pid string) ([]byte, *Result, error) {
	name := call.Args.Text("name")
	byName := call.Tool == "process_lookup" && name != ""
	if byName {
		of = of.With("name", name)
	} else {
		of = of.With("pid", pid)
	}
	r, err := c.client.Tool(ctx, "process_lookup", of)
	if err != nil {
		return nil, r, err
	}
	var said struct{ PID, Name, State string }
	if err := json.Unmarshal(r.Text, &said); err != nil {
		return nil, r, fmt.Errorf("process_lookup: %w", err)
	}
	switch {
	case call.Tool == "process_state":
		return []byte(said.State), r, nil
	case byName:
		g, err := ergo.ParseGlobal(said.PID, 1)
		if err != nil {
			return nil, r, fmt.Errorf("process_lookup: %w", err)
		}
		return []byte(g.Canonical()), r, nil
	}
	return []byte(said.Name), r, nil
}

// ident is the Observer's name of the process or alias that a call is about;
// "" where it names none.
func (c *Caller) ident(ctx context.Context, call ergo.Call) (string, error) {
	text, isAlias := call.Args.Text("pid"), false
	switch call.Tool {
	case "meta_inspect":
		text, isAlias = call.Args.Text("alias"), true
	case "process_children":
		text = call.Args.Text("parent")
	}
	if text == "" {
		return "", nil
	}
	creation := c.Creation(call.Node)
	if creation == 0 {
		if _, err := c.cluster(ctx); err != nil {
			return "", err
		}
		creation = c.Creation(call.Node)
	}
	if isAlias {
		return aliasIdent(call.Node, text, creation)
	}
	g, err := ergo.PID(text).Global(call.Node, creation)
	if err == nil {
		return g.String(), nil
	}
	if call.Tool == "process_children" { // a registered name
		found, _, err := c.lookup(ctx, ergo.Call{Node: call.Node, Tool: "process_lookup", Args: ergo.Args{"name": text}}, ergo.Args{"node": call.Node}, "")
		if err != nil {
			return "", err
		}
		g, err = ergo.PID(found).Global(call.Node, creation)
		return g.String(), err
	}
	return "", &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "invalid pid: " + err.Error()}
}

// aliasIdent is an alias, Alias#<CRC.id.id.id>, as the Observer writes it.
func aliasIdent(node, text string, creation int64) (string, error) {
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "Alias#"), "<"), ">")
	_, numbers, ok := strings.Cut(inner, ".")
	if g, err := ergo.ParseGlobal(fmt.Sprintf("%s:%s.%d", node, numbers, creation), 3); ok && err == nil {
		return g.String(), nil
	}
	return "", &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "invalid alias: incorrect Alias format, expected <crc.id0.id1.id2>"}
}

// processes lists all processes of a node: the living ones in one answer, and
// where there are more than it holds, page by page in the order of their
// numbers from there on.
func (c *Caller) processes(ctx context.Context, node string, args ergo.Args) (*Result, error) {
	of := ergo.Args{"node": node, "limit": pageRows}
	for ours, own := range map[string]string{"application": "app", "name": "name", "behavior": "behavior"} {
		if v := args.Text(ours); v != "" {
			of = of.With(own, v) // a part of the name is enough here; the rest is sorted out afterwards
		}
	}
	all, err := c.client.Tool(ctx, "processes", of)
	if err != nil {
		return all, err
	}
	rows := listed(all.Text)
	for page, last := int64(0), all.Text; rows != nil && string(inspect.Member(last, "Truncated")) == "true"; page++ {
		if page == limit.Pages.Most() {
			return all, fmt.Errorf("process_list: %w", limit.Pages.Over(0))
		}
		from, ok := lastID(last)
		if !ok {
			return all, fmt.Errorf("process_list: a page that does not say where it ends")
		}
		r, err := c.client.Tool(ctx, "processes", of.With("scan", "ordered").With("start", from+1))
		if err != nil {
			return r, err
		}
		all.At, all.Took, all.Clock = r.At, all.Took+r.Took, r.Clock
		last = r.Text
		more := listed(last)
		if more == nil {
			break
		}
		rows = append(append(rows, ','), more...)
	}
	all.Text = []byte(`{"Processes":[` + string(rows) + `]}`)
	return all, nil
}

// listed are the rows of a page, without their brackets; nil where it has none.
func listed(page []byte) []byte {
	rows := inspect.Member(page, "Processes")
	if len(rows) < 3 {
		return nil
	}
	return slices.Clone(rows[1 : len(rows)-1])
}

// lastID is the number of the last process of a page.
func lastID(page []byte) (uint64, bool) {
	var said struct{ Processes []struct{ PID string } }
	if json.Unmarshal(page, &said) != nil || len(said.Processes) == 0 {
		return 0, false
	}
	g, err := ergo.ParseGlobal(said.Processes[len(said.Processes)-1].PID, 1)
	if err != nil {
		return 0, false
	}
	return g.IDs[0], true
}

// A kept answer serves several tools that ask for it at the same time.
type kept struct {
	asking chan struct{} // filled while it is asked for
	r      *Result
	at     time.Time // of the world
}

// fresh is how long an answer serves other tools, in the time of the cluster.
const fresh = 900 * time.Millisecond

// keep is what is kept under a key, while nobody else asks for it. Who does may never
// be answered: ctx ends the waiting.
func (c *Caller) keep(ctx context.Context, key string) (k *kept, release func(), err error) {
	c.mu.Lock()
	k = c.kept[key]
	if k == nil {
		k = &kept{asking: make(chan struct{}, 1)}
		c.kept[key] = k
	}
	c.mu.Unlock()
	select {
	case k.asking <- struct{}{}:
		return k, func() { <-k.asking }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// shared calls a tool of a node that answers several of the 48.
func (c *Caller) shared(ctx context.Context, tool, node string) (*Result, error) {
	k, release, err := c.keep(ctx, tool+" "+node)
	if err != nil {
		return nil, err
	}
	defer release()
	now := c.client.opts.Now()
	if k.r != nil && now.Sub(k.at) < scaled(fresh, k.r.Clock) {
		return k.r, nil
	}
	k.r = nil
	r, err := c.client.Tool(ctx, tool, ergo.Args{"node": node})
	if err == nil {
		k.r, k.at = r, now
	}
	return r, err
}

// scaled is a time of the cluster as it takes in the world.
func scaled(d time.Duration, clock *ergo.Clock) time.Duration {
	if clock == nil || clock.Speed <= 0 {
		return d
	}
	return time.Duration(float64(d) / clock.Speed)
}

// errRecent refuses to stop a node's world again.
var errRecent = errors.New("it stops the node for a moment, and did so less than a minute ago")

// stopping makes a call that stops the node's world, if it has not been
// stopped by the same call within the last minute. Two dumps of one diagnosis
// are one call.
func (c *Caller) stopping(ctx context.Context, call ergo.Call) (*Result, error) {
	tool := "goroutines"
	args := ergo.Args{"node": call.Node}
	if call.Tool == "pprof_heap" {
		tool, args = "heap_profile", args.With("limit", 1000)
	}
	key := tool + " " + call.Node
	k, release, err := c.keep(ctx, key)
	if err != nil {
		return nil, err
	}
	defer release()
	now := c.client.opts.Now()
	if k.r != nil && now.Sub(k.at) < scaled(sameDiagnosis, k.r.Clock) {
		return k.r, nil
	}
	c.mu.Lock()
	last, before := c.stopped[key]
	recent := before && now.Sub(last) < scaled(ergo.SuspicionRest, k.clock())
	c.mu.Unlock()
	if recent {
		return nil, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: call.Tool + ": " + errRecent.Error()}
	}
	c.mu.Lock()
	c.stopped[key] = now
	c.mu.Unlock()
	r, err := c.client.Tool(ctx, tool, args)
	if err == nil {
		k.r, k.at = r, now
	}
	return r, err
}

// sameDiagnosis is how long a dump serves one diagnosis, which asks for it in
// two forms.
const sameDiagnosis = 5 * time.Second

func (k *kept) clock() *ergo.Clock {
	if k.r == nil {
		return nil
	}
	return k.r.Clock
}
