package analyze

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
)

// heaps are the heap profiles of a node, by time. Text tables know leaf
// functions only, raw profiles to whom the memory is owed: they are not compared
// with each other.
type heaps struct{ text, raw []heapTable }

// tables are the profiles that can be compared over time.
func (h heaps) tables() []heapTable {
	if len(h.text) >= 2 {
		return h.text
	}
	return h.raw
}

// in is the profiles of a stretch.
func (h heaps) in(w Window) heaps {
	outside := func(t heapTable) bool { return t.at.Before(w.From) || !t.at.Before(w.To) }
	return heaps{
		text: slices.DeleteFunc(slices.Clone(h.text), outside),
		raw:  slices.DeleteFunc(slices.Clone(h.raw), outside),
	}
}

// A heapTable is one heap profile of a node, by function.
type heapTable struct {
	at               time.Time
	inUse, allocated profiles.Table
	record           string
}

// heaps reads the heap profiles of a node.
func (s *scene) heaps(ctx context.Context, n *node) (heaps, error) {
	var all heaps
	for smp, err := range s.rec.Samples(ctx, n.Name, "pprof_heap", s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return all, err
		}
		if inUse, allocated, err := profiles.ParseHeap(string(smp.Text)); err == nil && smp.Failure == nil {
			all.text = append(all.text, heapTable{smp.At, inUse, allocated, recordName(n.Name, "pprof_heap", smp.At)})
		}
	}
	for p, err := range s.rec.Profiles(ctx, n.Name, "heap", s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
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
			all.raw = append(all.raw, heapTable{p.At, inUse, allocated, recordName(n.Name, "heap", p.At)})
		}
	}
	return all, nil
}

// A keeper is a function whose allocations are retained more and more.
type keeper struct {
	function      string
	before, after float64 // bytes in use
	inUse         series.Series
	records       []string
}

// keepers are those of the profiles that can be compared over time, or, where
// these name no application code, of the raw ones.
func (h heaps) keepers(t time.Time) []keeper {
	found := keepers(h.tables(), t)
	if len(found) == 0 || profiles.OriginOf(found[0].function) != profiles.Application {
		if owed := keepers(h.raw, t); len(owed) > 0 {
			return owed
		}
	}
	return found
}

// keepers are the functions whose allocations in use grew between the heap
// profiles before t and the last one, most first, application code before any
// other.
func keepers(tables []heapTable, t time.Time) []keeper {
	if len(tables) < 2 {
		return nil
	}
	last := tables[len(tables)-1]
	var all []keeper
	for _, r := range last.inUse.Rows {
		k := keeper{function: r.Function, after: float64(r.Flat)}
		for _, table := range tables {
			row, _ := table.inUse.Row(r.Function)
			k.inUse.Add(table.at, float64(row.Flat))
			if !table.at.After(t) {
				k.before = max(k.before, float64(row.Flat))
			}
			k.records = append(k.records, table.record)
		}
		if k.after-k.before >= 4*heapQuantum && k.after >= 2*k.before {
			all = append(all, k)
		}
	}
	application := func(k keeper) int {
		if profiles.OriginOf(k.function) == profiles.Application {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b keeper) int {
		return cmp.Or(cmp.Compare(application(a), application(b)), cmp.Compare(b.after-b.before, a.after-a.before))
	})
	return all
}

// allocator is the application function that accounts for a third or more of
// the bytes per second that came on top at t, "" where the heap profiles do not
// tell.
func allocator(tables []heapTable, t time.Time, extra float64) string {
	var before *heapTable
	for i := range tables {
		if !tables[i].at.After(t) || before == nil {
			before = &tables[i]
		}
	}
	if before == nil {
		return ""
	}
	last := tables[len(tables)-1]
	took := last.at.Sub(later(before.at, t)).Seconds()
	for _, r := range profiles.Diff(before.allocated, last.allocated).Of(profiles.Application) {
		if took > 0 && float64(r.Flat)/took > extra/3 {
			return r.Function
		}
	}
	return ""
}
