package compare

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/logs"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// Schema is the form of a Comparison.
const Schema = "ergo-comparison/1"

// A Comparison is what changed between two sides.
type Comparison struct {
	Schema     string    `json:"schema"`
	Before     Stretch   `json:"before"`
	After      Stretch   `json:"after"`
	Comparable bool      `json:"comparable"`
	Conclusion string    `json:"conclusion"`
	Left       []string  `json:"not_compared"` // what cannot be compared, and why
	Planned    []Planned `json:"planned"`
	Questions  int       `json:"questions"` // that were asked: what is claimed stands after correction for them
	Unasked    int       `json:"unasked"`   // measures of both sides with too few answers to ask about
	Open       []string  `json:"unsettled"` // large differences that cannot be told from chance, or that parts of a side alone show
	Changes    []Change  `json:"changes"`   // ranked: what explains others stands first
}

// A Stretch is a side in words.
type Stretch struct {
	Name  string    `json:"name"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Nodes []string  `json:"nodes"`
}

// A Change is a measure that differs.
type Change struct {
	Label       string   `json:"label"` // C1, C2, … by rank
	Metric      Metric   `json:"metric"`
	Subject     Subject  `json:"subject"`
	Nodes       []string `json:"nodes,omitempty"` // that show it
	Unit        string   `json:"unit"`
	Before      spread   `json:"before"`
	After       spread   `json:"after"`
	Ratio       float64  `json:"ratio"` // after over before, the load taken off
	Low         float64  `json:"low"`   // of its 95 % interval
	High        float64  `json:"high"`
	P           float64  `json:"p"`    // of one question
	Load        float64  `json:"load"` // by how much more messages there were, which Ratio leaves out; 1: nothing is left out
	Text        string   `json:"text"`
	ExplainedBy string   `json:"explained_by,omitempty"`
	Functions   []string `json:"functions,omitempty"` // that cost more CPU than they did
	// Calls give the values again: before, after and ratio. Two recordings that are
	// served together are one timeline, on which these windows mean the same.
	Calls map[string]finding.Call `json:"calls"`
}

// enough is how long both sides should be for a change of a fifth to show.
const enough = 5 * time.Minute

// Run compares two sides.
func Run(ctx context.Context, before, after Side) (*Comparison, error) {
	var miner logs.Miner
	a, err := read(ctx, before, &miner)
	if err != nil {
		return nil, fmt.Errorf("read what was before: %w", err)
	}
	b, err := read(ctx, after, &miner)
	if err != nil {
		return nil, fmt.Errorf("read what came after: %w", err)
	}
	c := &Comparison{Schema: Schema, Before: a.stretch(), After: b.stretch(), Open: []string{}, Planned: []Planned{}, Changes: []Change{}}
	a.tellLines(&miner)
	b.tellLines(&miner)
	var fatal bool
	if c.Left, fatal = gate(a, b); fatal {
		c.Conclusion = "Not comparable: " + c.Left[len(c.Left)-1] + "."
		return c, nil
	}
	c.Comparable = true
	many := pool(a.tracks, b.tracks, names(a.nodes), names(b.nodes))
	load := loadOf(a.tracks, b.tracks)
	c.Planned = append(c.Planned, planned(a, b, load)...)
	c.Left = append(c.Left, gateLoad(a, b, load)...)
	var all []tested
	for k, x := range a.tracks {
		if y, both := b.tracks[k]; both {
			switch t, ok := ask(k, x, y, a, b, load); {
			case ok:
				all = append(all, t)
			case shows(x, y):
				c.Unasked++
			}
		}
	}
	slices.SortFunc(all, func(x, y tested) int { return strings.Compare(x.name(), y.name()) })
	c.Questions = len(all)
	claimed := stands(all)
	c.Changes = ranked(merged(claimed, many))
	c.Open = open(all, claimed)
	c.ask(a.Side, b.Side)
	if err := functions(ctx, c, a, b); err != nil {
		return nil, err
	}
	c.Left = append(c.Left, missing(a, b)...)
	if c.Left == nil {
		c.Left = []string{}
	}
	c.conclude()
	return c, nil
}

// ask gives each value the call that gives it again.
func (c *Comparison) ask(before, after Side) {
	args := map[string]any{}
	for name, t := range map[string]time.Time{"from": before.From, "to": before.To, "with_from": after.From, "with_to": after.To} {
		args[name] = t.UTC().Format(time.RFC3339Nano)
	}
	for name, glob := range map[string]string{"nodes": before.Nodes, "with_nodes": after.Nodes} {
		if glob != "" {
			args[name] = glob
		}
	}
	for i := range c.Changes {
		c.Changes[i].Calls = map[string]finding.Call{}
		for name, gives := range map[string]string{"before": "before.value", "after": "after.value", "ratio": "ratio"} {
			c.Changes[i].Calls[name] = finding.Call{Tool: "compare", Arguments: args, Gives: fmt.Sprintf("changes.%d.%s", i, gives)}
		}
	}
}

// Evidence is what each change claims, with the calls that give it again.
func (c *Comparison) Evidence() []finding.Evidence {
	var out []finding.Evidence
	for _, x := range c.Changes {
		e := finding.Evidence{What: x.Label + " " + x.Text}
		for name, v := range map[string]float64{"before": x.Before.Usual, "after": x.After.Usual, "ratio": x.Ratio} {
			e.Value(name, v, x.Calls[name])
		}
		out = append(out, e)
	}
	return out
}

func (s *sheet) stretch() Stretch {
	return Stretch{Name: s.Name, From: s.From, To: s.To, Nodes: names(s.nodes)}
}

func names(nodes []replay.Node) []string {
	out := []string{}
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return out
}

// tellLines makes measures of the templates of both sides. A template that a side
// does not have is there with none.
func (s *sheet) tellLines(miner *logs.Miner) {
	seconds := s.To.Sub(s.From).Seconds()
	for _, t := range miner.Templates() {
		subject := Subject{Template: t.Text(), Level: t.Level}
		c := s.lines[t]
		if c == nil {
			c = &counts{}
		}
		for i, n := range c.parts {
			at := s.From.Add(time.Duration(i+1) * s.To.Sub(s.From) / stretches)
			s.tracks.add(Lines, subject, at, n, seconds/stretches)
		}
	}
}

// pool adds what all nodes of a side show together, and leaves the single nodes
// only where both sides have the same. It returns how many nodes they share.
func pool(a, b tracks, in, of []string) int {
	for _, t := range []tracks{a, b} {
		for _, k := range slices.Collect(maps.Keys(t)) {
			if k.subject.Node == "" {
				continue
			}
			all := k.everywhere()
			t[all] = append(t[all], t[k]...)
			if !slices.Equal(in, of) {
				delete(t, k)
			}
		}
		for k := range t {
			slices.SortStableFunc(t[k], func(x, y bit) int { return x.at.Compare(y.at) })
		}
	}
	if !slices.Equal(in, of) {
		return 0
	}
	if len(in) == 1 { // together is the one
		for _, t := range []tracks{a, b} {
			maps.DeleteFunc(t, func(k key, _ track) bool {
				return k.subject.Node == "" && k.metric != Lines && k.metric != LinkTraffic && k.metric != Rate
			})
		}
	}
	return len(in)
}

// merged leaves one change of those that are the same, of all nodes and of one:
// of all where most nodes show it, else of the nodes.
func merged(all []tested, nodes int) []tested {
	shown := map[key][]string{}
	for _, t := range all {
		if t.subject.Node != "" {
			shown[t.everywhere()] = append(shown[t.everywhere()], t.subject.Node)
		}
	}
	together := map[key]bool{}
	for _, t := range all {
		if t.subject.Node == "" && (2*len(shown[t.key]) > nodes || len(shown[t.key]) == 0) {
			together[t.key] = true
		}
	}
	var out []tested
	for _, t := range all {
		switch {
		case t.subject.Node == "" && !together[t.key], t.subject.Node != "" && together[t.everywhere()]:
			continue
		}
		if t.nodes = shown[t.key]; t.subject.Node != "" {
			t.nodes = []string{t.subject.Node}
		}
		slices.Sort(t.nodes)
		t.nodes = slices.Compact(t.nodes)
		out = append(out, t)
	}
	return out
}

// ranked puts what explains before what is explained, and larger changes first.
func ranked(all []tested) []Change {
	slices.SortStableFunc(all, func(a, b tested) int {
		return cmp.Or(cmp.Compare(a.metric.trait().rank, b.metric.trait().rank), -cmp.Compare(a.size(), b.size()), strings.Compare(a.name(), b.name()))
	})
	by := make([]int, len(all))
	for i := range all {
		by[i] = slices.IndexFunc(all[:i], func(o tested) bool { return explains(o, all[i]) })
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(min(by[i], 0), min(by[j], 0)) })
	label := make([]string, len(all))
	for place, i := range order {
		label[i] = fmt.Sprintf("C%d", place+1)
	}
	out := []Change{}
	for _, i := range order {
		t := all[i]
		c := Change{
			Label: label[i], Metric: t.metric, Subject: t.subject, Nodes: t.nodes, Unit: t.metric.trait().unit,
			Before: t.before, After: t.after, Ratio: t.ratio, Low: t.low, High: t.high, P: t.p, Load: t.load,
		}
		if by[i] >= 0 {
			c.ExplainedBy = label[by[i]]
		}
		c.Text = c.words()
		out = append(out, c)
	}
	return out
}

// explains reports whether one change explains another: what a behavior is given
// or costs explains how long its messages wait, and what its nodes use for it.
func explains(by, of tested) bool {
	if by.subject.Node != "" && of.subject.Node != "" && by.subject.Node != of.subject.Node {
		return false
	}
	same := by.subject.Behavior == of.subject.Behavior
	switch by.metric {
	case ServiceTime:
		return of.metric == CPU || of.metric == CPUMessage || same && (of.metric == Mailbox || of.metric == Oldest)
	case Rate:
		return slices.Contains([]Metric{CPU, CPUMessage, Allocation, LinkTraffic, Published, Lines}, of.metric) || same && (of.metric == Mailbox || of.metric == Oldest)
	case Processes, Births:
		return of.metric == Goroutines || same && (of.metric == Rate || of.metric == Mailbox || of.metric == Births)
	case Sends:
		return of.metric == LinkTraffic
	case Lines, Errors, FailedSends:
		return by.metric == Errors && of.metric == Lines && of.subject.Level != "info" && of.subject.Level != "debug"
	case CPUMessage:
		return of.metric == CPU
	}
	return false
}

func (t tested) name() string {
	s := t.subject
	return strings.Join([]string{string(t.metric), s.Behavior, s.Event, s.Template, s.Peer, s.Node}, "\x00")
}

// missing are behaviors of which one side shows nothing.
func missing(a, b *sheet) []string {
	was, is := a.behaviors(), b.behaviors()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(onlyIn(was, is))) {
		out = append(out, "no process of behavior "+escape.Name(name)+" later")
	}
	for _, name := range slices.Sorted(maps.Keys(onlyIn(is, was))) {
		out = append(out, "no process of behavior "+escape.Name(name)+" before")
	}
	return out
}

func (s *sheet) behaviors() map[string]bool {
	out := map[string]bool{}
	for k := range s.tracks {
		out[k.subject.Behavior] = true
	}
	return out
}

// shows reports whether a measure that could not be asked about is there at all.
func shows(a, b track) bool {
	na, da := a.total()
	nb, db := b.total()
	return da > 0 && db > 0 && na+nb > 0
}

// mostOpen differences that cannot be claimed are told.
const mostOpen = 5

// open tells large differences that are no changes, the largest first.
func open(all, claimed []tested) []string {
	told := map[key]bool{}
	for _, t := range claimed {
		told[t.everywhere()] = true
	}
	var left []tested
	for _, t := range all {
		if t.open() {
			left = append(left, t)
		}
	}
	slices.SortStableFunc(left, func(a, b tested) int {
		return -cmp.Compare(math.Abs(math.Log(max(a.whole(), 1e-9))), math.Abs(math.Log(max(b.whole(), 1e-9))))
	})
	out := []string{}
	for _, t := range left {
		if told[t.everywhere()] || len(out) == mostOpen {
			continue
		}
		told[t.everywhere()] = true
		c := Change{Metric: t.metric, Subject: t.subject, Unit: t.metric.trait().unit}
		out = append(out, fmt.Sprintf("%s%s: %s over the whole of it, before %s; not in enough of its parts to be told from chance, or not everywhere",
			c.Metric, c.of(), c.value(t.after.Total), c.value(t.before.Total)))
	}
	return out
}

// everywhere is the same measure of all nodes together.
func (k key) everywhere() key {
	k.subject.Node, k.subject.Peer = "", ""
	return k
}

func questions(n int) string {
	return fmt.Sprintf("%d %s", n, finding.Plural(n, "question", "questions"))
}

func (c *Comparison) conclude() {
	n := len(c.Changes)
	switch {
	case c.Questions == 0:
		c.Conclusion = fmt.Sprintf("Nothing could be asked: too little was recorded of both sides, of %d measures.", c.Unasked)
		return
	case n == 0 && len(c.Planned) == 0:
		c.Conclusion = fmt.Sprintf("No change is seen that can be told from chance, of %s.", questions(c.Questions))
	case n == 0:
		c.Conclusion = "No change is seen besides what looks planned, of " + questions(c.Questions) + "."
	default:
		c.Conclusion = fmt.Sprintf("%d of %d measures changed; first: %s.", n, c.Questions, c.Changes[0].Text)
		return
	}
	if c.Unasked > 0 {
		c.Conclusion += fmt.Sprintf(" Of %d more measures there were too few answers to ask.", c.Unasked)
	}
	if len(c.Open) > 0 {
		c.Conclusion += " Not settled: " + c.Open[0] + "."
	}
	if shorter := min(c.Before.To.Sub(c.Before.From), c.After.To.Sub(c.After.From)); shorter < enough {
		c.Conclusion += fmt.Sprintf(" One side has %s only: changes that began or ended within it, and lesser ones, may not show.", finding.Duration(shorter))
	}
}
