package codec

import (
	"slices"

	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/word"
)

// A Head is what a run holds of a record beside its rows.
type Head struct {
	Seq         uint64
	At, Took    int64
	Subject     string
	Args        []byte
	IsError     bool
	Failed      bool
	Code        int64
	Reason      string
	Seen, Total int64
	Mono        int64 // the recorder's monotonic time in nanoseconds; 0 where it is not known

	payload payload
	pretty  bool
	parts   int // how many parts have rows of it
	text    [2]int
}

// Rows reports whether the record told rows, null included.
func (h *Head) Rows() bool { return h.payload == payloadRows || h.payload == payloadNull }

// MostRows is how many rows the record can have at most.
func (h *Head) MostRows() int { return h.parts * PartRows }

// series opens a decoder for a field.
func (r *Run) series(field int) (number.Decoder, error) {
	class, _, err := r.stream(tag(field, subClass))
	if err != nil {
		return number.Decoder{}, err
	}
	bits, n, err := r.stream(tag(field, subBits))
	if err != nil {
		return number.Decoder{}, err
	}
	codes := &number.WideCodes
	if r.Version < 2 {
		codes = &number.NarrowCodes
	}
	return number.NewDecoder(class, number.NewBitReader(bits, n), codes), nil
}

// words are the entries of a field's dictionary.
func (r *Run) words(field int) ([]string, error) {
	b, _, err := r.stream(tag(field, subDict))
	if err != nil {
		return nil, err
	}
	var l word.Lexicon
	if r.Version < 2 {
		err = l.ReadPlain(b)
	} else {
		err = l.Read(b)
	}
	return l.Words(), err
}

// Seqs are the records of the run, and their times.
func (r *Run) Seqs() (seqs []uint64, ats []int64, err error) {
	if r.timed {
		return r.seqs, r.ats, nil
	}
	s, err := r.series(fieldSeq)
	if err != nil {
		return nil, nil, err
	}
	a, err := r.series(fieldAt)
	if err != nil {
		return nil, nil, err
	}
	if r.Records > s.Left() {
		return nil, nil, parse.ErrContent
	}
	seqs, ats = slices.Grow(r.seqs[:0], r.Records)[:r.Records], slices.Grow(r.ats[:0], r.Records)[:r.Records]
	seq, at, step := int64(r.Run), int64(0), int64(0)
	for i := range seqs {
		seq = s.Next(seq)
		before := at
		at = a.Next(before + step)
		if i > 0 && r.Version >= 2 {
			step = at - before
		}
		if i > 0 && uint64(seq) <= seqs[i-1] {
			return nil, nil, parse.ErrContent
		}
		seqs[i], ats[i] = uint64(seq), at
	}
	if s.Short || a.Short {
		return nil, nil, parse.ErrContent
	}
	r.seqs, r.ats, r.timed = seqs, ats, true
	return seqs, ats, nil
}

// Heads are the heads of all records of a run of part 0.
func (r *Run) Heads() ([]Head, error) { return r.headsIn(nil, false) }

// headsIn is Heads in the memory of others. Brief ones say when the records were, whether they hold rows, and how those failed that did.
func (r *Run) headsIn(heads []Head, brief bool) ([]Head, error) {
	seqs, ats, err := r.Seqs()
	if err != nil {
		return nil, err
	}
	d, err := r.headDecoder(brief)
	if err != nil {
		return nil, err
	}
	heads = slices.Grow(heads[:0], len(seqs))[:len(seqs)]
	clear(heads)
	for i := range heads {
		h := &heads[i]
		h.Seq, h.At = seqs[i], ats[i]
		if !d.next(h) {
			return nil, parse.ErrContent
		}
	}
	for _, x := range d.series() {
		if x.d.Short {
			return nil, parse.ErrContent
		}
	}
	return heads, nil
}

// A headDecoder reads what is told of each record beside its rows.
type headDecoder struct {
	version                                                                     uint8
	brief                                                                       bool // only flags, failures and parts
	took, flags, clock, subject, args, reason, code, seen, total, length, parts number.Decoder
	subjects, argss, reasons                                                    []string
	last                                                                        lastHead
	text                                                                        int // bytes of texts so far
}

type headSeries struct {
	d     *number.Decoder
	field int
}

