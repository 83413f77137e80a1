package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
)

// observerWorkers are how many requests an Observer answers at the same time.
const observerWorkers = 25

// callTime is how long an Observer waits for a node, in the cluster's time.
const callTime = 5 * time.Second

// An observed cluster is a recording served as the Observer application does
// that ran on one of its nodes.
type observed struct {
	*Cluster
	home    string
	workers chan struct{}
	follows follows
}

// Observer is the HTTP handler of an Observer on a node; an empty name means
// the recorded entry point.
func (c *Cluster) Observer(home string) (http.Handler, error) {
	if home == "" {
		home = c.rec.Entry()
	}
	if err := c.check(home); err != nil {
		return nil, err
	}
	return &observed{Cluster: c, home: home, workers: make(chan struct{}, observerWorkers), follows: follows{list: map[string]*held{}}}, nil
}

func (o *observed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/mcp" {
		http.NotFound(w, r)
		return
	}
	now := o.clock.Now()
	if o.downAt(r.Context(), o.home, now) {
		panic(http.ErrAbortHandler) // a node that is down closes the connection without a word
	}
	out := &announcer{w, o.clock}
	if e := (&endpoint{Cluster: o.Cluster}); !e.allowed(r.Header.Get("Authorization")) {
		gate.Refuse(out, r, gate.Status(http.StatusUnauthorized))
		return
	}
	q, refused := gate.Read(r)
	if refused != nil {
		gate.Refuse(out, r, refused)
		return
	}
	select {
	case o.workers <- struct{}{}:
		defer func() { <-o.workers }()
	case <-r.Context().Done():
		return
	}
	o.serve(out, r, q, now)
}

// serve answers a request that has passed the gate.
func (o *observed) serve(w http.ResponseWriter, r *http.Request, q *gate.Request, now time.Time) {
	s := gate.Observer()
	switch q.Method {
	case observer.MethodDiscover:
		gate.Reply(w, r, q.ID, s.Discovery("A replayed recording."))
	case observer.MethodTools, observer.MethodResources, observer.MethodTemplates:
		if refused := gate.CheckCursor(q); refused != nil {
			gate.Refuse(w, r, refused)
			return
		}
		list := map[string]any{
			observer.MethodTools: s.List(gate.ReadOnly()), observer.MethodResources: s.Resources(), observer.MethodTemplates: s.Templates(gate.Lenses()),
		}
		gate.Reply(w, r, q.ID, list[q.Method])
	case observer.MethodCall:
		o.tool(w, r, q, now)
	case observer.MethodRead:
		o.read(w, r, q, now)
	default:
		gate.Refuse(w, r, gate.Invalid(q, ergo.CodeInternal, "a replay is read, not followed", nil))
	}
}

// tool answers tools/call.
func (o *observed) tool(w http.ResponseWriter, r *http.Request, q *gate.Request, now time.Time) {
	s := gate.Observer()
	t, ok := gate.Named(q.Name)
	if !ok {
		gate.Refuse(w, r, gate.NoTool(q))
		return
	}
	args, err := q.Args()
	if err == nil {
		err = t.CheckArgs(args)
	}
	var text []byte
	var at time.Time
	if err == nil {
		text, at, err = o.answerTool(r.Context(), t, args, now)
	}
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody listens any more
	}
	o.observedAt(w, at)
	if err != nil {
		gate.Reply(w, r, q.ID, s.Content([]byte(err.Error()), true, nil))
		return
	}
	gate.Reply(w, r, q.ID, s.Content(text, false, t.LensOf(args)))
}

func (o *observed) observedAt(w http.ResponseWriter, at time.Time) {
	if !at.IsZero() {
		w.Header().Set(HeaderObserved, at.UTC().Format(time.RFC3339Nano))
	}
}

