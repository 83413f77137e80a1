package coverage

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// leastCovered is the share of the window that a reading must cover. What is
// missing beyond a fifth may hold a fault that came and went unseen.
const leastCovered = 0.8

// judge puts what each detector needs beside what it got, and says why it
// cannot be told that nothing is wrong, if so.
func (c *Coverage) judge(list []Need, opt Options) {
	for _, n := range c.Nodes {
		first := len(c.Detectors)
		for _, w := range list {
			if w.Peers && len(c.Nodes)+len(c.NotSeen) < 2 {
				continue
			}
			c.meet(n, w, first)
		}
	}
	s := newSettler(c, cmp.Or(opt.Path, "PATH"))
	if len(c.Nodes) == 0 {
		c.short(Shortfall{Why: "no node was recorded", Settle: s.again(time.Minute)})
	}
	if len(c.Damage) > 0 {
		c.short(Shortfall{Why: "the recording is damaged: " + c.DamageText(), Settle: s.whole()})
	}
	for _, m := range c.Mixed {
		c.short(Shortfall{Why: "two recordings are in one: " + m, Settle: s.apart()})
	}
	for _, u := range c.Unread {
		c.short(Shortfall{Why: "not all of it can be read yet: " + u.Why, Settle: s.later()})
	}
	for _, n := range c.NotSeen {
		c.short(Shortfall{
			Node:   n.Node,
			Why:    fmt.Sprintf("%s was not seen: %s %s it, and nothing of it is in the recording", n.Node, listed(n.KnownBy), plural(len(n.KnownBy), "knows", "know")),
			Settle: s.node(n.Node),
		})
	}
	for _, e := range c.Strangers {
		c.short(Shortfall{
			Why:    fmt.Sprintf("the entry point %s does not answer: whose it is is not known, nor whether its node was recorded", e.Entry),
			Settle: s.entry(e.Entry),
		})
	}
	for _, n := range c.Nodes {
		for _, r := range n.Readings {
			if blind, least, columns := blindWithout(list, r, len(c.Nodes)+len(c.NotSeen)); blind != nil {
				c.shortOf(n, r, Shortfall{Node: n.Name, Readings: []string{r.Reading}, Detectors: blind}, least, columns, s)
			}
		}
	}
	c.Shortfalls = grouped(c.Shortfalls)
	c.caveats()
	c.Sufficient = len(c.Shortfalls) == 0
}

func (c *Coverage) short(s Shortfall) { c.Shortfalls = append(c.Shortfalls, s) }

// got is how many answers of a reading a need can use.
func (w Need) got(r Reading) int {
	got := r.Answers
	if w.Whole {
		got = min(got, r.Answers-r.Cut)
	}
	for _, col := range w.Columns {
		got = min(got, r.Answers-r.Lacking[col])
	}
	return max(got, 0)
}

// meet adds what a detector needs on a node to the list of them, in which the
// node's begin at first, once for each of its readings: the need that got least.
func (c *Coverage) meet(n Node, w Need, first int) {
	r := n.reading(w.Reading)
	d := Detector{Detector: w.Detector, Node: n.Name, Reading: w.Reading, Needs: w.Least, Got: w.got(r)}
	d.Enough = d.Got >= d.Needs && float64(d.Got) >= leastCovered*float64(r.Answers) && r.Covered >= leastCovered
	of := c.Detectors[first:]
	i := slices.IndexFunc(of, func(o Detector) bool { return o.Detector == d.Detector && o.Reading == d.Reading })
	switch {
	case i < 0:
		c.Detectors = append(c.Detectors, d)
	case d.Got < of[i].Got || !d.Enough:
		d.Enough = d.Enough && of[i].Enough
		of[i] = d
	}
}

// reading is what is known of a reading of the node.
func (n Node) reading(name string) Reading {
	i := slices.IndexFunc(n.Readings, func(r Reading) bool { return r.Reading == name })
	if i < 0 {
		return Reading{Reading: name}
	}
	return n.Readings[i]
}

