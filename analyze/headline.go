package analyze

import (
	"fmt"
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/coverage"
)

// A Conclusion is which of the three headlines a report has.
type Conclusion string

const (
	Fault        Conclusion = "fault"         // a fault is found
	NothingFound Conclusion = "nothing_found" // nothing was found in what could be seen, which sufficed
	CannotTell   Conclusion = "cannot_tell"   // nothing was found, and not enough was seen to say so
)

// A Headline is the report in a sentence, with what must stand beside it.
type Headline struct {
	Verdict Conclusion `json:"verdict"`
	Text    string     `json:"text"`
	Seen    string     `json:"seen"`   // how much was seen
	Beside  []string   `json:"beside"` // what was not seen: damage, missing nodes, cut listings, unread tails
	Settle  []string   `json:"settle"` // the commands that would settle it
}

// conclude gives the report its headline.
func (r *Report) conclude(c *coverage.Coverage) {
	h := Headline{Seen: c.Said(), Beside: []string{}, Settle: []string{}}
	for _, s := range c.Shortfalls {
		h.Beside = append(h.Beside, s.Why)
		if s.Settle != "" && !slices.Contains(h.Settle, s.Settle) {
			h.Settle = append(h.Settle, s.Settle)
		}
	}
	loud := slices.IndexFunc(r.Findings, func(f *finding.Finding) bool { return f.Severity != finding.Info })
	switch {
	case loud >= 0:
		f := r.Findings[loud]
		h.Verdict, h.Text = Fault, strings.ToUpper(string(f.Severity))+": "+f.Title+"."
	case c.Sufficient:
		h.Verdict, h.Text = NothingFound, "No fault found in what was seen, which suffices: "+h.Seen+"."
	default:
		h.Verdict, h.Text = CannotTell, "It cannot be told whether there is a fault: "+h.Beside[0]+h.more()+"."
	}
	r.Coverage, r.Headline = c, h
}

// more is how much more was not seen than one reason says.
func (h *Headline) more() string {
	if n := len(h.Beside) - 1; n > 0 {
		return fmt.Sprintf(" (and %d more)", n)
	}
	return ""
}

// Limit is what must stand beside a fault that was found; "" where all was
// seen.
func (h *Headline) Limit() string {
	if h.Verdict != Fault || len(h.Beside) == 0 {
		return ""
	}
	return "Not all was seen: " + h.Beside[0] + h.more() + "."
}

// earned are the lines of a detector about nodes that it saw enough of. A line
// begins with the nodes that it is about. For the others it is said why there
// is none.
func earned(detector string, said []string, c *coverage.Coverage) (lines, not []string) {
	if len(said) == 0 {
		return nil, nil
	}
	blind, sees := map[string]bool{}, c.SeenBy(detector)
	for _, line := range said {
		about, _, _ := strings.Cut(line, ": ")
		ok := true
		for node := range strings.SplitSeq(about, " and ") {
			switch enough, known := sees[node]; {
			case !known && !isNode(c, node):
				ok = false
				not = append(not, fmt.Sprintf("%s: of %s nothing was seen", about, node))
			case !enough:
				blind[node], ok = true, false
			}
		}
		if ok {
			lines = append(lines, line)
		}
	}
	for _, s := range c.Shortfalls {
		if blind[s.Node] && slices.Contains(s.Detectors, detector) {
			not = append(not, s.Why)
		}
	}
	return lines, not
}

func isNode(c *coverage.Coverage, node string) bool {
	return slices.ContainsFunc(c.Nodes, func(n coverage.Node) bool { return n.Name == node })
}
