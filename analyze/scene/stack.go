package scene

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/replay"
)

// TellStack puts what the goroutine shows into a finding.
func (s *Scene) TellStack(f *finding.Finding, a *Actor, st *stack) {
	if st == nil {
		why := "no goroutine dump of the stretch shows the process: its stack would tell what it waits for"
		if a.Node.Pprof == replay.No {
			why += "; -tags=pprof labels goroutines with their process"
		}
		f.Caveats = append(f.Caveats, why)
		return
	}
	f.Subject.Function = st.function
	at := st.at
	what := "its goroutine"
	if st.blocked != "" {
		what += " waits: " + st.blocked
	}
	if st.function != "" {
		f.Summary += fmt.Sprintf(" Its goroutine is in %s", st.function)
		if st.blocked != "" {
			f.Summary += ", on a " + st.blocked
		}
		f.Summary += "."
	}
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: what, Node: a.Node.Name, Tool: "pprof_goroutines", From: &at, To: &at, Lines: st.lines, Records: []string{st.record},
	})
}

// TypeName is the type's name alone, as goroutine filters want it.
func TypeName(behavior string) string {
	return behavior[strings.LastIndexByte(behavior, '.')+1:]
}

// A stack is what a goroutine dump says about one process.
type stack struct {
	at       time.Time
	function string // its innermost application function
	blocked  string // what it waits for: see [profiles.Goroutine.Blocked]
	lines    []string
	record   string
}

// stacks are the stacks of a process in the dumps of a stretch, in order. A
// dump tells whose a goroutine is by its pid label (-tags=pprof); without
// labels, a goroutine that is alone in the code of the process's behavior is
// taken for it.
func (s *Scene) stacks(ctx context.Context, a *Actor, from, to time.Time) ([]stack, error) {
	var out []stack
	for smp, err := range s.Rec.Samples(ctx, a.Node.Name, "pprof_goroutines", from, to) {
		if err != nil {
			if s.Damaged(err) {
				continue
			}
			return nil, err
		}
		if smp.Failure != nil {
			continue
		}
		dump, err := profiles.ParseGoroutines(string(smp.Text))
		if err != nil {
			continue // a refusal in words, or a form that is not known
		}
		if g, ok := goroutineOf(dump, a); ok {
			out = append(out, stack{
				at: smp.At, function: applicationFunction(g), blocked: g.Blocked(), lines: stackLines(g),
				record: finding.RecordName(a.Node.Name, "pprof_goroutines", smp.At),
			})
		}
	}
	return out, nil
}

// LastStack is the newest of the stacks of a process in a stretch, nil where
// there is none.
func (s *Scene) LastStack(ctx context.Context, a *Actor, from, to time.Time) (*stack, error) {
	all, err := s.stacks(ctx, a, from, to)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[len(all)-1], nil
}

func goroutineOf(dump profiles.Dump, a *Actor) (profiles.Goroutine, bool) {
	if gs := dump.ByPID(a.Pid); len(gs) > 0 {
		return gs[0], true
	}
	var found []profiles.Goroutine
	for _, g := range dump.Goroutines {
		if g.PID() == "" && g.Count <= 1 && runsBehavior(g, a.Behavior) {
			found = append(found, g)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return profiles.Goroutine{}, false
}

func runsBehavior(g profiles.Goroutine, behavior string) bool {
	for _, f := range g.Stack {
		if behavior != "" && profiles.BehaviorOf(f.Function) == behavior {
			return true
		}
	}
	return false
}

func applicationFunction(g profiles.Goroutine) string {
	if f, ok := g.TopApplication(); ok {
		return f.Function
	}
	return ""
}

// maxStackLines is how many frames a finding shows.
const maxStackLines = 12

func stackLines(g profiles.Goroutine) []string {
	var lines []string
	for i, f := range g.Stack {
		if i == maxStackLines {
			break
		}
		lines = append(lines, fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line))
	}
	return lines
}
