package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
)

// A View is a cluster at a moment, as an Observer on one of its nodes sees it.
type View struct {
	At    time.Time // the moment
	Home  string    // where the Observer runs
	Nodes []string  // that there are
	// Of answers the 48 tools of a node.
	Of func(node string) ergo.Caller
	// Life is the start of a node's incarnation in unix seconds, 0 where it is
	// not known.
	Life func(node string) int64
	// Absent reports whether a node is known not to answer.
	Absent func(ctx context.Context, node string) bool
	// Seen is when a node that does not answer last did, zero where that is not
	// known.
	Seen func(node string) time.Time
	// Build are the build tags of a node, as far as they are known.
	Build func(node string) []string
	// Wait passes the time that a node takes that does not answer; nil: none.
	Wait func(ctx context.Context) error
	// Log answers a read of the log lens, or of that of a stream: it fills in text
	// and meta.
	Log func(ctx context.Context, u gate.URI, out *gate.Resource) error
}

// node is one node of the view.
func (v *View) node(ctx context.Context, name string) *node {
	return &node{ctx: ctx, caller: v.Of(name), name: name, creation: v.Life(name), view: v}
}

// reaches is why a node cannot be asked, nil where it can.
func (v *View) reaches(ctx context.Context, name string) error {
	if !slices.Contains(v.Nodes, name) || v.Absent(ctx, name) {
		return fmt.Errorf("node %s is not connected, read ergo://cluster to see what is", name)
	}
	return nil
}

// Tool is what a tool says and when that was observed; an error is a refusal
// in words. The arguments have been checked.
func (v *View) Tool(ctx context.Context, t gate.Tool, args ergo.Args) ([]byte, time.Time, error) {
	name := args.Text("node")
	if t.Kind != gate.Reads {
		return nil, time.Time{}, errors.New("a key belongs to a caller, so this needs an authorized listener")
	}
	if name == "" {
		return nil, time.Time{}, errors.New("node is required, read ergo://cluster for the names")
	}
	if err := v.reaches(ctx, name); err != nil {
		return nil, time.Time{}, err
	}
	n := v.node(ctx, name)
	text, err := n.tool(t.Name, args)
	return text, n.at, v.worded(ctx, name, err)
}

// worded is an error as an Observer says it; what was not answered takes its
// time.
func (v *View) worded(ctx context.Context, node string, err error) error {
	te := ergo.AsToolError(err)
	if te == nil {
		return err
	}
	why, failed := te.LinkFailed()
	switch {
	case failed && why == "no route":
		return fmt.Errorf("node %s is not connected, read ergo://cluster to see what is", node)
	case strings.HasSuffix(te.Message, "timed out"):
		err := fmt.Errorf("node %s: timed out", node)
		if v.Wait != nil {
			return errors.Join(v.Wait(ctx), err)
		}
		return err
	}
	return fmt.Errorf("node %s: %s", node, behind(te.Message))
}

// Read is what a resource shows; an error is a refusal in words.
func (v *View) Read(ctx context.Context, u gate.URI) (out gate.Resource, at time.Time, err error) {
	out = gate.Resource{URI: u.Canonical(), Meta: map[string]any{observer.MetaSeq: 0}, TTL: 1000}
	if u.Cluster {
		out.TTL = 3000
		out.Text, at, err = v.cluster(ctx)
		return out, at, err
	}
	if err := v.reaches(ctx, u.Node); err != nil {
		return out, at, err
	}
	if u.Lens == "log" {
		return out, at, v.Log(ctx, u, &out)
	}
	n := v.node(ctx, u.Node)
	if u.Lens == lensStream {
		if _, err := n.fields("event_info", ergo.Args{"name": u.Target}); err != nil {
			return out, at, fmt.Errorf("node %s has no event %s", u.Node, u.Target)
		}
		return out, at, v.Log(ctx, u, &out)
	}
	out.Text, err = n.lens(u)
	if !n.at.IsZero() {
		out.Meta[observer.MetaModified] = n.at.UTC().Format(time.RFC3339Nano)
	}
	return out, n.at, v.worded(ctx, u.Node, err)
}

// cluster is the resource ergo://cluster.
func (v *View) cluster(ctx context.Context) ([]byte, time.Time, error) {
	type entry struct {
		Info   json.RawMessage
		Age    int64
		Status string
	}
	type gone struct {
		Node, Status    string
		Reason          string `json:",omitempty"`
		Since, LastSeen int64
		Peers           int
	}
	out := struct {
		Nodes    []entry
		Offline  []gone
		Complete bool
	}{Complete: true}
	var at time.Time
	for _, name := range v.Nodes {
		n := v.node(ctx, name)
		info, err := n.node()
		if err != nil {
			off := gone{Node: name, Status: "unreachable"}
			if !lost(err) {
				off.Status, off.Reason, out.Complete = "discovered", err.Error(), false
			}
			if seen := v.Seen(name); !seen.IsZero() {
				off.LastSeen = seen.Unix()
			}
			out.Offline = append(out.Offline, off)
			continue
		}
		if name == v.Home {
			info["Applications"] = json.RawMessage(`["observer_app","system_app"]`)
			at = n.at
		}
		info["Creation"] = encode(n.creation)
		age := max(0, v.At.Sub(n.at).Milliseconds())
		out.Nodes = append(out.Nodes, entry{Info: encode(info), Age: age, Status: "reachable"})
	}
	slices.SortFunc(out.Nodes, func(a, b entry) int { return strings.Compare(string(a.Info), string(b.Info)) })
	return encode(out), at, nil
}

// lost reports whether an error says that a node does not answer, and not that
// nothing is known of it.
func lost(err error) bool {
	te := ergo.AsToolError(err)
	if te == nil {
		return false
	}
	_, failed := te.LinkFailed()
	return failed
}

// encode is JSON of values that always encode.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return b
}
