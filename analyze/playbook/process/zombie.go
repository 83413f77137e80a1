package process

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

// zombies looks for processes that were killed and are still there: their
// callback does not return. They are grouped by behavior.
func zombies(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		if len(n.Procs.Listings) == 0 {
			v.Skip("%s: %s", n.Name, n.Procs.Missing(1))
			continue
		}
		groups := map[string][]*scene.Actor{}
		for _, a := range n.Procs.Actors {
			if a.Zombie() != nil {
				groups[a.Behavior] = append(groups[a.Behavior], a)
			}
		}
		if len(groups) == 0 {
			noZombies(s, n, v)
			continue
		}
		for _, group := range groups {
			f, err := zombiesOf(ctx, s, group)
			if err != nil {
				return err
			}
			v.Find(f)
		}
	}
	return nil
}

// noZombies says so of a node of which no listing shows one for long, unless the
// node's own count says otherwise.
func noZombies(s *scene.Scene, n *scene.Node, v *finding.Verdict) {
	counted := n.Series(ergo.Node, "ProcessesZombee")
	most, longest := 0.0, time.Duration(0)
	var since time.Time
	for i, c := range counted.V {
		most = max(most, c)
		switch {
		case c == 0:
			since = time.Time{}
		case since.IsZero():
			since = counted.T[i]
		default:
			longest = max(longest, counted.T[i].Sub(since))
		}
	}
	if longest >= s.Set.Span(ZombieAge) {
		v.Skip("%s: the node counts up to %s zombees, for %s on end, and no listing shows one for that long", n.Name, finding.Number(most), finding.Duration(longest))
		return
	}
	said := ""
	if counted.Len() > 0 {
		said = fmt.Sprintf(", the node counts %s at most", finding.Number(most))
	}
	v.Fine("%s: no zombee of %d processes lived for %s%s, over %d listings", n.Name, n.Procs.Seen, finding.Duration(s.Set.Span(ZombieAge)), said, len(n.Procs.Listings))
}

func zombiesOf(ctx context.Context, s *scene.Scene, group []*scene.Actor) (*finding.Finding, error) {
	slices.SortFunc(group, func(a, b *scene.Actor) int {
		return cmp.Or(a.Zombie().From.At.Compare(b.Zombie().From.At), cmp.Compare(a.Pid, b.Pid))
	})
	first := group[0]
	n := first.Node
	began, err := s.StallBegan(ctx, first, first.Zombie())
	if err != nil {
		return nil, err
	}
	onset := began.At
	longest, open := time.Duration(0), false
	var pids []string
	for _, a := range group {
		z := a.Zombie()
		longest = max(longest, z.Lasted())
		open = open || z.Open
		pids = append(pids, fmt.Sprintf("%s %s: %s since %s", a.Pid, a.Called(), finding.Duration(z.Lasted()), finding.Clock(z.From.At)))
	}
	f := &finding.Finding{
		Kind: finding.ZombieProcesses, Subject: first.Subject(onset), Onset: onset, OnsetErrorS: began.Off.Seconds(),
		Score: finding.Score(finding.ZombieProcesses, longest.Seconds()), Confidence: finding.High,
		Title: fmt.Sprintf("%d killed %s of behavior %s on %s did not end", len(group), finding.Plural(len(group), "process", "processes"), first.Behavior, n.Name),
		Summary: fmt.Sprintf("They were killed inside a callback that does not return; the longest has been a zombee for %s. Each holds its goroutine and its memory until then.",
			finding.Duration(longest)),
		Recommendation: "Find what the callback waits for and bound it with a time-out; ask who kills these processes, and why.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s state=zombee", n.Name),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", n.Name, scene.TypeName(first.Behavior)),
		},
	}
	if len(group) == 1 {
		f.Title = fmt.Sprintf("%s on %s was killed and does not end", first.Called(), n.Name)
		f.Summary = fmt.Sprintf("It was killed inside a callback that does not return; it has been a zombee for %s. It holds its goroutine and its memory until then.", finding.Duration(longest))
	}
	if longest < s.Set.Span(ZombieAge) {
		f.AtMost(finding.Note)
		f.Confidence = finding.Medium
		f.Summary = fmt.Sprintf("It was killed inside a callback and took at least %s to end: the callback is slow.", finding.Duration(longest))
	}
	if !open {
		end := group[len(group)-1].Zombie().To.At
		f.End = &end
		f.AtMost(finding.Over)
	}
	from, to := first.Zombie().From.At, n.Procs.Listings[len(n.Procs.Listings)-1]
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "zombees", Node: n.Name, Tool: "process_list", Field: "State", From: &from, To: &to,
		Lines: finding.FirstLines(pids, 10), Records: []string{finding.RecordName(n.Name, "process_list", from)},
	})
	longestOf(&f.Evidence[0], group)
	stack, err := s.LastStack(ctx, first, onset, s.To)
	if err != nil {
		return nil, err
	}
	s.TellStack(f, first, stack)
	return f, nil
}

// longestOf adds how many did not end, and for how long the longest was seen.
func longestOf(e *finding.Evidence, group []*scene.Actor) {
	long := slices.MaxFunc(group, func(a, b *scene.Actor) int { return cmp.Compare(a.Zombie().Lasted(), b.Zombie().Lasted()) })
	z, n := long.Zombie(), long.Node
	e.Value("longest_s", z.Lasted().Seconds(), long.Rows(z.From.At, z.To.At).Of("span(MessagesIn)"))
	last := n.Procs.Listings[len(n.Procs.Listings)-1]
	all := n.Says("process_list", group[0].Zombie().From.At, last)
	all.Where = map[string]string{"State": "zombee", "Behavior": long.Behavior}
	e.Value("processes", len(group), all.Of("distinct(PID)"))
}
