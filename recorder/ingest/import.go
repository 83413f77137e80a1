package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
)

// An Imported says what came in.
type Imported struct {
	Lines    int // calls stored
	Profiles int
	Broken   []error // what could not be read, passed over
	Nodes    map[string]bool
	Once     bool // what the archive holds already is not stored again
	Known    int  // and so many were

	taken map[taken]bool // profiles
}

// stored reports whether the archive holds the very record.
func stored(a *archive.Reader, rec *archive.Record) bool {
	last, err := a.Last(rec.Stream, rec.Subject, rec.At)
	if err != nil || !last.At.Equal(rec.At) || (last.Failure == nil) != (rec.Failure == nil) {
		return false
	}
	if rec.Failure != nil {
		return *last.Failure == *rec.Failure
	}
	// The order of a table's rows is not kept.
	return bytes.Equal(last.Text, rec.Text) || last.Took == rec.Took && len(last.Text) == len(rec.Text)
}

// Capture stores every line of a capture. Broken lines are counted in into
// and passed over; only an error of the archive or of ctx ends it. A capture
// that breaks off keeps what came before.
func Capture(ctx context.Context, r io.Reader, w *archive.Writer, opt Options, into *Imported) error {
	if into.Nodes == nil {
		into.Nodes = map[string]bool{}
	}
	type line struct {
		call ergo.Call
		rec  *archive.Record
	}
	asked := questions{known: map[string]*question{}}
	record := func(l *capture.Line) line {
		return line{l.Call, asked.of(l, &opt).record(l.Call, l.Answer, l.Refused, opt)}
	}
	take := func(l line, err error) (put func(), _ error) {
		if err != nil {
			into.Broken = append(into.Broken, err)
			return nil, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		into.Nodes[l.call.Node] = true
		if into.Once && stored(w.View(), l.rec) {
			into.Known++
			return nil, nil
		}
		put, err = w.Begin(l.rec)
		if err != nil {
			return nil, fmt.Errorf("store %s at %s: %w", l.call, l.rec.At.Format(time.RFC3339Nano), err)
		}
		into.Lines++
		return put, nil
	}
	return capture.InTurn(r, record, take)
}

// questions are those of a capture: few tools are asked, with few arguments, again and again.
type questions struct {
	mu    sync.Mutex
	known map[string]*question
}

// mostQuestions is how many questions are known, and longQuestion how long one may be.
const (
	mostQuestions = 1 << 12
	longQuestion  = 1 << 10
)

// of is the question of a line.
func (q *questions) of(l *capture.Line, opt *Options) *question {
	if len(l.Args) > longQuestion {
		return opt.question(l.Call, l.Args)
	}
	key := l.Call.Tool + "\x00" + string(l.Args)
	if l.Args == nil {
		key = l.Call.Tool
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if known := q.known[key]; known != nil {
		return known
	}
	if len(q.known) == mostQuestions {
		clear(q.known)
	}
	known := opt.question(l.Call, l.Args)
	q.known[key] = known
	return known
}
