package recorder

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/recorder/names"
	"ergorecorder/recorder/ring"
	"ergorecorder/recorder/schedule"
)

// A listener follows the log of a node, or one of its events, through samplers
// that the node keeps for us: ring buffers in its memory that live for an hour
// at most. Each entry has a sequence number, so what the ring buffer lost is
// known to the line. The successor of a sampler is started before its life
// ends; what both have heard is read from the first only.
type listener struct {
	n    *node
	what string    // in words: "log lines", "messages of event x"
	args ergo.Args // of sample_listen

	// Owned by the listener's task, but for stop.
	mu    sync.Mutex
	now   *sampler
	begun bool // a predecessor was looked for
}

// A sampler is a passive sampler on a node.
type sampler struct {
	id     string
	size   int       // entries that it keeps
	fits   int       // entries that a forwarded answer is taken to hold; 0: not known to be too many
	since  int64     // the last entry that was read
	ends   time.Time // when its life is over
	read   time.Time // when it was read last
	recent []string  // the last entries, to find again in a successor
}

// overlap is how many entries of a sampler are remembered.
const overlap = 4096

// listen adds the tasks that follow the node's log and events.
func (n *node) listen() {
	o := &n.r.opts
	life := ergo.Args{"duration_sec": int(o.Logs.Renew / time.Second), "buffer_size": o.Logs.Buffer}
	if len(o.Logs.Levels) > 0 {
		n.follow(ring.Lines, life.With("log_levels", o.Logs.Levels))
	}
	for _, e := range o.Events {
		if names.Match(e.Nodes, n.name) {
			n.follow("messages of event "+e.Event, life.With("event", e.Event))
		}
	}
}

func (n *node) follow(what string, args ergo.Args) {
	l := &listener{n: n, what: what, args: args}
	n.listeners = append(n.listeners, l)
	n.schedule.Add(&schedule.Task{Name: "sample_read", Every: n.r.opts.Logs.Every, Vital: true, Do: l.turn})
}

// turn is one turn of the listener's task.
func (l *listener) turn(ctx context.Context, r *schedule.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pushed(ctx, r) {
		return
	}
	if l.now == nil && !l.begun {
		l.begun = true
		l.now = l.predecessor(ctx)
	}
	if l.now == nil {
		l.now = l.start(ctx, r)
		if l.now == nil {
			return
		}
	}
	l.read(ctx, r, l.now)
	if l.now != nil && l.n.r.clock.Now().After(l.now.ends.Add(-l.early())) {
		l.renew(ctx, r)
	}
}

// early is how long before a sampler's end its successor is started.
func (l *listener) early() time.Duration { return min(l.n.r.opts.Logs.Renew/4, 5*time.Minute) }

// start starts a sampler on the node; nil where the node does not.
func (l *listener) start(ctx context.Context, r *schedule.Run) *sampler {
	size, _ := l.args.Int("buffer_size")
	args := l.args
	if size > forwardedRing && !l.n.direct() && !l.n.r.clock.Replayed() {
		size = forwardedRing
		args = args.With("buffer_size", forwardedRing)
	}
	answer := l.n.sample(ctx, r, "sample_listen", args)
	id := ring.ID(answer.Text)
	if id == "" {
		return nil
	}
	now := l.n.r.clock.Now()
	return &sampler{id: id, size: int(size), ends: now.Add(l.n.r.opts.Logs.Renew), read: now}
}

// forwardedRing is how many entries a sampler keeps on a node that others
// forward to: no more than one answer holds, since none can be read in pieces.
const forwardedRing = 128

// predecessor is the sampler that an earlier recorder of this archive followed
// and did not stop, if it may still live: what it has heard since is not lost.
func (l *listener) predecessor(ctx context.Context) *sampler {
	if l.n.r.clock.Replayed() {
		return nil
	}
	view, now := l.n.r.w.View(), l.n.r.clock.Now()
	key := func(tool string, args ergo.Args) archive.StreamKey {
		return archive.StreamKey{Kind: archive.Sample, Node: l.n.name, Name: tool, Args: tools48.Schema(tool).StreamArgs(args).String()}
	}
	started, err := view.Last(key("sample_listen", l.args), "", now)
	short, e := view.Last(key("sample_listen", l.args.With("buffer_size", forwardedRing)), "", now)
	if e == nil && (err != nil || short.At.After(started.At)) {
		started, err = short, nil
	}
	if err != nil || now.Sub(started.At) > l.n.r.opts.Logs.Renew {
		return nil
	}
	id := ring.ID(started.Text)
	s := &sampler{id: id, size: forwardedRing, ends: started.At.Add(l.n.r.opts.Logs.Renew), read: started.At}
	readings := key("sample_read", nil)
	for rec, err := range view.Records(ctx, archive.Query{Streams: []archive.StreamKey{readings}, From: started.At, To: now}) {
		var said ring.Reading
		if err != nil || rec.Subject != (ergo.Args{"sampler_id": id}).String() || json.Unmarshal(rec.Text, &said) != nil {
			continue
		}
		s.read = rec.At
		for _, e := range said.Samples {
			s.since = e.Sequence
			s.recent = append(s.recent, string(e.Data))
		}
	}
	return s
}

