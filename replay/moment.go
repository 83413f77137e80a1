package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// At is the cluster at an instant: the tools answer as they would have then,
// as far as they were recorded, and say so where they were not; see [Moment].
func (r *Recording) At(t time.Time) ergo.Caller { return &Moment{rec: r, at: t} }

// Moment is as At, for callers that want to know where an answer comes from.
func (r *Recording) Moment(t time.Time) *Moment { return &Moment{rec: r, at: t} }

// Faithful is as Moment, but with the defects of the live tools in place of
// what their documentation promises: limit 0 of a listing shows 100 rows, the
// state wait_response matches nothing, pprof_goroutines finds no PID, the
// sequence of sample_read is one too far. What was recorded with the very same
// arguments comes before anything derived.
func (r *Recording) Faithful(t time.Time) *Moment { return &Moment{rec: r, at: t, faithful: true} }

// A Moment is the cluster at an instant, as an [ergo.Caller].
//
// The newest record at or before the instant, of the same life of the node,
// answers if it is younger than three of its stream's intervals; what does not
// change in a node's life answers at any age. Listings answer any filter from
// a wider listing; what was not recorded itself is derived from a listing
// where that holds all of it. Nothing is extrapolated: what was not recorded
// is a [*NotRecordedError]. A node that could not be reached at that moment
// gives the error that was recorded. There are no actions in the past.
type Moment struct {
	rec      *Recording
	at       time.Time
	via      string // the node that is asked; "": the recorded entry point
	faithful bool
}

// Via is the same moment, asked by way of another node: it answers calls that
// name none, and forwards those that name others.
func (m *Moment) Via(node string) *Moment {
	c := *m
	c.via = node
	return &c
}

// A Reply is an answer and where it comes from. Answer.At is the time of the
// record that it was taken from; a refusal that follows from no record, but
// from the call alone, has none.
type Reply struct {
	ergo.Answer
	// From is the tool whose record gave the answer: the one that was called,
	// or that which it was derived from.
	From string
	// Seen and Total are how many rows the listing behind the answer holds of
	// how many there were; both 0 where it holds all.
	Seen, Total int
}

// Age is how old the reply's record was at the moment.
func (m *Moment) Age(r Reply) time.Duration { return m.at.Sub(r.At) }

// Call answers a tool call as of the moment.
func (m *Moment) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	r, err := m.Ask(ctx, call)
	return r.Answer, err
}

// Ask is Call, with where the answer comes from.
func (m *Moment) Ask(ctx context.Context, call ergo.Call) (Reply, error) {
	return m.ask(ctx, call, (*question).answer)
}

// Recorded is Ask for who wants what was recorded of the very call alone: nothing is made of other
// answers for it.
func (m *Moment) Recorded(ctx context.Context, call ergo.Call) (Reply, error) {
	return m.ask(ctx, call, (*question).recorded)
}

func (m *Moment) ask(ctx context.Context, call ergo.Call, answer func(*question) (Reply, error)) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, err
	}
	q, err := m.newQuestion(ctx, call)
	if err != nil {
		return q.refusalReply(err)
	}
	r, err := answer(q)
	if err != nil {
		return q.refusalReply(err)
	}
	return r, nil
}

// A NotRecordedError says that nothing was recorded that would answer a call.
type NotRecordedError struct {
	Call    ergo.Call
	At      time.Time
	Last    time.Time // of the newest record that would have, were it not too old; zero if there never was one
	Instead []string  // what was recorded of that node: tools, or the nodes of that tool
}

func (e *NotRecordedError) Error() string {
	s := fmt.Sprintf("%s: not recorded at %s", e.Call, e.At.UTC().Format(time.RFC3339Nano))
	if !e.Last.IsZero() {
		return s + ", last at " + e.Last.UTC().Format(time.RFC3339Nano)
	}
	if len(e.Instead) > 0 && !slices.Contains(e.Instead, e.Call.Tool) {
		s += "; recorded were " + strings.Join(e.Instead, ", ")
	}
	return s + "; to have it, let the recorder sample " + e.Call.Tool
}

// A question is one call on a node that was up at the moment.
type question struct {
	m       *Moment
	ctx     context.Context
	x       *index
	call    ergo.Call // Node is set
	tool    ergo.Tool
	reading ergo.Reading // that the tool says, "" if none
	born    time.Time    // records before are of another life of the node
	code    int          // of the tool's own refusals
}

