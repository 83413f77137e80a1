package analyze

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// zombieAge is how long a killed process may take to return from its callback.
// A process that is seen once was killed in a slow callback; one that is still
// there after this is blocked in it.
const zombieAge = 10 * time.Second

// zombies looks for processes that were killed and are still there: their
// callback does not return. They are grouped by behavior.
func zombies(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		if len(n.procs.listings) == 0 {
			v.skip("%s: %s", n.Name, n.procs.missing())
			continue
		}
		groups := map[string][]*actor{}
		for _, a := range n.procs.actors {
			if a.zombie() != nil {
				groups[a.behavior] = append(groups[a.behavior], a)
			}
		}
		if len(groups) == 0 {
			v.fine("%s: no zombee lived for over %d s", n.Name, int(zombieAge.Seconds()))
			continue
		}
		for _, group := range groups {
			f, err := s.zombies(ctx, group)
			if err != nil {
				return err
			}
			v.find(f)
		}
	}
	return nil
}

// zombie is the stall in which the process was a zombee, nil if it never was
// one. Whoever was seen to be one twice and over too short a time is left out:
// the recording is too sparse to tell.
func (a *actor) zombie() *stall { return a.longest(zombee) }

func (s *scene) zombies(ctx context.Context, group []*actor) (*Finding, error) {
	slices.SortFunc(group, func(a, b *actor) int {
		return cmp.Or(a.zombie().from.at.Compare(b.zombie().from.at), cmp.Compare(a.pid, b.pid))
	})
	first := group[0]
	n := first.node
	began, err := s.since(ctx, first, first.zombie())
	if err != nil {
		return nil, err
	}
	onset := began.at
	longest, open := time.Duration(0), false
	var pids []string
	for _, a := range group {
		z := a.zombie()
		longest = max(longest, z.lasted())
		open = open || z.open
		pids = append(pids, fmt.Sprintf("%s %s: %s since %s", a.pid, a.called(), short(z.lasted()), clock(z.from.at)))
	}
	f := &Finding{
		Kind: "zombie_processes", Subject: first.subject(onset), Onset: onset, OnsetErrorS: began.off.Seconds(),
		Score: 80, Confidence: High,
		Title: fmt.Sprintf("%d killed %s of behavior %s on %s did not end", len(group), plural(len(group), "process", "processes"), first.behavior, n.Name),
		Summary: fmt.Sprintf("They were killed inside a callback that does not return; the longest has been a zombee for %s. Each holds its goroutine and its memory until then.",
			short(longest)),
		Recommendation: "Find what the callback waits for and bound it with a time-out; ask who kills these processes, and why.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s state=zombee", n.Name),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", n.Name, typeName(first.behavior)),
		},
	}
	if len(group) == 1 {
		f.Title = fmt.Sprintf("%s on %s was killed and does not end", first.called(), n.Name)
		f.Summary = fmt.Sprintf("It was killed inside a callback that does not return; it has been a zombee for %s. It holds its goroutine and its memory until then.", short(longest))
	}
	if longest < zombieAge {
		f.Score, f.Confidence = 40, Medium
		f.Summary = fmt.Sprintf("It was killed inside a callback and took at least %s to end: the callback is slow.", short(longest))
	}
	if !open {
		end := group[len(group)-1].zombie().to.at
		f.End = &end
		f.Score -= 15
	}
	from, to := first.zombie().from.at, n.procs.listings[len(n.procs.listings)-1]
	f.Evidence = append(f.Evidence, Evidence{
		What: "zombees", Node: n.Name, Tool: "process_list", Field: "State", From: &from, To: &to,
		Values: map[string]any{"processes": len(group), "longest_s": round(longest.Seconds())},
		Lines:  firstLines(pids, 10), Records: []string{recordName(n.Name, "process_list", from)},
	})
	stack, err := s.lastStack(ctx, first, onset, s.to)
	if err != nil {
		return nil, err
	}
	s.addStack(f, first, stack)
	return f, nil
}

func firstLines(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], fmt.Sprintf("and %d more", len(lines)-n))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
