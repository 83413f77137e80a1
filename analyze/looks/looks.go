// Package looks walks the listings of processes, and in between the glances at those for
// whom messages wait: of a node that has more processes than one answer holds, these come
// oftener.
package looks

import (
	"context"
	"iter"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// A Look is a listing, or a glance at one.
type Look struct {
	*archive.Frame
	Glance bool // it holds those alone for whom messages wait
	All    bool // of a glance: all of them
}

// Walk walks the answers of a query in order of time, of process listings with the glances.
// A glance's slots are its own.
func Walk(ctx context.Context, rec *replay.Recording, q replay.Query) iter.Seq2[Look, error] {
	return func(yield func(Look, error) bool) {
		w := glances(ctx, rec, q)
		defer w.stop()
		for f, err := range rec.Answers(ctx, q) {
			if err == nil && !w.until(f.At, yield) || !yield(Look{Frame: f}, err) {
				return
			}
		}
		w.until(time.Time{}, yield)
	}
}

// A walk is one over glances, which stands before the next of them.
type walk struct {
	limit int // how many rows one has at most
	next  func() (*archive.Frame, error, bool)
	stop  func()

	frame *archive.Frame
	err   error
	ok    bool
}

// glances are those of a node that come oftener than its listings.
func glances(ctx context.Context, rec *replay.Recording, q replay.Query) *walk {
	w := &walk{stop: func() {}}
	if q.Reading != ergo.Processes {
		return w
	}
	listings, most := 0, 0
	for _, s := range rec.StreamsOf(q.Node, ergo.Processes) {
		answered := s.Records - s.Failures
		switch a, err := ergo.ParseArgs([]byte(s.Args)); {
		case err != nil:
		case len(a.Without("limit")) == 0:
			listings = max(listings, answered)
		case a.Text("sort_by") == "mailbox" && len(a.Without("limit", "sort_by")) == 0 && answered > most:
			most, q.Args, w.limit = answered, s.Args, int(tools48.Limit(a))
		}
	}
	if most <= listings {
		return w
	}
	q.Failures = false
	w.next, w.stop = iter.Pull2(rec.Answers(ctx, q))
	w.frame, w.err, w.ok = w.next()
	return w
}

// until gives the glances before an instant, all for the zero time. It reports whether the
// walk goes on.
func (w *walk) until(at time.Time, yield func(Look, error) bool) bool {
	for ; w.ok && (w.err != nil || at.IsZero() || w.frame.At.Before(at)); w.frame, w.err, w.ok = w.next() {
		if !yield(Look{w.frame, true, w.err == nil && len(w.frame.Live) < w.limit}, w.err) {
			return false
		}
	}
	return true
}
