package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ergorecorder/web/past"

	"ergorecorder/ergo"

	"ergorecorder/web/chart"
)

// treeView is the supervision trees of the chosen nodes.
type treeView struct {
	Nodes []choice
	Trees []nodeTree
}

type nodeTree struct {
	Node  string
	Roots []*branch
	Count int
}

// A branch is a process and what it started.
type branch struct {
	past.Process
	page    *page
	Kids    []*branch
	Size    int   // processes in the subtree, itself included
	Waiting int64 // messages in all mailboxes of the subtree
	Folded  []fold
	Open    bool
	Says    string // what a supervisor says of itself
}

// A fold stands for leaves that look alike and are not drawn.
type fold struct {
	Count    int
	Behavior string
	URL      string
}

// Of more than leavesFolded leaves of one parent and behavior, leavesShown are
// drawn: those with the deepest mailboxes.
const (
	leavesFolded = 12
	leavesShown  = 5
)

func (s *Server) tree(ctx context.Context, p *page) (any, error) {
	v := treeView{Nodes: choices(p.Nodes(), p.query.Get("node"))}
	for _, n := range p.chosen() {
		rows := p.now.Processes(ctx, n)
		if len(rows) == 0 {
			continue
		}
		roots := newTree(p, rows)
		asked := 0
		for _, r := range roots {
			r.supervise(ctx, p.now, &asked)
		}
		v.Trees = append(v.Trees, nodeTree{n, roots, len(rows)})
	}
	return v, nil
}

// newTree hangs processes under their parents. A parent that is not in the
// table, as the node's own, makes a root; so does the first of a circle.
func newTree(p *page, rows []past.Process) []*branch {
	known := make(map[ergo.PID]bool, len(rows))
	for i := range rows {
		known[rows[i].PID] = true
	}
	all := make([]*branch, len(rows))
	children := map[ergo.PID][]*branch{}
	var roots []*branch
	for i, r := range rows {
		b := &branch{Process: r, page: p}
		all[i] = b
		if known[r.Parent] {
			children[r.Parent] = append(children[r.Parent], b)
		} else {
			roots = append(roots, b)
		}
	}
	reached := map[*branch]bool{}
	var hang func(*branch)
	hang = func(b *branch) {
		reached[b] = true
		for _, k := range children[b.PID] {
			if !reached[k] {
				b.Kids = append(b.Kids, k)
				hang(k)
			}
		}
	}
	for _, r := range roots {
		hang(r)
	}
	for _, b := range all {
		if !reached[b] {
			roots = append(roots, b)
			hang(b)
		}
	}
	for _, r := range roots {
		r.settle(p, 0)
	}
	return roots
}

// supervisorsAsked bounds how many supervisors of a node are looked up.
const supervisorsAsked = 300

// supervise adds what the supervisors among the branches say of themselves.
func (b *branch) supervise(ctx context.Context, m *past.Moment, asked *int) {
	if len(b.Kids) > 0 && *asked < supervisorsAsked {
		*asked++
		b.Says = past.Supervision(ctx, m, &b.Process)
	}
	for _, k := range b.Kids {
		k.supervise(ctx, m, asked)
	}
}

// settle sums up the subtree and folds leaves that look alike.
func (b *branch) settle(p *page, depth int) {
	b.Size, b.Waiting = 1, b.MessagesMailbox
	leaves := map[string][]*branch{}
	for _, k := range b.Kids {
		k.settle(p, depth+1)
		b.Size += k.Size
		b.Waiting += k.Waiting
		if len(k.Kids) == 0 {
			leaves[k.Behavior] = append(leaves[k.Behavior], k)
		}
	}
	b.Open = depth < 2 || b.Waiting > 10
	folded := map[*branch]bool{}
	for behavior, ks := range leaves {
		if len(ks) <= leavesFolded {
			continue
		}
		slices.SortStableFunc(ks, func(x, y *branch) int { return cmp.Compare(y.MessagesMailbox, x.MessagesMailbox) })
		for _, k := range ks[leavesShown:] {
			folded[k] = true
		}
		b.Folded = append(b.Folded, fold{len(ks) - leavesShown, behavior, p.Link("/processes", "node", b.Node, "q", behavior)})
	}
	b.Kids = slices.DeleteFunc(b.Kids, func(k *branch) bool { return folded[k] })
	slices.SortFunc(b.Folded, func(x, y fold) int { return cmp.Compare(x.Behavior, y.Behavior) })
}

// URL is the page of the process's life.
func (b *branch) URL() string { return processURL(b.page, b.Node, string(b.PID)) }

// Summary says what the subtree holds.
func (b *branch) Summary() string {
	if b.Size == 1 {
		return ""
	}
	s := fmt.Sprintf("%s processes", chart.Whole(float64(b.Size)))
	if b.Waiting > 0 {
		s += fmt.Sprintf(", %s waiting", chart.Whole(float64(b.Waiting)))
	}
	return s
}
