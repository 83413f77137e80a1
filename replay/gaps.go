package replay

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// gapIntervals is how many of its intervals a stream may be silent before
// that is a gap.
const gapIntervals = 3

// Gaps returns the stretches that were not recorded, by time: marked ones, and
// those in which a node's samples fail or stay away for over three intervals.
func (r *Recording) Gaps(ctx context.Context) ([]Gap, error) {
	marks, err := r.Marks(ctx, time.Time{}, time.Time{})
	errs := []error{err}
	var gaps []Gap
	for _, m := range marks {
		if m.Kind == archive.MarkGap {
			gaps = append(gaps, Gap{Node: m.Node, From: m.From, To: m.To, Why: m.Note})
		}
	}
	x := r.index()
	_, end := r.Window()
	for _, node := range x.nodes {
		own, err := r.nodeGaps(ctx, x, node, end)
		errs = append(errs, err)
		gaps = append(gaps, own...)
	}
	sortByTime(gaps, func(g Gap) time.Time { return g.From })
	return gaps, errors.Join(errs...)
}

// nodeGaps finds where a node's pulse (its most frequent samples) failed, and
// where a single tool failed while the pulse went on.
func (r *Recording) nodeGaps(ctx context.Context, x *index, node string, end time.Time) ([]Gap, error) {
	pulse := x.pulse(node)
	if pulse == "" {
		return nil, nil
	}
	gaps, err := r.silences(ctx, node, pulse, end)
	errs := []error{err}
	for i := range gaps {
		gaps[i].Tool = ""
	}
	away := slices.Clone(gaps)
	for _, tool := range x.failing(node) {
		if tool == pulse {
			continue
		}
		own, err := r.silences(ctx, node, tool, end)
		errs = append(errs, err)
		for _, g := range own {
			if !slices.ContainsFunc(away, func(a Gap) bool { return a.From.Before(g.To) && g.From.Before(a.To) }) {
				gaps = append(gaps, g)
			}
		}
	}
	return gaps, errors.Join(errs...)
}

// pulse is the tool by which to tell whether a node was recorded: that of
// the node itself, or else the one with most records.
func (x *index) pulse(node string) (tool string) {
	most := 0
	for _, s := range x.streams {
		if s.Kind != archive.Sample || s.Node != node || s.Schema.Form == archive.FormText || s.Records < 2 {
			continue
		}
		if s.said.Reading == ergo.Node {
			return s.Name
		}
		if s.Records > most {
			tool, most = s.Name, s.Records
		}
	}
	return tool
}

// failing are the listings of a node that failed at least once.
func (x *index) failing(node string) (tools []string) {
	for _, s := range x.streams {
		if s.Kind == archive.Sample && s.Node == node && s.Schema.Form == archive.FormTable && s.Failures > 0 && s.Records > gapIntervals {
			tools = append(tools, s.Name)
		}
	}
	slices.Sort(tools)
	return slices.Compact(tools)
}

// silences are the stretches of over three intervals in which a tool of a
// node gave no answer, up to the end of the recording.
func (r *Recording) silences(ctx context.Context, node, tool string, end time.Time) ([]Gap, error) {
	var errs []error
	var heard []time.Time // the answers
	refused := map[int]string{}
	for f, err := range r.Table(ctx, node, tool, time.Time{}, time.Time{}, []string{}) {
		switch {
		case err != nil:
			errs = append(errs, err)
		case f.Failure == nil && len(heard) > 0 && f.At.Equal(heard[len(heard)-1]): // it came twice
		case f.Failure == nil:
			heard = append(heard, f.At)
		case refused[len(heard)] == "":
			refused[len(heard)] = f.Failure.Text
		}
	}
	limit := gapIntervals * usual(heard)
	var gaps []Gap
	add := func(i int, from, to time.Time) {
		if to.Sub(from) <= limit {
			return
		}
		why := refused[i]
		if why == "" {
			why = "no samples"
		}
		gaps = append(gaps, Gap{node, tool, from, to, why})
	}
	if limit == 0 { // it never answered twice
		for _, s := range r.index().tool(node, tool) {
			add(len(heard), s.From, s.To)
		}
		return gaps, errors.Join(errs...)
	}
	for i := 1; i < len(heard); i++ {
		add(i, heard[i-1], heard[i])
	}
	add(len(heard), heard[len(heard)-1], end)
	return gaps, errors.Join(errs...)
}

