package causes

import (
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// together is how far apart those begin to wait who wait for the same thing:
// each notices with its next message.
const together = time.Minute

// dependencies finds processes of one node that stand still or became slow in
// the same function, outside the actors: a service, a file, a lock; or, where no
// stack was recorded, processes of one behavior that have no time left since one
// moment. They are one finding; where there is one process a node, each stays its own and says that
// the others exist.
func (g *graph) dependencies() []*finding.Finding {
	var out []*finding.Finding
	type what struct{ function, behavior string }
	groups := map[what][]*finding.Finding{} // in order of onset
	var order []what
	for _, f := range g.findings {
		if !g.waitsOutside(f) {
			continue
		}
		k := what{function: g.functionOf(f)}
		if k.function == "" {
			k.behavior = f.Subject.Behavior
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], f)
	}
	for _, k := range order {
		group := groups[k]
		for _, here := range byNode(group) {
			if len(here) >= 2 {
				out = append(out, g.dependency(k.function, here))
			}
		}
		if k.function != "" {
			tellElsewhere(k.function, group)
		}
	}
	return out
}

// functionOf is the function in which a process of a finding waits; where no stack
// shows it, that of another one of the same code on its node that became slow at
// the same moment.
func (g *graph) functionOf(f *finding.Finding) string {
	if f.Subject.Function != "" {
		return f.Subject.Function
	}
	for _, o := range g.findings {
		if o.Subject.Function != "" && sameNode(o, f) && o.Subject.Behavior == f.Subject.Behavior && g.waitsOutside(o) && o.Onset.Sub(f.Onset).Abs() <= together {
			return o.Subject.Function
		}
	}
	return ""
}

// waitsOutside reports whether a finding is of a process that stands still or
// became slow in a function that no CPU is burnt in.
func (g *graph) waitsOutside(f *finding.Finding) bool {
	slow := f.Kind == finding.BlockedCallback || f.Kind == finding.OverloadedProcess && f.Is(finding.Dearer)
	least := finding.ScoreWarning
	if f.Is(finding.Saturated) {
		least = finding.ScoreInfo // what is bearable for one is not for several
	}
	if !slow || getsMore(f) || f.Is(finding.Waits) || f.Cause != nil || f.Score < least || f.Subject.Function == "" && (!f.Is(finding.Saturated) || f.Subject.Behavior == "") {
		return false
	}
	return !slices.ContainsFunc(g.findings, func(hot *finding.Finding) bool {
		return hot.Kind == finding.CPUHotspot && sameNode(hot, f) && (hot.Subject.Function != "" && hot.Subject.Function == f.Subject.Function || sameCode(hot, f))
	})
}

// getsMore reports whether many more messages come to the process of a finding than did:
// then it has no need of anything outside to fall behind.
func getsMore(f *finding.Finding) bool {
	const many = 3 // times: who waits for something gets a little more of what is sent again
	if f.Kind != finding.OverloadedProcess || len(f.Evidence) == 0 {
		return false
	}
	was, told := f.Evidence[0].Number("arrived_per_s.before")
	is, _ := f.Evidence[0].Number("arrived_per_s.after")
	return told && is > many*was
}

// byNode parts findings by their nodes; of each, those that began together.
func byNode(group []*finding.Finding) [][]*finding.Finding {
	var out [][]*finding.Finding
	for _, f := range group {
		i := slices.IndexFunc(out, func(part []*finding.Finding) bool {
			return sameNode(part[0], f) && f.Onset.Sub(part[0].Onset) <= together
		})
		if i < 0 {
			out = append(out, []*finding.Finding{f})
			continue
		}
		out[i] = append(out[i], f)
	}
	return out
}

// fewestTogether is the least score of several processes that wait for the same.
const fewestTogether = finding.ScoreWarning + 4

