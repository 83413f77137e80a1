package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ergorecorder/analyze/looks"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

// A Question is a number that is asked for.
type Question struct {
	Of    string            // the formula
	Tool  string            // whose answers: process_list
	Node  string            // of whom
	Row   string            // the row: a PID, a name, a peer, an event; "" for all
	Where map[string]string // fields that a row must have with this text
	From  time.Time         // both ends are part of the window; zero: the recording's own
	To    time.Time
}

// An Answer is the number, or the text, with the answers that it is made of.
type Answer struct {
	Value   any       `json:"value"` // a number or a text
	Answers int       `json:"answers"`
	First   time.Time `json:"first"` // of the answers
	Last    time.Time `json:"last"`
}

// What an answer has besides the fields of its tool.
const (
	rowsField   = "rows"   // how many rows are meant
	atField     = "at"     // when it was there
	tookField   = "took"   // how long the call took that was answered, in s
	steadyField = "steady" // when it came by the recorder's own time, which no step of its clock touches, in s
	failedField = "failed" // 1 where the call failed, else 0
	lostField   = "lost"   // 1 where it failed because the node was not reached, else 0
	bornField   = "born"   // how many of the rows that are meant no earlier answer had
)

// anyTool stands for all tools: then there are only the fields of every answer.
const anyTool = "*"

// Of answers a question.
func Of(ctx context.Context, rec *replay.Recording, q Question) (Answer, error) {
	formula, err := parse(q.Of)
	if err != nil {
		return Answer{}, err
	}
	if err := rec.HasNode(q.Node); err != nil {
		return Answer{}, err
	}
	r := reader{q: q, def: ergo.Define(tools48.Reading(q.Tool))}
	if r.def.Reading == "" && q.Tool != anyTool {
		return Answer{}, fmt.Errorf("there is no tool %q whose answers are recorded", q.Tool)
	}
	if r.fields, err = r.known(formula.fields(nil)); err != nil {
		return Answer{}, err
	}
	r.distinct = formula.distinct(map[string]bool{})
	sh, err := r.read(ctx, rec)
	if err != nil {
		return Answer{}, fmt.Errorf("read %s of %s: %w", q.Tool, q.Node, err)
	}
	if len(sh.at) == 0 {
		return Answer{}, fmt.Errorf("%s of %s was not recorded in the window", q.Tool, q.Node)
	}
	v, err := sh.eval(formula)
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%s of %s %s: %w", q.Of, q.Tool, q.Node, err)
	case v.over:
		return Answer{}, fmt.Errorf("%s is a curve, not a number: take its last(…), median(…), rate(…); trend shows curves", q.Of)
	}
	a := Answer{Value: v.num, Answers: len(sh.at), First: sh.at[0], Last: sh.at[len(sh.at)-1]}
	if v.isText {
		a.Value = v.text
	} else if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
		return Answer{}, fmt.Errorf("%s of %s %s is no number: %w", q.Of, q.Tool, q.Node, errNothing)
	}
	return a, nil
}

// A reader makes a sheet of the answers.
type reader struct {
	q      Question
	def    ergo.Definition
	fields []string // of the formula
	ids    []string // by which a row is known
	where  []string
	asked  []string // all of these, each once: the columns that are read

	distinct map[string]bool // fields of which all texts are counted
	met      map[string]bool // the keys of rows that were seen
}

// column is a field as it was read.
func (r *reader) column(f *archive.Frame, name string) *archive.Column {
	return &f.Columns[slices.Index(r.asked, name)]
}

// known checks the names of fields.
func (r *reader) known(fields []string) ([]string, error) {
	own := []string{rowsField, atField, tookField, steadyField, failedField, lostField, bornField}
	for name := range r.q.Where {
		r.where = append(r.where, name)
	}
	slices.Sort(r.where)
	if slices.Contains(fields, bornField) {
		r.ids, r.met = slices.Clone(r.def.Key), map[string]bool{}
	}
	if r.q.Row != "" {
		r.ids = slices.Clone(r.def.Key)
		for _, name := range []string{"PID", "Name", "name"} {
			if _, ok := r.def.Field(name); ok && !slices.Contains(r.ids, name) {
				r.ids = append(r.ids, name)
			}
		}
	}
	if len(r.def.Fields) == 0 {
		return fields, nil // what it says is not known in advance
	}
	var all []string
	for _, f := range r.def.Fields {
		all = append(all, f.Name)
	}
	for _, name := range slices.Concat(fields, r.where) {
		if !slices.Contains(own, name) && !slices.Contains(all, name) {
			return nil, fmt.Errorf("%s has no field %q%s", r.q.Tool, name, nearest.Hint(name, append(all, own...)))
		}
	}
	return fields, nil
}

