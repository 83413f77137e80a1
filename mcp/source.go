package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Source is what the tools are answered from.
type Source struct {
	// Recording returns what has been recorded so far: the same recording
	// each time, or for a running recorder a fresh view of it.
	Recording func() (*replay.Recording, error)
	// Live answers calls that name no moment; nil for a recording.
	Live ergo.Caller
	// Name says what is served: the paths, or the cluster.
	Name string
}

// Recorded is the source of a recording that is complete.
func Recorded(rec *replay.Recording, name string) Source {
	return Source{Recording: func() (*replay.Recording, error) { return rec, nil }, Name: name}
}

// liveWindow is how far back a diagnosis of a live recording looks when no
// window is named: long enough for a trend, short enough to answer at once.
const liveWindow = time.Hour

// recording is what has been recorded so far.
func (s *Server) recording() (*replay.Recording, error) {
	rec, err := s.src.Recording()
	if err != nil {
		return nil, err
	}
	if from, _ := rec.Window(); from.IsZero() {
		return nil, errors.New("nothing has been recorded yet")
	}
	return rec, nil
}

// window is the stretch of the recording that a call means when it names none.
func (s *Server) window(rec *replay.Recording) (from, to time.Time) {
	from, to = rec.Window()
	if s.src.Live != nil && from.Before(to.Add(-liveWindow)) {
		from = to.Add(-liveWindow)
	}
	return from, to
}

// moment reads a moment as [replay.When] does, or a finding by its label (F1)
// or ID, with or without @, for its onset.
func (s *Server) moment(ctx context.Context, rec *replay.Recording, text string) (time.Time, error) {
	from, to := rec.Window()
	return s.time(ctx, rec, text, from, to, replay.When)
}

func (s *Server) time(ctx context.Context, rec *replay.Recording, text string, from, to time.Time, read reader) (time.Time, error) {
	t, err := read(text, from, to)
	if !errors.Is(err, replay.ErrNotATime) {
		return t, err
	}
	f, ferr := s.finding(ctx, rec, text)
	if ferr != nil {
		return time.Time{}, fmt.Errorf("%w, or the ID of a finding: %v", err, ferr)
	}
	return f.Onset, nil
}

// span reads the arguments from and to.
func (s *Server) span(ctx context.Context, rec *replay.Recording, args ergo.Args) (from, to time.Time, err error) {
	return s.spanBy(ctx, rec, args, replay.WindowFrom, replay.When)
}

// A reader reads a moment of a window.
type reader func(text string, from, to time.Time) (time.Time, error)

func (s *Server) spanBy(ctx context.Context, rec *replay.Recording, args ergo.Args, begin, end reader) (from, to time.Time, err error) {
	from, to = s.window(rec)
	first, last := rec.Window()
	if text := args.Text("from"); text != "" {
		if from, err = s.time(ctx, rec, text, first, last, begin); err != nil {
			return from, to, fmt.Errorf("from: %w", err)
		}
	}
	if text := args.Text("to"); text != "" {
		if to, err = s.time(ctx, rec, text, first, last, end); err != nil {
			return from, to, fmt.Errorf("to: %w", err)
		}
	}
	if to.Before(from) {
		return from, to, fmt.Errorf("the window ends (%s) before it begins (%s)", stamp(to), stamp(from))
	}
	return from, to, nil
}

// stamp is how times are written in texts.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// reports keeps the last few reports, so that what was diagnosed can be
// explained, pointed at and read as a resource without judging again.
type reports struct {
	mu   sync.Mutex
	kept []*keptReport // oldest first
}

type keptReport struct {
	key    reportKey
	making sync.Mutex // held while the report is being made
	report *analyze.Report
}

type reportKey struct {
	from, to  time.Time
	node      string
	playbooks string
}

// keepReports bounds how many reports are kept.
const keepReports = 8

// slot returns the place of a report, a new one if need be.
func (r *reports) slot(key reportKey) *keptReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		if k.key == key {
			return k
		}
	}
	k := &keptReport{key: key}
	r.kept = append(r.kept, k)
	if len(r.kept) > keepReports {
		r.kept = r.kept[1:]
	}
	return k
}

// made returns the reports that are there, newest first.
func (r *reports) made() []*analyze.Report {
	r.mu.Lock()
	kept := append([]*keptReport(nil), r.kept...)
	r.mu.Unlock()
	var out []*analyze.Report
	for i := len(kept) - 1; i >= 0; i-- {
		if kept[i].making.TryLock() {
			if kept[i].report != nil {
				out = append(out, kept[i].report)
			}
			kept[i].making.Unlock()
		}
	}
	return out
}

// polite is a live cluster that is never asked for more than one thing at a
// time per node: a node answers with five workers, some calls hold one for
// seconds, and the recorder needs them too. Further calls wait their turn.
type polite struct {
	live ergo.Caller

	mu    sync.Mutex
	turns map[string]chan struct{}
}

func newPolite(live ergo.Caller) *polite {
	return &polite{live: live, turns: map[string]chan struct{}{}}
}

func (p *polite) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	turn := p.turn(call.Node)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
		return p.live.Call(ctx, call)
	case <-ctx.Done():
		return ergo.Answer{}, context.Cause(ctx)
	}
}

func (p *polite) turn(node string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns[node] == nil {
		p.turns[node] = make(chan struct{}, 1)
	}
	return p.turns[node]
}
