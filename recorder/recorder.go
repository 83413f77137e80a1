package recorder

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/clock"
	"ergorecorder/recorder/entries"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/share"
	"ergorecorder/recorder/succession"
)

// A Recorder samples a cluster into an archive. Make one with [New] and call
// [Recorder.Run] once.
type Recorder struct {
	caller ergo.Caller
	w      *archive.Writer
	opts   Options
	clock  *clock.Clock

	calls   context.Context // of all calls but the last, that stop the listeners
	drop    context.CancelFunc
	desk    entries.Desk
	halt    chan struct{} // closed: no new calls
	running sync.WaitGroup
	cpu     chan struct{} // held while a CPU profile is taken anywhere

	crowded   atomic.Bool   // nodes wait to be met; see meetAll
	look      chan struct{} // nodes are to be looked for
	shares    share.Shares  // where a fleet shares the nodes
	triggers  chan Trigger
	following sync.WaitGroup // incidents

	mu      sync.Mutex
	nodes   map[string]*node
	held    map[held]time.Time // of a replay: the newest answer that is stored
	failure error              // of the archive; ends the recording
	outage  outage
	paused  time.Time // the steady time when we last noticed that we had stood still
	began   time.Time // when the first node was found
	started time.Time // by the world's clock
	since   time.Time // the steady time from which the time to record counts
	records int64
	skipped int64
	opened  int // incidents
	refused int // triggers for which there was no room

	overrun atomic.Int64 // triggers that came faster than they could be considered
}

// held tells answers of a replay apart.
type held struct {
	stream  archive.StreamKey
	subject string
}

// New makes a recorder. The writer stays the caller's to close.
func New(caller ergo.Caller, w *archive.Writer, opts Options) (*Recorder, error) {
	if err := opts.complete(); err != nil {
		return nil, fmt.Errorf("recorder options: %w", err)
	}
	r := &Recorder{
		caller: caller, w: w, opts: opts, shares: share.Shares{Fleet: opts.Fleet},
		halt: make(chan struct{}),
		cpu:  make(chan struct{}, 1),

		look:     make(chan struct{}, 1),
		triggers: make(chan Trigger, 64),
		nodes:    map[string]*node{},
		held:     map[held]time.Time{},
	}
	r.clock = clock.New(opts.Now, opts.Elapsed)
	r.desk = entries.Desk{
		Caller: caller, Routes: opts.Routes, Hear: r.clock.Hear, Live: r.clock.Live, Timeout: int(max(opts.Timeout/time.Second, 1)),
		Look: r.look, Beside: r.running.Go,
	}
	r.started = opts.Now()
	return r, nil
}

// stopTime bounds a clean stop.
const stopTime = 4 * time.Second

// Run records until ctx ends, the time is over, the replay is at its end, or
// the archive takes no more. It then stops cleanly: calls under way may end,
// the listeners on the nodes are stopped, and all is on disk when it returns.
// Its error is the archive's, or that no cluster was found.
func (r *Recorder) Run(ctx context.Context) error {
	r.calls, r.drop = context.WithCancel(context.WithoutCancel(ctx))
	defer r.drop()
	looking, end := context.WithCancel(r.calls)
	defer end()
	r.desk.Looking, r.desk.End = looking, end
	last := r.w.View().Info().To
	r.since = r.clock.Steady()
	if err := r.firstDiscovery(ctx); err != nil {
		r.stopCalls()
		r.drop()
		r.running.Wait()
		return errors.Join(err, r.w.Sync())
	}
	if r.clock.Replayed() {
		r.since = r.clock.Steady()
	} else {
		r.clock.Live() // and nobody makes a replay of it any more
	}
	r.begin(last)
	why := r.watch(ctx)
	r.stop(why)
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.w.Sync()
	if err != nil { // most often it was for a moment
		err = r.w.Sync()
	}
	if err = errors.Join(r.failure, err); err != nil {
		return &StorageError{err}
	}
	return nil
}

// A StorageError ended a recording: the archive takes no more, or what it took
// cannot be written.
type StorageError struct{ Err error }

// Error implements error.
func (e *StorageError) Error() string { return e.Err.Error() }

