// Package view is what a fleet's engine says of the fleet, read at one moment: its
// clusters, their recorders, who records which node, what waits, and what is wrong.
package view

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// A Fleet is all of it. Times are the engine's, unless they say otherwise.
type Fleet struct {
	Name     string    `json:"fleet"`
	Now      time.Time `json:"now"`
	Clusters []Cluster `json:"clusters"`
}

// A Cluster is one of it.
type Cluster struct {
	Name      string     `json:"cluster"`
	Messages  uint64     `json:"messages"` // on the engine
	Bytes     uint64     `json:"bytes"`
	MaxBytes  int64      `json:"max_bytes,omitempty"` // beyond which the engine refuses; 0: without bound
	First     time.Time  `json:"first,omitzero"`      // when the oldest of them was shipped …
	Last      time.Time  `json:"last,omitzero"`       // … and the newest
	Recorders []Recorder `json:"recorders"`
	Nodes     []Node     `json:"nodes"`
}

// A Recorder is one of a cluster's.
type Recorder struct {
	shape.Recorder
	Heard  time.Time     `json:"heard"`     // its last heartbeat
	Silent time.Duration `json:"silent_ns"` // since then
	State  State         `json:"state"`
}

// A State is how a recorder is.
type State string

// The states.
const (
	Lives  State = "lives"
	Silent State = "silent" // for longer than its session lives, and nobody ended that
	Ended  State = "ended"
)

// A Node is one of a cluster's, and who records it.
type Node struct {
	Name      string   `json:"node"`
	Recorders []string `json:"recorders"`         // with a lease that holds
	Offered   []string `json:"offered,omitempty"` // to whom it goes over
	Lost      bool     `json:"lost,omitempty"`    // who records it gets no answer
}

// Read reads it.
func Read(ctx context.Context, l *link.Link, fleet string) (*Fleet, error) {
	f := &Fleet{Name: fleet}
	clusters := map[string]*Cluster{}
	cluster := func(name string) *Cluster {
		if clusters[name] == nil {
			clusters[name] = &Cluster{Name: name}
		}
		return clusters[name]
	}
	recorders, err := l.Bucket(shape.Recorders(fleet)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the recorders of fleet %s: %w", fleet, err)
	}
	streams := l.JetStream().ListStreams(ctx, jetstream.WithStreamListSubject(shape.All(fleet, "*")))
	for info := range streams.Info() {
		name, ok := shape.ClusterOf(fleet, info.Config.Name)
		if !ok {
			continue
		}
		c, s := cluster(name), info.State
		c.Messages, c.Bytes, c.First, c.Last, c.MaxBytes = s.Msgs, s.Bytes, s.FirstTime, s.LastTime, max(info.Config.MaxBytes, 0)
		if info.TimeStamp.After(f.Now) {
			f.Now = info.TimeStamp
		}
	}
	if err := streams.Err(); err != nil {
		return nil, fmt.Errorf("read the streams of fleet %s: %w", fleet, err)
	}
	for _, e := range recorders {
		if r, ok := recorderOf(e); ok {
			c := cluster(r.Cluster)
			c.Recorders = append(c.Recorders, r)
			if r.Heard.After(f.Now) {
				f.Now = r.Heard
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		c := clusters[name]
		for i := range c.Recorders {
			c.Recorders[i].judge(f.Now)
		}
		leases, err := l.Bucket(shape.Leases(fleet, name)).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the leases of cluster %s: %w", name, err)
		}
		c.Nodes = c.nodes(leases)
		f.Clusters = append(f.Clusters, *c)
	}
	return f, nil
}

func recorderOf(e link.Entry) (r Recorder, ok bool) {
	if json.Unmarshal(e.Value, &r.Recorder) != nil || e.Key != shape.RecorderKey(r.Cluster, r.Name) {
		return r, false
	}
	r.Heard = e.Created
	if !r.Recorder.Heard.IsZero() {
		r.Heard = r.Recorder.Heard
	}
	return r, true
}

// judge says how the recorder is, by the engine's clock.
func (r *Recorder) judge(now time.Time) {
	r.Silent = max(now.Sub(r.Heard), 0)
	switch {
	case r.Ended != "":
		r.State = Ended
	case r.Silent > r.TTL:
		r.State = Silent
	default:
		r.State = Lives
	}
}

// nodes are those that somebody has a lease of.
func (c *Cluster) nodes(leases []link.Entry) []Node {
	nodes := map[string]*Node{}
	for _, e := range leases {
		var l shape.Lease
		if json.Unmarshal(e.Value, &l) != nil || l.Freed {
			continue
		}
		n := nodes[l.Node]
		if n == nil {
			n = &Node{Name: l.Node, Recorders: []string{}}
			nodes[l.Node] = n
		}
		r := c.recorder(l.Recorder)
		if r == nil || r.Session != l.Session || r.State == Ended {
			continue
		}
		n.Recorders = append(n.Recorders, l.Recorder)
		n.Lost = n.Lost || slices.Contains(r.Lost, l.Node)
		if l.Next != "" {
			n.Offered = append(n.Offered, l.Next)
		}
	}
	out := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		slices.Sort(n.Recorders)
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (c *Cluster) recorder(name string) *Recorder {
	for i := range c.Recorders {
		if c.Recorders[i].Name == name {
			return &c.Recorders[i]
		}
	}
	return nil
}

// Unrecorded counts the nodes that nobody has a lease of.
func (c *Cluster) Unrecorded() (n int) {
	for i := range c.Nodes {
		if len(c.Nodes[i].Recorders) == 0 {
			n++
		}
	}
	return n
}

// Incidents are those of the last hour, the newest first; what two witnesses tell alike comes once.
func (c *Cluster) Incidents() (out []shape.Incident) {
	type key struct{ kind, node string }
	seen := map[key]bool{}
	for i := range c.Recorders {
		out = append(out, c.Recorders[i].Open...)
	}
	slices.SortFunc(out, func(a, b shape.Incident) int { return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Node, b.Node)) })
	return slices.DeleteFunc(out, func(i shape.Incident) bool {
		k := key{i.Kind, i.Node}
		had := seen[k]
		seen[k] = true
		return had
	})
}
