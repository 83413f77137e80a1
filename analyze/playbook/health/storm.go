package health

import (
	"cmp"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// stormRise is how many times as many lines as before make a storm: load that
// doubles or grows tenfold writes as many more lines.
const stormRise = 20

// storms finds lines below the level of errors that are written so often that
// they hide all others and cost more than they tell.
func storms(s *scene.Scene, n *scene.Node, miner *logs.Miner, v *finding.Verdict) {
	for i, level := range ergo.Levels() {
		if logs.Rank(string(level)) >= logs.Rank(bad) {
			continue
		}
		counted := n.Series(ergo.Node, "LogMessages."+string(level))
		if f := olderStorm(s, n, miner, i, counted); f != nil {
			v.Find(f)
			continue
		}
		for _, life := range n.LivesIn(s) {
			b, ok := series.FindBurst(series.Within(series.Steps(counted, n.Starts...), life.From, life.To))
			if ok && b.After.Rate() >= s.Set.Of(storm) && b.After.Rate() >= stormRise*b.Before.Rate() {
				f := stormFinding(s, n, b, miner, string(level), counted)
				n.TellBurst(&f.Evidence[0], b, "node_info", fmt.Sprintf("element(LogMessages, %d)", i))
				v.Find(f)
			}
		}
	}
}

// olderStorm finds lines that came far more often than on average in the life of a node
// when the recording began, and went on, to the end or for a while; nil where they did not.
func olderStorm(s *scene.Scene, n *scene.Node, miner *logs.Miner, level int, counted series.Series) *finding.Finding {
	const (
		fewest = 4 // answers: a rate in the first half and in the second
		rise   = 5 // times: its average has some of the storm in it, and a day's load is not five times its average
	)
	was, life, ok := n.LifeBefore(counted)
	grew := series.Growths(counted)
	if !ok || len(grew) == 0 || len(n.Starts) > 0 {
		return nil
	}
	if counted = counted.Before(grew[len(grew)-1].Add(1)); counted.Len() < fewest { // it may have ended
		return nil
	}
	half := counted.T[0].Add(counted.Span() / 2)
	first, firstS := series.Increase(counted.Before(half.Add(1)))
	all, allS := series.Increase(counted)
	is := all / max(allS, 1e-3)
	if is < s.Set.Of(storm) || is < rise*was || first < is*firstS/2 || all-first < is*(allS-firstS)/2 {
		return nil // it is as ever, or began meanwhile
	}
	b := series.Burst{From: counted.T[0].Add(-life), Onset: s.From, Since: counted.T[0], End: counted.T[counted.Len()-1], Off: s.Usual(n)}
	b.Before.Events, b.Before.Seconds, b.After.Events, b.After.Seconds = counted.V[0], life.Seconds(), all, allS
	name := string(ergo.Levels()[level])
	f := stormFinding(s, n, b, miner, name, counted)
	f.Confidence, f.Facts = finding.Medium, []finding.Fact{finding.Older}
	f.Summary = "It was so when the recording began: " + f.Summary
	f.Caveats = append(f.Caveats, "Since when is not known: what it had written before is what it had counted by its first answer.")
	lines := fmt.Sprintf("element(LogMessages, %d)", level)
	e := &f.Evidence[0]
	n.TellLife(e, life)
	at := n.Says("node_info", counted.T[0], counted.T[0])
	e.Value("before", counted.V[0], at.Of("first("+lines+")"))
	e.Value("before_per_s", was, at.Of(fmt.Sprintf("first(%s) / %v", lines, life.Seconds())))
	e.Value("after", all, n.Over("node_info", counted).Of("increase("+lines+")"))
	e.Value("after_per_s", is, n.Over("node_info", counted).Of(fmt.Sprintf("increase(%s) / %v", lines, allS)))
	e.Value("after_s", allS, n.Over("node_info", counted).Of(fmt.Sprintf("%v", allS)))
	return f
}

func stormFinding(s *scene.Scene, n *scene.Node, b series.Burst, miner *logs.Miner, level string, counted series.Series) *finding.Finding {
	writers := map[logs.Source]int{}
	var worst *logs.Template
	seen, most := 0, 0
	for _, t := range miner.Templates() {
		lines := t.Between(b.Since, b.End.Add(1e9)) // to the second
		if t.Level != level || lines == 0 {
			continue
		}
		if seen += lines; lines > most {
			worst, most = t, lines
		}
		for _, w := range t.Sources {
			w.Source.Text = ""
			writers[w.Source] += min(w.Count, lines)
		}
	}
	who := logs.Source{}
	for w, lines := range writers {
		if 2*lines > seen {
			who = w
		}
	}
	writer := cmp.Or(who.Name, who.Behavior, "somebody")
	f := &finding.Finding{
		Kind: finding.ErrorBurst, Score: finding.Note, Confidence: finding.High,
		Title: fmt.Sprintf("%s on %s writes %s lines of level %s a second to the log, before %s", writer, finding.NodeName(n.Name),
			finding.Number(b.After.Rate()), level, finding.Number(b.Before.Rate())),
		Summary: fmt.Sprintf("%s lines of level %s in %s, against %s in the %s before. They hide what else is logged, and cost CPU and disk.",
			finding.Number(b.After.Events), level, finding.Seconds(b.After.Seconds), finding.Number(b.Before.Events), finding.Seconds(b.Before.Seconds)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(b.Onset), PID: who.PID, Name: who.Name, Behavior: who.Behavior},
		Onset:   b.Onset, OnsetErrorS: max(b.Off.Seconds(), 0.1),
		Evidence: []finding.Evidence{{
			What: "lines of level " + level + ", counted by the node", Node: n.Name, Tool: "node_info", Field: "LogMessages", From: &b.Onset, To: &b.End, Series: finding.Chart("lines", counted),
		}},
		Recommendation: "Find what makes it log so often: a loop that complains each time it fails, a debug line in a hot path. Log it once, or count it.",
		Confirm:        []string{"node_info on " + n.Name + ": LogMessages, twice"},
	}
	if logs.Rank(level) >= logs.Rank("warning") {
		f.Score = max(finding.ScoreWarning, finding.Score(finding.ErrorBurst, 60*b.After.Rate()))
	}
	if grew := series.Growths(counted.Between(b.Since, b.End.Add(1))); series.Over(append(grew, b.End), s.To) {
		f.End = &b.End
		f.Score = min(f.Score, finding.Over)
		f.Title = fmt.Sprintf("%s on %s wrote %s lines of level %s to the log in %s", writer, finding.NodeName(n.Name), finding.Number(b.After.Events), level, finding.Seconds(b.After.Seconds))
	}
	if worst == nil {
		f.Caveats = append(f.Caveats, "The lines themselves were not recorded, only their number.")
		return f
	}
	f.Summary += " Most frequent: " + worst.Text() + "."
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "what these lines say", Node: n.Name, Tool: "sample_read", From: &b.Onset, To: &b.End, Lines: []string{level + ": " + worst.Text()},
	})
	if float64(seen) < b.After.Events {
		f.Caveats = append(f.Caveats, fmt.Sprintf("%d of these lines were recorded: who wrote them is told from those.", seen))
	}
	return f
}
