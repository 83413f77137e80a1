package codec

import (
	"bytes"
	"slices"

	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/scan"
	"ergorecorder/archive/internal/codec/word"
)

// An Encoder encodes one stream. It is not safe for concurrent use.
type Encoder struct {
	desc  Desc
	table *table
	head  head
	epoch uint64 // first record of the table's life: slots keep their rows within it
	done  []Chunk
	limit Limits
	desk  *Scratch
}

// Scratch is memory that encoders need while they take in a record. Encoders
// that are not used at the same time share one.
type Scratch struct {
	stages []stage
	lists  [][]cell
}

// stage is what a scan found for a part.
type stage struct {
	rows  []stagedRow
	cells []cell
	ages  []agedColumn
	gone  []int32
}

// An agedColumn is what the rows that were there before say of a column of
// ages, which all of them do: by slot, so that it need not be sorted.
type agedColumn struct {
	col  int
	has  bitmap
	vals []int64
}

func (s *stage) empty() {
	s.rows, s.cells, s.ages, s.gone = s.rows[:0], s.cells[:0], s.ages[:0], s.gone[:0]
}

// aged is the column's place in the stage.
func (s *stage) aged(col int) *agedColumn {
	for i := range s.ages {
		if s.ages[i].col == col {
			return &s.ages[i]
		}
	}
	n := len(s.ages)
	s.ages = slices.Grow(s.ages, 1)[:n+1]
	a := &s.ages[n]
	a.col, a.has = col, bitmap{}
	if a.vals == nil {
		a.vals = make([]int64, PartRows)
	}
	return a
}

// list is an empty list of cells.
func (s *Scratch) list() []cell {
	n := len(s.lists)
	if n == 0 {
		return make([]cell, 0, 64)
	}
	l := s.lists[n-1]
	s.lists = s.lists[:n-1]
	return l
}

func (s *Scratch) give(l []cell) {
	if l != nil {
		s.lists = append(s.lists, l[:0])
	}
}

// Limits say when a run ends. What they bound in the end is the time that it
// takes to find one record.
type Limits struct {
	Records int   // in a run
	Cells   int   // told in a run, where its keyframe is not larger than an eighth of that
	Bytes   int   // of texts and literals in a run
	Span    int64 // nanoseconds between the first and the last record of a run
}

// DefaultLimits keep the state of a thousand rows within reach of a few
// milliseconds.
func DefaultLimits() Limits {
	return Limits{Records: 160, Cells: 200_000, Bytes: 4 << 20, Span: 3600e9}
}

// run is what the encoder knows of a run under way.
type run struct {
	Header // of the chunk to come
	began  int64
	total  int // records so far
	cells  int
	frame  int // cells of the keyframe
	bytes  int
	limit  Limits
	stats  *Stats
}

// NewEncoder begins a stream, or begins it again: its first records open
// runs of their own.
func NewEncoder(d Desc, l Limits, s *Scratch) *Encoder {
	e := &Encoder{desc: d, limit: l, desk: s}
	e.reset()
	return e
}

// Borrow gives the encoder the scratch for the next record, in place of its own.
func (e *Encoder) Borrow(s *Scratch) { e.desk, e.table.desk = s, s }

func (e *Encoder) reset() {
	e.table = newTable(&e.desc, e.desk)
	e.table.parts = []*part{newPart(0)}
	e.epoch = 0
}

// Append encodes a record, which must follow the one before in Seq. It keeps
// nothing of the record's memory.
func (e *Encoder) Append(r *Record) { e.encode(r, e.scan(r)) }

// scan opens the runs that the record needs and stages what it says.
func (e *Encoder) scan(r *Record) payload {
	if e.epoch == 0 {
		e.epoch = r.Seq
	}
	t := e.table
	for _, p := range t.parts {
		if p.run.ended(r.At) {
			e.endRun(p)
		}
		if p.run.Run == 0 {
			e.beginRun(p, r)
		}
	}
	if r.Text != nil && !r.Failed {
		return t.scanText(r.Text, r.Subject)
	}
	t.begin()
	return payloadNone
}

