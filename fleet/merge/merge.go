package merge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"ergorecorder/archive"
)

// An Input is one recording of the cluster.
type Input struct {
	Name   string // for people
	Reader *archive.Reader
}

// Options of a merge. The zero value merges all.
type Options struct {
	// From and To bound what is merged, by the reconciled clock; zero is unbounded.
	// The newest answer of each stream before From comes with it.
	From, To time.Time
	// Nodes says which nodes are merged; nil is all. Marks are merged in any case.
	Nodes func(node string) bool
	// Bare leaves out the mark that says what was merged.
	Bare bool
}

// A Part says what became of one input.
type Part struct {
	Name    string
	ID      string        // of the archive
	Clock   Clock         // how it was reconciled
	Records int           // that were merged
	Once    int           // answers that another saw too, and that are told once
	Lines   int           // log lines and messages, likewise
	Covered int           // gaps and losses of nodes through which another saw, wholly or in part
	Damaged []error       // what could not be read of it; a gap says so
	Shift   time.Duration // by how much its times were moved: Clock.Offset, or 0 where that is within its error
}

// A Result says what was merged.
type Result struct {
	Parts   []*Part
	Records int // written
}

// source is an input on its way.
type source struct {
	Input
	*Part
	index   int
	schemas map[archive.StreamKey]archive.Schema
	keys    []archive.StreamKey
	nodes   map[string]bool
	marks   []archive.Mark
	drop    map[archive.StreamKey]map[string]map[int64]bool // answers that another tells, by subject and time
	entries map[string]bool                                 // of samplers that were looked at: whether another source brought them
}

type merger struct {
	opts    Options
	sources []*source
	heard   *heard
	seen    presence
	out     *archive.Writer
	shared  map[archive.StreamKey]int // how many sources have a stream
	result  *Result
}

// Merge writes one recording of several into an archive that is empty. The
// caller closes it.
func Merge(ctx context.Context, inputs []Input, out *archive.Writer, opts Options) (*Result, error) {
	plan, err := Look(ctx, inputs)
	if err != nil {
		return nil, err
	}
	if why := plan.Apart(); why != "" {
		return nil, &ApartError{Why: why, Clusters: plan.Clusters}
	}
	return plan.Merge(ctx, out, opts)
}

// Merge is the function of that name for inputs that were looked at. It does not
// ask whether they are of one cluster.
func (p *Plan) Merge(ctx context.Context, out *archive.Writer, opts Options) (*Result, error) {
	m := &merger{
		opts: opts, heard: newHeard(), seen: presence{}, out: out, result: &Result{}, shared: map[archive.StreamKey]int{},
	}
	for i, in := range p.Inputs {
		m.sources = append(m.sources, m.source(i, in, p.Clocks[i]))
	}
	for _, s := range m.sources {
		m.result.Parts = append(m.result.Parts, s.Part)
		for _, k := range s.keys {
			m.shared[k]++
		}
	}
	for _, step := range []func(context.Context) error{m.thin, m.readMarks, m.say, m.writeMarks, m.copy} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
	}
	return m.result, nil
}

func (m *merger) source(i int, in Input, c Clock) *source {
	s := &source{
		Input: in, Part: &Part{Name: in.Name, ID: in.Reader.Info().ID, Clock: c, Shift: c.Shift()}, index: i,
		schemas: map[archive.StreamKey]archive.Schema{}, nodes: map[string]bool{}, keys: []archive.StreamKey{}, // nil would be all
		drop: map[archive.StreamKey]map[string]map[int64]bool{}, entries: map[string]bool{},
	}
	for _, x := range in.Reader.Streams() {
		if x.Node != "" && x.Kind == archive.Sample {
			s.nodes[x.Node] = true
		}
		if x.Kind == archive.MarkKind || x.Node != "" && m.opts.Nodes != nil && !m.opts.Nodes(x.Node) {
			continue // marks have a way of their own
		}
		s.schemas[x.StreamKey] = x.Schema
		s.keys = append(s.keys, x.StreamKey)
	}
	return s
}

// own is a time of the merged recording by the source's own clock.
func (s *source) own(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-s.Shift)
}

// A next is the next record of a source.
type next struct {
	*source
	rec  *archive.Record
	err  error
	pull func() (*archive.Record, error, bool)
}

