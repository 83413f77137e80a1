package rules

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// Playbook is the name under which rules are run.
const Playbook = "rules"

// The scores of findings, by the severity that the rule gives them: within each
// severity in the middle, so that no rule stands before a grave fault that was
// measured, nor behind what is hardly one.
const (
	scoreCritical = 80
	scoreWarning  = 60
	scoreInfo     = 35
)

// maxFindings is how many rows of a node are findings of one rule; the others
// are named by the first.
const maxFindings = 10

// Detectors are the rules as detectors: one that asks them all, for they are
// asked in one walk.
func (s *Set) Detectors() []detector.Detector {
	d := detector.Detector{
		Name: Playbook, Looks: "rows of which a rule of the user's own holds", Claims: []finding.Kind{finding.Rule}, Run: s.judge,
	}
	for _, r := range s.Rules {
		need := detector.Need{Reading: r.Over, Least: 1}
		if !slices.ContainsFunc(d.Needs, func(n detector.Need) bool { return n.Reading == r.Over }) {
			d.Needs = append(d.Needs, need)
		}
	}
	return []detector.Detector{d}
}

func (s *Set) judge(ctx context.Context, sc *scene.Scene, v *finding.Verdict) error {
	for _, n := range sc.Nodes {
		all, err := s.Watch(ctx, sc.Rec, n.Node, sc.From, sc.To, sc.Note)
		if err != nil {
			return err
		}
		for _, w := range all {
			w.say(sc, v)
		}
	}
	return nil
}

// say says what became of a rule on a node.
func (w *Watched) say(sc *scene.Scene, v *finding.Verdict) {
	switch {
	case w.Failed != nil:
		v.Skip("%s: rule %s: %v", w.Node, w.Rule.Name, w.Failed)
	case w.Answers == 0: // the detector's needs say so
	case w.Told == 0 && w.Untold > 0:
		v.Skip("%s: rule %s: it cannot be told: %s was never known", w.Node, w.Rule.Name, w.Lacks)
	case w.Told == 0:
		v.Skip("%s: rule %s: there was no row to ask it of", w.Node, w.Rule.Name)
	case len(w.Matches) == 0 && w.Untold > 0:
		v.Fine("%s: rule %s did not hold: %d rows of %d answers; of %d more it cannot be told (%s)", w.Node, w.Rule.Name, w.Told, w.Answers, w.Untold, w.Lacks)
	case len(w.Matches) == 0:
		v.Fine("%s: rule %s did not hold: %d rows of %d answers", w.Node, w.Rule.Name, w.Told, w.Answers)
	}
	for i, m := range w.Matches {
		if i == maxFindings {
			break
		}
		f := m.finding(sc)
		if i == 0 && len(w.Matches) > maxFindings {
			f.Evidence = append(f.Evidence, w.others())
		}
		v.Find(f)
	}
}

// others are the rows that are no findings of their own.
func (w *Watched) others() finding.Evidence {
	var names []string
	for _, m := range w.Matches[maxFindings:] {
		names = append(names, m.Row.who())
	}
	return finding.Evidence{
		What: fmt.Sprintf("It held of %d more on this node.", len(names)), Node: w.Node, Lines: finding.FirstLines(names, 20),
	}
}

func (m *Match) finding(sc *scene.Scene) *finding.Finding {
	first, last := m.Stretches[0], m.Stretches[len(m.Stretches)-1]
	f := &finding.Finding{
		Kind: finding.Rule, Rule: m.Rule.Name, Score: m.Rule.score(), Confidence: finding.High,
		Title:   fmt.Sprintf("rule %s: %s", m.Rule.Name, m.Row.who()),
		Summary: m.Rule.Text + " " + m.lasted(), Recommendation: m.Rule.Recommendation,
		Subject: m.Row.Subject(m.Rule.Over), Onset: first.From,
	}
	f.Subject.Incarnation = sc.Incarnation(m.Row.Node, first.From)
	if !first.Since.IsZero() {
		f.OnsetErrorS = finding.Round(first.From.Sub(first.Since).Seconds())
	} else {
		f.Caveats = append(f.Caveats, "It may have begun before: until then it could not be told whether the rule held.")
	}
	if !last.Open {
		f.End = &last.To
	}
	for i, s := range m.Stretches {
		if i == maxEvidence {
			break
		}
		f.Evidence = append(f.Evidence, m.evidence(s))
	}
	return f
}

