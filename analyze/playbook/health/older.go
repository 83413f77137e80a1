package health

import (
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/escape"
)

// bad is from which level on a line counts as an error.
const bad = "error"

// olderErrors finds a node that logged errors far above its own average when the
// recording began, and went on: what it counted in its life before is the before.
func olderErrors(s *scene.Scene, n *scene.Node, miner *logs.Miner, counted series.Series) *finding.Finding {
	r, ok := n.RisenAllAlong(counted, 8)
	if !ok {
		return nil
	}
	f := &finding.Finding{
		Kind: finding.ErrorBurst, Score: finding.Score(finding.ErrorBurst, 60*r.Is), Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Title: fmt.Sprintf("%s logs %s errors a minute, all along", finding.NodeName(n.Name), finding.Number(60*r.Is)),
		Summary: fmt.Sprintf("It was so when the recording began: %s lines of level error or panic came meanwhile; in the %s of its life before it were %s a minute on average.",
			finding.Number(r.Grown), finding.Duration(r.Life), finding.Number(60*r.Was)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(s.From)},
		Onset:   s.From, OnsetErrorS: s.Usual(n).Seconds(),
		Evidence: []finding.Evidence{{
			What: "lines of level error and panic, counted by the node", Node: n.Name, Tool: "node_info", Field: "LogMessages", From: &s.From, To: &s.To, Series: finding.Chart("lines", counted),
		}},
		Recommendation: "Read these lines, and what else the node logged when they began.",
		Confirm:        []string{"sample_listen log_levels=[error,panic] on " + n.Name},
		Caveats:        []string{finding.OnlyItsLife},
	}
	const lines = "element(LogMessages, 4) + element(LogMessages, 5)"
	e := &f.Evidence[0]
	n.TellLife(e, r.Life)
	e.Value("before_per_min", 60*r.Was, n.Says("node_info", counted.T[0], counted.T[0]).Of(fmt.Sprintf("60 * first(%s) / %v", lines, r.Life.Seconds())))
	e.Value("after_per_min", 60*r.Is, n.Over("node_info", counted).Of(fmt.Sprintf("60 * increase(%s) / %v", lines, r.Seconds)))
	e.Value("after", r.Grown, n.Over("node_info", counted).Of("increase("+lines+")"))
	nameWriters(f, miner, r.Grown)
	return f
}

// nameWriters names who wrote most of the lines, and what they say most often.
func nameWriters(f *finding.Finding, miner *logs.Miner, lines float64) {
	behaviors, names := map[string]int{}, map[string]int{}
	var worst *logs.Template
	for _, t := range miner.Templates() {
		if logs.Rank(t.Level) < logs.Rank(bad) {
			continue
		}
		if worst == nil || t.Count > worst.Count {
			worst = t
		}
		for _, w := range t.Sources {
			behaviors[w.Source.Behavior] += w.Count
			names[w.Source.Name] += w.Count
		}
	}
	if worst == nil {
		f.Caveats = append(f.Caveats, "The lines themselves were not recorded, only their number.")
		return
	}
	f.Subject.Name, f.Subject.Behavior = mostOf(names, lines), mostOf(behaviors, lines)
	f.Summary += " Most frequent: " + escape.Quote(worst.Text()) + "."
	f.Evidence = append(f.Evidence, finding.Evidence{What: "what these lines say", Node: f.Subject.Node, Tool: "sample_read", Lines: []string{fmt.Sprintf("%d x %s: %s", worst.Count, worst.Level, worst.Text())}})
}

// errorsCounted is the node's own count of lines of level error and panic.
func errorsCounted(n *scene.Node) series.Series {
	return series.Sum(n.Series(ergo.Node, "LogMessages.error"), n.Series(ergo.Node, "LogMessages.panic"))
}

// mostOf is who wrote more than half of the lines, "" if nobody did.
func mostOf(writers map[string]int, lines float64) string {
	for name, n := range writers {
		if float64(n) > lines/2 {
			return name
		}
	}
	return ""
}