// encode adds what was staged to the runs.
func (e *Encoder) encode(r *Record, kind payload) {
	t := e.table
	parts := 0
	for i, p := range t.parts {
		if p.run.Run == 0 { // the scan needed one more
			e.beginRun(p, r)
		}
		if kind == payloadRows || kind == payloadNull {
			if len(p.rows)+len(p.gone) > 0 || p.inRun != (bitmap{}) {
				parts = i + 1
			}
		}
	}
	for i, p := range t.parts {
		if i < parts {
			p.encode(t, r.At, e.desc.Round)
		}
		if i == 0 || i < parts {
			e.note(p, r)
		}
	}
	e.head.put(&t.parts[0].run, r, kind, parts)
	t.clear()
	if len(t.keys)*(1+len(t.cols)) > maxCells && e.desc.Form == FormObject || len(t.shapes) > maxShapes || len(t.cols) >= MaxColumns {
		e.Cut()
		e.reset()
	}
}

// note adds the record to the part's chunk to come.
func (e *Encoder) note(p *part, r *Record) {
	u := &p.run
	if u.Records == 0 {
		u.First, u.From, u.To = r.Seq, r.At, r.At
	}
	if u.total == 0 {
		u.frame = u.cells
	}
	p.heads(r, u)
	u.Last = r.Seq
	u.Records++
	u.total++
	u.From, u.To = min(u.From, r.At), max(u.To, r.At)
	u.Rows += len(p.rows)
	if p.number == 0 {
		u.bytes += len(r.Args)
		if r.Failed {
			u.Failures++
			u.bytes += len(r.Reason)
		}
	}
}

// frameShare keeps the keyframes of large parts from taking more than 1 in so
// many cells.
const frameShare = 8

func (u *run) ended(at int64) bool {
	return u.Run != 0 && (u.total >= u.limit.Records || u.cells >= max(u.limit.Cells, frameShare*u.frame) || u.bytes >= u.limit.Bytes ||
		at-u.began >= u.limit.Span)
}

// beginRun opens a run with the record to come. The first run of a part is
// cut shorter by a share of its own, so that the runs of many streams that
// began together do not end together.
func (e *Encoder) beginRun(p *part, r *Record) {
	limit := e.limit
	if p.run.Last == 0 {
		share := int(e.desc.Stream*7+uint32(p.number)*5)%16 + 17
		limit.Records, limit.Cells = limit.Records*share/32, limit.Cells*share/32
		limit.Span = limit.Span / 32 * int64(share)
	}
	h := Header{Version: Version, Archive: e.desc.Archive, Stream: e.desc.Stream, Part: p.number, Round: e.desc.Round, Run: r.Seq, Epoch: e.epoch, Prev: p.run.Last}
	p.run = run{Header: h, began: r.At, limit: limit, stats: &Stats{}}
	if p.number == 0 {
		e.head = head{}
	}
}

// endRun moves what is left of the part's run to the finished chunks.
func (e *Encoder) endRun(p *part) {
	e.take(p)
	last := p.run.Header
	p.run = run{}
	p.run.Last = last.Last
	p.begin()
}

// Cut ends all runs: the next record opens new ones.
func (e *Encoder) Cut() {
	for _, p := range e.table.parts {
		if p.run.Run != 0 {
			e.endRun(p)
		}
	}
}

// A Chunk is a piece of a run, encoded but not yet laid out.
type Chunk struct {
	Header
	Stats   *Stats // of the whole run, still gathered while that goes on
	streams []stream
}

// Take appends what has piled up since the last call to dst.
func (e *Encoder) Take(dst []Chunk) []Chunk {
	for _, p := range e.table.parts {
		e.take(p)
	}
	dst = append(dst, e.done...)
	e.done = nil
	return dst
}

func (e *Encoder) take(p *part) {
	if p.run.Run == 0 || p.run.Records == 0 {
		return
	}
	var s streams
	if p.run.Chunk == 0 {
		s.add(tag(fieldAbout, subClass), e.desc.About)
	}
	p.take(&s)
	if p.number == 0 {
		e.head.take(&s)
	}
	e.done = append(e.done, Chunk{Header: p.run.Header, Stats: p.run.stats, streams: s})
	h := &p.run.Header
	h.Chunk++
	h.Records, h.Failures, h.Rows = 0, 0, 0
}

func (p *part) take(s *streams) {
	s.coder(fieldSeq, &p.seqs)
	s.coder(fieldAt, &p.ats)
	s.take(tag(fieldLists, subClass), &p.lists)
	s.take(tag(fieldActive, subClass), &p.active)
	s.take(tag(fieldNames, subClass), &p.names)
	s.take(tag(fieldShapes, subClass), &p.shapes)
	p.shape.take(s, fieldShape)
	for i, c := range p.cols {
		if c != nil {
			c.take(s, fieldColumns+2*i)
		}
	}
}