// Unwrap is the archive's error.
func (e *StorageError) Unwrap() error { return e.Err }

// begin marks the start, and what an archive that is appended to lacks.
func (r *Recorder) begin(last time.Time) {
	now := r.clock.Now()
	r.mu.Lock()
	r.began = now
	r.mu.Unlock()
	if !last.IsZero() && last.Before(now) {
		r.mark(archive.Mark{Kind: archive.MarkGap, From: last, To: now, Note: "the recorder was not running"})
	}
	start := archive.Mark{
		Kind: archive.MarkStart, From: now, More: map[string]any{"version": r.opts.Version},
		Note: fmt.Sprintf("%d samplers, budget %.3g", len(r.opts.Samplers), r.opts.Budget),
	}
	if before := r.before(now); before != "" && before != r.opts.Version {
		start.More["before"] = before
		start.Note += "; " + succession.Of(before, r.opts.Version)
	}
	if r.opts.OwnNode != "" {
		start.More[archive.MoreOwnNode] = r.opts.OwnNode
	}
	r.mark(start)
}

// before is the version of the recorder that wrote to the archive last, "" where
// none did, or one that did not say.
func (r *Recorder) before(now time.Time) string {
	last, err := r.w.View().Last(archive.StreamKey{Kind: archive.MarkKind, Name: archive.MarkStart}, "", now)
	if err != nil {
		return ""
	}
	var m struct{ More struct{ Version string } }
	_ = json.Unmarshal(last.Text, &m) // what cannot be read says none
	return m.More.Version
}

// watch keeps the recording going until something ends it, and says what.
func (r *Recorder) watch(ctx context.Context) (why string) {
	ctx, cancel := context.WithCancel(ctx)
	var loops sync.WaitGroup
	defer loops.Wait()
	defer cancel()
	loops.Go(func() { r.discoverLoop(ctx) })
	loops.Go(func() { r.balanceLoop(ctx) })
	if r.opts.Pushes != nil {
		loops.Go(func() { r.pushLoop(ctx) })
	}
	loops.Go(func() { r.incidentLoop(ctx); r.following.Wait() })
	kept := ""
	var told toldStorage
	var self clock.Vigil
	var slept time.Duration
	for {
		now := r.clock.Steady()
		r.lookAtSelf(&self, slept)
		r.markLosses(false)
		stats := r.w.Stats()
		kept = r.tellKeeping(kept, &stats)
		r.tellStorage(&told, &stats)
		r.endOutage(&stats)
		switch {
		case ctx.Err() != nil:
			return "asked to stop"
		case r.clock.Ended():
			return "the replay is at its end"
		case r.over(now):
			return "the time is over"
		case r.failed() != nil:
			return r.failed().Error()
		}
		slept = r.untilLook(now)
		r.clock.Sleep(ctx, slept)
	}
}

// tellKeeping tells when segments are not rotated or dropped as they should,
// and when they are again. Told is what was told before, the result what is so.
func (r *Recorder) tellKeeping(told string, stats *archive.Stats) string {
	now := ""
	if err := stats.Keeping; err != nil {
		now = err.Error()
	}
	switch {
	case now == told:
	case now == "":
		r.opts.Notice("segments are rotated and dropped again")
	default:
		r.opts.Notice("segments are not rotated or dropped as they should: " + now)
	}
	return now
}

// toldStorage is what was told of the storage.
type toldStorage struct {
	failing bool
	faults  int
}

// tellStorage tells when nothing can be stored, when it can again, and what
// error was survived so quickly that neither was seen.
func (r *Recorder) tellStorage(told *toldStorage, stats *archive.Stats) {
	r.mu.Lock()
	s := storageOf(stats, r.outage, r.failure)
	r.mu.Unlock()
	was := *told
	*told = toldStorage{s.Failing != "", s.Faults}
	switch {
	case s.Failing != "" && !was.failing:
		r.opts.Notice(fmt.Sprintf("nothing can be stored: %s: %d of %d records and marks are on disk, and it is tried again", s.Failing, s.Durable, s.Accepted))
	case s.Failing == "" && was.failing:
		r.opts.Notice(fmt.Sprintf("everything is stored again: %d of %d records and marks are on disk", s.Durable, s.Accepted))
	case s.Failing == "" && s.Faults > was.faults:
		r.opts.Notice(fmt.Sprintf("an error of the storage was survived: %s: %d of %d records and marks are on disk", s.Fault, s.Durable, s.Accepted))
	}
}