// newQuestion finds the node and checks that it was there. The question is of
// use for an error's reply even if there is an error.
func (m *Moment) newQuestion(ctx context.Context, call ergo.Call) (*question, error) {
	q := &question{m: m, ctx: ctx, x: m.rec.index(), call: call, code: ergo.CodeInternal}
	entry := m.via
	if entry == "" {
		entry = m.rec.Entry()
	}
	if q.call.Node == "" {
		q.call.Node = entry
	}
	if q.call.Node == entry {
		q.code = ergo.CodeInvalidParams
	}
	if !slices.Contains(q.x.nodes, q.call.Node) {
		return q, ergo.RemoteError(q.call.Node, "no route")
	}
	q.born = m.rec.born(q.call.Node, m.at)
	if err := q.reachable(); err != nil {
		return q, err
	}
	tool, known := tools48.Tool(call.Tool)
	if known && tool.Kind == ergo.Action || !known && len(q.x.by[source{archive.Sample, q.call.Node, call.Tool}]) == 0 {
		return q, q.refuse("unknown tool: " + call.Tool)
	}
	q.tool = tool
	q.reading = tools48.Reading(call.Tool)
	return q, q.checkArgs()
}

// refuse is the tool's own refusal.
func (q *question) refuse(message string) error {
	return &ergo.ToolError{Code: q.code, Message: message}
}

// refusalReply is the reply that goes with an error: when it was so.
func (q *question) refusalReply(err error) (Reply, error) {
	r := Reply{From: q.call.Tool}
	var rf *recordedFailure
	if errors.As(err, &rf) {
		r.At, r.Took, r.From = rf.at, rf.took, rf.from
		return r, rf.ToolError
	}
	return r, err
}

// A recordedFailure is a refusal that is in the recording.
type recordedFailure struct {
	*ergo.ToolError
	at   time.Time
	took time.Duration
	from string // the tool whose record it is
}

func (f *recordedFailure) Unwrap() error { return f.ToolError }

// refuseBy is a refusal that follows from what a record says.
func (q *question) refuseBy(r Reply, message string) error {
	return &recordedFailure{&ergo.ToolError{Code: q.code, Message: message}, r.At, r.Took, r.From}
}

// failure is the refusal of a record, with the code that the node gives when
// it is asked as it is asked now.
func (q *question) failure(rec *archive.Record) error {
	e := &ergo.ToolError{Code: rec.Failure.Code, Message: rec.Failure.Text}
	if _, link := e.LinkFailed(); !link && (e.Code == ergo.CodeInvalidParams || e.Code == ergo.CodeInternal) {
		e.Code = q.code
	}
	return &recordedFailure{e, rec.At, rec.Took, rec.Stream.Name}
}

// reachable is the link error that the node's pulse showed at the moment, or
// that of the call's own record. A record that is newer than the pulse says
// for itself how things were.
func (q *question) reachable() error {
	pulse := q.x.pulse(q.call.Node)
	if pulse == "" || pulse == q.call.Tool {
		return nil
	}
	rec := q.beat(q.x.tool(q.call.Node, pulse))
	if rec == nil || !cutOff(rec) {
		return nil
	}
	own, _ := q.newest(q.exact(), q.subject())
	switch {
	case own != nil && cutOff(own):
		return q.failure(own)
	case own != nil && !own.At.Before(rec.At):
		return nil
	case q.m.faithful:
		return &ergo.ToolError{Code: rec.Failure.Code, Message: rec.Failure.Text}
	}
	return q.failure(rec)
}

// beat is the newest record of the streams that show the pulse of the node, without
// what it says; nil where there is none.
func (q *question) beat(streams []stream) (rec *archive.Record) {
	for _, s := range streams {
		f, err := s.reader.LastFrame(s.StreamKey, q.m.at, []string{}, 1)
		if err == nil && (rec == nil || f.At.After(rec.At)) {
			rec = &archive.Record{Stream: s.StreamKey, At: f.At, Took: f.Took, Failure: f.Failure}
		}
	}
	return rec
}

// cutOff reports whether a record says that the node could not be reached. One
// that timed out was there, only slow.
func cutOff(rec *archive.Record) bool {
	if rec.Failure == nil {
		return false
	}
	e := ergo.ToolError{Message: rec.Failure.Text}
	why, failed := e.LinkFailed()
	return failed && why != "timed out"
}

// Entry is the entry point: the node that answers calls which name none.
func (r *Recording) Entry() string { return r.index().entry() }

// born is the moment after which the node's life at t began: the last answer
// of the life before.
func (r *Recording) born(node string, t time.Time) (born time.Time) {
	x := r.index()
	r.mu.Lock()
	looked := r.known != nil && r.at == x.changes
	r.mu.Unlock()
	if !looked && x.oneLife(node) {
		return born
	}
	for _, n := range r.look() {
		if n.Name != node {
			continue
		}
		for i := 1; i < len(n.Lives) && !n.Lives[i].From.After(t); i++ {
			born = n.Lives[i-1].To.Add(1)
		}
	}
	return born
}