func (c *column) take(s *streams, field int) {
	s.coder(field, &c.Coder)
	s.dict(field, &c.dict)
	s.take(tag(field, subList), &c.list)
	s.coder(field+1, &c.ref)
}

// heads writes which record the part's sample belongs to.
func (p *part) heads(r *Record, u *run) {
	if u.total == 0 {
		p.seq, p.headAt, p.headStep = int64(u.Run), 0, 0
	}
	p.seqs.PutDelta(int64(r.Seq), p.seq)
	p.ats.PutDelta(r.At, p.headAt+p.headStep)
	if u.total > 0 {
		p.headStep = r.At - p.headAt
	}
	p.seq, p.headAt = int64(r.Seq), r.At
}

// head holds the streams of what is not in columns: how each record came.
type head struct {
	took, flags, clock, subject, args, reason, code, seen, total, length, parts number.Coder

	subjects, argss, reasons word.Dict
	last                     lastHead
	text                     []byte
}

const (
	flagPayload = 3 // payload, two bits
	flagPretty  = 4 // the text was indented by two
	flagIsError = 8
	flagFailed  = 16
	flagLimited = 32 // Seen and Total follow
	flagMicros  = 64 // Took is in microseconds
	flagClock   = 128
)

func (h *head) put(u *run, r *Record, kind payload, parts int) {
	if kind == payloadNone && r.Text != nil { // of a failure
		kind = payloadText
	}
	flags := int64(kind)
	if pretty(r.Text) && kind == payloadRows {
		flags |= flagPretty
	}
	if r.IsError {
		flags |= flagIsError
	}
	if r.Failed {
		flags |= flagFailed
		put(&h.reason, int64(h.reasons.Put([]byte(r.Reason))), &h.last.reason)
		put(&h.code, r.Code, &h.last.code)
	}
	if r.Seen != 0 || r.Total != 0 {
		flags |= flagLimited
		put(&h.seen, r.Seen, &h.last.seen)
		put(&h.total, r.Total, &h.last.total)
	}
	took := r.Took
	if took%1000 == 0 {
		flags |= flagMicros
		took /= 1000
	}
	if r.Mono > 0 {
		flags |= flagClock
		first := h.last.clockAt == 0
		pred := h.last.predictClock(r.At)
		now := pred
		if off := r.Mono - pred*clockUnit; first || off < -clockUnit || off > clockUnit {
			now = (r.Mono + clockUnit/2) / clockUnit
		}
		h.clock.PutDelta(now, pred)
		h.last.clock = now
	}
	put(&h.flags, flags, &h.last.flags)
	put(&h.took, took, &h.last.took)
	put(&h.parts, int64(parts), &h.last.parts)
	put(&h.subject, int64(h.subjects.Put([]byte(r.Subject))), &h.last.subject)
	args := int64(0) // none
	if r.Args != nil {
		args = 1 + int64(h.argss.Put(r.Args))
	}
	put(&h.args, args, &h.last.args)
	if kind == payloadText {
		h.length.PutDelta(int64(len(r.Text)), 0)
		h.text = append(h.text, r.Text...)
		u.bytes += len(r.Text)
	}
}

func put(c *number.Coder, v int64, last *int64) {
	c.PutDelta(v, *last)
	*last = v
}

func (h *head) take(s *streams) {
	s.coder(fieldClock, &h.clock)
	s.coder(fieldTook, &h.took)
	s.coder(fieldFlags, &h.flags)
	s.coder(fieldSubject, &h.subject)
	s.dict(fieldSubject, &h.subjects)
	s.coder(fieldArgs, &h.args)
	s.dict(fieldArgs, &h.argss)
	s.coder(fieldReason, &h.reason)
	s.dict(fieldReason, &h.reasons)
	s.coder(fieldCode, &h.code)
	s.coder(fieldSeen, &h.seen)
	s.coder(fieldTotal, &h.total)
	s.coder(fieldLength, &h.length)
	s.coder(fieldParts, &h.parts)
	s.take(tag(fieldText, subClass), &h.text)
}

// pretty reports whether the text is indented as MarshalIndent does by two.
func pretty(text []byte) bool {
	p := scan.Space(text, 0)
	return len(text) > p+1 && bytes.HasPrefix(text[p+1:], []byte("\n  "))
}
