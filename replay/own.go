package replay

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A FailedCall is one of the recorder's own calls that did not succeed.
type FailedCall struct {
	At      time.Time
	Begun   time.Time // when it was asked
	Reading ergo.Reading
	Peer    string // whom a ping was for
	Link    bool   // the node itself was not reached
	Why     string
}

// remoteCall begins the entry point's answer when it could not reach a node.
const remoteCall = "remote call to '"

// FailedCallOf is a stored failure of a reading as a call that failed.
func FailedCallOf(s Sample, reading ergo.Reading) FailedCall {
	c := FailedCall{At: s.At, Begun: s.At.Add(-s.Took), Reading: reading, Why: string(s.Text)}
	if s.Failure != nil {
		c.Why = s.Failure.Text
	}
	c.Link = strings.HasPrefix(c.Why, remoteCall)
	var subject struct{ Name string }
	if reading == ergo.Ping && json.Unmarshal([]byte(s.Subject), &subject) == nil {
		c.Peer = subject.Name
	}
	return c
}

// asked are the readings whose failures are read. The recorder asks for them often,
// and no node that is well refuses one.
func asked() []ergo.Reading {
	return []ergo.Reading{
		ergo.Node, ergo.Runtime, ergo.Processes, ergo.Logs, ergo.Ping, ergo.Links, ergo.Network,
		ergo.Acceptors, ergo.Events, ergo.Applications, ergo.Inspection, ergo.Process, ergo.Goroutines, ergo.Heap,
		ergo.CPUProfile, ergo.Cron, ergo.Samplers,
	}
}

// FailedCalls walks the recorder's own calls to a node that failed, one reading after the other.
// What else was answered meanwhile is not read.
func (r *Recording) FailedCalls(ctx context.Context, node string, from, to time.Time) iter.Seq2[FailedCall, error] {
	return func(yield func(FailedCall, error) bool) {
		for _, reading := range asked() {
			match := func(s stream) bool { return s.Node == node && s.Failures > 0 && s.says(reading) }
			for s, err := range samples(r.merged(ctx, match, archive.Query{From: from, To: to, Failed: true})) {
				c := FailedCall{}
				if err == nil {
					c = FailedCallOf(s, reading)
				}
				if !yield(c, err) {
					return
				}
			}
		}
	}
}

// Adds reports whether a call of the recorder's own that was meant for a node added an
// error to another one's counter of calls that failed: to the entry point's where it
// could not be forwarded, to the node's own where it was a ping that was not answered.
func (c FailedCall) Adds(asked string, to Node) bool {
	if c.Link {
		return to.Entry && asked != to.Name
	}
	return c.Reading == ergo.Ping && asked == to.Name
}

// OwnErrors are the instants at which a call of the recorder's own added an error to a
// node's counter of calls that failed (ergo.Footprint has it), in order: what is counted
// and judged is without them.
func (r *Recording) OwnErrors(ctx context.Context, node string, from, to time.Time) ([]time.Time, error) {
	nodes := r.Nodes()
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == node })
	if i < 0 {
		return nil, nil
	}
	var at []time.Time
	for _, n := range nodes {
		if n.Name != node && !nodes[i].Entry {
			continue // nothing that was asked of it passed the node
		}
		for c, err := range r.FailedCalls(ctx, n.Name, from, to) {
			if err != nil && !IsDamage(err) {
				return nil, err
			}
			if err == nil && c.Adds(n.Name, nodes[i]) {
				at = append(at, c.At)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at, nil
}
