package scene

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/ergo"
	"ergorecorder/replay"
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
	for smp, err := range s.Texts(ctx, n, ergo.Heap, s.From, s.To) {
		if err != nil {
			return all, err
		}
		if inUse, allocated, err := profiles.ParseHeap(string(smp.Text)); err == nil && smp.Failure == nil {
			all.Text = append(all.Text, HeapTable{smp.At, inUse, allocated, finding.RecordName(n.Name, "pprof_heap", smp.At)})
		}
	}
	for p, err := range replay.Readable(s.Rec.Profiles(ctx, n.Name, "heap", s.From, s.To), s.Note) {
		if err != nil {
			return all, err
		}
		raw, err := profiles.ParseRaw(p.Raw)
		if err != nil {
			s.unreadable("heap", p, err)
			continue
		}
		inUse, err1 := raw.Attributed("inuse_space")
		allocated, err2 := raw.Attributed("alloc_space")
		if err := errors.Join(err1, err2); err != nil {
			s.unreadable("heap", p, err)
		} else {
			all.Raw = append(all.Raw, HeapTable{p.At, inUse, allocated, finding.RecordName(n.Name, "heap", p.At)})
		}
	}
	return all, nil
}

// unreadable notes a raw profile of which nothing can be told: it was recorded,
// and is as good as none.
func (s *Scene) unreadable(kind string, p replay.Profile, err error) {
	s.Note(fmt.Errorf("the %s profile of %s at %s: %w", kind, p.Node, p.At.UTC().Format(time.RFC3339), err))
}
