package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Stretch is a time within which a rule held of a row in every answer.
type Stretch struct {
	From, To time.Time // the first and the last answer
	Answers  int
	Before   time.Time // the answer before the first; zero where there is none
	Since    time.Time // the answer before the first, in which it did not hold; zero where it could not be told
	Values   []Value   // with which it began
	Open     bool      // it lasts to the last answer of the node
}

// A Value is what an expression was asked with, by its name.
type Value struct {
	Name   string
	Number float64
	Text   string // of a field that is one
	// Again is the formula, as the tool measure has it, that gives the value
	// again: from the first answer of the stretch, or that and the one before if
	// Pair is set. It is "" where no formula does.
	Again string
	Pair  bool
}

// A Match is a row of which a rule held for as long as it asks for.
type Match struct {
	Rule      *Rule
	Row       Row
	Stretches []Stretch // in order of time, at most maxStretches
	More      int       // stretches that are not kept
}

// A Row says which row of which node.
type Row struct {
	Node, Key                        string
	PID, Name, Behavior, Application string // of a process
}

// maxStretches is how many stretches are kept of a match: more say no more.
const maxStretches = 20

// Watched is what became of a rule on one node.
type Watched struct {
	Rule    *Rule
	Node    string
	Answers int // of the node
	Told    int // rows of which it could be told whether the rule holds
	Untold  int // of which it could not, for want of a value
	Lacks   string
	Failed  error // why the expression could not be evaluated, the first time
	Matches []*Match
}

// Watch asks the rules of every row of a node from from to to, and of as much
// before that as they look back. Stretches that ended before from are left out.
func (s *Set) Watch(ctx context.Context, rec *replay.Recording, node replay.Node, from, to time.Time, damaged func(error)) ([]*Watched, error) {
	var out []*Watched
	for _, over := range readings() {
		var of []*Watched
		for _, r := range s.Rules {
			if string(r.Over) == over {
				of = append(of, &Watched{Rule: r, Node: node.Name})
			}
		}
		if of == nil {
			continue
		}
		w := newWatch(ergo.Reading(over), node, of)
		q := replay.Query{Node: node.Name, Reading: w.reading, From: from.Add(-s.Span()), To: to, Fields: w.columns, Damaged: damaged}
		for f, err := range rec.Answers(ctx, q) {
			if err != nil {
				return nil, fmt.Errorf("look at %s of %s: %w", over, node.Name, err)
			}
			w.answer(f)
		}
		w.finish(from)
		out = append(out, of...)
	}
	return out, nil
}

// Span is how far back a rule looks from the moment of which it speaks.
func (r *Rule) Span() time.Duration { return r.For + r.expr.span() }

// Span is how far back the rules look, and a little more: answers do not come
// when a window begins.
func (s *Set) Span() time.Duration {
	longest := time.Duration(0)
	for _, r := range s.Rules {
		longest = max(longest, r.Span())
	}
	return longest + longest/10
}

// A watch is a walk over the answers of one reading of one node.
type watch struct {
	reading ergo.Reading
	rules   []*Watched
	columns []string
	key     string // the field that tells rows apart, "" where there is one row
	starts  []time.Time
	rows    []map[string]*row // by rule
	n       int               // answers so far
	last    time.Time
	pace    pace
}

func newWatch(reading ergo.Reading, node replay.Node, of []*Watched) *watch {
	d := ergo.Define(reading)
	w := &watch{reading: reading, rules: of}
	w.columns = append(w.columns, d.Key...)
	if len(d.Key) > 0 {
		w.key = d.Key[0]
	}
	if reading == ergo.Processes {
		w.columns = append(w.columns, "Name", "Behavior", "Application")
	}
	for _, r := range of {
		w.rows = append(w.rows, map[string]*row{})
		for _, f := range r.Rule.expr.fields {
			name, _, _ := strings.Cut(f.Name, ".")
			w.columns = append(w.columns, name)
		}
	}
	slices.Sort(w.columns)
	w.columns = slices.Compact(w.columns)
	for i, l := range node.Lives {
		if i > 0 {
			w.starts = append(w.starts, l.From)
		}
	}
	return w
}

// answer asks all rules of all rows of an answer.
func (w *watch) answer(f *archive.Frame) {
	if len(w.starts) > 0 && !f.At.Before(w.starts[0]) {
		w.anew()
		w.starts = w.starts[1:]
	}
	gap := w.pace.gap(w.last, f.At)
	w.n++
	for i, r := range w.rules {
		r.Answers++
		for _, slot := range f.Live {
			w.ask(i, f, slot, gap)
		}
		if f.Seen >= f.Total { // else rows are missing that may be there
			w.sweep(i)
		}
	}
	w.last = f.At
}