// answerTool is what a tool says, as a refusal in words or as JSON.
func (o *observed) answerTool(ctx context.Context, t gate.Tool, args ergo.Args, now time.Time) ([]byte, time.Time, error) {
	node := args.Text("node")
	switch {
	case t.Kind != gate.Reads:
		return nil, time.Time{}, errors.New("a key belongs to a caller, so this needs an authorized listener")
	case node == "":
		return nil, time.Time{}, errors.New("node is required, read ergo://cluster for the names")
	case o.check(node) != nil, node != o.home && o.downAt(ctx, node, now):
		return nil, time.Time{}, fmt.Errorf("node %s is not connected, read ergo://cluster to see what is", node)
	}
	m := o.native(ctx, node, now)
	text, err := m.tool(t.Name, args)
	return text, m.at, o.worded(ctx, node, err)
}

// worded is an error as an Observer says it; what was not answered takes its
// time.
func (o *observed) worded(ctx context.Context, node string, err error) error {
	te := ergo.AsToolError(err)
	if te == nil {
		return err
	}
	why, failed := te.LinkFailed()
	switch {
	case failed && why == "no route":
		return fmt.Errorf("node %s is not connected, read ergo://cluster to see what is", node)
	case strings.HasSuffix(te.Message, "timed out"):
		return errors.Join(o.wait(ctx, o.clock.World(callTime)), fmt.Errorf("node %s: timed out", node))
	}
	return fmt.Errorf("node %s: %s", node, behind(te.Message))
}

// read answers resources/read.
func (o *observed) read(w http.ResponseWriter, r *http.Request, q *gate.Request, now time.Time) {
	uri, err := gate.ParseURI(q.Name)
	if err == nil {
		err = uri.Check()
	}
	resource := gate.Resource{URI: uri.Canonical(), Meta: map[string]any{observer.MetaSeq: 0}, TTL: 1000}
	var at time.Time
	switch {
	case err != nil:
	case uri.Cluster:
		resource.Text, at, err = o.cluster(r.Context(), now)
		resource.TTL = 3000
	case o.check(uri.Node) != nil, uri.Node != o.home && o.downAt(r.Context(), uri.Node, now):
		err = fmt.Errorf("node %s is not connected, read ergo://cluster to see what is", uri.Node)
	case uri.Lens == "log":
		err = o.log(r.Context(), uri, &resource, now)
	default:
		m := o.native(r.Context(), uri.Node, now)
		resource.Text, err = m.lens(uri)
		at, err = m.at, o.worded(r.Context(), uri.Node, err)
	}
	o.observedAt(w, at)
	if err != nil {
		gate.Refuse(w, r, gate.Invalid(q, ergo.CodeInvalidParams, err.Error(), uri.Data(q.Name)))
		return
	}
	gate.Reply(w, r, q.ID, gate.Observer().Contents(resource))
}

// cluster is the resource ergo://cluster.
func (o *observed) cluster(ctx context.Context, now time.Time) ([]byte, time.Time, error) {
	type entry struct {
		Info   json.RawMessage
		Age    int64
		Status string
	}
	type gone struct {
		Node, Status    string
		Since, LastSeen int64
		Peers           int
	}
	out := struct {
		Nodes    []entry
		Offline  []gone
		Complete bool
	}{Complete: true}
	var at time.Time
	for _, name := range o.Nodes() {
		m := o.native(ctx, name, now)
		info, err := m.node()
		if err != nil {
			out.Offline = append(out.Offline, gone{Node: name, Status: "unreachable", LastSeen: now.Unix()})
			continue
		}
		if name == o.home {
			info["Applications"] = json.RawMessage(`["observer_app","system_app"]`)
			at = m.at
		}
		info["Creation"] = encode(m.creation)
		out.Nodes = append(out.Nodes, entry{Info: encode(info), Status: "reachable"})
	}
	slices.SortFunc(out.Nodes, func(a, b entry) int { return strings.Compare(string(a.Info), string(b.Info)) })
	return encode(out), at, nil
}

// encode is JSON of values that always encode.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}
