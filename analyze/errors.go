package analyze

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/series"
)

// errorRates finds nodes that log errors and panics, or fail to deliver
// messages, far more often than they did.
func errorRates(ctx context.Context, s *scene, v *verdict) error {
	w, err := s.network(ctx)
	if err != nil {
		return err
	}
	for _, n := range s.nodes {
		before := len(v.findings)
		if err := s.errorBurst(ctx, n, v); err != nil {
			return err
		}
		for _, life := range n.livesIn(s) {
			s.deliveryErrors(w, n, life, v)
		}
		if n.series("node_info", "LogMessages.error").Len() > 1 && len(v.findings) == before {
			v.fine("%s: errors, panics and failed deliveries are no more frequent than before", n.Name)
		}
	}
	return nil
}

// bad is from which level on a line counts as an error.
const bad = "error"

// errorBurst looks at the lines themselves where they were recorded, and at
// the node's count of them.
func (s *scene) errorBurst(ctx context.Context, n *node, v *verdict) error {
	var miner logs.Miner
	var times []time.Time
	for l, err := range s.rec.Logs(ctx, n.Name, s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return err
		}
		t := miner.Add(l)
		if logs.Rank(t.Level) >= logs.Rank(bad) {
			times = append(times, l.At)
		}
	}
	counted := sum(n.series("node_info", "LogMessages.error"), n.series("node_info", "LogMessages.panic"))
	for _, life := range n.livesIn(s) {
		heard := n.heard.Between(life.From, life.To)
		if heard.Len() == 0 {
			continue
		}
		b, ok := findBurst(perSecond(heard.T[0], heard.T[heard.Len()-1], times))
		if !ok {
			b, ok = findBurst(within(steps(counted, n.starts...), life))
		}
		if ok {
			v.find(s.burstFinding(n, b, &miner, counted))
		}
	}
	return nil
}

// perSecond counts instants in equal steps, of a second or of a thousandth of
// the stretch, so that a day has no more than a thousand. Only the first step
// of a run of events needs to be sharp: the onset is then the instant itself.
func perSecond(from, to time.Time, at []time.Time) []step {
	if !to.After(from) || len(at) == 0 {
		return nil
	}
	width := max(time.Second, to.Sub(from)/1000)
	all := make([]step, int(to.Sub(from)/width)+1)
	for i := range all {
		all[i] = step{from: from.Add(time.Duration(i) * width), to: from.Add(time.Duration(i+1) * width)}
	}
	for _, t := range at {
		i := int(t.Sub(from) / width)
		if t.Before(from) || i >= len(all) {
			continue
		}
		all[i].events++
		if all[i].first.IsZero() || t.Before(all[i].first) {
			all[i].first = t
		}
	}
	return all
}

// sum adds two counters that were read together.
func sum(a, b series.Series) series.Series {
	var c series.Series
	for i, t := range a.T {
		x, _ := b.At(t)
		c.Add(t, a.V[i]+x)
	}
	return c
}

func (s *scene) burstFinding(n *node, b burst, miner *logs.Miner, counted series.Series) *Finding {
	changes := logs.Compare(miner.Templates(), s.from, b.onset.Truncate(time.Second), b.end, 0.01)
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
	f := &Finding{
		Kind: "error_burst", Score: 58, Confidence: High,
		Title:   fmt.Sprintf("%s logs %s errors a minute since %s, before %s", short2(n.Name), number(60*b.after.Rate()), clock(b.onset), number(60*b.before.Rate())),
		Summary: fmt.Sprintf("%s lines of level error or panic in %s, against %s in the %s before.", number(b.after.Events), seconds(b.after.Seconds), number(b.before.Events), seconds(b.before.Seconds)),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(b.onset), Name: mostOf(names, b.after.Events), Behavior: mostOf(behaviors, b.after.Events)},
		Onset:   b.onset, OnsetErrorS: max(b.off.Seconds(), 0.1),
		Evidence: []Evidence{{
			What: "lines of level error and panic, counted by the node", Node: n.Name, Tool: "node_info", Field: "LogMessages", From: &b.onset, To: &b.end,
			Values: map[string]any{"before_per_min": round(60 * b.before.Rate()), "after_per_min": round(60 * b.after.Rate()), "p": b.p}, Series: chart("lines", counted),
		}},
		Recommendation: "Read the first of these lines: what came first is nearest to the cause.",
		Confirm:        []string{"sample_listen log_levels=[error,panic] on " + n.Name},
	}
	if s.to.Sub(b.end) > max(10*time.Second, b.end.Sub(b.onset)/2) {
		f.End = &b.end
	}
	if lines == nil {
		f.Caveats = append(f.Caveats, "The lines themselves were not recorded, only their number.")
	} else {
		f.Evidence = append(f.Evidence, Evidence{What: "what these lines say", Node: n.Name, Tool: "sample_read", From: &b.onset, To: &b.end, Lines: lines})
		f.Summary += " Most frequent: " + worst.Text() + "."
	}
	if panics > 0 {
		f.Score = 62
		if p, ok := logs.ParsePanic(worst.Example.Message); ok && p.Application == "" && p.Function != "" {
			f.Caveats = append(f.Caveats, "The panic's line names a frame of the runtime only ("+p.Function+"): which application code it was is not in the log.")
		}
	}
	return f
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

