package compare

import (
	"fmt"
	"io"
	"math"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/escape"
)

// words are a change in a line.
func (c *Change) words() string {
	t := fmt.Sprintf("%s%s: %s, before %s", c.Metric, c.of(), c.value(c.After.Usual), c.value(c.Before.Usual))
	switch {
	case c.Before.Total == 0:
		return t + " (new)"
	case c.After.Total == 0:
		return t + " (gone)"
	}
	off := ""
	if c.Load != 1 {
		off = ", the load taken off"
	}
	return t + fmt.Sprintf(" (%+.0f %%, between %+.0f and %+.0f %%%s)", 100*(c.Ratio-1), 100*(c.Low-1), 100*(c.High-1), off)
}

func (c *Change) of() string {
	s := c.Subject
	var out string
	for _, p := range []struct{ word, name string }{
		{" of ", s.Behavior},
		{" of event ", s.Event},
		{" of function ", s.Function},
		{" to ", s.Peer},
		{" on ", s.Node},
	} {
		if p.name != "" {
			out += p.word + escape.Name(p.name)
		}
	}
	if s.Template != "" {
		out += " of level " + s.Level + ": " + escape.Quote(s.Template)
	}
	if s.Node == "" && len(c.Nodes) > 0 {
		out += " on " + finding.List(c.Nodes)
	}
	return out
}

func (c *Change) value(v float64) string {
	switch c.Unit {
	case "s":
		if math.Abs(v) < 1e-4 {
			return finding.Number(v*1e6) + " µs"
		}
		return finding.Seconds(v)
	case "B":
		return finding.Size(v)
	case "/s":
		return finding.Number(v) + " a second"
	case "":
		return finding.Number(v)
	}
	return finding.Number(v) + " " + c.Unit
}

// Text writes a comparison for people and agents.
func Text(w io.Writer, c *Comparison, limit int) {
	escape.Fprintf(w, "%s\n", c.Conclusion)
	for _, s := range []struct {
		word string
		s    Stretch
	}{{"before", c.Before}, {"after", c.After}} {
		escape.Fprintf(w, "%s: %s, %s to %s, %s\n", s.word, s.s.Name, s.s.From.UTC().Format("2006-01-02T15:04:05Z"), s.s.To.UTC().Format("2006-01-02T15:04:05Z"), strings.Join(s.s.Nodes, ", "))
	}
	for _, p := range c.Planned {
		escape.Fprintf(w, "%s\n", p.Text)
	}
	for i, x := range c.Changes {
		if i == limit {
			escape.Fprintf(w, "%d more changes\n", len(c.Changes)-limit)
			break
		}
		escape.Fprintf(w, "%s %s\n", x.Label, x.Text)
		if x.Before.High > 0 || x.After.High > 0 {
			escape.Fprintf(w, "   stretches: median %s (half of them %s to %s), before %s (%s to %s)\n", x.value(x.After.Median), x.value(x.After.Low), x.value(x.After.High), x.value(x.Before.Median), x.value(x.Before.Low), x.value(x.Before.High))
		}
		if x.ExplainedBy != "" {
			escape.Fprintf(w, "   explained by %s\n", x.ExplainedBy)
		}
		for _, f := range x.Functions {
			escape.Fprintf(w, "   %s\n", f)
		}
	}
	for _, o := range c.Open {
		escape.Fprintf(w, "not settled: %s\n", o)
	}
	for _, l := range c.Left {
		escape.Fprintf(w, "not compared: %s\n", l)
	}
}
