package terminal

import (
	"context"
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
)

// tree shows who started whom, with the messages that wait below each.
func (s Source) tree(ctx context.Context, q Query) (*Table, error) {
	v, err := views.Processes(ctx, s.Recording, views.ProcessQuery{At: q.At, Node: q.Node, Own: true})
	if err != nil {
		return nil, err
	}
	t := &Table{Title: "supervision tree" + of(q.Node), Columns: columns("NODE", "PROCESS", "BEHAVIOR", "STATE", "#MAILBOX", "#BELOW", "#MAIL BELOW"), Fixed: true, Notes: slices.Concat(v.Unlisted, v.Cut)}
	for _, g := range grown(v.Rows) {
		t.Rows = append(t.Rows, g.rows(0)...)
	}
	return t, nil
}

// A branch is a process with what it started.
type branch struct {
	views.ProcessRow
	up          *branch
	kids        []*branch
	below, mail int64 // processes, and messages in their mailboxes
}

// grown are the branches whose parent is not in the listing.
func grown(rows []views.ProcessRow) []*branch {
	type key struct{ node, pid string }
	all := map[key]*branch{}
	branches := make([]*branch, len(rows))
	for i, r := range rows {
		branches[i] = &branch{ProcessRow: r}
		all[key{r.Node, r.PID}] = branches[i]
	}
	for _, b := range branches {
		b.up = all[key{b.Node, b.Parent}]
	}
	var roots []*branch
	for _, b := range branches {
		if b.up == nil || b.circular() {
			roots = append(roots, b)
			continue
		}
		b.up.kids = append(b.up.kids, b)
	}
	for _, b := range roots {
		b.sum()
	}
	return roots
}

// circular reports whether a process is among its own ancestors and the first of
// them by PID: there a listing that is no tree is cut.
func (b *branch) circular() bool {
	least := b.PID
	for up, steps := b.up, 0; up != nil && steps < furthest; up, steps = up.up, steps+1 {
		if up == b {
			return b.PID == least
		}
		least = min(least, up.PID)
	}
	return false
}

// furthest bounds how many ancestors are looked at.
const furthest = 1000

func (b *branch) sum() {
	for _, k := range b.kids {
		k.sum()
		b.below += 1 + k.below
		b.mail += k.MessagesMailbox + k.mail
	}
}

// deepest is how far the tree is drawn to the right.
const deepest = 12

func (b *branch) rows(depth int) []Row {
	indent := strings.Repeat("  ", min(depth, deepest))
	rows := []Row{{Node: b.Node, PID: b.PID, Cells: []Cell{
		text(finding.NodeName(b.Node)), text(indent + called(b.Name, b.PID)), text(b.Behavior), text(b.State), count(b.MessagesMailbox), count(b.below), count(b.mail),
	}}}
	for _, k := range b.kids {
		rows = append(rows, k.rows(depth+1)...)
	}
	return rows
}