// read reads and stores what came since the last time.
func (l *listener) read(ctx context.Context, r *schedule.Run, s *sampler) {
	one := schedule.Run{}
	call, answer, err := l.n.ask(ctx, &one, "sample_read", ergo.Args{"sampler_id": s.id, "since": s.since})
	r.Add(one)
	if ctx.Err() != nil {
		return
	}
	now, last := l.n.r.clock.Now(), s.read
	if one.TimedOut && !l.n.direct() {
		l.skip(ctx, r, s)
		return
	}
	r.TimedOut = r.TimedOut || one.TimedOut
	l.n.store(call, answer, err)
	if t := ergo.AsToolError(err); t != nil && strings.Contains(t.Message, "not found") {
		l.lose(s.read, now, 0, "its listener was gone")
		l.now = nil
		return
	}
	var said ring.Reading
	if err != nil || json.Unmarshal(answer.Text, &said) != nil {
		return
	}
	s.fits = 0
	before := s.since
	l.take(s, said, now)
	r.Soon = ring.Again(s.size, int(s.since-before), now.Sub(last), l.n.r.opts.Logs.Every)
}

// take notes what was read, and what was not to be had any more.
func (l *listener) take(s *sampler, said ring.Reading, now time.Time) {
	next := said.Sequence
	upTo := now
	if len(said.Samples) > 0 {
		next = said.Samples[0].Sequence
		upTo = said.Samples[0].Timestamp
	}
	if lost := next - s.since - 1; lost > 0 {
		l.lose(s.read, upTo, lost, "lost to the listener's ring buffer")
		l.count(lost, upTo)
		s.since = next - 1
	}
	if said.Suppressed > 0 {
		l.lose(s.read, now, said.Suppressed, "above the node's limit of lines a second")
		l.count(said.Suppressed, upTo)
	}
	if said.Dropped {
		l.lose(s.read, upTo, 0, "some may be lost: the Observer did not hold them until they were read")
	}
	for _, e := range said.Samples {
		s.since = e.Sequence
		s.recent = append(s.recent, string(e.Data))
		l.count(1, e.Timestamp)
		l.match(e.Data, e.Timestamp)
	}
	if n := len(s.recent); n > overlap {
		s.recent = s.recent[n-overlap:]
	}
	s.read = now
}

// count notes lines that came, or are known to be lost.
func (l *listener) count(lines int64, at time.Time) {
	if l.what != ring.Lines {
		return
	}
	l.n.mu.Lock()
	l.n.ledger.Came(lines, at)
	l.n.mu.Unlock()
}

// match triggers an incident where a log line fits the pattern.
func (l *listener) match(data json.RawMessage, at time.Time) {
	pattern := l.n.r.opts.Incidents.LogMatch
	if pattern == nil || !pattern.Match(data) {
		return
	}
	var line struct{ Message string }
	if json.Unmarshal(data, &line) == nil && pattern.MatchString(line.Message) {
		l.n.r.Trigger(Trigger{Kind: TriggerLog, Node: l.n.name, Onset: at, Note: line.Message})
	}
}

// lose notes what was lost: how many entries, 0 for nobody knows.
func (l *listener) lose(from, to time.Time, lost int64, why string) {
	l.n.lost(l.what, why, from, to, lost)
}

// fits is how many entries a forwarded answer holds for sure, at a kilobyte
// each.
const fits = 60

// skip goes on after a forwarded reading that was too long to arrive: the
// newest entries are taken, those before them are lost. Where they are too long
// as well, fewer are taken the next time.
func (l *listener) skip(ctx context.Context, r *schedule.Run, s *sampler) {
	_, answer, err := l.n.ask(ctx, r, "sample_read", ergo.Args{"sampler_id": s.id, "since": math.MaxInt32})
	var said ring.Reading
	if err != nil || json.Unmarshal(answer.Text, &said) != nil {
		return
	}
	if s.fits = max(s.fits/2, 1); s.fits == 1 {
		s.fits = fits
	}
	if since := said.Sequence - 1 - int64(s.fits); since > s.since {
		now := l.n.r.clock.Now()
		l.lose(s.read, now, since-s.since, "not read: too many for a forwarded answer")
		l.count(since-s.since, now)
		s.since = since
	}
}

// renew starts the successor of a sampler, reads the sampler to its end, and
// lets the successor go on from there.
func (l *listener) renew(ctx context.Context, r *schedule.Run) {
	old := l.now
	next := l.start(ctx, r)
	if next == nil {
		return
	}
	l.read(ctx, r, old)
	_, answer, err := l.n.ask(ctx, r, "sample_read", ergo.Args{"sampler_id": next.id, "since": 0})
	var said ring.Reading
	if err == nil && json.Unmarshal(answer.Text, &said) == nil {
		next.since = ring.Known(said, old.recent)
	}
	next.recent = old.recent
	l.now = next
	l.n.ask(ctx, r, "sample_stop", ergo.Args{"sampler_id": old.id})
}

// stopListeners stops the samplers on all nodes that are there.
func (r *Recorder) stopListeners() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.calls), stopTime/2)
	defer cancel()
	var all sync.WaitGroup
	for _, n := range r.known() {
		for _, l := range n.listeners {
			all.Go(func() { l.stop(ctx) })
		}
	}
	all.Wait()
}

// stop reads what is left and stops the sampler on the node.
func (l *listener) stop(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || l.n.isLost() {
		return
	}
	s := l.now
	l.read(ctx, &schedule.Run{}, s)
	l.n.ask(ctx, &schedule.Run{}, "sample_stop", ergo.Args{"sampler_id": s.id})
}
