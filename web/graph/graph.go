// Package graph lays out small directed graphs for SVG: layers from left to right,
// what leads to something left of it.
package graph

import (
	"cmp"
	"fmt"
	"slices"
)

// A Node is a box with two lines of text.
type Node struct {
	ID, Title, Text, URL string
	Class                string // how the page paints it: critical, warning, info, chosen
	Help                 string // said under the pointer
}

// An Edge leads from one node to another. Edges of nodes that are not there are
// left out.
type Edge struct {
	From, To string // IDs
	Class    string // how the page paints it
	Help     string
}

// Drawn is a graph with places, in pixels.
type Drawn struct {
	Width, Height int
	Boxes         []Box
	Arrows        []Arrow
}

// A Box is a node with its place.
type Box struct {
	Node
	X, Y, W, H   int
	TextX, TextY int
}

// An Arrow is an edge as a path.
type Arrow struct {
	Edge
	Path string
}

// The size of a box and what is kept free around it.
const (
	Width, Height = 252, 52
	gapX, gapY    = 52, 12
)

// Draw lays a graph out. Nodes keep their order within a layer as far as their
// causes allow; an edge that closes a circle runs back below.
func Draw(nodes []Node, edges []Edge) Drawn {
	l := layout{nodes: nodes, at: map[string]int{}}
	for i, n := range nodes {
		l.at[n.ID] = i
	}
	l.out, l.in = make([][]int, len(nodes)), make([][]int, len(nodes))
	var kept []Edge
	for _, e := range edges {
		from, ok := l.at[e.From]
		to, also := l.at[e.To]
		if !ok || !also || from == to {
			continue
		}
		kept = append(kept, e)
		l.out[from] = append(l.out[from], to)
	}
	l.layer()
	l.place()
	return l.drawn(kept)
}

type layout struct {
	nodes   []Node
	at      map[string]int
	out, in [][]int // by index; in has no edge that closes a circle
	layers  []int
	y       []int
}

// layer gives each node the length of the longest way to it.
func (l *layout) layer() {
	const fresh, under, done = 0, 1, 2
	state := make([]int, len(l.nodes))
	var order []int
	var visit func(int)
	visit = func(n int) {
		state[n] = under
		for _, to := range l.out[n] {
			if state[to] == under {
				continue // it closes a circle
			}
			l.in[to] = append(l.in[to], n)
			if state[to] == fresh {
				visit(to)
			}
		}
		state[n] = done
		order = append(order, n)
	}
	for n := range l.nodes {
		if state[n] == fresh {
			visit(n)
		}
	}
	l.layers = make([]int, len(l.nodes))
	for _, n := range slices.Backward(order) {
		for _, from := range l.in[n] {
			l.layers[n] = max(l.layers[n], l.layers[from]+1)
		}
	}
}

// place gives each node of a layer, from the left, the height of what leads to
// it, or the next that is free.
func (l *layout) place() {
	l.y = make([]int, len(l.nodes))
	for layer := 0; layer <= slices.Max(append([]int{0}, l.layers...)); layer++ {
		var column []int
		for n := range l.nodes {
			if l.layers[n] == layer {
				column = append(column, n)
			}
		}
		wish := map[int]int{}
		for _, n := range column {
			for _, from := range l.in[n] {
				wish[n] += l.y[from] / len(l.in[n])
			}
		}
		slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(wish[a], wish[b]) })
		free := 0
		for _, n := range column {
			l.y[n] = max(free, wish[n])
			free = l.y[n] + Height + gapY
		}
	}
}

func (l *layout) drawn(edges []Edge) Drawn {
	var d Drawn
	for n, node := range l.nodes {
		b := Box{Node: node, X: l.layers[n]*(Width+gapX) + 1, Y: l.y[n] + 1, W: Width, H: Height}
		b.TextX, b.TextY = b.X+10, b.Y+21
		d.Boxes = append(d.Boxes, b)
		d.Width, d.Height = max(d.Width, b.X+Width+1), max(d.Height, b.Y+Height+1)
	}
	for _, e := range edges {
		a, b := d.Boxes[l.at[e.From]], d.Boxes[l.at[e.To]]
		x, y, u, v := a.X+Width, a.Y+Height/2, b.X, b.Y+Height/2
		mid := (x + u) / 2
		path := fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, mid, y, mid, v, u-5, v)
		if u <= x {
			x, y, u, v = a.X+Width/2, a.Y+Height, b.X+Width/2, b.Y+Height
			deep := max(y, v) + gapY + 18
			path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, x, deep, u, deep, u, v+5)
			d.Height = max(d.Height, deep)
		}
		d.Arrows = append(d.Arrows, Arrow{e, path})
	}
	return d
}