// blindWithout are the detectors that need a reading, the most answers that one
// of them needs, and the columns of it that they need and most answers lack.
func blindWithout(list []Need, r Reading, nodes int) (blind []string, least int, columns []string) {
	for _, w := range list {
		if w.Reading != r.Reading || w.Peers && nodes < 2 {
			continue
		}
		blind = append(blind, w.Detector)
		least = max(least, w.Least)
		for _, col := range w.Columns {
			if float64(r.Answers-r.Lacking[col]) < leastCovered*float64(r.Answers) {
				columns = append(columns, col)
			}
		}
	}
	slices.Sort(blind)
	slices.Sort(columns)
	return slices.Compact(blind), least, slices.Compact(columns)
}

// shortOf says what is missing of one reading of a node: the gravest reason
// only, for one command settles it.
func (c *Coverage) shortOf(n Node, r Reading, out Shortfall, least int, columns []string, s settler) {
	out.Settle, out.rank = s.anew(n, r.Answers+r.Failures > 0 && len(columns) == 0), rankFew
	switch seen := r.Answers - r.Cut; {
	case r.Answers == 0 && r.Failures > 0:
		out.what = noAnswer(r)
		if r.Reading == "process_list" && r.late() {
			out.Settle = s.unforwarded(n.Name)
		}
	case r.Answers == 0:
		out.what = "not recorded"
	case r.Cut > 0 && (seen < least || float64(seen) < leastCovered*float64(r.Answers)):
		out.what = cutText(r)
		if r.Failures > 0 {
			out.what += fmt.Sprintf("; %d calls failed", r.Failures)
		}
		if r.Reading == "process_list" {
			out.Settle = s.unforwarded(n.Name)
		}
	case r.Answers < least:
		out.what = fmt.Sprintf("%d %s, %d are needed", r.Answers, plural(r.Answers, "answer", "answers"), least)
		if r.Failures > 0 {
			out.what += fmt.Sprintf("; %d calls failed", r.Failures)
		}
	case len(columns) > 0:
		out.what = "without " + listed(columns)
	case r.tail:
		out.rank = rankTail
		out.what = fmt.Sprintf("nothing after %s", r.Last.UTC().Format(time.TimeOnly))
	case r.Covered < leastCovered:
		out.rank = rankThin
		out.what = fmt.Sprintf("%s of the window covered", percent(r.Covered))
	default:
		return
	}
	c.short(out)
}

// noAnswer says that no call was answered, and in which words the last was refused.
func noAnswer(r Reading) string {
	what := fmt.Sprintf("no answer, %d %s failed", r.Failures, plural(r.Failures, "call", "calls"))
	if r.Fault != "" {
		what += ": " + r.Fault
	}
	return what
}

// late reports whether a reading's calls failed because nothing came in time, as
// an answer does that is too long to be forwarded.
func (r Reading) late() bool { return r.Fault == "" || strings.HasSuffix(r.Fault, "timed out") }

// cutText says how much answers that lack rows show.
func cutText(r Reading) string {
	switch {
	case r.Reading == "process_list":
		return fmt.Sprintf("%d of %d processes were seen at a time, in %d of %d answers", r.Rows, r.RowsOf, r.Cut, r.Answers)
	case r.RowsOf > r.Rows:
		return fmt.Sprintf("%d of %d rows were seen at a time, in %d of %d answers", r.Rows, r.RowsOf, r.Cut, r.Answers)
	}
	return fmt.Sprintf("%d of %d answers show %d rows, which is all that was asked for: there may be more", r.Cut, r.Answers, r.Rows)
}

// How grave a shortfall is, the gravest first. What concerns the recording or a
// node as a whole has no rank.
const (
	rankFew  = iota + 1 // too little to judge by
	rankTail            // nothing of the end
	rankThin            // stretches without answers
)

