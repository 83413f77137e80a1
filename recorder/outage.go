package recorder

import (
	"errors"
	"fmt"
	"time"

	"ergorecorder/archive"
)

// An outage is a time in which the archive takes nothing, as while the disk is
// full. It ends by itself: the writer tries again.
type outage struct {
	began   time.Time // zero: there is none
	refused int64     // records and marks
	why     error
}

// put stores something, and reports whether it was taken. What the archive
// refuses is counted, told of once, and marked as a gap as soon as it takes
// something again. Only an archive that will never take more ends the
// recording: one that was closed, or is at its size limit.
func (r *Recorder) put(what string, store func() error) bool {
	err := store()
	now := r.clock.Now()
	r.mu.Lock()
	was := r.outage
	switch {
	case err == nil:
		r.outage = outage{}
	case errors.Is(err, archive.ErrClosed) || errors.Is(err, archive.ErrLimit):
		if r.failure == nil {
			r.failure = fmt.Errorf("store %s: %w", what, err)
		}
		was.began = now // it is told of when the recording ends
	case was.began.IsZero():
		r.outage = outage{now, 1, err}
	default:
		r.outage.refused++
	}
	r.mu.Unlock()
	switch {
	case err != nil && was.began.IsZero():
		r.opts.Notice(fmt.Sprintf("store %s: %v: nothing is stored until there is room again", what, err))
	case err == nil && !was.began.IsZero():
		r.markOutage(was, now)
	}
	return err == nil
}

// markOutage marks as a gap what was refused until now. If the mark is refused
// as well, the outage goes on, with all that it counted.
func (r *Recorder) markOutage(o outage, now time.Time) {
	m := r.stamped(archive.Mark{
		Kind: archive.MarkGap, From: o.began, To: now,
		Note: fmt.Sprintf("%d records were not stored: %v", o.refused, o.why),
		More: map[string]any{"what": "records", "lost": o.refused},
	})
	if _, err := r.w.Mark(m); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		o.refused += r.outage.refused // of others in the meantime
		r.outage = o
		return
	}
	r.opts.Notice(describe(m))
}
