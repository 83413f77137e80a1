package causes

import (
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
)

// resent explains processes that drown in messages which nobody outside sent:
// their sender sends more than before without getting more, on a node on which
// deliveries had begun to fail shortly before, for a reason that is known. It
// sends again what failed, or makes more of it.
func (g *graph) resent() {
	const shortly = 6 * work.CallTimeout // a few rounds of attempts
	for _, f := range g.findings {
		if f.Cause != nil || f.FedBy == "" {
			continue
		}
		for _, failing := range g.findings {
			if !finding.Among(failing.Kind, finding.DeliveryErrors, finding.ErrorBurst) || failing.Subject.Node != f.FedBy || failing.Cause == nil {
				continue
			}
			early := f.Onset.Sub(failing.Onset)
			if early < 0 || early > shortly || finding.LeadsTo(f, failing) {
				continue
			}
			root := failing.Cause
			f.FollowsFrom(root, fmt.Sprintf("its sender on %s sends more without getting more, %s after deliveries began to fail there", f.FedBy, finding.Duration(early)))
			f.Caveats = append(f.Caveats, "That the additional messages are attempts after failures is inferred from their order in time; the sender's code would settle it.")
			break
		}
	}
}
