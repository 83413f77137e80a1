package health

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// errorRates finds nodes that log errors and panics, or fail to deliver
// messages, far more often than they did.
func errorRates(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	w, err := s.Network(ctx)
	if err != nil {
		return err
	}
	for _, n := range s.Nodes {
		before := len(v.Findings)
		if err := errorBurst(ctx, s, n, v); err != nil {
			return err
		}
		if err := deadLetters(ctx, s, n, v); err != nil {
			return err
		}
		for _, life := range n.LivesIn(s) {
			deliveryErrors(s, w, n, life, v)
		}
		routers(s, n, v)
		if n.Series(ergo.Node, "LogMessages.error").Len() > 1 && len(v.Findings) == before {
			fewErrorsOf(n, w.OwnErrors(n), v)
		}
	}
	return nil
}

// fewErrorsOf says what a node without findings counted.
func fewErrorsOf(n *scene.Node, own []time.Time, v *finding.Verdict) {
	grew := func(fields ...string) float64 {
		sum := 0.0
		for _, f := range fields {
			grown, _ := series.Increase(failed(n, f, own), n.Starts...)
			sum += grown
		}
		return sum
	}
	v.Fine("%s: no burst of errors or failed deliveries: %s lines of level error or panic and %s failed deliveries came over %d answers", n.Name,
		finding.Number(grew("LogMessages.error", "LogMessages.panic")),
		finding.Number(grew("SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote")), n.Heard.Len())
}

// errorBurst looks at the lines themselves where they were recorded, and at
// the node's count of them.
func errorBurst(ctx context.Context, s *scene.Scene, n *scene.Node, v *finding.Verdict) error {
	var miner logs.Miner
	var times []time.Time
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return err
		}
		t := miner.Add(l)
		if logs.Rank(t.Level) >= logs.Rank(bad) {
			times = append(times, l.At)
		}
	}
	counted := errorsCounted(n)
	storms(s, n, &miner, v)
	found := false
	for _, life := range n.LivesIn(s) {
		heard := n.Heard.Between(life.From, life.To)
		if heard.Len() == 0 {
			continue
		}
		b, ok := series.FindBurst(series.PerSecond(heard.T[0], heard.T[heard.Len()-1], times))
		if !ok {
			b, ok = series.FindBurst(series.Within(series.Steps(counted, n.Starts...), life.From, life.To))
			times = nil
		}
		if ok {
			f := burstFinding(s, n, b, &miner, counted, times)
			tellErrors(n, &f.Evidence[0], b, times != nil)
			v.Find(f)
			found = true
		}
	}
	if f := olderErrors(s, n, &miner, counted); f != nil && !found {
		v.Find(f)
	}
	return nil
}

func burstFinding(s *scene.Scene, n *scene.Node, b series.Burst, miner *logs.Miner, counted series.Series, times []time.Time) *finding.Finding {
	changes := logs.Compare(miner.Templates(), s.From, b.Onset.Truncate(time.Second), b.End, 0.01)
	var lines []string
	panics := 0
	behaviors, names := map[string]int{}, map[string]int{}
	var worst *logs.Template
	for _, c := range changes {
		t := c.Template
		if logs.Rank(t.Level) < logs.Rank(bad) {
			continue
		}
		if t.Level == "panic" {
			panics += t.Count
		}
		if worst == nil || t.Count > worst.Count {
			worst = t
		}
		if len(lines) < 6 {
			lines = append(lines, fmt.Sprintf("%d x %s: %s", t.Count, t.Level, t.Text()))
		}
		for _, w := range t.Sources {
			behaviors[cmp.Or(w.Source.Behavior, w.Source.Name)] += w.Count
			names[w.Source.Name] += w.Count
		}
	}
	f := &finding.Finding{
		Kind: finding.ErrorBurst, Score: finding.Score(finding.ErrorBurst, 60*b.After.Rate()), Confidence: finding.High,
		Title:   fmt.Sprintf("%s logs %s errors a minute since %s, before %s", finding.NodeName(n.Name), finding.Number(60*b.After.Rate()), finding.Clock(b.Onset), finding.Number(60*b.Before.Rate())),
		Summary: fmt.Sprintf("%s lines of level error or panic in %s, against %s in the %s before.", finding.Number(b.After.Events), finding.Seconds(b.After.Seconds), finding.Number(b.Before.Events), finding.Seconds(b.Before.Seconds)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(b.Onset), Name: mostOf(names, b.After.Events), Behavior: mostOf(behaviors, b.After.Events)},
		Onset:   b.Onset, OnsetErrorS: max(b.Off.Seconds(), 0.1),
		Evidence: []finding.Evidence{{
			What: "lines of level error and panic, counted by the node", Node: n.Name, Tool: "node_info", Field: "LogMessages", From: &b.Onset, To: &b.End, Series: finding.Chart("lines", counted),
		}},
		Recommendation: "Read the first of these lines: what came first is nearest to the cause.",
		Confirm:        []string{"sample_listen log_levels=[error,panic] on " + n.Name},
	}
	if times == nil {
		times = series.Growths(counted)
	}
	times = slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return t.Before(b.Onset) || t.After(b.End) })
	if series.Over(append(times, b.End), s.To) {
		f.End = &b.End
	}
	if lines == nil {
		f.Caveats = append(f.Caveats, "The lines themselves were not recorded, only their number.")
	} else {
		f.Evidence = append(f.Evidence, finding.Evidence{What: "what these lines say", Node: n.Name, Tool: "sample_read", From: &b.Onset, To: &b.End, Lines: lines})
		f.Summary += " Most frequent: " + escape.Quote(worst.Text()) + "."
	}
	if panics > 0 {
		if p, ok := logs.ParsePanic(worst.Example.Message); ok && p.Application == "" && p.Function != "" {
			f.Caveats = append(f.Caveats, "The panic's line names a frame of the runtime only ("+p.Function+"): which application code it was is not in the log.")
		}
	}
	if f.End != nil && b.After.Events < s.Set.Of(fewErrors) {
		f.Score = min(f.Score, finding.Note)
	}
	return f
}

// tellErrors adds how many lines there were before and in the burst: by the lines
// themselves, or by the node's count of them.
func tellErrors(n *scene.Node, e *finding.Evidence, b series.Burst, byLines bool) {
	if !byLines {
		n.TellBurst(e, b, "node_info", "element(LogMessages, 4) + element(LogMessages, 5)")
		return
	}
	e.What, e.Tool, e.Field = "lines of level error and panic", "sample_read", ""
	lines := n.Says("node_info", time.Time{}, time.Time{})
	e.Value("before", b.Before.Events, n.LogLines(b.From, b.Since.Add(-1)).Lines("", "", bad))
	e.Value("after", b.After.Events, n.LogLines(b.Since, b.End.Add(-1)).Lines("", "", bad))
	perMin := func(c finding.Call) finding.Call {
		c.Gives = "per_min"
		return c
	}
	e.Value("before_per_min", 60*b.Before.Rate(), perMin(n.LogLines(b.From, b.Since.Add(-1)).Lines("", "", bad)))
	e.Value("after_per_min", 60*b.After.Rate(), perMin(n.LogLines(b.Since, b.End.Add(-1)).Lines("", "", bad)))
	took := func(from time.Time, c series.Count) finding.Call {
		return lines.Of("seconds(" + finding.Instant(from) + ", " + finding.Instant(from.Add(time.Duration(c.Seconds*float64(time.Second)))) + ")")
	}
	e.Value("before_s", b.Before.Seconds, took(b.From, b.Before))
	e.Value("after_s", b.After.Seconds, took(b.Since, b.After))
}
