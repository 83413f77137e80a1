package replay

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/tally"
	"ergorecorder/ergo"
	"ergorecorder/replay/spelled"
)

// A Query says what is read of a recording: a reading of a node, and which of
// its fields.
type Query struct {
	Node     string
	Reading  ergo.Reading
	From, To time.Time // zero: all
	Args     string    // of the stream that is walked; "": of the one that shows most rows
	// Fields are those that are decoded, by the names of the reading's definition. A spelling that
	// calls them otherwise is translated. The type [Fields] keeps where each stands.
	Fields   []string
	Failures bool        // the calls that failed are walked too
	Damaged  func(error) // hears of each stretch that cannot be read and is passed over; nil means nobody
}

// Fields are the fields that a query asks for. A reader takes them one by one
// and keeps where each stands, so that none is counted by hand:
//
//	pid, run := ask.Of("PID"), ask.Of("RunningTime")
//	for f, err := range rec.Answers(ctx, replay.Query{Fields: ask, …}) {
//		… f.Columns[pid].Text(slot), f.Columns[run].Float(slot)
type Fields []string

// Of asks for a field, and is its place among the columns of each answer.
func (f *Fields) Of(name string) int {
	*f = append(*f, name)
	return len(*f) - 1
}

// Answers walks the answers that hold the reading, in order of time, whichever
// tool of whichever spelling gave them. What cannot be read is passed over and told to
// q.Damaged; any other error ends the walk. A reading that was never recorded walks nothing.
// See [archive.Frame] for what a step holds; its columns are the fields, in the order of q.Fields.
func (r *Recording) Answers(ctx context.Context, q Query) iter.Seq2[*archive.Frame, error] {
	streams := r.index().widest(q.Node, q.Reading)
	if q.Args != "" {
		all := slices.Clone(r.index().tells[telling{q.Node, q.Reading}])
		streams = widestOf(slices.DeleteFunc(all, func(s stream) bool { return s.Args != q.Args }))
	}
	frames := chain(ctx, streams, q.From, q.To, q.Fields)
	return func(yield func(*archive.Frame, error) bool) {
		for f, err := range Readable(frames, q.Damaged) {
			if err == nil && f.Failure != nil && !q.Failures {
				continue
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// A Tallied is an answer of which one field was added up over all rows.
type Tallied struct {
	At      time.Time
	Failure *archive.Failure // instead
	*tally.Tally
}

// Tallies walks the answers as Answers does, and adds up the one field that is asked for. It
// looks at what changed alone.
func (r *Recording) Tallies(ctx context.Context, q Query) iter.Seq2[Tallied, error] {
	walk := chained(r.index().widest(q.Node, q.Reading), q.From, func(s stream, from time.Time) iter.Seq2[Tallied, error] {
		return s.tallies(ctx, from, q.To, q.Fields[:1])
	})
	return func(yield func(Tallied, error) bool) {
		for t, err := range Readable(walk, q.Damaged) {
			if (err != nil || t.Failure == nil || q.Failures) && !yield(t, err) {
				return
			}
		}
	}
}

// tallies is scan for who adds up a field.
func (s stream) tallies(ctx context.Context, from, to time.Time, field []string) iter.Seq2[Tallied, error] {
	return func(yield func(Tallied, error) bool) {
		t := &tally.Tally{}
		if s.Schema.Form != archive.FormTable || spelled.New(s.Node, s.said, field) != nil {
			for f, err := range s.scan(ctx, from, to, field) {
				now := Tallied{Tally: t}
				if err == nil {
					if now.At, now.Failure = f.At, f.Failure; f.Failure == nil {
						t.Frame(f)
					}
				}
				if !yield(now, err) {
					return
				}
			}
			return
		}
		for c, err := range s.reader.Cells(ctx, s.StreamKey, from, to, field) {
			now := Tallied{Tally: t}
			if err == nil {
				if now.At, now.Failure = c.At, c.Failure; c.Failure == nil {
					t.Cells(c)
				}
			}
			if !yield(now, err) {
				return
			}
		}
	}
}

// Readable passes over what cannot be read in a walk, and tells it to damaged
// unless that is nil. It ends at any other error.
func Readable[T any](walk iter.Seq2[T, error], damaged func(error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for x, err := range walk {
			switch {
			case err == nil:
				if !yield(x, nil) {
					return
				}
			case IsDamage(err):
				if damaged != nil {
					damaged(err)
				}
			default:
				yield(x, err)
				return
			}
		}
	}
}

// IsDamage reports whether an error says that a stretch of an archive cannot
// be read. What lies behind it can.
func IsDamage(err error) bool {
	return errors.As(err, new(*archive.CorruptionError))
}