func (r *reader) read(ctx context.Context, rec *replay.Recording) (*sheet, error) {
	sh := &sheet{columns: map[string][]sample{}, most: map[string][]sample{}, seen: map[string]map[string]bool{}}
	for _, n := range rec.Nodes() {
		if n.Name == r.q.Node {
			for _, l := range n.Lives {
				sh.starts = append(sh.starts, l.Started)
			}
		}
	}
	to := r.q.To
	if !to.IsZero() {
		to = to.Add(time.Nanosecond) // whatever way its end is meant below
	}
	within := func(t time.Time) bool {
		return (r.q.From.IsZero() || !t.Before(r.q.From)) && (r.q.To.IsZero() || !t.After(r.q.To))
	}
	if r.q.Tool == anyTool {
		for s, err := range replay.Readable(rec.Samples(ctx, r.q.Node, "", r.q.From, to), nil) {
			if err != nil {
				return nil, err
			}
			if within(s.At) {
				sh.add(r.fields, arrival{s.At, s.Took, 0, s.Failure}, nil)
			}
		}
		return sh, nil
	}
	if r.def.Form == ergo.FormText {
		for s, err := range replay.Readable(rec.Texts(ctx, r.q.Node, r.def.Reading, r.q.From, to), nil) {
			if err != nil {
				return nil, err
			}
			if within(s.At) && r.about(s.Subject) {
				sh.add(r.fields, arrival{s.At, s.Took, 0, s.Failure}, nil)
				sh.said = append(sh.said, string(s.Text))
			}
		}
		return sh, nil
	}
	for _, name := range slices.Concat(r.fields, r.where, r.ids) {
		if !slices.Contains(r.asked, name) {
			r.asked = append(r.asked, name)
		}
	}
	q := replay.Query{Node: r.q.Node, Reading: r.def.Reading, From: r.q.From, To: to, Fields: r.asked, Failures: true}
	if len(r.def.Subject) > 0 || r.met != nil {
		q.From = time.Time{} // what was said first is told once, and known from then on
	}
	slots := map[string]int32{} // of each subject
	for f, err := range looks.Walk(ctx, rec, q) {
		if err != nil {
			return nil, err
		}
		if f.Glance && r.q.Row == "" && !r.q.From.Equal(r.q.To) {
			continue // it holds some rows alone: but that it came can be asked for
		}
		live := f.Live
		if len(r.def.Subject) > 0 {
			live = oneOf(f.Frame, slots)
		}
		rows := r.rows(f.Frame, live)
		if !within(f.At) || !r.about(f.Subject) || f.Glance && len(rows) == 0 {
			continue
		}
		sh.add(r.fields, arrival{f.At, f.Took, f.Mono, f.Failure}, rows)
		r.note(sh, rows)
	}
	return sh, nil
}

// note keeps the texts of the fields of which all are counted.
func (r *reader) note(sh *sheet, rows [][]sample) {
	for i, name := range r.fields {
		if !r.distinct[name] {
			continue
		}
		if sh.seen[name] == nil {
			sh.seen[name] = map[string]bool{}
		}
		for _, row := range rows {
			if row[i].text != "" {
				sh.seen[name][row[i].text] = true
			}
		}
	}
}

// oneOf is the slot of the subject that an answer is about.
func oneOf(f *archive.Frame, slots map[string]int32) []int32 {
	if f.Reset {
		clear(slots)
	}
	if len(f.Changed) == 1 {
		slots[f.Subject] = f.Changed[0]
	}
	if slot, ok := slots[f.Subject]; ok {
		return []int32{slot}
	}
	return nil
}

// about reports whether an answer is about the row that is meant, for readings
// that are about one subject each.
func (r *reader) about(subject string) bool {
	if r.q.Row == "" || len(r.def.Subject) == 0 {
		return true
	}
	var who map[string]any
	if json.Unmarshal([]byte(subject), &who) != nil {
		return false
	}
	for _, v := range who {
		if s, ok := v.(string); ok && same(s, r.q.Row) {
			return true
		}
	}
	return false
}