// maxEvidence is how many stretches are shown as evidence.
const maxEvidence = 3

func (r *Rule) score() int {
	switch r.Severity {
	case finding.Critical:
		return scoreCritical
	case finding.Warning:
		return scoreWarning
	}
	return scoreInfo
}

// lasted says for how long the rule held.
func (m *Match) lasted() string {
	first, last := m.Stretches[0], m.Stretches[len(m.Stretches)-1]
	n := len(m.Stretches) + m.More
	if n == 1 {
		text := fmt.Sprintf("It held from %s to %s, in %d answers", finding.Clock(first.From), finding.Clock(first.To), first.Answers)
		if first.Open {
			text += ", the last of them too"
		}
		return text + "."
	}
	return fmt.Sprintf("It held %s, at first from %s to %s, last from %s to %s.", finding.Times(n),
		finding.Clock(first.From), finding.Clock(first.To), finding.Clock(last.From), finding.Clock(last.To))
}

// evidence is what was seen when a stretch began.
func (m *Match) evidence(s Stretch) finding.Evidence {
	tool := toolOf(m.Rule.Over)
	e := finding.Evidence{
		What: fmt.Sprintf("%s, from %s for %s", strings.Join(strings.Fields(m.Rule.When), " "), finding.Clock(s.From), finding.Duration(s.To.Sub(s.From))),
		Node: m.Row.Node, Tool: tool, From: &s.From, To: &s.To, Values: map[string]any{},
		Records: []string{finding.RecordName(m.Row.Node, tool, s.From), finding.RecordName(m.Row.Node, tool, s.To)},
	}
	row := finding.Source{Tool: tool, Node: m.Row.Node, Row: m.Row.Key}
	e.Value("answers", s.Answers, row.Between(s.From, s.To).Of("count(rows)"))
	for _, v := range s.Values {
		var said any = v.Number
		if v.Text != "" {
			said = v.Text
		}
		from := s.From
		if v.Pair {
			from = s.Before
		}
		switch {
		case math.IsNaN(v.Number):
		case v.Again != "" && !from.IsZero():
			e.Value(v.Name, said, row.Between(from, s.From).Of(v.Again))
		default: // what was within a window, no formula gives again
			e.Values[v.Name] = finding.Round(v.Number)
		}
	}
	return e
}

// toolOf is a tool that gives a reading.
func toolOf(r ergo.Reading) string {
	for _, t := range tools48.Tools() {
		if slices.ContainsFunc(t.Says, func(s ergo.Said) bool { return s.Reading == r }) {
			return t.Name
		}
	}
	return string(r)
}

// who is how a person names a row.
func (r Row) who() string {
	for _, name := range []string{r.Name, r.Behavior, r.Key} {
		if name != "" {
			if name == r.Behavior && r.PID != "" {
				name += " " + r.PID
			}
			return name + " on " + r.Node
		}
	}
	return r.Node
}

// Subject is whom a finding over a reading accuses.
func (r Row) Subject(over ergo.Reading) finding.Subject {
	s := finding.Subject{Node: r.Node, PID: r.PID, Name: r.Name, Behavior: r.Behavior, Application: r.Application}
	switch over {
	case ergo.Processes:
	case ergo.Links, ergo.Cluster:
		s.Peer = r.Key
	case ergo.Events:
		s.Event = r.Key
	case ergo.Applications:
		s.Application = r.Key
	default:
		s.Name = r.Key
	}
	return s
}

// Fired is when the rule would have said so: once the stretch had lasted as long
// as it asks for.
func (m *Match) Fired(s Stretch) time.Time { return s.From.Add(m.Rule.For) }
