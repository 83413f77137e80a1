package scene

import (
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
)

// Heaps are the heap profiles of a node, by time. Text tables know leaf
// functions only, raw profiles to whom the memory is owed: they are not compared
// with each other.
type Heaps struct{ Text, Raw []HeapTable }

// Tables are the profiles that can be compared over time.
func (h Heaps) Tables() []HeapTable {
	if len(h.Text) >= 2 {
		return h.Text
	}
	return h.Raw
}

// In is the profiles of a stretch.
func (h Heaps) In(w finding.Window) Heaps {
	outside := func(t HeapTable) bool { return t.At.Before(w.From) || !t.At.Before(w.To) }
	return Heaps{
		Text: slices.DeleteFunc(slices.Clone(h.Text), outside),
		Raw:  slices.DeleteFunc(slices.Clone(h.Raw), outside),
	}
}

// A HeapTable is one heap profile of a node, by function.
type HeapTable struct {
	At               time.Time
	InUse, Allocated profiles.Table
	Record           string
}

// Heaps reads the heap profiles of a node.
func (s *Scene) Heaps(ctx context.Context, n *Node) (Heaps, error) {
	var all Heaps
	for smp, err := range s.Rec.Samples(ctx, n.Name, "pprof_heap", s.From, s.To) {
		if err != nil {
			if s.Damaged(err) {
				continue
			}
			return all, err
		}
		if inUse, allocated, err := profiles.ParseHeap(string(smp.Text)); err == nil && smp.Failure == nil {
			all.Text = append(all.Text, HeapTable{smp.At, inUse, allocated, finding.RecordName(n.Name, "pprof_heap", smp.At)})
		}
	}
	for p, err := range s.Rec.Profiles(ctx, n.Name, "heap", s.From, s.To) {
		if err != nil {
			if s.Damaged(err) {
				continue
			}
			return all, err
		}
		raw, err := profiles.ParseRaw(p.Raw)
		if err != nil {
			continue
		}
		inUse, err1 := raw.Attributed("inuse_space")
		allocated, err2 := raw.Attributed("alloc_space")
		if err1 == nil && err2 == nil {
			all.Raw = append(all.Raw, HeapTable{p.At, inUse, allocated, finding.RecordName(n.Name, "heap", p.At)})
		}
	}
	return all, nil
}
