package replay

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
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