// Life is the start of a node's incarnation at a moment; zero where it is not
// known.
func (r *Recording) Life(node string, t time.Time) (started time.Time) {
	for _, n := range r.look() {
		for _, l := range n.Lives {
			if n.Name == node && (started.IsZero() || !l.From.After(t)) {
				started = l.Started
			}
		}
	}
	return started
}

// LastOf is when a node last answered in a life that had ended at a moment;
// zero where there was none, or where it is within a life.
func (r *Recording) LastOf(node string, t time.Time) (last time.Time) {
	for _, n := range r.look() {
		for _, l := range n.Lives {
			if n.Name == node && !l.From.After(t) {
				last = l.To
			}
		}
	}
	if last.After(t) {
		return time.Time{}
	}
	return last
}

// newest is the newest record of a subject in any of the streams, at or
// before the moment; nil where there is none.
func (q *question) newest(streams []stream, subject string) (rec *archive.Record, of stream) {
	for _, s := range streams {
		last, err := s.reader.Last(s.StreamKey, subject, q.m.at)
		if err != nil {
			continue // not there, or not readable
		}
		if rec == nil || last.At.After(rec.At) {
			rec, of = last, s
		}
	}
	return rec, of
}

// holdsFor is for how many of its intervals an answer stands, and askedOnce
// for how long one that has no interval does.
const (
	holdsFor  = 3
	askedOnce = time.Minute
)

// fresh reports whether a record still stood at the moment.
func (q *question) fresh(rec *archive.Record, of stream) bool {
	age := q.m.at.Sub(rec.At)
	if ergo.Define(of.said.Reading).Constant {
		return true
	}
	interval := of.interval()
	if rec.Subject != "" {
		interval = 0
		if prev, err := of.reader.Last(of.StreamKey, rec.Subject, rec.At.Add(-1)); err == nil {
			interval = rec.At.Sub(prev.At)
		}
	}
	if interval == 0 {
		return age <= askedOnce
	}
	return age <= holdsFor*interval
}

// current is the newest record of the streams that still stood at the moment.
// The error says from when the newest was, if there was one.
func (q *question) current(streams []stream, subject string) (*archive.Record, error) {
	rec, of := q.newest(streams, subject)
	if rec == nil {
		return nil, q.notRecorded(time.Time{})
	}
	if rec.At.Before(q.born) || !q.fresh(rec, of) {
		return nil, q.notRecorded(rec.At)
	}
	return rec, nil
}

// notRecorded is the error of a question that has no answer.
func (q *question) notRecorded(last time.Time) error {
	e := &NotRecordedError{Call: q.call, At: q.m.at, Last: last}
	if last.IsZero() {
		for _, s := range q.x.samples[q.call.Node] {
			if s.Records > s.Failures {
				e.Instead = append(e.Instead, s.Name)
			}
		}
		slices.Sort(e.Instead)
		e.Instead = slices.Compact(e.Instead)
	}
	return e
}

// tells are the streams that hold a reading of the node of the question.
func (q *question) tells(r ergo.Reading) []stream { return q.x.tells[telling{q.call.Node, r}] }

// exact are the streams that were recorded with the arguments of the call.
func (q *question) exact() []stream {
	want := tools48.Schema(q.call.Tool).StreamArgs(q.call.Args).String()
	var same []stream
	for _, s := range q.x.by[source{archive.Sample, q.call.Node, q.call.Tool}] {
		if s.Args == want || s.Args == "" && want == "{}" {
			same = append(same, s)
		}
	}
	return same
}

// subject is whom the call is about within its stream.
func (q *question) subject() string {
	if sub := tools48.Schema(q.call.Tool).SubjectArgs(q.call.Args); sub != nil {
		return sub.String()
	}
	return ""
}

// recorded is the answer that was recorded for the very call.
func (q *question) recorded() (Reply, error) {
	rec, err := q.current(q.exact(), q.subject())
	if err != nil {
		return Reply{}, err
	}
	return q.reply(rec)
}

// reply is what a record says.
func (q *question) reply(rec *archive.Record) (Reply, error) {
	if rec.Failure != nil {
		return Reply{}, q.failure(rec)
	}
	return Reply{
		Answer: ergo.Answer{Text: rec.Text, IsError: rec.IsError, At: rec.At, Took: rec.Took},
		From:   rec.Stream.Name, Seen: rec.Seen, Total: rec.Total,
	}, nil
}

// derived is an answer made from another record.
func (r Reply) derived(text []byte) Reply {
	r.Text = text
	return r
}
