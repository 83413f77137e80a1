package causes

import (
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/process"
	"ergorecorder/analyze/scene"
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
	for _, rule := range rules() {
		for _, f := range byOnset {
			if f.Cause != nil {
				continue
			}
			i := slices.IndexFunc(byOnset, func(root *finding.Finding) bool {
				return root != f && root.Score >= finding.ScoreInfo && !finding.LeadsTo(f, root) && rule(root, f)
			})
			if i >= 0 {
				f.ExplainedBy(byOnset[i])
			}
		}
	}
	if err := callees(ctx, s, byOnset); err != nil {
		return err
	}
	for _, f := range byOnset {
		f.SettleCause()
	}
	return nil
}

// A causeRule reports whether root explains f.
type causeRule func(root, f *finding.Finding) bool

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

// rules are the causes that the findings themselves show, strongest first.
func rules() []causeRule {
	return []causeRule{
		nodeTakenDown, nodeGone, linkGone, supervisorFell, childDies, samePlace, deadPileUp, churnBurns, hotCode, heldMemory, callersSuffer,
	}
}

// A supervisor that gives up at the root of a permanent application takes the
// node down with it.
func nodeTakenDown(root, f *finding.Finding) bool {
	const stopping = 30 * time.Second // a node may take as long to stop
	return finding.Among(root.Kind, "supervisor_limit", "application_down", "shutdown_stuck") && sameNode(root, f) &&
		finding.Among(f.Kind, "node_down", "node_restarted") && root.Score >= finding.ScoreWarning && root.Onset.Before(f.Onset) &&
		f.Onset.Sub(root.Onset) < stopping
}

// A node that is down or began anew explains what its neighbours and itself
// say about it.
func nodeGone(root, f *finding.Finding) bool {
	if !finding.Among(root.Kind, "node_down", "node_restarted") || !after(root, f) {
		return false
	}
	switch f.Kind {
	case "node_restarted":
		return root.Kind == "node_down" && sameNode(root, f)
	case "node_down":
		return false
	case "link_flap", "link_down", "message_loss", "slow_link", "application_down", "event_silent", "clock_skew":
		return touches(f, root.Subject.Node)
	}
	return finding.Among(f.Kind, "error_burst", "delivery_errors", "stuck_call")
}

// A link that is lost explains errors at both of its ends.
func linkGone(root, f *finding.Finding) bool {
	if !finding.Among(root.Kind, "link_flap", "link_down") || !after(root, f) {
		return false
	}
	if !finding.Among(f.Kind, "error_burst", "delivery_errors", "message_loss", "slow_link", "event_silent", "stuck_call", "link_flap") {
		return false
	}
	ends := []string{root.Subject.Node, root.Subject.Peer}
	if f.Kind == "link_flap" {
		return slices.Contains(ends, f.Subject.Node) && slices.Contains(ends, f.Subject.Peer)
	}
	return slices.Contains(ends, f.Subject.Node) || f.Subject.Peer != "" && slices.Contains(ends, f.Subject.Peer)
}

// A supervisor that gave up explains that its application stopped, and the
// loop of restarts that ended with it.
func supervisorFell(root, f *finding.Finding) bool {
	if root.Kind != "supervisor_limit" || !sameNode(root, f) || !after(root, f) {
		return false
	}
	gaveUp := root.Score >= f.Score
	return gaveUp && finding.Among(f.Kind, "application_down", "restart_loop", "error_burst", "delivery_errors", "event_silent") &&
		(f.Subject.Application == "" || f.Subject.Application == root.Subject.Application)
}

// A child that dies over and over explains the noise it makes.
func childDies(root, f *finding.Finding) bool {
	if root.Kind != "restart_loop" || !sameNode(root, f) || !after(root, f) {
		return false
	}
	return finding.Among(f.Kind, "error_burst", "supervisor_limit", "delivery_errors", "event_silent", "application_down", "heap_churn")
}

