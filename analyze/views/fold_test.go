package views

import "testing"

// What changed alike is one row: of processes without a name, by behavior.
func TestCompareFoldsFamilies(t *testing.T) {
	change := func(name, behavior string, before, after float64) Change {
		return Change{Node: "a@h", Name: name, Behavior: behavior, Field: "MessagesIn", Before: before, After: after}
	}
	got := foldAlike([]Change{
		change("", "Worker", 1, 2), change("named", "Worker", 1, 2), change("", "Worker", 3, 9), change("", "Worker", 2, 3),
		change("", "Worker", 9, 1), change("", "Pair", 1, 2), change("", "Pair", 1, 2),
	})
	var folded []Change
	for _, c := range got {
		if c.Alike > 0 {
			folded = append(folded, c)
		}
	}
	if len(got) != 5 || len(folded) != 1 || folded[0].Alike != 3 || folded[0].Before != 2 || folded[0].After != 3 {
		t.Errorf("%+v", got)
	}
	if ps := foldProcesses([]Process{{Node: "a", Behavior: "S"}, {Node: "a", Behavior: "S"}, {Node: "a", Behavior: "S"}, {Node: "a", Name: "x", Behavior: "S"}, {Node: "b", Behavior: "S"}}); len(ps) != 3 || ps[0].Alike != 3 {
		t.Errorf("%+v", ps)
	}
}
