package metamorph

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/internal/story"
)

// An Outcome is how a report stands to what is known.
type Outcome struct {
	Runs                        int `json:",omitempty"` // reports, where several are added up
	Faults                      int
	Found, Named, First, Timely int
	Near                        int // begin when they did as far as the edit lets one tell
	Nameless                    int `json:",omitempty"` // whose names the edit took out of the recording
	Hidden                      int `json:",omitempty"` // of which it holds too little for anybody: not among Faults
	Part                        int // told by a kind that may stand beside it
	False                       []string
	Missed                      []string
	Onsets                      []float64 `json:",omitempty"` // how late each is told, in seconds
}

// Add adds up what was said of several.
func (o *Outcome) Add(p Outcome) {
	o.Runs += p.Runs
	o.Faults, o.Found, o.Named, o.First = o.Faults+p.Faults, o.Found+p.Found, o.Named+p.Named, o.First+p.First
	o.Timely, o.Near, o.Part = o.Timely+p.Timely, o.Near+p.Near, o.Part+p.Part
	o.Nameless, o.Hidden = o.Nameless+p.Nameless, o.Hidden+p.Hidden
	o.False, o.Missed = append(o.False, p.False...), append(o.Missed, p.Missed...)
}

// Judge compares a report with the faults of a case.
func Judge(c *Case, r story.Report) Outcome {
	var o Outcome
	var roots []*story.Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity != "info" && f.CausedBy == nil {
			roots = append(roots, f)
		}
	}
	interval := c.interval()
	_, to := c.Span()
	right := map[*story.Finding]bool{}
	var hidden []*Fault
	for i := range c.Faults {
		fault := &c.Faults[i]
		best := fault.best(r)
		if c.hidden(fault) { // told all the same or not: it does not count
			if o.Hidden, hidden = o.Hidden+1, append(hidden, fault); best != nil {
				right[best] = true
			}
			continue
		}
		o.Faults++
		if fault.left == nameless || fault.left == beside {
			o.Nameless++
		}
		if best == nil {
			if fault.part(r) {
				o.Part++
			}
			o.Missed = append(o.Missed, fmt.Sprintf("%s on %s", fault.Kind, fault.Node))
			continue
		}
		right[best] = true
		o.Found++
		o.Part++
		if fault.left == all && fault.names(best) {
			o.Named++
		}
		if k := slices.Index(roots, best); k >= 0 && k < len(c.Faults) {
			o.First++
		}
		if best.Onset == nil {
			continue
		}
		off := fault.late(*best.Onset)
		o.Onsets = append(o.Onsets, off.Seconds())
		limit := fault.limit(interval, to)
		if off.Abs() <= limit || fault.open {
			o.Timely++
		}
		if off.Abs() <= limit+fault.loose || fault.open {
			o.Near++
		}
	}
	for _, f := range roots {
		if !right[f] && !slices.Contains(c.Also, f.Kind) && !c.bySideOf(f, hidden) && !slices.ContainsFunc(c.Faults, func(fault Fault) bool { return fault.explains(f) }) {
			o.False = append(o.False, f.Kind+": "+f.Title)
		}
	}
	return o
}

// Keeps reports whether the outcome is what was promised.
func (o *Outcome) Keeps(p Promise) bool {
	if len(o.False) > 0 {
		return false
	}
	switch p {
	case Same:
		return o.Found == o.Faults && o.Named+o.Nameless == o.Faults && o.First == o.Faults && o.Near == o.Faults
	case Weaker:
		return o.Part == o.Faults
	}
	return true
}

func (o Outcome) String() string {
	s := fmt.Sprintf("found %d/%d named %d first %d in time %d false %d", o.Found, o.Faults, o.Named, o.First, o.Timely, len(o.False))
	if o.Near < o.Found || o.Timely < o.Found {
		s += fmt.Sprintf(" late by %.1f s", o.Onsets)
	}
	if len(o.False) > 0 {
		s += " (" + strings.Join(o.False, "; ") + ")"
	}
	if len(o.Missed) > 0 {
		s += " missed " + strings.Join(o.Missed, "; ")
	}
	return s
}

