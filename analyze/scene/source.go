package scene

import (
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/series"
)

// Rows is where values about the process come from: its row in the listings of
// a stretch, both ends included.
func (a *Actor) Rows(from, to time.Time) finding.Source {
	return finding.Source{Tool: "process_list", Node: a.Node.Name, Row: a.Pid, From: from, To: to}
}

// Says is where values about the node come from: what a tool answered in a
// stretch, both ends included.
func (n *Node) Says(tool string, from, to time.Time) finding.Source {
	return finding.Source{Tool: tool, Node: n.Name, From: from, To: to}
}

// Over is where values about a stretch of a series of the node come from: the
// window from its first sample to its last.
func (n *Node) Over(tool string, s series.Series) finding.Source {
	if s.Len() == 0 {
		return n.Says(tool, time.Time{}, time.Time{})
	}
	return n.Says(tool, s.T[0], s.T[s.Len()-1])
}

// OverRates is as Over for a stretch of the rates of a counter, each of which
// needs the sample before it.
func (n *Node) OverRates(tool string, counter, rates series.Series) finding.Source {
	src := n.Over(tool, rates)
	if before := counter.Before(src.From); before.Len() > 0 && rates.Len() > 0 {
		src.From = before.T[before.Len()-1]
	}
	return src
}

// TellGrowth adds a growth to evidence: the most before, what it is of late, and
// how much more it is each second.
func (n *Node) TellGrowth(e *finding.Evidence, g series.Growth, tool, field string) {
	e.Value("before", g.Before, n.Over(tool, g.Was).Of("max("+field+")"))
	e.Value("after", g.After, n.Over(tool, g.Late).Of("median("+field+")"))
	e.Value("per_s", g.Slope.PerSecond, n.Over(tool, g.Since).Of("slope("+field+")"))
}

// TellBurst adds to evidence how often a counter of the node counted a minute
// before a burst and in it, and how often in it in all.
func (n *Node) TellBurst(e *finding.Evidence, b series.Burst, tool, counter string) {
	was, is := n.Says(tool, b.From, b.Since), n.Says(tool, b.Since, b.End)
	e.Value("before_per_min", 60*b.Before.Rate(), was.Of("60 * rate("+counter+")"))
	e.Value("after_per_min", 60*b.After.Rate(), is.Of("60 * rate("+counter+")"))
	e.Value("before", b.Before.Events, was.Of("increase("+counter+")"))
	e.Value("after", b.After.Events, is.Of("increase("+counter+")"))
	e.Value("before_s", b.Before.Seconds, was.Of("seconds("+finding.Instant(b.From)+", "+finding.Instant(b.From.Add(seconds(b.Before.Seconds)))+")"))
	e.Value("after_s", b.After.Seconds, is.Of("seconds("+finding.Instant(b.Since)+", "+finding.Instant(b.Since.Add(seconds(b.After.Seconds)))+")"))
}
