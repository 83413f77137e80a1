package causes

import (
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/process"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/setting"
)

// Find finds which findings explain which. A finding has at most one cause;
// of several possible ones it takes the first rule's, and of those the one that
// began first. Nothing explains what began clearly before it.
func Find(ctx context.Context, s *scene.Scene, all []*finding.Finding) error {
	for _, f := range all {
		finding.Identify(f)
	}
	byOnset := slices.Clone(all)
	slices.SortStableFunc(byOnset, func(a, b *finding.Finding) int { return a.Onset.Compare(b.Onset) })
	rows := map[finding.Kind]finding.Row{}
	for _, r := range finding.Kinds() {
		rows[r.Kind] = r
	}
	stand := predicates(s.Set)
	for _, by := range finding.Relations() {
		if stand[by] == nil {
			continue
		}
		for _, f := range byOnset {
			if f.Cause != nil {
				continue
			}
			i := slices.IndexFunc(byOnset, func(root *finding.Finding) bool {
				return root != f && root.Score >= finding.ScoreInfo && !finding.LeadsTo(f, root) && rows[root.Kind].Leads(by, f.Kind) && stand[by](root, f)
			})
			if i >= 0 {
				f.ExplainedBy(byOnset[i])
			}
		}
	}
	if err := callees(ctx, s, rows, byOnset); err != nil {
		return err
	}
	for _, f := range byOnset {
		f.SettleCause()
	}
	return nil
}

// A predicate reports whether two findings stand in a relation, given that
// their kinds do.
type predicate func(root, f *finding.Finding) bool

// slack is how much before its cause an effect may seem to begin: both onsets
// are known to a sampling interval at best.
func slack(root, f *finding.Finding) time.Duration {
	return 3*time.Second + time.Duration((root.OnsetErrorS+f.OnsetErrorS)*float64(time.Second))
}

// after reports whether f began after root, and while it lasted or soon after.
func after(root, f *finding.Finding) bool {
	const wake = time.Minute // for what a fault leaves behind: reconnections, queues
	if f.Onset.Before(root.Onset.Add(-slack(root, f))) {
		return false
	}
	return root.End == nil || !f.Onset.After(root.End.Add(wake))
}

func sameNode(a, b *finding.Finding) bool { return a.Subject.Node == b.Subject.Node }

// touches reports whether a finding is on a node or towards it.
func touches(f *finding.Finding, node string) bool {
	return f.Subject.Node == node || f.Subject.Peer == node
}

func sameProcess(a, b *finding.Finding) bool {
	x, y := a.Subject, b.Subject
	return x.Node == y.Node && (x.PID != "" && x.PID == y.PID || x.Name != "" && x.Name == y.Name)
}

// predicates say of every relation when it holds; which kinds it is between
// stands in the table of kinds. [finding.WaitsFor] is told by [callees].
func predicates(set setting.Values) map[finding.Relation]predicate {
	return map[finding.Relation]predicate{
		finding.TakesDown: takesDown,
		finding.BeganAnew: func(root, f *finding.Finding) bool { return sameNode(root, f) && after(root, f) },
		finding.NodeAway:  func(root, f *finding.Finding) bool { return touches(f, root.Subject.Node) && after(root, f) },
		finding.CallsNode: after,
		finding.CutsBoth: func(root, f *finding.Finding) bool {
			return endOf(root, f.Subject.Node) && endOf(root, f.Subject.Peer) && after(root, f)
		},
		finding.CutsOff: func(root, f *finding.Finding) bool {
			return (endOf(root, f.Subject.Node) || endOf(root, f.Subject.Peer)) && after(root, f)
		},
		finding.GivesUp:      givesUp,
		finding.Dies:         func(root, f *finding.Finding) bool { return sameNode(root, f) && after(root, f) },
		finding.SameProcess:  func(root, f *finding.Finding) bool { return sameProcess(root, f) && after(root, f) },
		finding.KilledInside: func(root, f *finding.Finding) bool { return killedInside(root, f, set.Span(process.ZombieAge)) },
		finding.PileUp: func(root, f *finding.Finding) bool {
			return sameNode(root, f) && root.Subject.Behavior == f.Subject.Behavior
		},
		finding.SameCode: func(root, f *finding.Finding) bool {
			return sameNode(root, f) && after(root, f) && (f.Subject.Function == "" || f.Subject.Function == root.Subject.Function)
		},
		finding.CostsMore: func(root, f *finding.Finding) bool {
			return sameCode(root, f) && (f.Kind == finding.BlockedCallback || f.Is(finding.Dearer))
		},
		finding.LoadBurns:     func(root, f *finding.Finding) bool { return sameCode(root, f) && !root.Is(finding.Dearer) },
		finding.Holds:         holds,
		finding.OnNode:        func(root, f *finding.Finding) bool { return sameNode(root, f) && after(root, f) },
		finding.WaitingCalls:  func(root, f *finding.Finding) bool { return f.Is(finding.Waits) && after(root, f) },
		finding.CallersSuffer: callersSuffer,
	}
}