// usual is the median time from one to the next.
func usual(times []time.Time) time.Duration {
	if len(times) < 2 {
		return 0
	}
	d := make([]time.Duration, len(times)-1)
	for i := range d {
		d[i] = times[i+1].Sub(times[i])
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// A FailedCall is one of the recorder's own calls that did not succeed.
type FailedCall struct {
	At      time.Time
	Begun   time.Time // when it was asked
	Reading ergo.Reading
	Peer    string // whom a ping was for
	Link    bool   // the node itself was not reached
	Why     string
}

// remoteCall begins the entry point's answer when it could not reach a node.
const remoteCall = "remote call to '"

// FailedCallOf is a stored failure of a reading as a call that failed.
func FailedCallOf(s Sample, reading ergo.Reading) FailedCall {
	c := FailedCall{At: s.At, Begun: s.At.Add(-s.Took), Reading: reading, Why: string(s.Text)}
	if s.Failure != nil {
		c.Why = s.Failure.Text
	}
	c.Link = strings.HasPrefix(c.Why, remoteCall)
	var subject struct{ Name string }
	if reading == ergo.Ping && json.Unmarshal([]byte(s.Subject), &subject) == nil {
		c.Peer = subject.Name
	}
	return c
}

// asked are the readings whose failures are read. The recorder asks for them often,
// and no node that is well refuses one.
func asked() []ergo.Reading {
	return []ergo.Reading{
		ergo.Node, ergo.Runtime, ergo.Processes, ergo.Logs, ergo.Ping, ergo.Links, ergo.Network,
		ergo.Acceptors, ergo.Events, ergo.Applications, ergo.Inspection, ergo.Process, ergo.Goroutines, ergo.Heap,
		ergo.CPUProfile, ergo.Cron, ergo.Samplers,
	}
}

// FailedCalls walks the recorder's own calls to a node that failed, one reading after the other.
// What else was answered meanwhile is not read.
func (r *Recording) FailedCalls(ctx context.Context, node string, from, to time.Time) iter.Seq2[FailedCall, error] {
	return func(yield func(FailedCall, error) bool) {
		for _, reading := range asked() {
			match := func(s stream) bool { return s.Node == node && s.Failures > 0 && s.says(reading) }
			for s, err := range samples(r.merged(ctx, match, archive.Query{From: from, To: to, Failed: true})) {
				c := FailedCall{}
				if err == nil {
					c = FailedCallOf(s, reading)
				}
				if !yield(c, err) {
					return
				}
			}
		}
	}
}

// Adds reports whether a call of the recorder's own that was meant for a node added an
// error to another one's counter of calls that failed: to the entry point's where it
// could not be forwarded, to the node's own where it was a ping that was not answered.
func (c FailedCall) Adds(asked string, to Node) bool {
	if c.Link {
		return to.Entry && asked != to.Name
	}
	return c.Reading == ergo.Ping && asked == to.Name
}

// OwnErrors are the instants at which a call of the recorder's own added an error to a
// node's counter of calls that failed (ergo.Footprint has it), in order: what is counted
// and judged is without them.
func (r *Recording) OwnErrors(ctx context.Context, node string, from, to time.Time) ([]time.Time, error) {
	nodes := r.Nodes()
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == node })
	if i < 0 {
		return nil, nil
	}
	var at []time.Time
	for _, n := range nodes {
		if n.Name != node && !nodes[i].Entry {
			continue // nothing that was asked of it passed the node
		}
		for c, err := range r.FailedCalls(ctx, n.Name, from, to) {
			if err != nil && !IsDamage(err) {
				return nil, err
			}
			if err == nil && c.Adds(n.Name, nodes[i]) {
				at = append(at, c.At)
			}
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at, nil
}
