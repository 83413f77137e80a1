package health

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// nobody are the words of a line that says that whom a message was for does not
// exist; target is whom it names: a PID or an alias, or a name in quotes; toward
// is a name that stands without them.
var (
	nobody = regexp.MustCompile(`(?i)\bunknown (process|name|alias|meta process)\b|\bno such process\b`)
	target = regexp.MustCompile(`(?:Alias#)?<[0-9A-Fa-f]+(?:\.\d+)+>|['"{]([\w@.:-]+)`)
	toward = regexp.MustCompile(`(?i)\b(?:to|for|towards) ([\w@.-]*\w)`)
)

const (
	// fewestLetters to one target make a habit of sending to it: a process that
	// has just died is missed a few times by those who were about to write to it.
	fewestLetters = 10
	// missedFor is how long it has to go on: a restart is over by then.
	missedFor = 2 * work.CallTimeout
)

// A letters is what one process sent to somebody who does not exist.
type letters struct {
	from   logs.Source
	to     string
	times  []time.Time
	sample string
}

// deadLetters finds processes that keep sending to a process or a name that does
// not exist, by what they log.
func deadLetters(ctx context.Context, s *scene.Scene, n *scene.Node, v *finding.Verdict) error {
	all := map[[2]string]*letters{}
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return err
		}
		if !nobody.MatchString(l.Message) {
			continue
		}
		from, to := logs.ParseSource(l.Source), targetOf(l.Message)
		if from.PID == "" || to == from.PID {
			continue
		}
		k := [2]string{from.PID, to}
		if all[k] == nil {
			all[k] = &letters{from: from, to: to, sample: l.Message}
		}
		all[k].times = append(all[k].times, l.At)
	}
	var found []*letters
	for _, x := range all {
		if len(x.times) >= fewestLetters && x.times[len(x.times)-1].Sub(x.times[0]) >= missedFor {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *letters) int {
		return cmp.Or(a.times[0].Compare(b.times[0]), cmp.Compare(a.from.PID+a.to, b.from.PID+b.to))
	})
	for _, x := range found {
		v.Find(x.finding(s, n))
	}
	return nil
}

// targetOf is whom a line says a message was for.
func targetOf(message string) string {
	m := target.FindStringSubmatch(message)
	if m == nil {
		m = toward.FindStringSubmatch(message)
	}
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return m[1]
	}
	return m[0]
}

func (x *letters) finding(s *scene.Scene, n *scene.Node) *finding.Finding {
	first, last := x.times[0], x.times[len(x.times)-1]
	who := cmp.Or(escape.Name(x.from.Name), strings.TrimSpace(x.from.Behavior+" "+x.from.PID))
	sub := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(first), PID: x.from.PID, Name: x.from.Name, Behavior: x.from.Behavior}
	if a := n.Procs.Known[x.from.PID]; a != nil {
		sub, who = a.Subject(first), a.Called()
	}
	minutes := max(last.Sub(first).Minutes(), 1.0/6)
	perMinute := float64(len(x.times)) / minutes
	f := &finding.Finding{
		Kind: finding.DeadLetters, Subject: sub, Onset: first, OnsetErrorS: 1, Confidence: finding.High,
		Title: fmt.Sprintf("%s on %s keeps sending to %s, which does not exist", who, finding.NodeName(n.Name), cmp.Or(escape.Name(x.to), "a process")),
		Summary: fmt.Sprintf("From %s to %s it logged %d times that whom a message was for does not exist: %s.",
			finding.Clock(first), finding.Clock(last), len(x.times), cmp.Or(escape.Name(x.to), "its lines do not say who that is")),
		Recommendation: "Find where the sender has this address from: a process that is gone, a name that was never registered, a node's earlier life. Let it monitor whom it writes to.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", n.Name, x.from.PID), "node_info on " + n.Name + ": SendErrorsLocal, twice"},
	}
	lines := finding.Evidence{What: "what it logs", Node: n.Name, Tool: "sample_read", From: &first, To: &last, Lines: []string{x.sample}}
	lines.Value("lines", len(x.times), n.LogLines(first, last).Lines(cmp.Or(x.to, nobody.FindString(x.sample)), x.from.PID, ""))
	f.Evidence = append(f.Evidence, lines)
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote"} {
		counted := n.Series(ergo.Node, field).Between(first.Add(-s.Usual(n)), last.Add(s.Usual(n)))
		if grown, _ := series.Increase(counted, n.Starts...); grown >= fewestLetters {
			perMinute = max(perMinute, grown/minutes)
			f.Summary += fmt.Sprintf(" %s grew by %s meanwhile.", field, finding.Number(grown))
			f.Evidence[0].Value(field, grown, n.Over("node_info", counted).Of("increase("+field+")"))
		}
	}
	f.Score = finding.Score(finding.DeadLetters, perMinute)
	if series.Over(x.times, s.To) {
		f.End = &last
	}
	if first.Sub(s.From) < 2*s.Usual(n) {
		f.Summary += " It was so when the recording began."
		f.Facts = append(f.Facts, finding.Older)
	}
	return f
}