// dependency is the finding about several processes of a node that wait in one
// function.
func (g *graph) dependency(function string, group []*finding.Finding) *finding.Finding {
	first := group[0]
	worst := slices.MaxFunc(group, func(a, b *finding.Finding) int { return a.Score - b.Score })
	var names []string
	f := &finding.Finding{
		Kind: finding.SlowDependency, Playbook: first.Playbook, Score: max(worst.Score+1, fewestTogether), Confidence: first.Confidence,
		Subject: finding.Subject{Node: first.Subject.Node, Incarnation: first.Subject.Incarnation, Application: first.Subject.Application, Function: function},
		Onset:   first.Onset, OnsetErrorS: first.OnsetErrorS, End: worst.End,
		Recommendation: "Look at what this function calls (a service, a file, a lock): it is slow or does not answer. Bound the call with a time-out, and keep it out of the callback: in a meta process, or a pool of its own.",
		Confirm:        []string{fmt.Sprintf("pprof_goroutines node=%s debug=1 filter=%s", first.Subject.Node, function)},
		Evidence:       worst.Evidence,
		Caveats:        []string{"What the function waits for is outside the actors: the recording does not say whether it is slow, gone, or held by somebody."},
	}
	f.AtMost(max(worst.Bound()+1, fewestTogether))
	if first.Is(finding.Locked) {
		f.Facts = []finding.Fact{finding.Locked}
	}
	for _, m := range group {
		names = append(names, who(m))
		f.Members = append(f.Members, m.Subject)
		if m.Subject.Behavior != first.Subject.Behavior {
			f.Subject.Behavior = ""
		} else if m == first {
			f.Subject.Behavior = m.Subject.Behavior
		}
		because := "it is in the same function, which its goroutine dumps show"
		if m.Subject.Function == "" {
			because = "it has the same code, and no time left since the same moment"
		}
		m.FollowsFrom(f, because)
	}
	if function == "" {
		return sameCodeSlow(f, group, names, worst)
	}
	f.Title = fmt.Sprintf("%d processes on %s wait in %s", len(group), finding.NodeName(f.Subject.Node), function)
	f.Summary = fmt.Sprintf("Since %s %s were held up in the same function. The worst: %s", finding.Clock(f.Onset), finding.List(names), worst.Summary)
	return f
}

// sameCodeSlow words a dependency of which no stack tells where its callers wait.
func sameCodeSlow(f *finding.Finding, group []*finding.Finding, names []string, worst *finding.Finding) *finding.Finding {
	f.Confidence = finding.Medium
	f.Title = fmt.Sprintf("%d processes of %s on %s became slow at the same moment", len(group), f.Subject.Behavior, finding.NodeName(f.Subject.Node))
	f.Summary = fmt.Sprintf("Since %s %s have no time left: what they have in common is their code, and what it waits for. The worst: %s", finding.Clock(f.Onset), finding.List(names), worst.Summary)
	f.Recommendation = "Take a goroutine dump while it lasts: it shows what their callbacks wait for (a service, a file, a lock). Bound that with a time-out, and keep it out of the callback."
	f.Confirm = []string{fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", f.Subject.Node, scene.TypeName(f.Subject.Behavior))}
	f.Caveats = []string{"No goroutine dump of the stretch shows where they wait: it may be a service, a file, a lock, or work of their own."}
	return f
}

// who names the process of a finding.
func who(f *finding.Finding) string {
	switch {
	case f.Subject.Name != "":
		return f.Subject.Name
	case f.Subject.PID != "":
		return f.Subject.Behavior + " " + f.Subject.PID
	}
	return f.Subject.Who()
}

// tellElsewhere says in each finding who is held up in the same function on
// other nodes.
func tellElsewhere(function string, group []*finding.Finding) {
	for _, f := range group {
		var others []string
		for _, o := range group {
			if !sameNode(o, f) && !o.Is(finding.Locked) && o.Onset.Sub(f.Onset).Abs() <= together {
				others = append(others, who(o)+" on "+o.Subject.Node)
			}
		}
		if others != nil {
			f.Summary += fmt.Sprintf(" The same function holds up %s: it is likely what they all call that is slow.", finding.List(others))
		}
	}
}
