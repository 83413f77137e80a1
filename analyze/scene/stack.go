package scene

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/ergo"
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
	if st.blocked == profiles.WaitMutex {
		f.Facts = append(f.Facts, finding.Locked)
	}
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

// TellUsualStack puts into a finding where the process was in most of the
// goroutine dumps of a stretch, if there is such a place.
func (s *Scene) TellUsualStack(ctx context.Context, f *finding.Finding, a *Actor, from, to time.Time) error {
	all, err := s.stacks(ctx, a, from, to)
	if err != nil {
		return err
	}
	labelled := slices.DeleteFunc(slices.Clone(all), func(st stack) bool { return !st.labelled })
	if len(labelled) > 0 {
		all = labelled // the others may be of another process that does the same
	}
	count := map[string]int{}
	for _, st := range all {
		count[st.function]++
	}
	for i := len(all) - 1; i >= 0; i-- {
		st := all[i]
		if st.function == "" || 2*count[st.function] <= len(all) {
			continue
		}
		f.Subject.Function = st.function
		if st.blocked == profiles.WaitMutex {
			f.Facts = append(f.Facts, finding.Locked)
		}
		if len(labelled) > 0 {
			f.Summary += fmt.Sprintf(" In %d of %d goroutine dumps since then it is in %s", count[st.function], len(all), st.function)
		} else {
			f.Summary += " In most goroutine dumps since then it is in " + st.function
		}
		what := "its goroutine"
		if st.through != "" {
			f.Summary += ", in a call to " + st.through
		}
		if st.blocked != "" {
			what += " waits: " + st.blocked
		}
		f.Summary += "."
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: what, Node: a.Node.Name, Tool: "pprof_goroutines", From: &all[0].at, To: &st.at, Lines: st.lines, Records: []string{st.record},
		})
		if len(labelled) == 0 {
			return nil
		}
		e, dumps := &f.Evidence[len(f.Evidence)-1], a.Node.Says("pprof_goroutines", all[0].at, all[len(all)-1].at)
		e.Value("dumps", len(all), dumps.Of("sum(has('"+a.Pid+"', ''))"))
		e.Value("of_them_there", count[st.function], dumps.Of("sum(has('"+a.Pid+"', '"+st.function+"'))"))
		return nil
	}
	return nil
}

// TypeName is the type's name alone, as goroutine filters want it.
func TypeName(behavior string) string {
	return behavior[strings.LastIndexByte(behavior, '.')+1:]
}

// A stack is what a goroutine dump says about one process.
type stack struct {
	at       time.Time
	function string // its innermost application function
	through  string // what that calls: the outermost function beneath it, of a library
	blocked  string // what it waits for: see [profiles.Goroutine.Blocked]
	lines    []string
	record   string
	labelled bool // by the goroutine's own label
}

// stacks are the stacks of a process in the dumps of a stretch, in order. A
// dump tells whose a goroutine is by its pid label (-tags=pprof); without
// labels, a goroutine in the code of the process's behavior is taken for it if it is
// alone there, or all that are there stand at one place.
func (s *Scene) stacks(ctx context.Context, a *Actor, from, to time.Time) ([]stack, error) {
	var out []stack
	for smp, err := range s.Texts(ctx, a.Node, ergo.Goroutines, from, to) {
		if err != nil {
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
				at: smp.At, function: applicationFunction(g), through: calledBy(g), blocked: g.Blocked(), lines: stackLines(g), labelled: g.PID() != "",
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
	// A callback may have started goroutines, which carry its label too.
	if gs := dump.ByPID(a.Pid); len(gs) > 0 {
		i := slices.IndexFunc(gs, func(g profiles.Goroutine) bool { return runsBehavior(g, a.Behavior) })
		return gs[max(i, 0)], true
	}
	var found []profiles.Goroutine
	for _, g := range dump.Goroutines {
		if g.PID() == "" && runsBehavior(g, a.Behavior) {
			found = append(found, g)
		}
	}
	if len(found) == 0 {
		return profiles.Goroutine{}, false
	}
	// Where there are several, and all of them stand at one place, its own does too.
	for _, g := range found[1:] {
		if g.Blocked() != found[0].Blocked() || applicationFunction(g) != applicationFunction(found[0]) {
			return profiles.Goroutine{}, false
		}
	}
	return found[0], true
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

// calledBy is what the innermost application function calls; "" where it calls
// nothing, or only the runtime.
func calledBy(g profiles.Goroutine) string {
	top := applicationFunction(g)
	i := slices.IndexFunc(g.Stack, func(f profiles.Frame) bool { return f.Function == top })
	if top == "" || i <= 0 || strings.HasPrefix(g.Stack[i-1].Function, "runtime.") {
		return ""
	}
	return g.Stack[i-1].Function
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