// look is how often the recorder looks whether it should end, at least. It does
// not divide a second: what the writer does each second comes between two looks.
const look = 251 * time.Millisecond

func (r *Recorder) untilLook(now time.Time) time.Duration {
	if r.opts.For > 0 {
		return min(look, max(r.since.Add(r.opts.For).Sub(now), time.Millisecond))
	}
	return look
}

// over reports whether the time to record is over, by the steady time.
func (r *Recorder) over(now time.Time) bool {
	return r.opts.For > 0 && now.Sub(r.since) >= r.opts.For
}

// stop ends the recording: no new calls; those under way may end; a replay is
// asked once more for everything, at its end; listeners are stopped.
func (r *Recorder) stop(why string) {
	r.stopCalls()
	timer := time.AfterFunc(stopTime/2, r.drop)
	r.running.Wait()
	if timer.Stop() && r.clock.Ended() {
		r.sweep()
	}
	r.drop()
	r.stopListeners()
	r.markLosses(true)
	now := r.clock.Now()
	r.mark(archive.Mark{Kind: "stop", From: now, Note: why})
}

// stopCalls lets no new calls begin, and ends the looking for nodes.
func (r *Recorder) stopCalls() {
	r.desk.End()
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.halt)
	for _, n := range r.nodes {
		close(n.halt)
	}
}

// sweep asks every node for everything once more.
func (r *Recorder) sweep() {
	var all sync.WaitGroup
	for _, n := range r.known() {
		all.Go(func() { n.schedule.Sweep(r.calls) })
	}
	all.Wait()
}

// enter reports whether something may begin for whose end stop waits; it ends
// with r.running.Done.
func (r *Recorder) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.halted() {
		return false
	}
	r.running.Add(1)
	return true
}

// halted reports whether no new calls are to be made. r.mu is held.
func (r *Recorder) halted() bool {
	select {
	case <-r.halt:
		return true
	default:
		return false
	}
}

func (r *Recorder) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// store appends a record. Of a replay, only what stands for an original is
// kept, and once.
func (r *Recorder) store(rec *archive.Record, observed bool) {
	if r.clock.Replayed() && !listening(rec.Stream.Name) {
		key := held{rec.Stream, rec.Subject}
		r.mu.Lock()
		had := !observed || !rec.At.After(r.held[key])
		if !had {
			r.held[key] = rec.At
		} else {
			r.skipped++
		}
		r.mu.Unlock()
		if had {
			return
		}
	}
	r.append(rec)
}

// listening tells the tools whose answers are made for the one who asks.
func listening(tool string) bool { return tool == "sample_listen" || tool == "sample_read" }

func (r *Recorder) append(rec *archive.Record) {
	rec.Mono = ingest.Mono(r.started, rec.At)
	stored := r.put(rec.Stream.Name, func() error { _, err := r.w.Append(rec); return err })
	if stored {
		r.mu.Lock()
		r.records++
		r.mu.Unlock()
	}
}

// mark appends a mark and tells it.
func (r *Recorder) mark(m archive.Mark) { r.opts.Notice(ingest.Words(r.Keep(m))) }

// Keep appends a mark of what is told already.
func (r *Recorder) Keep(m archive.Mark) archive.Mark {
	m = r.stamped(m)
	r.put("mark "+m.Kind, func() error { _, err := r.w.Mark(m); return err })
	return m
}

// Mark appends a mark of who runs beside the recorder.
func (r *Recorder) Mark(m archive.Mark) { r.mark(m) }

// stamped is a mark as of now, without the secrets that it may quote.
func (r *Recorder) stamped(m archive.Mark) archive.Mark {
	m = ingest.Mark(m, r.opts.kept())
	m.At, m.To = r.clock.Now(), cmp.Or(m.To, m.From)
	return m
}