// Several findings about one process are one fault: its being blocked or
// overloaded explains the rest.
func samePlace(root, f *finding.Finding) bool {
	if !sameProcess(root, f) || !after(root, f) {
		return false
	}
	switch root.Kind {
	case "pool_overflow":
		return finding.Among(f.Kind, "overloaded_process", "mailbox_growth", "error_burst")
	case "blocked_callback", "stuck_call", "overloaded_process":
		return finding.Among(f.Kind, "mailbox_growth", "error_burst", "delivery_errors", "event_silent", "goroutine_growth") ||
			f.Kind == "zombie_processes" && f.Onset.Sub(root.Onset) > process.ZombieAge
	case "zombie_processes":
		return finding.Among(f.Kind, "blocked_callback", "stuck_call", "error_burst", "event_silent", "goroutine_growth")
	}
	return false
}

// Killed processes that do not end pile up.
func deadPileUp(root, f *finding.Finding) bool {
	return root.Kind == "zombie_processes" && f.Kind == "process_leak" && sameNode(root, f) && root.Subject.Behavior == f.Subject.Behavior
}

// Allocating and collecting cost CPU: churn explains a node that is busy since,
// unless a profile shows other code of the application to be what burns it.
func churnBurns(root, f *finding.Finding) bool {
	return root.Kind == "heap_churn" && f.Kind == "cpu_hotspot" && sameNode(root, f) && after(root, f) &&
		(f.Subject.Function == "" || f.Subject.Function == root.Subject.Function)
}

// Code that burns the CPU explains that its process falls behind, if each
// message costs more than it did; if there are only more of them, their number
// explains the burning.
func hotCode(root, f *finding.Finding) bool {
	same := sameNode(root, f) && (sameProcess(root, f) || root.Subject.Behavior != "" && root.Subject.Behavior == f.Subject.Behavior)
	switch {
	case !same:
		return false
	case root.Kind == "cpu_hotspot":
		return f.Kind == "blocked_callback" || finding.Among(f.Kind, "overloaded_process", "mailbox_growth") && f.Dear
	case finding.Among(root.Kind, "overloaded_process", "pool_overflow"):
		return f.Kind == "cpu_hotspot" && !root.Dear
	}
	return false
}

// Messages that wait and processes that stay hold memory and goroutines.
func heldMemory(root, f *finding.Finding) bool {
	if !sameNode(root, f) || !after(root, f) {
		return false
	}
	other := f.Subject.Name != "" && f.Subject.Name != root.Subject.Name && f.Subject.Behavior != root.Subject.Behavior
	switch root.Kind {
	case "process_leak", "overloaded_process", "blocked_callback", "stuck_call", "pool_overflow", "zombie_processes", "goroutine_growth":
		return !other && finding.Among(f.Kind, "memory_leak", "heap_churn", "goroutine_growth") && root.Kind != f.Kind
	case "memory_leak":
		return !other && f.Kind == "heap_churn"
	}
	return false
}

// soon is how long after its cause the error of a caller begins at the latest:
// several time-outs of a call.
const soon = 4 * scene.CallTimeout

// Who calls a process that does not answer logs errors and counts them: on its
// own node at any time, on another one if that began soon after.
func callersSuffer(root, f *finding.Finding) bool {
	if !finding.Among(root.Kind, "blocked_callback", "overloaded_process", "pool_overflow", "zombie_processes", "application_down", "stuck_call", "process_leak") {
		return false
	}
	near := sameNode(root, f) || f.Onset.Before(root.Onset.Add(soon))
	return near && after(root, f) && finding.Among(f.Kind, "error_burst", "delivery_errors", "event_silent")
}

// callees finds for each process that waits for a reply the one it waits for:
// the process at fault that its log names, else the only one of its application
// that was at fault before it.
func callees(ctx context.Context, s *scene.Scene, all []*finding.Finding) error {
	for _, f := range all {
		if f.Cause != nil || !f.Waits {
			continue
		}
		candidates := slices.DeleteFunc(slices.Clone(all), func(c *finding.Finding) bool {
			return c == f || finding.LeadsTo(f, c) || c.Score < finding.ScoreInfo || f.Onset.Before(c.Onset.Add(-slack(c, f))) ||
				!finding.Among(c.Kind, "blocked_callback", "overloaded_process", "zombie_processes", "pool_overflow", "stuck_call", "restart_loop", "cpu_hotspot")
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
		case c.Kind == "stuck_call":
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
