package main

import (
	"context"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/wire"
	"ergorecorder/recorder"
)

// A roadCheckup is one road to a node that was found.
type roadCheckup struct {
	Road    ergo.Road     `json:"road"`
	By      string        `json:"by"`                // the entry point, or the name under which the cluster was joined
	Through string        `json:"through,omitempty"` // the node that forwards
	Taken   bool          `json:"taken"`
	Answers time.Duration `json:"answers_ns,omitempty"` // time of one short call
	Adds    []string      `json:"adds,omitempty"`       // what it would give beside the one that is taken
	Logs    bool          `json:"logs,omitempty"`       // the node pushes its log over it, whichever is taken
	Err     string        `json:"error,omitempty"`
}

// A roadFinder looks for the roads to nodes.
type roadFinder struct {
	router *live.Router
	joined *joined
	tools  []string // that are sampled
	own    map[string]string
}

// roadsOf are the roads to each node of a checkup, in its order.
func roadsOf(ctx context.Context, router *live.Router, j *joined, opts recorder.Options, c *recorder.Checkup) [][]roadCheckup {
	f := roadFinder{router: router, joined: j, own: map[string]string{}}
	for _, s := range opts.Samplers {
		f.tools = append(f.tools, s.Tool)
	}
	var all [][]roadCheckup
	for _, n := range c.Nodes {
		all = append(all, f.find(ctx, n))
	}
	return all
}

// find looks for the roads to one node: a call over each of its ways.
func (f *roadFinder) find(ctx context.Context, n recorder.NodeCheckup) []roadCheckup {
	var list []roadCheckup
	taken := live.Way{}
	for _, w := range f.router.Ways(n.Node) {
		answer, err := w.Caller.Call(ctx, ergo.Call{Node: n.Node, Tool: "node_info", Args: ergo.Args{"timeout": 5}})
		r := roadCheckup{Road: answer.Road, By: w.Name, Answers: answer.Took}
		if err != nil {
			r.Err, r.Answers = err.Error(), 0
		}
		if own := f.ownNode(ctx, w); own != "" && own != n.Node {
			r.Through = own
		}
		if w.Joined && answer.Road == ergo.RoadLink {
			if s := f.status(n.Node); s.System != "" { // the same link carries both
				list = append(list, roadCheckup{Road: ergo.RoadSystem, By: w.Name, Logs: true})
			}
		}
		if !slices.ContainsFunc(list, func(o roadCheckup) bool { return o.Taken }) && err == nil && answer.Road == n.Road {
			r.Taken, taken = true, w
		}
		list = append(list, r)
	}
	for i := range list {
		if !list[i].Taken && list[i].Err == "" {
			list[i].Adds = f.adds(n, taken, list[i])
		}
	}
	return list
}

// ownNode is the node whose entry point a way is, "" where it has none.
func (f *roadFinder) ownNode(ctx context.Context, w live.Way) string {
	if s, ok := w.Caller.(interface{ Spans() bool }); w.Joined || ok && s.Spans() {
		return ""
	}
	own, known := f.own[w.Name]
	if !known {
		own, _ = live.NameOf(ctx, w.Caller) // who does not say it has none
		f.own[w.Name] = own
	}
	return own
}

// status is how our node is linked with another.
func (f *roadFinder) status(node string) wire.Status {
	if f.joined != nil {
		for _, s := range f.joined.Status() {
			if s.Node == node {
				return s
			}
		}
	}
	return wire.Status{}
}

// adds is what a road would give that the one which is taken does not.
func (f *roadFinder) adds(n recorder.NodeCheckup, taken live.Way, r roadCheckup) []string {
	var list []string
	offers := func(w live.Way, tool string) bool {
		o, ok := w.Caller.(interface {
			Offers(node, tool string) ergo.Offer
		})
		return !ok || o.Offers(n.Node, tool) != ergo.Withheld
	}
	for _, w := range f.router.Ways(n.Node) {
		if w.Name != r.By || r.Road == ergo.RoadSystem { // of what a link has, the 48 tools are asked
			continue
		}
		for _, tool := range f.tools {
			if offers(w, tool) && !offers(taken, tool) && !slices.Contains(list, tool) {
				list = append(list, tool)
			}
		}
	}
	slices.Sort(list)
	whole := func(road ergo.Road, forwarded bool) bool {
		return road == ergo.RoadObserver || road == ergo.RoadSystem || road == ergo.RoadMCP && !forwarded
	}
	if whole(r.Road, r.Through != "") && !whole(n.Road, !n.Direct) {
		list = append(list, "answers of any size")
	}
	return list
}