// deliveryErrors looks at the node's counts of sends and calls that failed,
// after taking off those that the recorder's own calls caused.
func (s *scene) deliveryErrors(w *network, n *node, life Window, v *verdict) {
	own := s.ownErrors(w, n)
	type counter struct {
		field   string
		counted series.Series
		b       burst
	}
	var grown []counter
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote"} {
		counted := n.series("node_info", field)
		if field == "CallErrorsRemote" {
			counted = less(counted, own)
		}
		if b, ok := findBurst(within(steps(counted, n.starts...), life)); ok {
			grown = append(grown, counter{field, counted, b})
		}
	}
	if len(grown) == 0 {
		return
	}
	first := slices.MinFunc(grown, func(a, b counter) int { return a.b.onset.Compare(b.b.onset) })
	var parts []string
	f := &Finding{
		Kind: "delivery_errors", Score: 56, Confidence: High,
		Onset: first.b.onset, OnsetErrorS: first.b.off.Seconds(),
		Subject:        Subject{Node: n.Name, Incarnation: n.incarnation(first.b.onset), Peer: s.unreachable(w, n, first.b.onset)},
		Recommendation: "Find whom these messages were for: an unknown process is gone, a full mailbox is overloaded, a time-out is busy or blocked, no connection is the network or a node that is down.",
		Confirm:        []string{"node_info on " + n.Name + ": SendErrors and CallErrors, twice"},
		Caveats:        []string{"The counters do not say whom a message was for; that is told from lost links and log lines."},
	}
	for _, c := range grown {
		parts = append(parts, fmt.Sprintf("%s by %s", c.field, number(c.b.after.Events)))
		f.Evidence = append(f.Evidence, Evidence{
			What: "deliveries that failed, without the recorder's own", Node: n.Name, Tool: "node_info", Field: c.field, From: &c.b.onset, To: &c.b.end,
			Values: map[string]any{"before_per_min": round(60 * c.b.before.Rate()), "after_per_min": round(60 * c.b.after.Rate())}, Series: chart("errors", c.counted),
		})
	}
	if len(own) > 0 {
		f.Caveats = append(f.Caveats, fmt.Sprintf("%d failed calls of the recorder's own, which the node counts as well, were taken off.", len(own)))
	}
	towards := ""
	if f.Subject.Peer != "" {
		towards = " to " + short2(f.Subject.Peer)
	}
	f.Title = fmt.Sprintf("%s fails to deliver messages%s since %s", short2(n.Name), towards, clock(f.Onset))
	f.Summary = fmt.Sprintf("Since %s grew on %s: %s.", clock(f.Onset), n.Name, strings.Join(parts, ", "))
	v.find(f)
}

// remoteErrors reports whether sends or calls of a node to others became more
// frequently in vain when a link was lost, or later.
func (s *scene) remoteErrors(w *network, name string, lost loss) bool {
	n := s.node(name)
	if n == nil {
		return false
	}
	for _, counted := range []series.Series{
		n.series("node_info", "SendErrorsRemote"),
		less(n.series("node_info", "CallErrorsRemote"), s.ownErrors(w, n)),
	} {
		b, ok := findBurst(steps(counted, n.starts...))
		if ok && b.onset.After(lost.after.Add(-s.usual(n))) {
			return true
		}
	}
	return false
}

// ownErrors are the instants at which a call of the recorder added an error to
// the node: forwarded calls that the entry point could not deliver, and pings
// that the node could not complete.
func (s *scene) ownErrors(w *network, n *node) []time.Time {
	var at []time.Time
	for asked, calls := range w.fails {
		for _, c := range calls {
			if c.link && !c.mark && n.Entry && asked != n.Name || !c.link && c.tool == "network_ping" && asked == n.Name {
				at = append(at, c.at)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

// less is a counter without the given events. It never falls: an event that
// the node counted later than we did is taken off later.
func less(counter series.Series, events []time.Time) series.Series {
	var out series.Series
	i, high := 0, 0.0
	last, taken := 0.0, 0.0
	for k, t := range counter.T {
		for i < len(events) && !events[i].After(t) {
			i++
		}
		if k > 0 && counter.V[k] < last {
			high, taken = 0, float64(i) // a new life
		}
		last = counter.V[k]
		high = max(high, counter.V[k]-(float64(i)-taken))
		out.Add(t, high)
	}
	return out
}

// unreachable is the one peer whose link to the node was lost around t, "" if
// there is none or more than one.
func (s *scene) unreachable(w *network, n *node, t time.Time) string {
	name := ""
	for _, peer := range s.nodes {
		for _, l := range w.losses(n.Name, peer.Name) {
			from, to := l.after.Add(-2*s.usual(n)), l.before.Add(2*s.usual(n))
			if t.Before(from) || t.After(to) || name == peer.Name {
				continue
			}
			if name != "" {
				return ""
			}
			name = peer.Name
		}
	}
	return name
}