// grouped puts the gravest first, and joins the readings of a node of
// which the same is to be said.
func grouped(list []Shortfall) (out []Shortfall) {
	type same struct{ node, what, settle string }
	group := map[same]int{}
	for _, s := range list {
		key := same{s.Node, s.what, s.Settle}
		i, ok := group[key]
		if !ok || s.what == "" {
			group[key] = len(out)
			out = append(out, s)
			continue
		}
		out[i].Readings = append(out[i].Readings, s.Readings...)
		out[i].Detectors = append(out[i].Detectors, s.Detectors...)
		slices.Sort(out[i].Detectors)
		out[i].Detectors = slices.Compact(out[i].Detectors)
	}
	for i := range out {
		if s := &out[i]; s.what != "" {
			s.Why = fmt.Sprintf("%s: %s: %s", s.Node, listed(s.Readings), s.what)
		}
	}
	slices.SortStableFunc(out, func(a, b Shortfall) int { return cmp.Compare(a.rank, b.rank) })
	return append([]Shortfall{}, out...)
}

// caveats are what would sharpen the verdict and does not forbid it.
func (c *Coverage) caveats() {
	var latency, pprof, profiles []string
	for _, n := range c.Nodes {
		if n.Latency == "no" {
			latency = append(latency, n.Name)
		}
		if n.Pprof == "no" {
			pprof = append(pprof, n.Name)
		}
		if n.Profiles == 0 {
			profiles = append(profiles, n.Name)
		}
		if n.LostLogs > 0 {
			c.Caveats = append(c.Caveats, fmt.Sprintf("%s: %d log lines or messages were lost on the way to the recorder", n.Name, n.LostLogs))
		}
	}
	for _, x := range []struct {
		nodes []string
		says  string
	}{
		{latency, "built without -tags=latency, which hides the age of the oldest waiting message"},
		{pprof, "built without -tags=pprof, which hides which goroutine belongs to which process"},
		{profiles, "no profile was recorded, which would say what the CPU is spent on"},
	} {
		if x.nodes != nil {
			c.Caveats = append(c.Caveats, listed(x.nodes)+": "+x.says)
		}
	}
}

// DamageText is the damage in a sentence: the places that say most.
func (c *Coverage) DamageText() string {
	var whys []string
	for _, d := range c.Damage {
		why := strings.TrimSuffix(strings.TrimPrefix(d.Why, "read block by block: "), ": the file's tree is damaged")
		if !slices.Contains(whys, why) {
			whys = append(whys, why)
		}
	}
	const most = 2
	if n := len(whys) - most; n > 0 {
		return strings.Join(whys[:most], "; ") + fmt.Sprintf("; and %d more places that cannot be read", n)
	}
	return strings.Join(whys, "; ")
}

// Said is what was seen, in a sentence without its full stop.
func (c *Coverage) Said() string {
	var parts []string
	low, high := math.Inf(1), 0.0
	listings, every, rows, of := 0, 0.0, 0, 0
	for _, n := range c.Nodes {
		for _, r := range n.Readings {
			if r.Reading == "node_info" {
				low, high = min(low, r.Covered), max(high, r.Covered)
			}
			if r.Reading == "process_list" {
				listings += r.Answers
				every = max(every, r.IntervalS)
				rows, of = rows+r.Rows, of+r.RowsOf
			}
		}
	}
	parts = append(parts, fmt.Sprintf("%d %s over %s", len(c.Nodes), plural(len(c.Nodes), "node", "nodes"), brief(c.To.Sub(c.From))))
	if len(c.Nodes) > 0 {
		share := percent(low)
		if percent(high) != share {
			share += " to " + percent(high)
		}
		parts = append(parts, share+" of it covered")
	}
	if listings > 0 {
		parts = append(parts, fmt.Sprintf("%d process listings, every %s, with %d of %d processes", listings, brief(time.Duration(every*float64(time.Second))), rows, of))
	}
	return strings.Join(parts, ", ")
}

// listed is names in words, the first few.
func listed(names []string) string {
	const most = 4
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n > most+1:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n-most)
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return "nobody"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// percent is a share, never rounded up to the whole.
func percent(share float64) string {
	return fmt.Sprintf("%d %%", int(math.Floor(100*share+1e-9)))
}

// brief is a duration to two figures or so.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	d = d.Round(time.Second)
	text := d.String()
	return strings.NewReplacer("h", " h ", "m", " min ", "s", " s").Replace(text)
}
