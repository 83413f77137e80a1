// Package share says which nodes are a recorder's own, where several share a cluster.
package share

import (
	"slices"
	"sync"
	"time"
)

// A Fleet is who shares a cluster's nodes with a recorder: one of several, or as
// many as are wanted, records each node.
type Fleet interface {
	// There hears which nodes the cluster has.
	There(nodes []string)
	// Ours reports whether the recorder records a node.
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

// Shares are the nodes that are there, of which a fleet gives the recorder some, or
// all where it is of none.
type Shares struct {
	Fleet Fleet // nil: it is of none

	mu    sync.Mutex
	there []string
}

// Of are the recorder's nodes of those that are there now.
func (s *Shares) Of(names []string) []string {
	if s.Fleet == nil {
		return names
	}
	s.mu.Lock()
	s.there = names
	s.mu.Unlock()
	s.Fleet.There(names)
	return s.Mine()
}

// Also are the recorder's nodes of those that are there as well as those that were.
func (s *Shares) Also(names []string) []string {
	if s.Fleet == nil {
		return names
	}
	all := append(s.There(), names...)
	slices.Sort(all)
	return s.Of(slices.Compact(all))
}

// Mine are the recorder's nodes of those that were there last.
func (s *Shares) Mine() []string {
	return slices.DeleteFunc(s.There(), func(n string) bool { return !s.Fleet.Ours(n) })
}

// There are the nodes that were there last, nil where the recorder is of no fleet.
func (s *Shares) There() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.there)
}

// Changes is filled when the recorder may have other nodes.
func (s *Shares) Changes() <-chan struct{} {
	if s.Fleet == nil {
		return nil
	}
	return s.Fleet.Changes()
}

// Standing is what the status tells of the fleet, nil where there is none.
func (s *Shares) Standing() *Standing {
	if s.Fleet == nil {
		return nil
	}
	standing := s.Fleet.Standing()
	return &standing
}
