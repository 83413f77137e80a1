package replay

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkOwnErrors: an hour of calls to nodes that are gone, which entry points take turns
// to forward.
func BenchmarkOwnErrors(b *testing.B) {
	begin := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	for _, entries := range []int{2, 20, 200} {
		b.Run(fmt.Sprintf("%dentries", entries), func(b *testing.B) {
			steps := make([]Step, 720)
			for i := range steps {
				steps[i] = Step{begin.Add(time.Duration(5*i) * time.Second), begin.Add(time.Duration(5*i+5) * time.Second), 3}
			}
			own := OwnErrors{Steps: func(string) ([]Step, error) { return steps, nil }}
			for i := range entries {
				own.Nodes = append(own.Nodes, Node{Name: fmt.Sprintf("n%d@h", i), Forwards: true})
			}
			for i := range 20_000 {
				own.Add("gone@h", FailedCall{Link: true, At: begin.Add(time.Duration(i) * 180 * time.Millisecond)})
			}
			for b.Loop() {
				if _, err := own.All(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sharedSlowly shares calls among entry points by looking at every one for each call.
func sharedSlowly(links []linkFailure, entries []string, steps [][]Step) map[string][]time.Time {
	had := map[string][]time.Time{}
	for _, l := range links {
		best, who := &Step{}, ""
		for i, e := range entries {
			if s := stepAt(fromThen(steps[i], l.at), l.at); s != nil && e != l.asked && s.Errors > best.Errors {
				best, who = s, e
			}
		}
		if who != "" {
			best.Errors--
			had[who] = append(had[who], l.at)
		}
	}
	return had
}

func TestSharedErrorsAreThoseOfTheHighestCounters(t *testing.T) {
	begin := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	seed := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var entries []string
		var steps, same [][]Step
		for e := range 1 + seed.IntN(6) {
			entries = append(entries, fmt.Sprintf("n%d@h", e))
			var all []Step
			at := begin
			for range seed.IntN(12) {
				after := at.Add(time.Duration(seed.IntN(3)) * 500 * time.Millisecond)
				at = after.Add(time.Duration(1+seed.IntN(4)) * 500 * time.Millisecond)
				all = append(all, Step{after, at, seed.IntN(5)})
			}
			steps, same = append(steps, all), append(same, slices.Clone(all))
		}
		var links []linkFailure
		at := begin.Add(-time.Second)
		for range seed.IntN(80) {
			at = at.Add(time.Duration(seed.IntN(3)) * 250 * time.Millisecond)
			links = append(links, linkFailure{fmt.Sprintf("n%d@h", seed.IntN(8)), at})
		}
		own := OwnErrors{links: links, Steps: func(entry string) ([]Step, error) { return steps[slices.Index(entries, entry)], nil }}
		got, err := own.shared(entries)
		if want := sharedSlowly(links, entries, same); err != nil || !maps.EqualFunc(got, want, slices.Equal[[]time.Time]) {
			t.Fatalf("of %v and %v: %v, not %v", links, steps, got, want)
		}
	}
}