// copy writes the records of all sources in the order of the reconciled time.
func (m *merger) copy(ctx context.Context) error {
	var heads []*next
	for _, s := range m.sources {
		pull, stop := iter.Pull2(m.records(ctx, s))
		defer stop()
		h := &next{source: s, pull: pull}
		if h.advance() {
			heads = append(heads, h)
		}
	}
	for len(heads) > 0 {
		first := 0
		for i, h := range heads {
			if h.before(heads[first]) {
				first = i
			}
		}
		h := heads[first]
		if err := m.put(h); err != nil {
			return err
		}
		if !h.advance() {
			heads = append(heads[:first:first], heads[first+1:]...)
		}
	}
	return nil
}

func (h *next) advance() (ok bool) {
	h.rec, h.err, ok = h.pull()
	if ok && h.rec != nil {
		h.rec.At = h.rec.At.Add(h.Shift)
	}
	return ok
}

// before reports whether h comes first; errors do.
func (h *next) before(o *next) bool {
	if h.rec == nil || o.rec == nil {
		return h.rec == nil && o.rec != nil
	}
	return h.rec.At.Before(o.rec.At)
}

// records walks what of a source is to be merged, with the newest answers before
// the window in front.
func (m *merger) records(ctx context.Context, s *source) iter.Seq2[*archive.Record, error] {
	from, to := s.own(m.opts.From), s.own(m.opts.To)
	return func(yield func(*archive.Record, error) bool) {
		for _, rec := range lastBefore(s, from) {
			if !yield(rec, nil) {
				return
			}
		}
		for rec, err := range s.Reader.Records(ctx, archive.Query{Streams: s.keys, From: from, To: to}) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// put writes the next record of a source, unless it is told already.
func (m *merger) put(h *next) error {
	var broken *archive.CorruptionError
	switch {
	case errors.As(h.err, &broken):
		return m.damage(h.source, broken)
	case h.err != nil:
		return h.err
	}
	rec := h.rec
	h.Records++
	switch rec.Stream.Kind {
	case archive.Log, archive.Event:
		if !m.heard.first(h.source, rec.Stream, rec.At, rec.Text) {
			h.Lines++
			return nil
		}
	case archive.Sample:
		if !delivers(rec.Stream.Name) {
			break
		}
		if m.heard.copied(h.source, rec) {
			h.Once++
			return nil
		}
		h.Lines += m.heard.strip(h.source, rec)
	}
	if h.drop[rec.Stream][rec.Subject][rec.At.UnixNano()] {
		h.Once++
		return nil
	}
	if m.shared[rec.Stream] > 1 {
		rec.Mono = 0 // one recorder's steady clock says nothing of another's
	}
	rec.Schema = h.schemas[rec.Stream]
	return m.append(rec)
}

func (m *merger) append(rec *archive.Record) error {
	_, err := m.out.Append(rec)
	m.result.Records++
	return err
}

// damage says in the merged recording what of a source cannot be read: as a
// gap of the node, so that nothing passes for sound that was not seen.
func (m *merger) damage(s *source, broken *archive.CorruptionError) error {
	s.Damaged = append(s.Damaged, broken)
	from, to := broken.From, broken.To
	if from.IsZero() {
		i := s.Reader.Info()
		from, to = i.From, i.To
	}
	return m.writeMark(archive.Mark{
		Kind: archive.MarkGap, From: from.Add(s.Shift), To: to.Add(s.Shift),
		Note: fmt.Sprintf("%s cannot be read: %v", s.ID, broken),
		More: map[string]any{"recorder": s.ID},
	})
}

func (m *merger) writeMark(mark archive.Mark) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return fmt.Errorf("encode mark %s: %w", mark.Kind, err)
	}
	at := mark.At
	if at.IsZero() {
		at = mark.To
	}
	return m.append(&archive.Record{Stream: archive.StreamKey{Kind: archive.MarkKind, Node: mark.Node, Name: mark.Kind}, At: at, Text: text})
}

// say writes the mark that says what was merged, at the beginning.
func (m *merger) say(context.Context) error {
	if m.opts.Bare {
		return nil
	}
	var first time.Time
	for _, s := range m.sources {
		i := s.Reader.Info()
		if from := i.From.Add(s.Shift); i.Records > 0 && (first.IsZero() || from.Before(first)) {
			first = from
		}
	}
	if m.opts.From.After(first) {
		first = m.opts.From
	}
	mark := archive.Mark{Kind: "merge", From: first, To: first, Note: fmt.Sprintf("of %d recordings", len(m.sources)), More: map[string]any{}}
	for _, s := range m.sources {
		mark.More[s.ID] = s.Clock.String()
	}
	return m.writeMark(mark)
}
