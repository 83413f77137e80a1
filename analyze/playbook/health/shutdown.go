package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// lingering is a process in a line with which a node that stops says for whom
// it waits: its PID, its state and its queue stand in it.
var lingering = regexp.MustCompile(`(<[0-9A-F]+\.\d+\.\d+>).*\b(running|wait response|sleep|zombee|init)\b`)

// stopping are the words of a node that stops.
var stopping = regexp.MustCompile(`(?i)shut(ting)? ?down|stopp?ing|terminat|waiting`)

// shutdownStuck finds the process for which a node that stops waits longest. A
// node lists such processes every 5 s; once is patience, twice is stuck.
func shutdownStuck(n *scene.Node, said []replay.LogLine) *finding.Finding {
	type waited struct {
		state string
		lines []replay.LogLine
	}
	all := map[string]*waited{}
	worst := ""
	var began, announced time.Time
	for _, l := range said {
		if l.Type != "node" { // an application's own
			continue
		}
		if _, told := ergo.Tells(ergo.LineShutdown, l.Type, l.Source, l.Message); told {
			began = l.At
		}
		// The list may stand in the announcement, or in lines of its own behind it.
		if stopping.MatchString(l.Message) {
			announced = l.At
		} else if announced.IsZero() || l.At.Sub(announced) > time.Second {
			continue
		}
		for _, line := range strings.Split(l.Message, "\n") {
			m := lingering.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			w := all[m[1]]
			if w == nil {
				w = &waited{}
				all[m[1]] = w
			}
			w.state = m[2]
			w.lines = append(w.lines, l)
			if worst == "" || len(w.lines) > len(all[worst].lines) {
				worst = m[1]
			}
		}
	}
	if worst == "" || len(all[worst].lines) < 2 {
		return nil
	}
	w := all[worst]
	onset := w.lines[0].At.Add(-work.CallTimeout)
	if !began.IsZero() && began.Before(w.lines[0].At) {
		onset = began
	}
	sub := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), PID: worst}
	called := worst
	if a := n.Procs.Known[worst]; a != nil {
		sub, called = a.Subject(onset), a.Called()
	}
	from, to := w.lines[0].At, w.lines[len(w.lines)-1].At
	return &finding.Finding{
		Kind: finding.ShutdownStuck, Subject: sub, Onset: onset, OnsetErrorS: 5, Score: finding.Score(finding.ShutdownStuck, to.Sub(onset).Seconds()), Confidence: finding.High,
		Title:          fmt.Sprintf("%s does not stop: it waits for %s", n.Name, called),
		Summary:        fmt.Sprintf("For %s the node has named %d processes that do not end; %s is %s.", finding.Duration(to.Sub(onset)), len(all), called, w.state),
		Recommendation: "A process that is running with an empty queue is stuck in a callback: bound what it waits for. The node has to be killed to stop.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", n.Name, worst)},
		Evidence:       []finding.Evidence{{What: "for whom the node waits", Node: n.Name, Tool: "sample_read", From: &from, To: &to, Lines: []string{w.lines[0].Message}}},
	}
}
