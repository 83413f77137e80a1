// Package metamorph edits recordings: it thins them, loses answers, leaves out
// a node, columns or tags, renames, moves clocks, cuts, scales, stretches and
// merges them, and adds what happens every day: a deploy, a batch, another
// load. For each edit it is said beforehand what a report must still say, so
// that a few recordings with known faults try a judgement in many shapes.
package metamorph

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/recorder/ingest"
)

// A Case is a recording and the faults that are in it.
type Case struct {
	Name   string
	Lines  []*capture.Line
	Faults []Fault
	Also   []string // kinds that an edit made right to tell
	Unseen string   // a node with a fault that was not recorded: what it does to others is seen
	// Profiles are raw profiles, as the archive holds them.
	Profiles []*archive.Record
}

// A Fault is what is known.
type Fault struct {
	Kind       string
	Accept     []string      `json:"accept"` // kinds that are right for it
	Also       []string      `json:"also"`   // kinds that may stand beside it
	Names      []string      `json:"names"`  // one stands in the subject
	Node, Peer string        // where
	Start      time.Time     `json:"start"`
	End        time.Time     `json:"end"`
	Slow       bool          `json:"slow"`
	loose      time.Duration // how much farther off its onset may be told after an edit
	open       bool          // it is not known when it began
	left       left          // what an edit leaves of it
	of         string        // what it is of, where its kind stands for several
	began      time.Time     // when it really did, where that is before what was recorded
}

// Span is from the first answer to the last.
func (c *Case) Span() (from, to time.Time) {
	for i, l := range c.Lines {
		at := l.Answer.At
		if i == 0 || at.Before(from) {
			from = at
		}
		if i == 0 || at.After(to) {
			to = at
		}
	}
	return from, to
}

// interval is how often a node is asked for its processes, as a rule: the
// median time between two listings of one.
func (c *Case) interval() time.Duration {
	last, gaps := map[string]time.Time{}, []time.Duration{}
	for _, l := range c.Lines {
		if l.Call.Tool != "process_list" {
			continue
		}
		if before, ok := last[stream(l)]; ok {
			gaps = append(gaps, l.Answer.At.Sub(before))
		}
		last[stream(l)] = l.Answer.At
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// Nodes are the nodes that were asked, in order.
func (c *Case) Nodes() []string {
	seen := map[string]bool{}
	for _, l := range c.Lines {
		seen[l.Call.Node] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Bystander is a node that no fault is on, "" if there is none: a fault without a place is
// on all.
func (c *Case) Bystander() string {
	if slices.ContainsFunc(c.Faults, func(f Fault) bool { return f.Node == "" }) {
		return ""
	}
	for _, n := range c.Nodes() {
		if n != "" && !slices.ContainsFunc(c.Faults, func(f Fault) bool { return f.Node == n || f.Peer == n }) {
			return n
		}
	}
	return ""
}

// First is when the first fault begins; the middle of the recording if there
// is none.
func (c *Case) First() time.Time {
	from, to := c.Span()
	at := from.Add(to.Sub(from) / 2)
	for i, f := range c.Faults {
		if i == 0 || f.Start.Before(at) {
			at = f.Start
		}
	}
	return at
}

// Records are what an archive holds of the case, in order of time.
func (c *Case) Records() []*archive.Record {
	out := make([]*archive.Record, 0, len(c.Lines)+len(c.Profiles))
	for _, l := range c.Lines {
		out = append(out, ingest.Record(l.Call, l.Args, l.Answer, l.Refused, ingest.Options{}))
	}
	out = append(out, c.Profiles...)
	slices.SortStableFunc(out, func(a, b *archive.Record) int { return a.At.Compare(b.At) })
	return out
}

// clone copies a case as deep as edits reach.
func (c *Case) clone() *Case {
	d := *c
	d.Lines = make([]*capture.Line, len(c.Lines))
	for i, l := range c.Lines {
		k := *l
		d.Lines[i] = &k
	}
	d.Faults = slices.Clone(c.Faults)
	d.Profiles = make([]*archive.Record, len(c.Profiles))
	for i, r := range c.Profiles {
		k := *r
		d.Profiles[i] = &k
	}
	return &d
}

// keep leaves only the lines, and profiles by node and time, that are wanted.
func (c *Case) keep(want func(l *capture.Line) bool) {
	c.Lines = slices.DeleteFunc(c.Lines, func(l *capture.Line) bool { return !want(l) })
	c.Profiles = slices.DeleteFunc(c.Profiles, func(r *archive.Record) bool {
		return !want(&capture.Line{Call: ergo.Call{Node: r.Stream.Node, Tool: r.Stream.Name}, Answer: ergo.Answer{At: r.At}})
	})
}

// A row is one object of an answer.
type row = map[string]any

// rows lets do change every object of the answers of some tools: the answer
// itself, or each element of a list.
func (c *Case) rows(tools []string, do func(l *capture.Line, r row)) {
	for _, l := range c.Lines {
		if l.Answer.Text == nil || l.Refused != nil || !slices.Contains(tools, l.Call.Tool) {
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(l.Answer.Text))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) != nil {
			continue
		}
		switch v := v.(type) {
		case row:
			do(l, v)
		case []any:
			for _, x := range v {
				if r, ok := x.(row); ok {
					do(l, r)
				}
			}
		}
		if text, err := json.Marshal(v); err == nil {
			l.Answer.Text = text
		}
	}
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// change replaces a number of a row, if it is there.
func change(r row, key string, to func(v float64) float64) {
	if v, ok := number(r[key]); ok {
		r[key] = int64(to(v))
	}
}

func text(r row, key string) string {
	s, _ := r[key].(string)
	return s
}

func chances(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xed17)) }
