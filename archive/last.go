package archive

import (
	"cmp"
	"slices"
	"time"

	"ergorecorder/archive/internal/codec"
)

// A position is a run opened for whole records, and how far it was walked.
type position struct {
	stream  StreamKey
	run     uint64
	records int // of the run when it was opened
	table   *codec.Table
	next    int // record of the run to come
}

// keptPositions is how many positions a reader keeps: asking for the next
// instant of the same streams is then cheap.
const keptPositions = 16

// Last returns the newest record of the stream, and of the subject in it, at
// or before t; ErrNotFound where there is none. Failures are records too.
func (r *Reader) Last(s StreamKey, subject string, t time.Time) (*Record, error) {
	r.refresh()
	at := t.UnixNano()
	runs := slices.DeleteFunc(r.cat.runs(s, 0), func(x run) bool { return x.From > at })
	slices.SortFunc(runs, func(a, b run) int { return cmp.Or(cmp.Compare(b.To, a.To), cmp.Compare(b.Run, a.Run)) })
	var best struct {
		run   *run
		i     int
		at    int64
		seq   uint64
		heads []codec.Head
	}
	for i := range runs {
		x := &runs[i]
		if best.run != nil && min(x.To, at) < best.at {
			break
		}
		heads, err := r.heads(s, *x)
		if err != nil {
			return nil, err
		}
		for i, h := range heads {
			if h.At > at || h.Subject != subject || best.run != nil && (h.At < best.at || h.At == best.at && h.Seq < best.seq) {
				continue
			}
			best.run, best.i, best.at, best.seq, best.heads = x, i, h.At, h.Seq, heads
		}
	}
	if best.run == nil {
		return nil, ErrNotFound
	}
	return r.record(s, *best.run, best.i)
}

// heads are the heads of a run, of a kept position where there is one.
func (r *Reader) heads(s StreamKey, x run) ([]codec.Head, error) {
	r.mu.Lock()
	for _, p := range r.recent {
		if p.stream == s && p.run == x.Run && p.records == x.Records {
			defer r.mu.Unlock()
			return p.table.Heads(), nil
		}
	}
	r.mu.Unlock()
	cr, err := r.cat.open(r.zip, s, x)
	if err != nil {
		return nil, err
	}
	heads, err := cr.Heads()
	if err != nil {
		return nil, r.cat.corruption(s, &x, err)
	}
	return heads, nil
}

// record is the i-th record of a run.
func (r *Reader) record(s StreamKey, x run, i int) (*Record, error) {
	p := r.takePosition(s, x, i)
	if p == nil {
		cr, err := r.cat.open(r.zip, s, x)
		if err != nil {
			return nil, err
		}
		p = &position{stream: s, run: x.Run, records: cr.Records, table: codec.NewText(r.form(s), r.fetcher(s))}
		if err := p.table.Load(cr); err != nil {
			return nil, r.cat.corruption(s, &x, err)
		}
	}
	for ; p.next <= i; p.next++ {
		step := p.table.Skip
		if p.next == i {
			step = p.table.Next
		}
		if ok, err := step(); err != nil || !ok {
			return nil, r.cat.corruption(s, &x, err)
		}
	}
	rec, err := recordOf(s, p.table)
	if err != nil {
		return nil, r.cat.corruption(s, &x, err)
	}
	r.keepPosition(p)
	return rec, nil
}

// takePosition takes a kept position at or before the record out of the list.
func (r *Reader) takePosition(s StreamKey, x run, i int) *position {
	r.mu.Lock()
	defer r.mu.Unlock()
	for j, p := range r.recent {
		if p.stream == s && p.run == x.Run && p.records == x.Records && (p.next <= i || p.next == i+1) {
			r.recent = slices.Delete(r.recent, j, j+1)
			return p
		}
	}
	return nil
}

func (r *Reader) keepPosition(p *position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recent) == keptPositions {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	r.recent = append(r.recent, p)
}

// recordOf is the record that a table made for whole records has come to.
func recordOf(s StreamKey, t *codec.Table) (*Record, error) {
	h := t.Head
	text, err := t.Text()
	if err != nil {
		return nil, err
	}
	rec := &Record{
		Seq: h.Seq, Stream: s, At: unix(h.At), Took: time.Duration(h.Took), Mono: time.Duration(h.Mono), Subject: h.Subject, Args: slices.Clone(h.Args),
		Text: text, IsError: h.IsError, Failure: failureOf(h), Seen: int(h.Seen), Total: int(h.Total),
	}
	return rec, nil
}

func failureOf(h *codec.Head) *Failure {
	if !h.Failed {
		return nil
	}
	return &Failure{Code: int(h.Code), Text: h.Reason}
}
