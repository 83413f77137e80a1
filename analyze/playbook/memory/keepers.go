package memory

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// A keeper is a function whose allocations are retained more and more.
type keeper struct {
	function      string
	before, after float64 // bytes in use
	inUse         series.Series
	records       []string
	beforeAt      time.Time // of the profile that shows before
	raw           bool      // told by raw profiles, to whom the memory is owed
}

// held is the call that gives what a function has in use in a profile.
func held(n *scene.Node, function string, at time.Time, raw bool) finding.Call {
	source := "text"
	if raw {
		source = "owed"
	}
	return finding.Call{Tool: "profile_top", Gives: "functions.0.flat", Arguments: map[string]any{
		"kind": "heap", "node": n.Name, "at": at.UTC().Format(time.RFC3339Nano), "function": function, "source": source,
	}}
}

// keepersSince are those of the profiles that can be compared over time, or, where
// these name no application code, of the raw ones.
func keepersSince(h scene.Heaps, g retention) []keeper {
	found := keepers(h.Tables(), g)
	told := func(all []keeper, raw bool) []keeper {
		for i := range all {
			all[i].raw = raw
		}
		return all
	}
	if len(found) == 0 || profiles.OriginOf(found[0].function) != profiles.Application {
		if owed := keepers(h.Raw, g); len(owed) > 0 {
			return told(owed, true)
		}
	}
	return told(found, len(h.Text) < 2)
}

// ownShare is the part of a heap's growth that a function accounts for at least, to
// be called what keeps it, where no profile is from before the growth: then each
// has a part of it, and that it doubled says nothing.
const ownShare = 1.0 / 3

// keepers are the functions whose allocations in use grew between the heap
// profiles before the onset, or the first one where there is none, and the last
// one, most first, application code before any other.
func keepers(tables []scene.HeapTable, g retention) []keeper {
	if len(tables) < 2 {
		return nil
	}
	first, last := tables[0], tables[len(tables)-1]
	t := series.Later(g.onset, first.At)
	within := first.At.After(g.onset)
	least := ownShare * g.slope.PerSecond * last.At.Sub(first.At).Seconds()
	var all []keeper
	for _, r := range last.InUse.Rows {
		k := keeper{function: r.Function, after: float64(r.Flat)}
		for _, table := range tables {
			row, _ := table.InUse.Row(r.Function)
			k.inUse.Add(table.At, float64(row.Flat))
			if !table.At.After(t) {
				if k.beforeAt.IsZero() || float64(row.Flat) > k.before {
					k.beforeAt = table.At
				}
				k.before = max(k.before, float64(row.Flat))
			}
			k.records = append(k.records, table.Record)
		}
		if grown := k.after - k.before; grown >= 4*heapQuantum && (within && grown >= least || !within && k.after >= 2*k.before) {
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
func allocator(tables []scene.HeapTable, t time.Time, extra float64) string {
	var before *scene.HeapTable
	for i := range tables {
		if !tables[i].At.After(t) || before == nil {
			before = &tables[i]
		}
	}
	if before == nil {
		return ""
	}
	last := tables[len(tables)-1]
	took := last.At.Sub(series.Later(before.At, t)).Seconds()
	for _, r := range profiles.Diff(before.Allocated, last.Allocated).Of(profiles.Application) {
		if took > 0 && float64(r.Flat)/took > extra/3 {
			return r.Function
		}
	}
	return ""
}

// holder names the process in whose behavior's code the memory is allocated,
// where one process has that behavior.
func holder(n *scene.Node, function string, during finding.Window, f *finding.Finding) {
	behavior := profiles.BehaviorOf(function)
	if behavior == "" {
		return
	}
	var of []*scene.Actor
	for _, a := range n.Procs.Actors {
		if a.Behavior == behavior && !a.Last.Before(during.From) && a.First.Before(during.To) {
			of = append(of, a)
		}
	}
	if len(of) == 0 {
		// It ended with an earlier life of the node: its name is what is left.
		f.Subject.Name = n.Procs.OnlyName(behavior)
		if f.Subject.Name != "" {
			f.Subject.Behavior = behavior
		}
		return
	}
	f.Subject.Behavior, f.Subject.Application = behavior, of[0].Application
	if len(of) == 1 {
		f.Subject.PID, f.Subject.Name = of[0].Pid, of[0].Name
		return
	}
	f.Caveats = append(f.Caveats, fmt.Sprintf("%d processes have the behavior %s; which of them it is cannot be told from the allocating function.", len(of), behavior))
}
