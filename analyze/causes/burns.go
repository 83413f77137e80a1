package causes

import (
	"fmt"

	"ergorecorder/analyze/finding"
)

// nameBurners names in a finding about a function that burns the CPU the process that stands
// still in it, where it is one alone: what its callback calls may be nobody's own function, and
// its running time counts only when the callback ends.
func nameBurners(all []*finding.Finding) {
	for _, hot := range all {
		at := &hot.Subject
		if hot.Kind != finding.CPUHotspot || at.Function == "" || at.Name != "" || at.PID != "" || at.Behavior != "" {
			continue
		}
		var inside []*finding.Finding
		for _, f := range all {
			if f.Kind == finding.BlockedCallback && sameNode(hot, f) && f.Subject.Function == at.Function && after(hot, f) {
				inside = append(inside, f)
			}
		}
		if len(inside) != 1 {
			continue
		}
		in := inside[0].Subject
		at.Name, at.PID, at.Behavior, at.Application = in.Name, in.PID, in.Behavior, in.Application
		hot.Summary += fmt.Sprintf(" A stack shows %s in it, which took no message meanwhile.", in.Who())
	}
}