// same reports whether a cell names the row.
func same(cell, row string) bool {
	if cell == row || strings.Trim(cell, "'") == row {
		return cell != ""
	}
	return strings.HasPrefix(row, "<") && cell != "" && ergo.PID(cell).Key() == ergo.PID(row).Key()
}

// rows are the cells of the fields, row by row of those that are meant.
func (r *reader) rows(f *archive.Frame, live []int32) [][]sample {
	if f.Failure != nil {
		return nil
	}
	var out [][]sample
	for _, slot := range live {
		if !r.meant(f, slot) {
			continue
		}
		cells := make([]sample, len(r.fields))
		for i, name := range r.fields {
			if name == bornField {
				cells[i].num = r.birth(f, slot)
				continue
			}
			cells[i] = cell(r.column(f, name), slot, r.none(name))
		}
		out = append(out, cells)
	}
	return out
}

// birth is 1 for a row that no earlier answer had, else 0.
func (r *reader) birth(f *archive.Frame, slot int32) float64 {
	key := ""
	for _, name := range r.def.Key {
		key += r.column(f, name).Text(slot) + "\x00"
	}
	if r.met[key] {
		return 0
	}
	r.met[key] = true
	return 1
}

func (r *reader) meant(f *archive.Frame, slot int32) bool {
	for _, name := range r.where {
		if got := r.column(f, name).Text(slot); got != r.q.Where[name] && !same(got, r.q.Where[name]) {
			return false
		}
	}
	if r.q.Row == "" || len(r.def.Subject) > 0 {
		return true
	}
	for _, name := range r.ids {
		if same(r.column(f, name).Text(slot), r.q.Row) {
			return true
		}
	}
	return false
}

// none is the number that stands for no value in a field.
func (r *reader) none(name string) string {
	f, _ := r.def.Field(name)
	return f.None
}

func cell(c *archive.Column, slot int32, none string) sample {
	v, word := c.Float(slot), c.Text(slot)
	if math.IsNaN(v) && word != "" {
		if n, err := strconv.ParseFloat(word, 64); err == nil {
			v, word = n, ""
		}
	}
	if none != "" && strconv.FormatFloat(v, 'f', -1, 64) == none || math.Abs(v) >= 1<<63 {
		v = math.NaN()
	}
	return sample{num: v, text: word}
}

// An arrival is what is known of every answer.
type arrival struct {
	at      time.Time
	took    time.Duration
	mono    time.Duration // 0 where it is not known
	failure *archive.Failure
}

// add appends an answer to every column: the rows that are meant, added up.
func (sh *sheet) add(fields []string, a arrival, rows [][]sample) {
	at, failed := a.at, a.failure != nil
	sh.at = append(sh.at, at)
	for i, name := range fields {
		s, most := sample{at: at, num: math.NaN()}, math.NaN()
		switch name {
		case rowsField:
			if !failed {
				s.num = float64(len(rows))
			}
		case atField:
			if !failed {
				s.text = at.UTC().Format(time.RFC3339Nano)
			}
		case tookField:
			if !failed {
				s.num = a.took.Seconds()
			}
		case steadyField:
			if !failed && a.mono > 0 {
				s.num = a.mono.Seconds()
			}
		case failedField:
			if s.num = 0; failed {
				s.num = 1
			}
		case lostField:
			if s.num = 0; failed && strings.HasPrefix(a.failure.Text, unreached) {
				s.num = 1
			}
		case bornField:
			if s, _ = sumOf(rows, i); math.IsNaN(s.num) {
				s.num = 0
			}
			s.at = at
		default:
			s, most = sumOf(rows, i)
			s.at = at
		}
		sh.columns[name] = append(sh.columns[name], s)
		sh.most[name] = append(sh.most[name], sample{at: at, num: most})
	}
}

// unreached begins the entry point's answer when it could not reach a node.
const unreached = "remote call to '"

func sumOf(rows [][]sample, i int) (sum sample, most float64) {
	sum.num, most = math.NaN(), math.NaN()
	for _, r := range rows {
		c := r[i]
		if sum.text = c.text; math.IsNaN(c.num) {
			continue
		}
		if math.IsNaN(most) {
			sum.num, most = c.num, c.num
			continue
		}
		sum.num, most = sum.num+c.num, max(most, c.num)
	}
	return sum, most
}
