// Package died is what processes died of.
package died

import (
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// OfCalls returns what tells whether most deaths, of those that lines of a node show, were of calls to which no reply
// came. An error text alone does not: "select: timed out" may be of anything. It is so where the line names whom it
// called, a process that is known and another one; or is the framework's error with nothing before it, and the
// node counted as many calls that failed meanwhile, without the recorder's own.
func OfCalls(ctx context.Context, s *scene.Scene, n *scene.Node) (func(said []logged.Complaint) bool, error) {
	net, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	log, err := s.Log(ctx, n)
	if err != nil {
		return nil, err
	}
	return func(said []logged.Complaint) bool {
		deaths := logged.Deaths(said)
		var named, bare []logged.Complaint
		asked := map[string]bool{} // most name the same
		isKnown := func(who string) bool {
			is, before := asked[who]
			if !before {
				is = known(s, who)
				asked[who] = is
			}
			return is
		}
		for _, c := range deaths {
			switch whom, ok := c.Unanswered(); {
			case ok && len(whom) == 0:
				bare = append(bare, c)
			case ok && slices.ContainsFunc(whom, func(who string) bool { return who != c.PID && !log.Wrote(c.PID, who) && isKnown(who) }):
				named = append(named, c)
			}
		}
		if len(bare) > 0 && callsFailed(n, bare[0].At, bare[len(bare)-1].At, net.OwnErrors(n)) < float64(len(bare)) {
			bare = nil
		}
		return 2*(len(named)+len(bare)) > len(deaths)
	}, nil
}

// known reports whether any node has, or had, a process of that name or PID.
func known(s *scene.Scene, who string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *scene.Node) bool {
		return n.Procs.Known[who] != nil || slices.ContainsFunc(n.Procs.Actors, func(a *scene.Actor) bool { return a.Name == who || a.Pid == who })
	})
}

// callsFailed is how many calls failed on a node, as its answers around two moments count them, without those at the
// moments given.
func callsFailed(n *scene.Node, from, to time.Time, own []time.Time) (failed float64) {
	from, to = from.Add(-2*n.Interval), to.Add(2*n.Interval)
	for _, field := range []string{"CallErrorsLocal", "CallErrorsRemote"} {
		counted := n.Series(ergo.Node, field)
		if _, ours := ergo.Observes(ergo.TraceCounter, field); ours {
			counted = series.Without(counted, own)
		}
		grown, _ := series.Increase(counted.Between(from, to))
		failed += grown
	}
	return failed
}
