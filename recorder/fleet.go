package recorder

import (
	"slices"
	"sync"
	"time"

	"ergorecorder/archive"
)

// A Fleet is who shares a cluster's nodes with us: several recorders, one of which,
// or as many as are wanted, records each node.
type Fleet interface {
	// There hears which nodes the cluster has.
	There(nodes []string)
	// Ours reports whether we record a node.
	Ours(node string) bool
	// Changes is filled when Ours may say something else.
	Changes() <-chan struct{}
	// Standing is what the status tells of the fleet.
	Standing() Standing
}

// A Standing is what a recorder's status tells of its fleet.
type Standing struct {
	Fleet    string `json:"fleet"`
	Cluster  string `json:"cluster"`
	Recorder string `json:"recorder"`
	Nodes    int    `json:"nodes"` // that are ours …
	Of       int    `json:"of"`    // … of so many that the cluster has
	// Away is since when the engine has not answered for so long that others may record our nodes as well.
	Away    time.Time     `json:"engine_away,omitzero"`
	Backlog int64         `json:"backlog_bytes"` // on our disk, ended, and not shipped
	Blocks  int           `json:"backlog_blocks"`
	Age     time.Duration `json:"backlog_age_ns"`
	Why     string        `json:"backlog_why,omitempty"` // it is not shipped
	Shipped int64         `json:"shipped_bytes"`         // by this recorder since it began
	Lost    int64         `json:"lost_blocks"`           // that retention dropped before they were shipped
}

// shares are the nodes that are there, as discovery told last, of which the fleet
// gives us some.
type shares struct {
	mu    sync.Mutex
	there []string
}

func (s *shares) set(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there = names
}

func (s *shares) get() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.there
}

// ours are those of the nodes that we record.
func (r *Recorder) ours(names []string) []string {
	if r.opts.Fleet == nil {
		return names
	}
	r.shares.set(names)
	r.opts.Fleet.There(names)
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !r.opts.Fleet.Ours(n) })
}

// changes is filled when we may have other nodes.
func (r *Recorder) changes() <-chan struct{} {
	if r.opts.Fleet == nil {
		return nil
	}
	return r.opts.Fleet.Changes()
}

// share begins with the nodes that became ours and leaves those that are not any more.
func (r *Recorder) share() {
	for _, n := range r.known() {
		if !r.opts.Fleet.Ours(n.name) {
			r.release(n)
		}
	}
	r.meetAll(slices.DeleteFunc(slices.Clone(r.shares.get()), func(n string) bool { return !r.opts.Fleet.Ours(n) }))
}

// release ends the recording of a node that somebody else records.
func (r *Recorder) release(n *node) {
	r.mu.Lock()
	halted := r.halted() || r.nodes[n.name] != n
	if !halted {
		delete(r.nodes, n.name)
		close(n.halt)
		r.running.Add(1)
	}
	r.mu.Unlock()
	if halted {
		return
	}
	go func() { // what its listeners hold is read to the end
		defer r.running.Done()
		for _, l := range n.listeners {
			l.stop(r.calls)
		}
		n.markLosses(true)
		r.mark(archive.Mark{Kind: "node_left", Node: n.name, From: r.clock.Now(), Note: "another recorder of the fleet has it"})
	}()
}

// Mark appends a mark of who runs beside the recorder.
func (r *Recorder) Mark(m archive.Mark) { r.mark(m) }