// takesDown holds where a node went away while it stopped: a supervisor that
// gives up at the root of a permanent application takes its node down with it.
func takesDown(root, f *finding.Finding) bool {
	const stopping = 30 * time.Second // a node may take as long to stop
	return sameNode(root, f) && root.Score >= finding.ScoreWarning && root.Onset.Before(f.Onset) && f.Onset.Sub(root.Onset) < stopping
}

// endOf reports whether a node is one of the two ends of a link.
func endOf(link *finding.Finding, node string) bool {
	return node != "" && (node == link.Subject.Node || node == link.Subject.Peer)
}

// givesUp holds within one application, for what is no worse than the cause.
func givesUp(root, f *finding.Finding) bool {
	return sameNode(root, f) && after(root, f) && root.Score >= f.Score &&
		(f.Subject.Application == "" || f.Subject.Application == root.Subject.Application)
}

// killedInside holds where a process was killed long after it stood still.
func killedInside(root, f *finding.Finding, aKill time.Duration) bool {
	return sameProcess(root, f) && after(root, f) && f.Onset.Sub(root.Onset) > aKill
}

// sameCode reports whether two findings are about one process, or about
// processes of one behavior on one node.
func sameCode(root, f *finding.Finding) bool {
	return sameNode(root, f) && (sameProcess(root, f) || root.Subject.Behavior != "" && root.Subject.Behavior == f.Subject.Behavior)
}

// holds holds where nothing says that the effect is another process's: messages
// that wait and processes that stay hold memory and goroutines.
func holds(root, f *finding.Finding) bool {
	other := f.Subject.Name != "" && f.Subject.Name != root.Subject.Name && f.Subject.Behavior != root.Subject.Behavior
	return sameNode(root, f) && after(root, f) && !other
}

// soon is how long after its cause the error of a caller begins at the latest:
// several time-outs of a call.
const soon = 4 * scene.CallTimeout

// callersSuffer holds for who calls a process that does not answer, and logs
// and counts errors: on its own node at any time, on another one if that began
// soon after.
func callersSuffer(root, f *finding.Finding) bool {
	near := sameNode(root, f) || f.Onset.Before(root.Onset.Add(soon))
	return near && after(root, f)
}

// callees finds for each process that waits for a reply the one it waits for:
// the process at fault that its log names, else the only one of its application
// that was at fault before it.
func callees(ctx context.Context, s *scene.Scene, rows map[finding.Kind]finding.Row, all []*finding.Finding) error {
	for _, f := range all {
		if f.Cause != nil || !f.Is(finding.Waits) {
			continue
		}
		candidates := slices.DeleteFunc(slices.Clone(all), func(c *finding.Finding) bool {
			return c == f || finding.LeadsTo(f, c) || c.Score < finding.ScoreInfo || f.Onset.Before(c.Onset.Add(-slack(c, f))) ||
				!rows[c.Kind].Leads(finding.WaitsFor, f.Kind)
		})
		if len(candidates) == 0 {
			continue
		}
		said, err := s.SaidBy(ctx, f)
		if err != nil {
			return err
		}
		if c := mentioned(candidates, said); c != nil {
			f.ExplainedBy(c)
			f.Subject.Peer = peerName(c, f)
			f.Summary += " It waits for " + c.Subject.Who() + ", which its log names."
			continue
		}
		far := slices.DeleteFunc(candidates, func(c *finding.Finding) bool {
			return c.Subject.Application != f.Subject.Application || f.Subject.Application == ""
		})
		near := slices.DeleteFunc(slices.Clone(far), func(c *finding.Finding) bool { return !sameNode(c, f) })
		if len(near) == 0 {
			near = far
		}
		if c := likelyCallee(f, near); c != nil {
			f.ExplainedBy(c)
			f.Subject.Peer = peerName(c, f)
			f.Summary += " It probably waits for " + c.Subject.Who() + ", the only process of its application that was at fault before it."
			f.Caveats = append(f.Caveats, "whom it calls is inferred from the order of events; its log or its code would settle it")
		}
	}
	return nil
}

// peerName is the node of c where that is another one than f's.
func peerName(c *finding.Finding, f *finding.Finding) string {
	if c.Subject.Node == f.Subject.Node {
		return f.Subject.Peer
	}
	return c.Subject.Node
}

func mentioned(candidates []*finding.Finding, said []string) *finding.Finding {
	for _, c := range candidates {
		for _, m := range said {
			if c.Subject.Name != "" && strings.Contains(m, c.Subject.Name) || c.Subject.PID != "" && strings.Contains(m, c.Subject.PID) {
				return c
			}
		}
	}
	return nil
}

// likelyCallee is the one root among the candidates that does more than wait
// itself; where all of them wait, the one that began to wait first: of a circle
// of calls, that is where it closed.
func likelyCallee(f *finding.Finding, candidates []*finding.Finding) *finding.Finding {
	var root, first *finding.Finding
	for _, c := range candidates {
		for c.Cause != nil {
			c = c.Cause
		}
		switch {
		case c.Kind == finding.StuckCall:
			if c.Onset.Before(f.Onset) && (first == nil || c.Onset.Before(first.Onset)) {
				first = c
			}
		case root != nil && root != c:
			return nil
		default:
			root = c
		}
	}
	if root == nil {
		return first
	}
	return root
}