func (d *headDecoder) series() []headSeries {
	all := []headSeries{
		{&d.flags, fieldFlags},
		{&d.reason, fieldReason},
		{&d.code, fieldCode},
		{&d.parts, fieldParts},
		{&d.clock, fieldClock},
		{&d.took, fieldTook},
		{&d.subject, fieldSubject},
		{&d.args, fieldArgs},
		{&d.seen, fieldSeen},
		{&d.total, fieldTotal},
		{&d.length, fieldLength},
	}
	if d.brief {
		return all[:4]
	}
	return all
}

func (r *Run) headDecoder(brief bool) (d *headDecoder, err error) {
	d = &headDecoder{version: r.Version, brief: brief}
	for _, s := range d.series() {
		if *s.d, err = r.series(s.field); err != nil {
			return nil, err
		}
	}
	if d.reasons, err = r.words(fieldReason); err != nil || brief {
		return d, err
	}
	if d.subjects, err = r.words(fieldSubject); err != nil {
		return nil, err
	}
	d.argss, err = r.words(fieldArgs)
	return d, err
}

// next reads a head and reports whether it is possible.
func (d *headDecoder) next(h *Head) bool {
	last, ok := &d.last, true
	last.flags = d.flags.Next(last.flags)
	h.payload, h.pretty = payload(last.flags&flagPayload), last.flags&flagPretty != 0
	h.IsError, h.Failed = last.flags&flagIsError != 0, last.flags&flagFailed != 0
	last.parts = d.parts.Next(last.parts)
	h.parts = int(last.parts)
	if h.Failed {
		last.reason, last.code = d.reason.Next(last.reason), d.code.Next(last.code)
		h.Reason, ok = wordOf(d.reasons, last.reason)
		h.Code = last.code
	}
	return ok && (d.brief || d.rest(h)) && last.parts >= 0 && last.parts <= 1<<16
}

// rest reads what brief heads do not say.
func (d *headDecoder) rest(h *Head) (ok bool) {
	last := &d.last
	if d.version >= 3 && last.flags&flagClock != 0 {
		last.clock = d.clock.Next(last.predictClock(h.At))
		h.Mono = max(1, last.clock*clockUnit)
	}
	h.Took = last.tookOf(&d.took, d.version)
	last.subject = d.subject.Next(last.subject)
	if h.Subject, ok = wordOf(d.subjects, last.subject); !ok {
		return false
	}
	if last.args = d.args.Next(last.args); last.args != 0 {
		args, ok := wordOf(d.argss, last.args-1)
		if !ok {
			return false
		}
		if !last.told || string(last.argsText) != args {
			last.argsText, last.told = []byte(args), true
		}
		h.Args = last.argsText // most records are asked for alike
	}
	if last.flags&flagLimited != 0 {
		last.seen, last.total = d.seen.Next(last.seen), d.total.Next(last.total)
		h.Seen, h.Total = last.seen, last.total
	}
	if h.payload == payloadText {
		n := d.length.Next(0)
		if n < 0 || n > parse.MaxRaw {
			return false
		}
		h.text = [2]int{d.text, d.text + int(n)}
		d.text += int(n)
	}
	return true
}

// wordOf is the word of that number, if there is one.
func wordOf(words []string, id int64) (word string, ok bool) {
	if id < 0 || id >= int64(len(words)) {
		return "", false
	}
	return words[id], true
}

// lastHead is what the head of the record before said, which predicts the next.
type lastHead struct {
	flags, took, subject, args, reason, code, seen, total, parts int64

	clock, clockAt int64 // the clock, and the wall's at that time

	argsText []byte
	told     bool // there are arguments in argsText
}

// clockUnit is a millisecond, in which the recorder's clock is kept.
const clockUnit = 1e6

// predictClock is what the recorder's clock should say at a time, in
// milliseconds, if the wall clock made no step.
func (l *lastHead) predictClock(at int64) int64 {
	pred := l.clock + at/clockUnit - l.clockAt/clockUnit
	if l.clockAt == 0 {
		pred = 0
	}
	l.clockAt = at
	return pred
}

// tookOf reads how long the call took. Version 1 told it in nanoseconds always, and
// did not predict it.
func (l *lastHead) tookOf(d *number.Decoder, version uint8) int64 {
	if version < 2 {
		return d.Next(0)
	}
	if l.took = d.Next(l.took); l.flags&flagMicros != 0 {
		return l.took * 1000
	}
	return l.took
}

// A ValueKind tells what a cell holds, as in package archive.
type ValueKind uint8

const (
	Absent ValueKind = iota
	Int
	String
	JSON
)

// A Column is a decoded column, by slot.
type Column struct {
	Name  string
	Kinds []ValueKind
	Ints  []int64
	Texts []string // nil where no cell ever was a text
}
