package recorder

import (
	"errors"
	"fmt"
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder/clock"
	"ergorecorder/recorder/ingest"
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
	case errors.Is(err, archive.ErrTooMuch): // this one only; the next may fit
		r.mu.Unlock()
		r.mark(archive.Mark{Kind: archive.MarkGap, From: now, To: now, Note: fmt.Sprintf("%s was not stored: %v", what, err), More: map[string]any{"what": "records", "lost": 1}})
		return false
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
	if err == nil && !was.began.IsZero() { // that it began is told by tellStorage
		r.markOutage(was, now)
	}
	return err == nil
}

// endOutage ends an outage when the archive takes something again, though there
// may be nothing to store.
func (r *Recorder) endOutage(stats *archive.Stats) {
	r.mu.Lock()
	was := r.outage
	over := !was.began.IsZero() && stats.Failing == nil
	if over {
		r.outage = outage{}
	}
	r.mu.Unlock()
	if over {
		r.markOutage(was, r.clock.Now())
	}
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
	r.opts.Notice(ingest.Words(m))
}

// lookAtSelf marks that the recorder stood still, or that its clock was set, since it was last looked at;
// expected is how long ago that should be.
func (r *Recorder) lookAtSelf(v *clock.Vigil, expected time.Duration) {
	if r.clock.Replayed() {
		return
	}
	seen := v.Look(r.clock.Now(), r.clock.Steady(), expected)
	if seen.Late > 0 {
		r.mu.Lock()
		r.paused = r.clock.Steady()
		r.mu.Unlock()
		r.mark(archive.Mark{
			Kind: archive.MarkGap, From: seen.From, To: seen.To,
			Note: fmt.Sprintf("the recorder itself stood still for %v: it, its machine or its disk was stopped", seen.Late.Round(time.Millisecond)),
			More: map[string]any{"what": "recorder", "how": "own_pause", "paused_s": seen.Late.Seconds()},
		})
	}
	if seen.Step != 0 {
		r.mark(archive.Mark{
			Kind: "clock_step", From: seen.To.Add(-seen.Step), To: seen.To,
			Note: fmt.Sprintf("the clock of the recording machine was set %+v: times before and after do not fit together", seen.Step.Round(time.Millisecond)),
			More: map[string]any{"step_s": seen.Step.Seconds()},
		})
	}
}

// pausedSince reports whether the recorder itself stood still at some time
// since the given steady time.
func (r *Recorder) pausedSince(began time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused.After(began)
}
