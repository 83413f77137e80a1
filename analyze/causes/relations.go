package causes

import (
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/process"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// A predicate reports whether two findings stand in a relation, given that
// their kinds do.
type predicate func(root, f *finding.Finding) bool

// slack is how much before its cause an effect may seem to begin: both onsets
// are known to a sampling interval at best.
func slack(root, f *finding.Finding) time.Duration {
	waited := time.Duration(0)
	if root.Kind == finding.RestartLoop && root.Is(finding.Waits) {
		waited = work.CallTimeout // it did nothing else for as long before it died
	}
	return waited + 3*time.Second + time.Duration((root.OnsetErrorS+f.OnsetErrorS)*float64(time.Second))
}

// after reports whether f began after root, and while it lasted or soon after.
func after(root, f *finding.Finding) bool {
	const (
		wake   = time.Minute      // for what a fault leaves behind: reconnections, queues
		period = 30 * time.Second // until a fault that recurs is first seen in the recording
	)
	if f.End != nil && f.End.Before(root.Onset.Add(-slack(root, f))) {
		return false // it was over by then
	}
	early := f.Is(finding.Older) && root.Onset.Sub(f.Onset) <= period // what comes again and again began with an earlier time
	if !early && !root.Is(finding.Older) && f.Onset.Before(root.Onset.Add(-slack(root, f))) {
		return false
	}
	return root.End == nil || !f.Onset.After(root.End.Add(wake))
}

func sameNode(a, b *finding.Finding) bool { return a.Subject.Node == b.Subject.Node }

// touches reports whether a finding is on a node or towards it.
func touches(f *finding.Finding, node string) bool {
	return f.Subject.Node == node || f.Subject.Peer == node
}

// sameProcess reports whether two findings are about one process: b about one of
// those that a accuses.
func sameProcess(a, b *finding.Finding) bool {
	y := b.Subject
	return slices.ContainsFunc(accused(a), func(x finding.Subject) bool {
		return x.Node == y.Node && (x.PID != "" && x.PID == y.PID || x.Name != "" && x.Name == y.Name)
	})
}

// accused are all whom a finding accuses.
func accused(f *finding.Finding) []finding.Subject {
	return append([]finding.Subject{f.Subject}, f.Members...)
}

// predicates say of every relation when it holds; which kinds it is between
// stands in the table of kinds. [finding.WaitsFor] is told by [graph.calls].
func predicates(s *scene.Scene) map[finding.Relation]predicate {
	return map[finding.Relation]predicate{
		finding.TakesDown: takesDown,
		finding.BeganAnew: func(root, f *finding.Finding) bool { return sameNode(root, f) && after(root, f) },
		finding.NodeAway:  func(root, f *finding.Finding) bool { return touches(f, root.Subject.Node) && after(root, f) },
		finding.CallsNode: func(root, f *finding.Finding) bool {
			waits := !finding.Among(f.Kind, finding.RestartLoop, finding.SupervisorLimit, finding.ApplicationDown) || f.Is(finding.Waits)
			return (f.Subject.Peer == "" || f.Subject.Peer == root.Subject.Node) && waits && after(root, f)
		},
		finding.CutsBoth: func(root, f *finding.Finding) bool {
			return endOf(root, f.Subject.Node) && endOf(root, f.Subject.Peer) && after(root, f)
		},
		finding.CutsOff: func(root, f *finding.Finding) bool {
			waits := !finding.Among(f.Kind, finding.OverloadedProcess, finding.RestartLoop, finding.SupervisorLimit, finding.ApplicationDown) || f.Is(finding.Waits)
			return (endOf(root, f.Subject.Node) || endOf(root, f.Subject.Peer)) && waits && after(root, f)
		},
		finding.GivesUp: givesUp,
		finding.Dies: func(root, f *finding.Finding) bool {
			a, b := root.Subject.Application, f.Subject.Application
			another := f.Kind == finding.ApplicationDown && a != "" && a != b // it stops for its own processes
			return sameNode(root, f) && !another && after(root, f)
		},
		finding.DiedBefore:   diedBefore,
		finding.SameProcess:  func(root, f *finding.Finding) bool { return sameProcess(root, f) && after(root, f) },
		finding.KilledInside: func(root, f *finding.Finding) bool { return killedInside(root, f, s.Set.Span(process.ZombieAge)) },
		finding.PileUp: func(root, f *finding.Finding) bool {
			return sameNode(root, f) && root.Subject.Behavior == f.Subject.Behavior
		},
		finding.SameCode: func(root, f *finding.Finding) bool {
			return sameNode(root, f) && after(root, f) && (f.Subject.Function == "" || f.Subject.Function == root.Subject.Function)
		},
		finding.CostsMore: func(root, f *finding.Finding) bool {
			return sameCode(root, f) && (f.Kind == finding.BlockedCallback || f.Is(finding.Dearer))
		},
		finding.LoadBurns: func(root, f *finding.Finding) bool {
			over := root.End != nil && f.End == nil // the load is, and the CPU is still used
			return sameCode(root, f) && !root.Is(finding.Dearer) && !over
		},
		finding.HasLock:       hasLock,
		finding.UsesUp:        func(root, f *finding.Finding) bool { return usesUp(s, root, f) },
		finding.Holds:         holds,
		finding.OnNode:        func(root, f *finding.Finding) bool { return sameNode(root, f) && after(root, f) },
		finding.WaitingCalls:  func(root, f *finding.Finding) bool { return f.Is(finding.Waits) && after(root, f) },
		finding.CallersSuffer: callersSuffer,
		finding.SameErrors:    sameErrors,
		finding.DriesUp:       driesUp,
		finding.Floods:        floods,
		finding.Leaves:        leaves,
		finding.GoesWithout:   goesWithout,
		finding.Releases:      releases,
	}
}

// withinNode reports whether a relation holds between findings on one node alone: who looks for
// the cause of one of thousands need not look at those of other nodes.
func withinNode(by finding.Relation) bool {
	switch by {
	case finding.TakesDown, finding.BeganAnew, finding.GivesUp, finding.Dies, finding.DiedBefore, finding.PileUp, finding.SameCode,
		finding.CostsMore, finding.LoadBurns, finding.HasLock, finding.Holds, finding.OnNode, finding.SameErrors:
		return true
	}
	return false
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

// diedBefore holds for what was logged while a child died, until it was given up, by
// nobody else.
func diedBefore(root, f *finding.Finding) bool {
	const dying = time.Minute // a supervisor counts deaths within its period: seconds
	own := f.Subject.Name == "" && f.Subject.Behavior == "" || sameProcess(root, f) || sameCode(root, f)
	return sameNode(root, f) && own && f.End != nil && !f.Onset.After(root.Onset) &&
		root.Onset.Sub(f.Onset) <= dying && f.End.Sub(root.Onset).Abs() <= slack(root, f)
}

// killedInside holds where a process was killed long after it stood still.
func killedInside(root, f *finding.Finding, aKill time.Duration) bool {
	return sameProcess(root, f) && after(root, f) && f.Onset.Sub(root.Onset) > aKill
}

// sameCode reports whether two findings are about one process, or about
// processes of one behavior on one node.
func sameCode(root, f *finding.Finding) bool {
	return sameNode(root, f) && (sameProcess(root, f) || slices.ContainsFunc(accused(root), func(s finding.Subject) bool {
		return s.Behavior != "" && s.Behavior == f.Subject.Behavior
	}))
}

// holds holds where nothing says that the effect is another process's: messages
// that wait and processes that stay hold memory and goroutines.
func holds(root, f *finding.Finding) bool {
	his := slices.ContainsFunc(accused(root), func(s finding.Subject) bool {
		return f.Subject.Name == s.Name || f.Subject.Behavior == s.Behavior
	})
	since := after(root, f) || strings.Contains(f.Subject.Function, mailboxes) && lastsInto(root, f)
	return sameNode(root, f) && since && (f.Subject.Name == "" || his)
}

// mailboxes is what the framework keeps waiting messages in, as profiles call it.
const mailboxes = ".(*queueMPSC)."

// lastsInto reports whether a cause lasted into its effect, whenever that seems to have
// begun: of what grows slowly only the end is sure.
func lastsInto(root, f *finding.Finding) bool { return root.End == nil || root.End.After(f.Onset) }

// soon is how long after its cause the error of a caller begins at the latest:
// several time-outs of a call.
const soon = 4 * work.CallTimeout

// callersSuffer holds for who calls a process that does not answer, and logs
// and counts errors: on its own node at any time, on another one if that began
// soon after.
func callersSuffer(root, f *finding.Finding) bool {
	if f.Kind == finding.CronFailed && !strings.Contains(f.Summary, "unknown process") {
		return false // it did not miss anybody
	}
	near := sameNode(root, f) || f.Onset.Before(root.Onset.Add(soon))
	return near && after(root, f)
}

// sameErrors holds for a node that logs errors since it fails to deliver, and no more
// often than that: a line for each.
func sameErrors(root, f *finding.Finding) bool {
	per := func(f *finding.Finding) float64 {
		sum := 0.0
		for _, e := range f.Evidence {
			v, _ := e.Values["after_per_min"].(float64)
			sum += v
		}
		return sum
	}
	const few = 1.2 // times as many: counters are read at other moments than lines
	return sameNode(root, f) && f.Onset.Sub(root.Onset).Abs() <= slack(root, f) && per(root) > 0 && per(f) <= few*per(root)
}

// driesUp holds for streams that ended at one moment, under the greatest of
// them: who sends on what he gets seldom sends on more.
func driesUp(root, f *finding.Finding) bool {
	rate := func(f *finding.Finding) float64 {
		v, _ := f.Evidence[0].Values["per_s_before"].(float64)
		return v
	}
	greater := rate(root) > rate(f) || rate(root) == rate(f) && root.ID < f.ID
	return greater && f.Onset.Sub(root.Onset).Abs() <= slack(root, f)
}

// floods holds for who gets about as many messages more as an event is published more,
// since the same moment.
func floods(root, f *finding.Finding) bool {
	if len(root.Evidence) == 0 || len(f.Evidence) == 0 || f.Onset.Sub(root.Onset).Abs() > 2*slack(root, f) {
		return false
	}
	published, _ := root.Evidence[0].Number("published_per_s")
	was, _ := f.Evidence[0].Number("arrived_per_s.before")
	is, _ := f.Evidence[0].Number("arrived_per_s.after")
	more := is - was
	return published > 0 && more > published/2 && more < 2*published
}

// leaves holds for who got about as many messages as an event is published, until it lost
// its subscribers: he was one.
func leaves(root, f *finding.Finding) bool {
	if len(root.Evidence) < 2 || len(f.Evidence) == 0 || f.Onset.Sub(root.Onset).Abs() > 2*slack(root, f) {
		return false
	}
	published, _ := root.Evidence[0].Number("per_s")
	listened, _ := root.Evidence[1].Number("before")
	got, _ := f.Evidence[0].Number("per_s_before")
	return listened > 0 && published > 0 && got > published/2 && got < 2*published
}

// goesWithout holds for who got about as many messages as an event was published, until it
// was silent: he is a subscriber, and not the one that publishes it.
func goesWithout(root, f *finding.Finding) bool {
	if len(root.Evidence) == 0 || len(f.Evidence) == 0 || f.Onset.Sub(root.Onset).Abs() > 2*slack(root, f) || sameProcess(root, f) {
		return false
	}
	published, _ := root.Evidence[0].Number("before_per_s")
	got, _ := f.Evidence[0].Number("per_s_before")
	return published > 0 && got > published/2 && got < 2*published
}

// releases holds for who gets more than it can take for a while at the moment at which something was over
// that had kept messages waiting: they come all at once, from there. Who waits for replies himself, or whose
// messages are dearer, has another trouble.
func releases(root, f *finding.Finding) bool {
	if root.End == nil || f.End == nil || root.Score < finding.ScoreWarning || f.Is(finding.Waits) || f.Is(finding.Dearer) || sameProcess(root, f) {
		return false
	}
	lasted := root.End.Sub(root.Onset)
	burst := f.End.Sub(f.Onset) <= max(lasted, soon) // what came in a time is worked off in about as long
	from := touches(root, f.Subject.Node)
	if root.Subject.PID != "" { // not of its node: its own messages have to have waited, and who sends more has to be there
		from = root.Harm[finding.BlockedCallback] > 0 && f.FedBy == root.Subject.Node
	}
	return lasted >= work.CallTimeout && burst && from && f.Onset.Sub(*root.End).Abs() <= slack(root, f)
}

// hasLock holds for who waits for a lock in a method of the type in another
// method of which somebody stood still before it: that one may hold it.
func hasLock(root, f *finding.Finding) bool {
	before := !root.Onset.After(f.Onset.Add(slack(root, f) - 3*time.Second))
	return sameNode(root, f) && before && after(root, f) && f.Is(finding.Locked) && !root.Is(finding.Locked) &&
		receiverOf(root.Subject.Function) != "" && receiverOf(root.Subject.Function) == receiverOf(f.Subject.Function)
}

// receiverOf is the type of a method: labapp/shop.(*Stock) of
// labapp/shop.(*Stock).book; "" of what is no method.
func receiverOf(function string) string {
	receiver, _, ok := strings.Cut(function, ").")
	if !ok {
		return ""
	}
	return receiver
}

// usesUp holds where a node had no CPU left since the root began: what became
// dearer there, or later to answer, waits for it.
func usesUp(s *scene.Scene, root, f *finding.Finding) bool {
	n := s.Node(root.Subject.Node)
	if n == nil || !touches(f, n.Name) || !after(root, f) || f.Kind == finding.OverloadedProcess && !f.Is(finding.Dearer) {
		return false
	}
	const all = 0.85 // of its cores: the rest goes to waking up and to being measured
	until := s.To
	if root.End != nil {
		until = *root.End
	}
	used := scene.CPURates(n).Between(root.Onset, until)
	cores := n.Series(ergo.Runtime, "cpus")
	return used.Len() >= 3 && cores.Len() > 0 && series.Median(used.V) >= all*cores.V[cores.Len()-1]
}
