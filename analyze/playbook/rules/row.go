package rules

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// An answer says whether a rule holds of a row.
type answer int

const (
	unknown answer = iota // it lacks a value
	no
	yes
)

// A row is what is remembered of one row of a reading for one rule.
type row struct {
	rule   *Rule
	node   string
	seen   int // the listing that showed it last
	fields []value
	pasts  []past // of the measures
	nums   []float64
	asked  []value // with what the expression was asked last
	now    []value
	said   answer
	lacks  string // the input without which it could not be told
	hold   *Stretch
	match  *Match
}

// A value is a number, or a text; NaN and no text where it is not known.
type value struct {
	num  float64
	text string
}

// missing is a value that is not known.
func missing() value { return value{num: math.NaN()} }

func (v value) is(o value) bool {
	return v.text == o.text && (v.num == o.num || math.IsNaN(v.num) && math.IsNaN(o.num))
}

func newRow(r *Rule, node string) *row {
	x := r.expr
	return &row{
		rule: r, node: node, fields: make([]value, len(x.fields)), pasts: make([]past, len(x.measures)), nums: make([]float64, len(x.measures)),
		asked: make([]value, len(x.inputs)), now: make([]value, len(x.inputs)),
	}
}

// ask asks the rule of the row as it is at a time. Where nothing changed that
// it depends on, its last answer stands.
func (w *row) ask(at time.Time) (answer, error) {
	x := w.rule.expr
	for i, m := range x.measures {
		of := w.fields[m.field].num
		if m.of >= 0 {
			of = w.nums[m.of]
		}
		w.nums[i] = w.pasts[i].value(m, x.fields[m.field].Kind == ergo.Cumulative, at, of)
	}
	for i, in := range x.inputs {
		if in.field >= 0 {
			w.now[i] = w.fields[in.field]
		} else {
			w.now[i] = value{num: w.nums[in.measure]}
		}
	}
	var err error
	if w.seen == 0 || !slices.EqualFunc(w.now, w.asked, value.is) {
		copy(w.asked, w.now)
		w.said, err = w.eval()
	}
	if w.said != yes {
		w.learn(at)
	}
	return w.said, err
}

// learn takes the values into the baselines: while a rule holds, what is usual
// stays what it was.
func (w *row) learn(at time.Time) {
	for i, m := range w.rule.expr.measures {
		if m.word != baseline {
			continue
		}
		of := w.fields[m.field].num
		if m.of >= 0 {
			of = w.nums[m.of]
		}
		if !math.IsNaN(of) {
			w.pasts[i].add(m.window, at, of)
		}
	}
}

// cut forgets what lies behind a gap, but for what is usual.
func (w *row) cut() {
	for i, m := range w.rule.expr.measures {
		if m.word != baseline {
			w.pasts[i] = past{}
		}
	}
}

func (w *row) eval() (answer, error) {
	w.lacks = ""
	out, _, err := w.rule.expr.program.Eval(w)
	switch {
	case err != nil && w.lacks != "":
		return unknown, nil
	case err != nil:
		return unknown, err
	case out.Value() == true:
		return yes, nil
	}
	return no, nil
}

// ResolveName gives the expression a value, as cel.Activation wants it.
func (w *row) ResolveName(name string) (any, bool) {
	if name == nodeName {
		return w.node, true
	}
	i, ok := w.rule.expr.place[name]
	if !ok {
		return nil, false
	}
	in, v := w.rule.expr.inputs[i], w.asked[i]
	switch {
	case math.IsNaN(v.num):
		w.lacks = in.shown
		return nil, false
	case in.field >= 0 && w.rule.expr.fields[in.field].Kind == ergo.Text:
		return v.text, true
	}
	return v.num, true
}

// Parent is nil: there is no other activation.
func (w *row) Parent() cel.Activation { return nil }

// read takes the row's fields from an answer.
func (w *row) read(f *archive.Frame, slot int32) {
	for i, d := range w.rule.expr.fields {
		w.fields[i] = valueOf(f, slot, d)
	}
}

func valueOf(f *archive.Frame, slot int32, d ergo.Field) value {
	name, level, counted := strings.Cut(d.Name, ".")
	c := f.Column(name)
	switch {
	case d.Kind == ergo.Text:
		return textOf(c, slot)
	case counted:
		return value{num: levelOf(c.Text(slot), level)}
	}
	x := c.Float(slot)
	if none, err := strconv.ParseFloat(d.None, 64); err == nil && x == none {
		x = math.NaN()
	}
	return value{num: x}
}

// textOf is a field that is a text: what is no JSON text stands as it was
// written.
func textOf(c *archive.Column, slot int32) value {
	if n, ok := c.Int(slot); ok {
		return value{text: strconv.FormatInt(n, 10)}
	}
	text := c.Text(slot)
	if int(slot) >= len(c.Kinds) || c.Kinds[slot] == archive.Absent || c.Kinds[slot] == archive.JSON && text == "null" {
		return missing()
	}
	return value{text: text}
}

// levelOf is the number of log messages of a level.
func levelOf(text, level string) float64 {
	var counts []float64
	i := slices.IndexFunc(ergo.Levels(), func(l ergo.Level) bool { return string(l) == level })
	if json.Unmarshal([]byte(text), &counts) != nil || i < 0 || i >= len(counts) {
		return math.NaN()
	}
	return counts[i]
}
