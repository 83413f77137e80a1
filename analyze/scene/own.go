package scene

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// Own reports whether the process is there because somebody observes: what it
// does is our doing and no sign of a fault.
func (a *Actor) Own() bool { return ergo.ObservesProcess(a.Application, a.Behavior) }

// Observing reports whether a family is there because somebody observes.
func (f *Family) Observing() bool {
	return ergo.ObservesProcess(f.Application, f.Behavior)
}

// observer reports whether a peer of a node is somebody who observes, and not
// one of the nodes that are recorded.
func (s *Scene) observer(peer string) bool {
	_, observes := ergo.Observes(ergo.TraceNode, peer)
	observes = observes || slices.Contains(s.own, peer)
	return observes && !slices.ContainsFunc(s.Nodes, func(n *Node) bool { return n.Name == peer })
}

// OwnErrors are the instants at which a call of the recorder added an error to
// the node: forwarded calls that an entry point could not deliver, and pings
// that the node could not complete.
func (w *Network) OwnErrors(n *Node) []time.Time { return w.own[n.Name] }

// ownErrors are those of every node.
func (s *Scene) ownErrors(w *Network) map[string][]time.Time {
	own := replay.OwnErrors{Steps: func(entry string) ([]replay.Step, error) { return s.errorSteps(entry), nil }}
	for _, n := range s.Nodes {
		own.Nodes = append(own.Nodes, n.Node)
	}
	for _, asked := range slices.Sorted(maps.Keys(w.fails)) {
		for _, c := range w.fails[asked] {
			if !c.mark {
				own.Add(asked, c.FailedCall)
			}
		}
	}
	all, _ := own.All() // what could fail was read before
	return all
}

// errorSteps are the steps of a node's counter of calls that failed.
func (s *Scene) errorSteps(node string) (steps []replay.Step) {
	i := slices.IndexFunc(s.Nodes, func(n *Node) bool { return n.Name == node })
	if i < 0 {
		return nil
	}
	c := s.Nodes[i].metrics[metric{ergo.Node, "CallErrorsRemote"}]
	for k := 1; k < c.Len(); k++ {
		if up := c.V[k] - c.V[k-1]; up > 0 {
			steps = append(steps, replay.Step{After: c.T[k-1], By: c.T[k], Errors: int(up)})
		}
	}
	return steps
}

// OwnCalls is how many calls a second of the recorder's own were about the
// given nodes, over the whole recording.
func (s *Scene) OwnCalls(names ...string) float64 {
	calls := 0
	for _, st := range s.Rec.Streams() {
		if st.Kind == archive.Sample && slices.Contains(names, st.Node) {
			calls += st.Records
		}
	}
	from, to := s.Rec.Window()
	return float64(calls) / max(to.Sub(from).Seconds(), 1)
}

// LeaveOut notes what a playbook found to be there because somebody observes: it is no
// finding, and said once.
func (s *Scene) LeaveOut(format string, args ...any) {
	s.leftOut = append(s.leftOut, fmt.Sprintf(format, args...))
}

// Footprint says what of the recording is there because somebody observes, and is left out
// of counts and verdicts, in words.
func (s *Scene) Footprint(w *Network) []string {
	var said []string
	apps := map[string]bool{}
	for _, n := range s.Nodes {
		for _, f := range n.Procs.Families {
			if !f.Observing() {
				continue
			}
			if _, whole := ergo.Observes(ergo.TraceApplication, f.Application); whole {
				apps[f.Application] = true
			} else {
				apps[f.Behavior] = true
			}
		}
	}
	if len(apps) > 0 {
		said = append(said, "the processes of "+strings.Join(slices.Sorted(maps.Keys(apps)), ", "))
	}
	for _, name := range s.own {
		said = append(said, "the node "+name)
	}
	failed := 0
	for _, n := range s.Nodes {
		failed += len(w.OwnErrors(n))
	}
	switch {
	case failed == 1:
		said = append(said, "a failed call of the recorder's own")
	case failed > 1:
		said = append(said, fmt.Sprintf("%d failed calls of the recorder's own", failed))
	}
	return append(said, s.leftOut...)
}
