package recorder

import (
	"context"
	"encoding/json"
	"path"
	"slices"

	"ergorecorder/ergo"
	"ergorecorder/recorder/rows"
	"ergorecorder/recorder/schedule"
)

// targets are the PIDs, or for peers the nodes, that the words of a sampler
// stand for at this moment.
func (n *node) targets(ctx context.Context, r *schedule.Run, s *Sampler) []string {
	var out []string
	for _, word := range s.Targets {
		if word == TargetPeers {
			out = append(out, n.r.peers(n.name)...)
			continue
		}
		out = append(out, n.pick(ctx, r, n.processes(), word)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// processes are the rows of the last listing; not to be changed.
func (n *node) processes() []rows.Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.table != nil {
		n.rows, n.table = rows.Read(n.table, n.stat.Seen), nil
	}
	return n.rows
}

// deepest is how many mailboxes the word stands for.
const deepest = 5

// pick finds the PIDs in a listing that a word stands for.
func (n *node) pick(ctx context.Context, r *schedule.Run, list []rows.Process, word string) []string {
	var out []string
	switch word {
	case TargetDeepest:
		return rows.Deepest(list, deepest)
	case TargetSupervisors:
		return n.stirred(n.ofKind(ctx, r, list, word), list)
	case TargetPools:
		return n.ofKind(ctx, r, list, word)
	default:
		for _, p := range list {
			if ok, err := path.Match(word, p.Name); ok && err == nil && p.Name != "" {
				out = append(out, p.PID)
			}
		}
	}
	return out
}

// ofKind are the processes of a kind.
func (n *node) ofKind(ctx context.Context, r *schedule.Run, list []rows.Process, word string) []string {
	var out []string
	for pid, kind := range n.kindsOf(ctx, r, list) {
		if kind+"s" == word {
			out = append(out, pid)
		}
	}
	return out
}

// stirred leaves out the supervisors that were asked a short time ago and have the same children as then.
func (n *node) stirred(supervisors []string, list []rows.Process) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	stirred := n.calm.Stirred(supervisors, list, n.r.clock.Steady())
	if n.r.clock.Replayed() || n.stat.Seen < n.total*9/10 { // the listing does not tell
		return supervisors
	}
	return stirred
}

// askedOf notes that a process was asked about itself.
func (n *node) askedOf(pid string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calm.Asked(pid, n.r.clock.Steady())
}

// kindsOf tells supervisors and pools. Where rows do not say their kind, each
// process that is another's parent is inspected once.
func (n *node) kindsOf(ctx context.Context, r *schedule.Run, list []rows.Process) map[string]string {
	there := make(map[string]string, 16)
	parents := map[string]bool{}
	for _, p := range list {
		parents[p.Parent] = true
	}
	for _, p := range list {
		kind := p.Kind
		if kind == "" && parents[p.PID] {
			kind = n.inspectedKind(ctx, r, p.PID)
		}
		if k := ergo.ProcessKind(kind); k == ergo.KindSupervisor || k == ergo.KindPool {
			there[p.PID] = kind
		}
	}
	return there
}

// inspectedKind tells a supervisor or a pool by what it says of itself. The
// answer, even none, holds for the node's life.
func (n *node) inspectedKind(ctx context.Context, r *schedule.Run, pid string) string {
	n.mu.Lock()
	kind, known := n.kinds[pid]
	n.mu.Unlock()
	if known {
		return kind
	}
	_, answer, _ := n.ask(ctx, r, "process_inspect", ergo.Args{"pid": pid})
	var said map[string]json.RawMessage
	_ = json.Unmarshal(answer.Text, &said) // what is no object says nothing
	kind = string(ergo.InspectedKind(func(key string) bool { return said[key] != nil }))
	n.mu.Lock()
	if n.kinds == nil {
		n.kinds = map[string]string{}
	}
	n.kinds[pid] = kind
	n.mu.Unlock()
	return kind
}
