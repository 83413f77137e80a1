package bottleneck

import (
	"context"
	"fmt"
	"slices"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/replay"
)

// fewestListings are needed to tell what waits from what happened to be there.
const fewestListings = 3

// judge looks for processes whose messages wait: because a callback does
// not return, because it waits for another process, or because more arrives
// than is handled.
//
// Windowed liveness decides: the messages handled, the callbacks ended and the
// age of the oldest message between listings. The upstream formula, over the
// whole life of the process, is reported beside it.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	found, open := make([][]*finding.Finding, len(s.Nodes)), make([]string, len(s.Nodes))
	err := s.Each(ctx, func(ctx context.Context, i int, n *scene.Node) (err error) {
		if n.Procs.Looks >= fewestListings {
			found[i], open[i], err = waitingOn(ctx, s, n)
		}
		return err
	})
	if err != nil {
		return err
	}
	silent, err := mutes(ctx, s, slices.Concat(found...))
	if err != nil {
		return err
	}
	for _, f := range silent {
		i := slices.IndexFunc(s.Nodes, func(n *scene.Node) bool { return n.Name == f.Subject.Node })
		found[i] = append(found[i], f)
	}
	for i, n := range s.Nodes {
		if n.Procs.Looks < fewestListings {
			v.Skip("%s: %s", n.Name, n.Procs.Missing(fewestListings))
			continue
		}
		if n.Latency == replay.No {
			v.Skip("%s was built without -tags=latency: the age of the oldest message is estimated from the mailbox and the rate of handling; the tag would sharpen it", n.Name)
		}
		for _, f := range found[i] {
			v.Find(f)
		}
		if open[i] != "" {
			v.Skip("%s: %s", n.Name, open[i])
		}
		if len(found[i]) == 0 {
			nothingWaits(s, n, v)
		}
	}
	return nil
}

// nothingWaits says so of a node without findings, unless a message was seen to
// wait for long that no finding is about.
func nothingWaits(s *scene.Scene, n *scene.Node, v *finding.Verdict) {
	w := n.Procs.Waits
	if w.Oldest.Seconds() >= s.Set.Of(lateAge) {
		v.Skip("%s: a message of %s had waited for %s at %s: too briefly, or while it started, for a finding", n.Name, w.Who.Called(), finding.Duration(w.Oldest), finding.Clock(w.When))
		return
	}
	age := ""
	if n.Latency == replay.Yes {
		age = fmt.Sprintf(", the oldest for %s", finding.Duration(w.Oldest))
	}
	v.Fine("%s: no process of %d had messages waiting for long: %d at most in a mailbox%s, over %d listings", n.Name, n.Procs.Seen, w.Mailbox, age, len(n.Procs.Listings))
}

// waitingOn are the findings of one node, and what cannot be told.
func waitingOn(ctx context.Context, s *scene.Scene, n *scene.Node) (found []*finding.Finding, open string, err error) {
	if err := s.Foresee(ctx, n, beginnings(n)); err != nil {
		return nil, "", err
	}
	defer s.Forget(n)
	for _, a := range n.Procs.Actors {
		if a.Own() {
			continue
		}
		f, err := suspect(ctx, s, a)
		if err != nil {
			return nil, "", err
		}
		if f != nil {
			found = append(found, f)
		}
	}
	over, err := overflows(ctx, s, n, found)
	if err != nil {
		return nil, "", err
	}
	found = append(append(found, over...), together(s, n, found)...)
	quiet, open, err := dried(ctx, s, n, found)
	return append(found, quiet...), open, err
}

// beginnings are the stretches in which what suspect looks at began.
func beginnings(n *scene.Node) []scene.Stretch {
	var all []scene.Stretch
	add := func(a *scene.Actor, st *work.Stall) { all = append(all, a.Beginning(st)) }
	for _, a := range n.Procs.Actors {
		if a.Own() {
			continue
		}
		if st := a.Longest(work.Waiting); st != nil {
			add(a, st)
			add(a, a.Since(st))
			add(a, a.FirstWait)
		}
		if e := a.WaitingEpisode(); e != nil {
			add(a, e.Begun())
		}
		if st := a.Longest(work.Running, work.OtherState); st != nil {
			add(a, st)
			if p := a.Recurs(st); p.First != nil {
				add(a, p.First)
			}
		}
		if st := a.Glimpses.Worst; st != nil {
			add(a, st)
			add(a, a.Glimpses.First)
		}
		if d := a.Slowdown; d != nil && !d.Woke.IsZero() {
			add(a, woken(d))
		}
		if b := worstBacklog(a); b != nil {
			if before, first := b.began(); !before.At.IsZero() {
				all = append(all, b.rising(before, first))
			}
		}
	}
	return all
}

// suspect is the finding about one process, nil where there is nothing to say.
// A process that stands still is told by that, whatever its mailbox does.
func suspect(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	if st := a.Longest(work.Waiting); st != nil {
		if f, err := stuckCall(ctx, s, a, st); f != nil || err != nil {
			return f, err
		}
	}
	if st := a.Longest(work.Running, work.OtherState); st != nil {
		if f, err := blocked(ctx, s, a, st); f != nil || err != nil {
			return f, err
		}
	}
	if a.Zombie() != nil {
		return nil, nil // another playbook's
	}
	if f, err := glimpsed(ctx, s, a); f != nil || err != nil {
		return f, err
	}
	if f, err := full(ctx, s, a); f != nil || err != nil {
		return f, err
	}
	judges := []func(context.Context, *scene.Scene, *scene.Actor) (*finding.Finding, error){overloaded, slowed}
	if b := worstBacklog(a); b != nil && b.Worst.Mailbox <= work.FewWait {
		slices.Reverse(judges) // it is each message that takes long, not the many that come
	}
	for _, judge := range judges {
		if f, err := judge(ctx, s, a); f != nil || err != nil {
			return f, err
		}
	}
	return nil, nil
}
