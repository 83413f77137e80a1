package graph

import (
	"fmt"
	"testing"
)

func nodes(ids ...string) []Node {
	var out []Node
	for _, id := range ids {
		out = append(out, Node{ID: id})
	}
	return out
}

// What leads to something stands left of it, and no two boxes cover each other.
func TestDraw(t *testing.T) {
	edges := []Edge{{From: "root", To: "a"}, {From: "root", To: "b"}, {From: "a", To: "c"}, {From: "b", To: "c"}, {From: "root", To: "c"}, {From: "gone", To: "a"}, {From: "a", To: "a"}}
	d := Draw(nodes("c", "a", "b", "root", "alone"), edges)
	at := map[string]Box{}
	for _, b := range d.Boxes {
		at[b.ID] = b
		if b.X < 0 || b.Y < 0 || b.X+b.W > d.Width || b.Y+b.H > d.Height {
			t.Errorf("%s lies outside: %+v of %d x %d", b.ID, b, d.Width, d.Height)
		}
	}
	if len(d.Arrows) != 5 {
		t.Errorf("%d arrows, want 5", len(d.Arrows))
	}
	for _, e := range d.Arrows {
		if at[e.From].X >= at[e.To].X {
			t.Errorf("%s is not left of %s", e.From, e.To)
		}
	}
	for i, a := range d.Boxes {
		for _, b := range d.Boxes[i+1:] {
			if a.X == b.X && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s covers %s", a.ID, b.ID)
			}
		}
	}
}

// A circle is drawn, and ends.
func TestDrawCircle(t *testing.T) {
	d := Draw(nodes("a", "b", "c"), []Edge{{From: "a", To: "b"}, {From: "b", To: "c"}, {From: "c", To: "a"}})
	if len(d.Arrows) != 3 || d.Boxes[0].X >= d.Boxes[1].X || d.Boxes[1].X >= d.Boxes[2].X {
		t.Errorf("%+v", d)
	}
	if got := Draw(nil, nil); got.Width != 0 || len(got.Boxes) != 0 {
		t.Errorf("nothing is drawn as %+v", got)
	}
}

// The layout of as many nodes as a page shows takes no time that somebody notices.
func BenchmarkDraw(b *testing.B) {
	var ns []Node
	var es []Edge
	for i := range 200 {
		ns = append(ns, Node{ID: fmt.Sprint(i)})
		for j := i + 1; j < min(i+4, 200); j++ {
			es = append(es, Edge{From: fmt.Sprint(i), To: fmt.Sprint(j)})
		}
	}
	for b.Loop() {
		Draw(ns, es)
	}
}
