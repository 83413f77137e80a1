package analyze

import (
	"fmt"
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

// workersTogether makes one finding of workers of one pool that are behind: the
// load is the pool's, not each worker's.
func (s *scene) workersTogether(n *node, found []*Finding) []*Finding {
	byPool := map[string][]*Finding{}
	for _, f := range found {
		a := n.procs.known[f.Subject.PID]
		if a == nil || a.name != "" || f.Kind != "overloaded_process" && f.Kind != "mailbox_growth" {
			continue
		}
		if p := n.procs.known[a.parent]; p != nil && n.isPool(p) {
			byPool[a.parent] = append(byPool[a.parent], f)
		}
	}
	var out []*Finding
	for pid, group := range byPool {
		if len(group) < 2 {
			continue
		}
		out = append(out, s.poolBehind(n, n.procs.known[pid], group))
	}
	return out
}

func (n *node) isPool(a *actor) bool {
	in := n.inspected[a.pid]
	return a.kind == "pool" || in != nil && in.pool
}

func (s *scene) poolBehind(n *node, pool *actor, group []*Finding) *Finding {
	first := group[0]
	worst := group[0]
	for _, f := range group {
		if f.Onset.Before(first.Onset) {
			first = f
		}
		if f.Score > worst.Score {
			worst = f
		}
	}
	sub := pool.subject(first.Onset)
	f := &Finding{
		Kind: "overloaded_process", Subject: sub, Onset: first.Onset, OnsetErrorS: first.OnsetErrorS,
		Score: min(worst.Score+1, 100), Confidence: first.Confidence, End: worst.End,
		Title:          fmt.Sprintf("the pool %s on %s gets more messages than its workers can handle", pool.called(), n.Name),
		Summary:        fmt.Sprintf("%d of its workers are behind. The worst: %s", len(group), worst.Summary),
		Recommendation: "Add workers, make their callback cheaper, or slow the senders.",
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, pool.pid), fmt.Sprintf("process_children node=%s parent=%s", n.Name, pool.pid)},
		Evidence:       worst.Evidence,
	}
	for _, w := range group {
		w.explainedBy(f)
	}
	return f
}
