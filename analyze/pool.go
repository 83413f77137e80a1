package analyze

import (
	"fmt"
	"slices"
	"time"
)

// overflows finds the pools that drop messages: every worker's mailbox is full.
// The onset is when the workers began to fall behind, if that is known; the
// inspections are far apart.
func (s *scene) overflows(n *node, found []*Finding) []*Finding {
	var out []*Finding
	for _, in := range n.inspected {
		k, dropped := in.firstDrop()
		if dropped == 0 {
			continue
		}
		from, to := in.unhandled.T[k-1], in.unhandled.T[k]
		onset, off := middle(from, to)
		var workers []*Finding
		for _, f := range found {
			w := n.procs.known[f.Subject.PID]
			if w == nil || w.parent != in.pid || f.Onset.After(to) {
				continue
			}
			if workers = append(workers, f); f.Onset.Before(onset) {
				onset, off = f.Onset, time.Duration(f.OnsetErrorS*float64(time.Second))
			}
		}
		f := s.overflow(n, in, k, dropped, onset, off)
		for _, w := range workers {
			w.explainedBy(f)
		}
		out = append(out, f)
	}
	return out
}

// firstDrop is the first inspection that shows more messages dropped than the
// one before, and how many were dropped in all. A pool that is restarted
// begins again from 0.
func (in *inspection) firstDrop() (k int, dropped float64) {
	for i := 1; i < in.unhandled.Len(); i++ {
		if d := in.unhandled.V[i] - in.unhandled.V[i-1]; d > 0 {
			if k == 0 {
				k = i
			}
			dropped += d
		}
	}
	return k, dropped
}

func (s *scene) overflow(n *node, in *inspection, k int, dropped float64, onset time.Time, off time.Duration) *Finding {
	sub := Subject{Node: n.Name, Incarnation: n.incarnation(onset), PID: in.pid}
	called := in.pid
	if a := n.procs.known[in.pid]; a != nil {
		sub, called = a.subject(onset), a.called()
	}
	last := in.unhandled.Len() - 1
	from, to := in.unhandled.T[k-1], in.unhandled.T[last]
	f := &Finding{
		Kind: "pool_overflow", Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(), Score: 86, Confidence: High,
		Title: fmt.Sprintf("the pool %s on %s drops messages", called, n.Name),
		Summary: fmt.Sprintf("%s messages were dropped since %s: the mailboxes of all %d workers were full (%d messages each, %d together).",
			number(dropped), clock(from), in.size, in.mailbox, in.size*in.mailbox),
		Recommendation: "Add workers, make their callback cheaper, or slow the senders; a larger worker mailbox only delays it.",
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, in.pid)},
		Evidence: []Evidence{{
			What: "messages dropped by the pool", Node: n.Name, Tool: "process_inspect", Field: "messages_unhandled", From: &from, To: &to,
			Values: map[string]any{
				"before": in.unhandled.V[k-1], "after": in.unhandled.V[last],
				"workers": in.size, "worker_mailbox": in.mailbox,
			},
			Series: chart("messages", in.unhandled),
		}},
	}
	if in.mailbox == 0 {
		f.Summary = fmt.Sprintf("%s messages were dropped since %s: no worker could take them.", number(dropped), clock(from))
	}
	if in.unhandled.V[last] == in.unhandled.V[max(last-2, 0)] && last-k >= 2 {
		f.Score = 66
		f.Summary += " None was dropped of late."
	}
	return f
}

// together makes one fault of nameless siblings with the same trouble: the load
// is their pool's, or the first of them stands for all.
func (s *scene) together(n *node, found []*Finding) []*Finding {
	type key struct{ kind, parent, behavior string }
	groups := map[key][]*Finding{}
	for _, f := range found {
		if a := n.procs.known[f.Subject.PID]; a != nil && a.name == "" && f.Score >= scoreWarning {
			k := key{f.Kind, a.parent, a.behavior}
			groups[k] = append(groups[k], f)
		}
	}
	var out []*Finding
	for k, group := range groups {
		if len(group) < 2 {
			continue
		}
		slices.SortStableFunc(group, func(a, b *Finding) int { return a.Onset.Compare(b.Onset) })
		if p := n.procs.known[k.parent]; p != nil && n.isPool(p) && among(k.kind, "overloaded_process", "mailbox_growth") {
			out = append(out, s.poolBehind(n, p, group))
			continue
		}
		first := group[0]
		first.Summary += fmt.Sprintf(" So do %d of its siblings.", len(group)-1)
		for _, f := range group[1:] {
			f.explainedBy(first)
		}
	}
	return out
}

func (n *node) isPool(a *actor) bool {
	in := n.inspected[a.pid]
	return a.kind == "pool" || in != nil && in.pool
}

// poolBehind is the finding about a pool whose workers are behind, given theirs
// in order of their onsets.
func (s *scene) poolBehind(n *node, pool *actor, group []*Finding) *Finding {
	first, worst := group[0], slices.MaxFunc(group, func(a, b *Finding) int { return a.Score - b.Score })
	f := &Finding{
		Kind: "overloaded_process", Subject: pool.subject(first.Onset), Onset: first.Onset, OnsetErrorS: first.OnsetErrorS,
		Score: min(worst.Score+1, 100), Confidence: first.Confidence, End: worst.End, dear: worst.dear, waits: worst.waits,
		Title:          fmt.Sprintf("the pool %s on %s gets more messages than its workers can handle", pool.called(), n.Name),
		Summary:        fmt.Sprintf("%d of its workers are behind. The worst: %s", len(group), worst.Summary),
		Recommendation: "Add workers, make their callback cheaper, or slow the senders.",
		Confirm: []string{
			fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, pool.pid),
			fmt.Sprintf("process_children node=%s parent=%s", n.Name, pool.pid),
		},
		Evidence: worst.Evidence,
	}
	for _, w := range group {
		w.explainedBy(f)
	}
	return f
}
