package replay

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
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
	for _, s := range x.samples[node] {
		if s.Schema.Form == archive.FormText || s.Records < 2 {
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
	for _, s := range x.samples[node] {
		if s.Schema.Form == archive.FormTable && s.Failures > 0 && s.Records > gapIntervals {
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
		failing := slices.DeleteFunc(slices.Clone(r.index().samples[node]), func(s stream) bool { return s.Failures == 0 })
		for _, reading := range asked() {
			of := slices.DeleteFunc(slices.Clone(failing), func(s stream) bool { return !s.says(reading) })
			if len(of) == 0 {
				continue
			}
			for s, err := range samples(r.mergedOf(ctx, of, archive.Query{From: from, To: to, Failed: true})) {
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

// Own is what calls of the recorder's own added to the nodes' counters of calls that failed (ergo.Footprint has
// them). It is worked out when it is first asked for, once for all nodes and all who ask: who asks about several
// nodes of a recording that grows keeps it meanwhile.
type Own struct {
	rec     *Recording
	changes uint64 // of which it is

	mu   sync.Mutex
	done bool
	at   map[string][]time.Time // by node, in order
}

// Own is that of what was recorded by now. It is kept until there is more.
func (r *Recording) Own() *Own {
	x := r.index()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own == nil || r.own.changes != x.changes {
		r.own = &Own{rec: r, changes: x.changes}
	}
	return r.own
}

// OwnErrors is [Own.Errors] of what was recorded by now.
func (r *Recording) OwnErrors(ctx context.Context, node string, from, to time.Time) ([]time.Time, error) {
	return r.Own().Errors(ctx, node, from, to)
}

// Errors are the instants, from one to another (zero: all), at which a call of the recorder's own added an error to a node's
// counter, in order: what is counted and judged is without them.
func (o *Own) Errors(ctx context.Context, node string, from, to time.Time) ([]time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.done {
		at, err := o.rec.ownErrors(ctx)
		if err != nil {
			return nil, err // the next who asks tries again
		}
		o.at, o.done = at, true
	}
	at := o.at[node]
	if !to.IsZero() {
		behind, _ := slices.BinarySearchFunc(at, to.Add(1), time.Time.Compare)
		at = at[:behind]
	}
	first, _ := slices.BinarySearchFunc(at, from, time.Time.Compare)
	return slices.Clip(at[first:]), nil
}

// ownErrors works it out, by one walk of the calls to each node that failed.
func (r *Recording) ownErrors(ctx context.Context) (map[string][]time.Time, error) {
	own := OwnErrors{Nodes: r.Nodes(), Steps: func(entry string) ([]Step, error) { return r.steps(ctx, entry) }}
	for _, n := range own.Nodes {
		for c, err := range r.FailedCalls(ctx, n.Name, time.Time{}, time.Time{}) {
			if err != nil && !IsDamage(err) {
				return nil, err
			}
			if err == nil {
				own.Add(n.Name, c)
			}
		}
	}
	return own.All()
}

// steps are the answers of a node in which its counter of calls that failed had gone up.
func (r *Recording) steps(ctx context.Context, node string) (steps []Step, err error) {
	var last Step
	before := -1.0
	for f, err := range r.Answers(ctx, Query{Node: node, Reading: ergo.Node, Fields: []string{"CallErrorsRemote"}}) {
		if err != nil {
			return nil, err
		}
		slot, ok := f.Object()
		if !ok {
			continue
		}
		now := f.Columns[0].Float(slot)
		last.After, last.By, last.Errors = last.By, f.At, int(now-before)
		if before >= 0 && now > before {
			steps = append(steps, last)
		}
		before = now
	}
	return steps, nil
}

// OwnErrors says of calls of the recorder's own that failed to whose counter of such
// calls each added an error: a ping that was not answered to that of the node that was asked for it, a
// call that could not be forwarded to that of the entry point that had to.
type OwnErrors struct {
	Nodes []Node
	// Steps are the steps of an entry point's counter; asked for where several take turns, for which of them
	// had a call is not recorded.
	Steps func(entry string) ([]Step, error)

	pings map[string][]time.Time
	links []linkFailure
}

// A linkFailure is a call to a node that could not be forwarded.
type linkFailure struct {
	asked string
	at    time.Time
}

// A Step is by how much a counter went up from one answer to the next.
type Step struct {
	After, By time.Time
	Errors    int
}

// Add takes in a call to a node that failed.
func (o *OwnErrors) Add(asked string, c FailedCall) {
	switch {
	case c.Link:
		o.links = append(o.links, linkFailure{asked, c.At})
	case c.Reading == ergo.Ping:
		if o.pings == nil {
			o.pings = map[string][]time.Time{}
		}
		o.pings[asked] = append(o.pings[asked], c.At)
	}
}

// All are the instants, in order, at which the calls added an error to the counters, by node.
func (o *OwnErrors) All() (map[string][]time.Time, error) {
	had, err := o.forwarded()
	if err != nil {
		return nil, err
	}
	for asked, at := range o.pings {
		had[asked] = append(had[asked], at...)
	}
	for _, at := range had {
		slices.SortFunc(at, time.Time.Compare)
	}
	return had, nil
}

// forwarded are when the calls that could not be forwarded were had, by the entry point that had them.
func (o *OwnErrors) forwarded() (map[string][]time.Time, error) {
	var entries []string
	for _, n := range o.Nodes {
		if n.Forwards {
			entries = append(entries, n.Name)
		}
	}
	slices.SortStableFunc(o.links, func(a, b linkFailure) int { return a.at.Compare(b.at) })
	if len(entries) > 1 && len(o.links) > 0 {
		return o.shared(entries)
	}
	had := map[string][]time.Time{}
	for _, l := range o.links {
		if len(entries) > 0 && l.asked != entries[0] {
			had[entries[0]] = append(had[entries[0]], l.at)
		}
	}
	return had, nil
}

// shared shares the calls that could not be forwarded among several entry points: each is had by the one whose
// counter went up most when it failed, as far as that is not for others; one that no counter shows is nobody's.
func (o *OwnErrors) shared(entries []string) (map[string][]time.Time, error) {
	steps := make([][]Step, len(entries))
	for i, e := range entries {
		all, err := o.Steps(e)
		if err != nil {
			return nil, err
		}
		steps[i] = slices.Clone(all)
	}
	had := map[string][]time.Time{}
	for _, l := range o.links { // in order of time: what is over for one is over for all after it
		best, who := &Step{}, ""
		for i, e := range entries {
			steps[i] = fromThen(steps[i], l.at)
			if s := stepAt(steps[i], l.at); s != nil && e != l.asked && s.Errors > best.Errors {
				best, who = s, e
			}
		}
		if who != "" {
			best.Errors--
			had[who] = append(had[who], l.at)
		}
	}
	return had, nil
}

// onTheWay is how long an answer may be on its way: a counter may have been told with an error in it before
// the call that failed was heard of.
const onTheWay = time.Second

// fromThen are the steps, in order of time, that are not over at an instant.
func fromThen(steps []Step, at time.Time) []Step {
	told := at.Add(-onTheWay)
	for len(steps) > 0 && steps[0].By.Before(told) {
		steps = steps[1:]
	}
	return steps
}

// stepAt is the step that shows an error of an instant, nil where none does. None is over.
func stepAt(steps []Step, at time.Time) *Step {
	for i := 0; i < len(steps) && !steps[i].After.After(at); i++ {
		if steps[i].Errors > 0 {
			return &steps[i]
		}
	}
	return nil
}
