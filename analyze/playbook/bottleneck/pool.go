package bottleneck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// overflows finds the pools that drop messages: every worker's mailbox is full.
// The onset is when the workers began to fall behind, if that is known; the
// inspections are far apart.
func overflows(ctx context.Context, s *scene.Scene, n *scene.Node, found []*finding.Finding) ([]*finding.Finding, error) {
	var out []*finding.Finding
	for _, in := range n.Inspected {
		k, dropped := in.FirstDrop()
		if dropped == 0 {
			continue
		}
		from, to := in.Unhandled.T[k-1], in.Unhandled.T[k]
		onset, off := series.Middle(from, to)
		var workers []*finding.Finding
		for _, f := range found {
			w := n.Procs.Known[f.Subject.PID]
			if w == nil || w.Parent != in.Pid || f.Onset.After(to) {
				continue
			}
			if workers = append(workers, f); f.Onset.Before(onset) {
				onset, off = f.Onset, time.Duration(f.OnsetErrorS*float64(time.Second))
			}
		}
		f := overflow(n, in, k, dropped, onset, off)
		for _, w := range workers {
			w.FollowsFrom(f, "it is one of the pool's workers")
		}
		if pool := n.Procs.Known[in.Pid]; pool != nil {
			senders, err := feeders(ctx, s, pool, onset)
			if err != nil {
				return nil, err
			}
			tellFeeders(f, senders, dropped/max(to.Sub(from).Seconds(), 1), onset)
		}
		out = append(out, f)
	}
	return out, nil
}

func overflow(n *scene.Node, in *scene.Inspection, k int, dropped float64, onset time.Time, off time.Duration) *finding.Finding {
	sub := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), PID: in.Pid}
	called := in.Pid
	if a := n.Procs.Known[in.Pid]; a != nil {
		sub, called = a.Subject(onset), a.Called()
	}
	last := in.Unhandled.Len() - 1
	from, to := in.Unhandled.T[k-1], in.Unhandled.T[last]
	f := &finding.Finding{
		Kind: finding.PoolOverflow, Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(), Score: finding.Score(finding.PoolOverflow, dropped), Confidence: finding.High,
		Title: fmt.Sprintf("the pool %s on %s drops messages", called, n.Name),
		Summary: fmt.Sprintf("%s messages were dropped since %s: the mailboxes of all %d workers were full (%d messages each, %d together).",
			finding.Number(dropped), finding.Clock(from), in.Size, in.Mailbox, in.Size*in.Mailbox),
		Recommendation: "Add workers, make their callback cheaper, or slow the senders; a larger worker mailbox only delays it.",
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, in.Pid)},
		Evidence: []finding.Evidence{{
			What: "messages dropped by the pool", Node: n.Name, Tool: "process_inspect", Field: "messages_unhandled", From: &from, To: &to,
			Series: finding.Chart("messages", in.Unhandled),
		}},
	}
	e, says := &f.Evidence[0], n.Says("process_inspect", from, to)
	says.Row = in.Pid
	e.Value("before", in.Unhandled.V[k-1], says.Of("first(messages_unhandled)"))
	e.Value("after", in.Unhandled.V[last], says.Of("last(messages_unhandled)"))
	e.Value("dropped", dropped, says.Of("increase(messages_unhandled)"))
	e.Value("workers", in.Size, says.Of("last(pool_size)"))
	e.Value("worker_mailbox", in.Mailbox, says.Of("last(worker_mailbox_size)"))
	e.Value("mailboxes", in.Size*in.Mailbox, says.Of("last(pool_size) * last(worker_mailbox_size)"))
	if in.Mailbox == 0 {
		f.Summary = fmt.Sprintf("%s messages were dropped since %s: no worker could take them.", finding.Number(dropped), finding.Clock(from))
	}
	if in.Unhandled.V[last] == in.Unhandled.V[max(last-2, 0)] && last-k >= 2 {
		f.Score = min(f.Score, finding.Over)
		f.Summary += " None was dropped of late."
	}
	return f
}

// together makes one fault of nameless siblings with the same trouble: the load
// is their pool's, or the first of them stands for all.
func together(s *scene.Scene, n *scene.Node, found []*finding.Finding) []*finding.Finding {
	type key struct {
		kind             finding.Kind
		parent, behavior string
	}
	groups := map[key][]*finding.Finding{}
	for _, f := range found {
		if a := n.Procs.Known[f.Subject.PID]; a != nil && a.Name == "" && f.Score >= finding.ScoreWarning {
			k := key{f.Kind, a.Parent, a.Behavior}
			groups[k] = append(groups[k], f)
		}
	}
	var out []*finding.Finding
	for k, group := range groups {
		if len(group) < 2 {
			continue
		}
		slices.SortStableFunc(group, func(a, b *finding.Finding) int { return a.Onset.Compare(b.Onset) })
		if p := n.Procs.Known[k.parent]; p != nil && n.IsPool(p) && finding.Among(k.kind, finding.OverloadedProcess, finding.MailboxGrowth) {
			out = append(out, poolBehind(n, p, group))
			continue
		}
		first := group[0]
		first.Summary += fmt.Sprintf(" So do %d of its siblings.", len(group)-1)
		for _, f := range group[1:] {
			f.FollowsFrom(first, "it is a sibling of the same behavior, with the same trouble")
		}
	}
	return out
}

// poolBehind is the finding about a pool whose workers are behind, given theirs
// in order of their onsets.
func poolBehind(n *scene.Node, pool *scene.Actor, group []*finding.Finding) *finding.Finding {
	first, worst := group[0], slices.MaxFunc(group, func(a, b *finding.Finding) int { return a.Score - b.Score })
	f := &finding.Finding{
		Kind: finding.OverloadedProcess, Subject: pool.Subject(first.Onset), Onset: first.Onset, OnsetErrorS: first.OnsetErrorS,
		Score: worst.Score + 1, Confidence: first.Confidence, End: worst.End, Facts: worst.Facts, FedBy: worst.FedBy,
		Title:          fmt.Sprintf("the workers of the pool %s on %s fall behind", pool.Called(), n.Name),
		Summary:        fmt.Sprintf("%d of its workers are behind. The worst: %s", len(group), worst.Summary),
		Recommendation: "Add workers, make their callback cheaper, or slow the senders.",
		Confirm: []string{
			fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, pool.Pid),
			fmt.Sprintf("process_children node=%s parent=%s", n.Name, pool.Pid),
		},
		Evidence: worst.Evidence,
	}
	if f.Is(finding.Waits) {
		f.Title = fmt.Sprintf("the workers of the pool %s on %s fall behind while they wait for replies", pool.Called(), n.Name)
		f.Recommendation, f.Subject.Peer = worst.Recommendation, worst.Subject.Peer
	}
	for _, w := range group {
		w.FollowsFrom(f, "it is one of the pool's workers")
	}
	return f
}
