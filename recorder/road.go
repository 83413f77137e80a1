package recorder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/schedule"
)

// capabilities is what a node says it can be asked for, and the tags that it
// was built with. Of the roads only those to newer nodes have it, under no name
// of the 48 tools.
const capabilities = "capabilities"

// types are the node's types as it describes them: with them whatever was recorded
// over a link can be understood by a later reader.
const types = "types"

// described are the parts of their names that are asked for: the messages of the
// inspection, and what they are made of.
func described() []string {
	return []string{"ergo.services/ergo/app/system/inspect/", "ergo.services/ergo/gen/"}
}

// tellTags is how often a node is asked for them: a new life may have others.
const tellTags = 10 * time.Minute

// offers says whether a tool can be asked of the node, as far as the routes
// know.
func (n *node) offers(tool string) ergo.Offer {
	o, ok := n.r.opts.Routes.(interface {
		Offers(node, tool string) ergo.Offer
	})
	switch {
	case ok:
		return o.Offers(n.name, tool)
	case ergo.OfInspection(tool):
		return ergo.Withheld
	}
	return ergo.Offered
}

// onRoad notes over which road the node answered, and marks it when that is
// another than before: what a road does not give is not in the recording.
func (n *node) onRoad(road ergo.Road) {
	if road == "" {
		return
	}
	n.mu.Lock()
	before := n.road
	known := slices.Contains(n.roads, road)
	if !known {
		n.roads = append(n.roads, road)
	}
	n.road = road
	n.mu.Unlock()
	if known {
		return
	}
	var lacks, suspicion []string
	for _, s := range n.r.opts.Samplers {
		switch n.offers(s.Tool) {
		case ergo.Withheld:
			lacks = append(lacks, s.Tool)
		case ergo.Suspicion:
			suspicion = append(suspicion, s.Tool)
		}
	}
	if n.offers(capabilities) == ergo.Offered && (road == ergo.RoadObserver || road == ergo.RoadSystem) {
		n.schedule.Add(&schedule.Task{Name: capabilities, Every: tellTags, Do: func(ctx context.Context, r *schedule.Run) { n.sample(ctx, r, capabilities, nil) }})
	}
	if n.offers(types) == ergo.Offered && road == ergo.RoadSystem {
		for _, part := range described() {
			n.schedule.Add(&schedule.Task{Name: types + " " + part, Every: tellTags, Do: func(ctx context.Context, r *schedule.Run) { n.sample(ctx, r, types, ergo.Args{"name": part}) }})
		}
	}
	now := n.r.clock.Now()
	n.r.mark(archive.Mark{
		Kind: "road", Node: n.name, From: now, To: now, Note: roadNote(road, lacks, suspicion),
		More: map[string]any{"road": string(road), "before": string(before), "lacks": lacks, "on_suspicion": suspicion},
	})
}

// roadNote says what a road is and what it does not give.
func roadNote(road ergo.Road, lacks, suspicion []string) string {
	note := "asked " + road.Words()
	if len(lacks) > 0 {
		note += fmt.Sprintf("; not to be had: %s", strings.Join(lacks, ", "))
	}
	if len(suspicion) > 0 {
		note += fmt.Sprintf("; only when something is wrong, for it stops the node for a moment: %s", strings.Join(suspicion, ", "))
	}
	return note
}
