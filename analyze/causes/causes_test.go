package causes

import (
	"context"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// Every relation of the table of kinds is told by somebody.
func TestRelations(t *testing.T) {
	told := predicates(&scene.Scene{})
	for _, by := range finding.Relations() {
		if told[by] == nil && by != finding.WaitsFor {
			t.Errorf("nobody tells whether two findings stand in the relation %q", by)
		}
		delete(told, by)
	}
	for by := range told {
		t.Errorf("the relation %q is not listed", by)
	}
}

// TestWithinNode: a relation of which only findings on one node are looked at never stands
// between two nodes, and those that this test could not tell are told.
func TestWithinNode(t *testing.T) {
	stand := predicates(&scene.Scene{})
	for _, by := range finding.Relations() {
		if !withinNode(by) {
			continue
		}
		within := 0
		for i, root := range alike("a@h") {
			for j, f := range alike("a@h") {
				f.Onset = f.Onset.Add(time.Duration(j) * time.Second)
				if stand[by](root, f) {
					within++
				}
				other := alike("b@h")[j]
				if other.Onset = f.Onset; stand[by](root, other) {
					t.Errorf("%q stands between two nodes: %d and %d", by, i, j)
				}
			}
		}
		if within == 0 {
			t.Errorf("%q stands nowhere: nothing is shown", by)
		}
	}
}

// alike are findings on a node that could be of one process and one moment, differing in what
// relations ask for.
func alike(node string) (all []*finding.Finding) {
	onset := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, kind := range []finding.Kind{finding.BlockedCallback, finding.OverloadedProcess} {
		for _, facts := range [][]finding.Fact{nil, {finding.Locked}, {finding.Dearer}, {finding.Waits}} {
			end := onset.Add(10 * time.Second)
			f := &finding.Finding{
				Kind: kind, Score: finding.ScoreWarning, Onset: onset, End: &end, OnsetErrorS: 5, Facts: facts,
				Subject: finding.Subject{Node: node, PID: "<1.0.1>", Name: "x", Behavior: "y", Application: "z", Function: "p.(*T).do"},
			}
			f.Members = []finding.Subject{{Node: "b@h", PID: "<1.0.1>", Name: "x", Behavior: "y"}}
			f.Evidence = []finding.Evidence{{}}
			f.Evidence[0].Value("after_per_min", 3.0, finding.Call{})
			all = append(all, f)
		}
	}
	return all
}

// What is not done along a chain of calls is one work, whoever misses it; what waits is not.
func TestHarmAlongAChain(t *testing.T) {
	of := func(cause *finding.Finding, waited, undone float64) *finding.Finding {
		return &finding.Finding{Cause: cause, Harm: finding.Harm{finding.BlockedCallback: waited, finding.TrafficStopped: undone}}
	}
	root := of(nil, 10, 90)
	first, second := of(root, 20, 50), of(root, 30, 50)
	last := of(second, 40, 60)
	got := inAll(root, []*finding.Finding{first, second, last})
	if got[finding.BlockedCallback] != 100 || got[finding.TrafficStopped] != 100 {
		t.Errorf("%v, want 100 s of waiting (all) and 100 messages not done (the two callers')", got)
	}
}

// A process that stands still in the function that burns the CPU burns it, also where the function is
// nobody's own and the profile names no process; where several do, none is named.
func TestNameBurners(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	blocked := func(node, name, function string, before time.Duration) *finding.Finding {
		return &finding.Finding{Kind: finding.BlockedCallback, Onset: at.Add(-before), Subject: finding.Subject{Node: node, Name: name, PID: "<1>", Behavior: "p.X", Function: function}}
	}
	for _, c := range []struct {
		why  string
		all  []*finding.Finding
		want string
	}{
		{"one in it", []*finding.Finding{blocked("a@h", "x", "p.burn", 0)}, "x"},
		{"one in another function", []*finding.Finding{blocked("a@h", "x", "p.wait", 0)}, ""},
		{"one on another node", []*finding.Finding{blocked("b@h", "x", "p.burn", 0)}, ""},
		{"one long before", []*finding.Finding{blocked("a@h", "x", "p.burn", time.Minute)}, ""},
		{"two", []*finding.Finding{blocked("a@h", "x", "p.burn", 0), blocked("a@h", "y", "p.burn", 0)}, ""},
	} {
		hot := &finding.Finding{Kind: finding.CPUHotspot, Score: finding.ScoreWarning, Onset: at, Subject: finding.Subject{Node: "a@h", Function: "p.burn"}}
		all := append(c.all, hot)
		if _, err := Find(context.Background(), &scene.Scene{}, all); err != nil {
			t.Fatal(err)
		}
		if hot.Subject.Name != c.want || (c.all[0].Cause == hot) != (c.want != "") {
			t.Errorf("with %s the finding names %q and explains it: %v", c.why, hot.Subject.Name, c.all[0].Cause == hot)
		}
	}
}