// late is how long after the fault began a finding says that it did. Of one that is
// older than the recording either may be told: when it began, or that it was so
// at the first.
func (fault *Fault) late(onset time.Time) time.Duration {
	switch {
	case fault.began.IsZero() || onset.After(fault.Start):
		return onset.Sub(fault.Start)
	case onset.Before(fault.began):
		return onset.Sub(fault.began)
	}
	return 0
}

// limit is how far off an onset may be: 4 s or two sampling intervals; of what
// grows slowly, a tenth of the time from its onset to the end.
func (fault *Fault) limit(interval time.Duration, to time.Time) time.Duration {
	limit := max(4*time.Second, 2*interval)
	if fault.grows() {
		limit = max(limit, to.Sub(fault.Start)/10)
	}
	return limit
}

// grows reports whether the fault is a slow growth.
func (fault *Fault) grows() bool {
	return fault.Slow || slices.ContainsFunc(fault.Accept, func(k string) bool { return slices.Contains(growing, k) })
}

// growing are the kinds of slow growth.
var growing = []string{"memory_leak", "process_leak", "goroutine_growth", "registration_leak", "mailbox_growth"}

// bySideOf reports whether a finding tells what a node does to others that was not
// recorded: it is towards that node, or of who waits and cannot deliver. Who keeps
// him waiting is not in the recording; nor is it on the node, or towards the node, of a fault that is hidden.
func (c *Case) bySideOf(f *story.Finding, hidden []*Fault) bool {
	suffers := []string{"stuck_call", "delivery_errors", "error_burst", "dead_letters"}
	waits := f.Kind == "overloaded_process" && strings.Contains(f.Title, "waits for replies")
	beside := func(h *Fault) bool { return h.Node == "" || value(f, "node") == h.Node || value(f, "peer") == h.Node }
	if (slices.Contains(suffers, f.Kind) || waits) && slices.ContainsFunc(hidden, beside) {
		return true
	}
	return c.Unseen != "" && (value(f, "peer") == c.Unseen || value(f, "node") == c.Unseen && value(f, "peer") != "" || slices.Contains(suffers, f.Kind) || waits)
}

func value(f *story.Finding, key string) string {
	s, _ := f.Subject[key].(string)
	return s
}

// here reports whether a finding is at the place of the fault.
func (fault *Fault) here(f *story.Finding) bool {
	node, peer := value(f, "node"), value(f, "peer")
	if fault.Peer != "" {
		return parted(f, fault.Node, fault.Peer) || node == fault.Node && peer == fault.Peer || node == fault.Peer && peer == fault.Node
	}
	return fault.Node == "" || node == fault.Node
}

func (fault *Fault) names(f *story.Finding) bool {
	if len(fault.Names) == 0 {
		return true
	}
	for _, k := range []string{"name", "pid", "behavior", "function", "event", "application"} {
		if v := value(f, k); v != "" && slices.ContainsFunc(fault.Names, func(n string) bool { return strings.Contains(v, n) }) {
			return true
		}
	}
	return false
}

// best is the finding that tells the fault, the one that names it before
// others.
func (fault *Fault) best(r story.Report) *story.Finding {
	var best *story.Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if !slices.Contains(fault.Accept, f.Kind) || !fault.here(f) {
			continue
		}
		if best == nil || fault.names(f) && !fault.names(best) {
			best = f
		}
	}
	return best
}

func (fault *Fault) part(r story.Report) bool {
	return slices.ContainsFunc(r.Findings, func(f story.Finding) bool { return fault.explains(&f) })
}

// explains reports whether a finding may stand beside the fault.
func (fault *Fault) explains(f *story.Finding) bool {
	if !slices.Contains(fault.Accept, f.Kind) && !slices.Contains(fault.Also, f.Kind) {
		return false
	}
	places := []string{value(f, "node"), value(f, "peer")}
	return fault.Node == "" || slices.Contains(places, fault.Node) || fault.Peer != "" && slices.Contains(places, fault.Peer)
}