// ask asks one rule of one row.
func (w *watch) ask(i int, f *archive.Frame, slot int32, gap bool) {
	r, key := w.rules[i], ""
	if w.key != "" {
		key = f.Column(w.key).Text(slot)
	}
	x := w.rows[i][key]
	if x == nil {
		x = newRow(r.Rule, r.Node)
		w.rows[i][key] = x
	}
	if gap {
		r.end(x)
		x.cut()
	}
	x.read(f, slot)
	before := x.said
	said, err := x.ask(f.At)
	x.seen = w.n
	switch {
	case err != nil && r.Failed == nil:
		r.Failed = err
	case said == unknown:
		r.Untold++
		r.Lacks = x.lacks
	default:
		r.Told++
	}
	if said != yes {
		r.end(x)
		return
	}
	if x.hold == nil {
		x.hold = &Stretch{From: f.At, Before: w.last, Values: x.values()}
		if before == no && !gap {
			x.hold.Since = w.last
		}
		x.match = w.matchOf(x, f, slot, key)
	}
	x.hold.To = f.At
	x.hold.Answers++
}

// matchOf is the match of a row, which counts once a stretch is long enough.
func (w *watch) matchOf(x *row, f *archive.Frame, slot int32, key string) *Match {
	if x.match != nil {
		return x.match
	}
	m := &Match{Rule: x.rule, Row: Row{Node: x.node, Key: key}}
	if w.reading == ergo.Processes {
		m.Row.PID, m.Row.Name = key, f.Column("Name").Text(slot)
		m.Row.Behavior, m.Row.Application = f.Column("Behavior").Text(slot), f.Column("Application").Text(slot)
	}
	return m
}

// values are what the expression was asked with.
func (x *row) values() []Value {
	var out []Value
	for i, in := range x.rule.expr.inputs {
		again, pair := x.rule.expr.again(in)
		out = append(out, Value{in.shown, x.asked[i].num, x.asked[i].text, again, pair})
	}
	return out
}

// end ends a stretch in which the rule held of a row, and keeps it if it was
// long enough.
func (r *Watched) end(x *row) {
	h := x.hold
	x.hold = nil
	if h == nil || h.To.Sub(h.From) < r.Rule.For {
		return
	}
	if len(x.match.Stretches) == 0 && x.match.More == 0 {
		r.Matches = append(r.Matches, x.match)
	}
	if len(x.match.Stretches) == maxStretches {
		x.match.More++
		x.match.Stretches = x.match.Stretches[1:]
	}
	x.match.Stretches = append(x.match.Stretches, *h)
}

// sweep ends the rows that an answer does not show any more.
func (w *watch) sweep(i int) {
	if len(w.rows[i]) == 0 {
		return
	}
	for key, x := range w.rows[i] {
		if x.seen < w.n {
			w.rules[i].end(x)
			delete(w.rows[i], key)
		}
	}
}

// anew ends all rows: the node has begun another life.
func (w *watch) anew() {
	for i := range w.rows {
		for _, x := range w.rows[i] {
			w.rules[i].end(x)
		}
		w.rows[i] = map[string]*row{}
	}
}

// finish ends the walk: what holds at its end is open.
func (w *watch) finish(from time.Time) {
	for i, r := range w.rules {
		for _, x := range w.rows[i] {
			if x.hold != nil {
				x.hold.Open = true
			}
			r.end(x)
		}
		for _, m := range r.Matches {
			m.Stretches = slices.DeleteFunc(m.Stretches, func(s Stretch) bool { return s.To.Before(from) })
		}
		r.Matches = slices.DeleteFunc(r.Matches, func(m *Match) bool { return len(m.Stretches) == 0 })
		slices.SortFunc(r.Matches, func(a, b *Match) int {
			if c := a.Stretches[0].From.Compare(b.Stretches[0].From); c != 0 {
				return c
			}
			return strings.Compare(a.Row.Name+"\x00"+a.Row.Key, b.Row.Name+"\x00"+b.Row.Key)
		})
	}
}

// A pace says which answers are late.
type pace struct {
	usual []time.Duration // the newest, at most paces
	late  time.Duration   // the one before, if that was late
}

// paces is of how many answers the usual time between two is known.
const paces = 20

// gap reports whether there is a gap between two answers: three times the
// longest of late. A second long one in a row is the new pace, not a gap.
func (p *pace) gap(before, at time.Time) bool {
	if before.IsZero() {
		return false
	}
	d := at.Sub(before)
	if len(p.usual) > 0 && d > 3*slices.Max(p.usual) && (p.late == 0 || d > 3*p.late) {
		p.late = d
		return true
	}
	p.late = 0
	if len(p.usual) == paces {
		p.usual = p.usual[1:]
	}
	p.usual = append(p.usual, d)
	return false
}
