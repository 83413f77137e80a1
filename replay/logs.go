package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/sampled"
)

// A LogLine is one line of a node's log.
type LogLine struct {
	Node    string
	At      time.Time // when the node wrote it, by the node's clock
	Level   string
	Message string
	Source  string // as the framework prints it: <PID> ('name') behavior
	Type    string // process, meta, node, network
	Seen    time.Time
}

// late is how much later than it was written a line may have been read, and
// how far a node's clock may be off, for Logs to find it.
const late = 5 * time.Minute

// Logs walks the log lines of a node ("" for all) that were written in the
// window, each once however often it was read, by node and then in order.
func (r *Recording) Logs(ctx context.Context, node string, from, to time.Time) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		nodes := []string{node}
		if node == "" {
			nodes = r.index().nodes
		}
		for _, n := range nodes {
			for e, err := range r.entries(ctx, n, widen(from, -late), widen(to, late), archive.Log) {
				if err == nil && (e.line.Level == "" || outside(e.line.At, from, to)) {
					continue
				}
				if !yield(e.line, err) {
					return
				}
			}
		}
	}
}

func widen(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}

func outside(t, from, to time.Time) bool {
	return !from.IsZero() && t.Before(from) || !to.IsZero() && t.After(to)
}

// An entry is one entry of a passive sampler: a log line, or an event message.
type entry struct {
	line LogLine
	data []byte // as the sampler gave it, JSON
	at   time.Time
}

// entries walks what the passive samplers of a node delivered, each entry
// once, in the order in which it was read, and with them the records of the
// kinds of what was pushed.
func (r *Recording) entries(ctx context.Context, node string, from, to time.Time, pushed ...archive.Kind) iter.Seq2[entry, error] {
	type id struct {
		sampler  string
		sequence int
	}
	seen := map[id]bool{}
	match := func(s stream) bool {
		return s.said.Reading == ergo.Logs || slices.Contains(pushed, s.Kind)
	}
	return func(yield func(entry, error) bool) {
		for rec, err := range r.merged(ctx, node, match, archive.Query{From: from, To: to}) {
			if err != nil {
				if !yield(entry{}, err) {
					return
				}
				continue
			}
			sampler, list := readEntries(rec)
			for k := range list {
				e := &list[k]
				i := id{sampler, e.Sequence}
				if sampler != "" && seen[i] {
					continue
				}
				seen[i] = true
				if !yield(newEntry(node, rec.At, e), nil) {
					return
				}
			}
		}
	}
}

// readEntries are the entries of a passive sampler's answer, or the one of a
// record of what was pushed.
func readEntries(rec *archive.Record) (sampler string, list []sampled.Entry) {
	switch {
	case rec.Failure != nil:
		return "", nil
	case rec.Stream.Kind != archive.Sample:
		return "", []sampled.Entry{sampled.Pushed(rec.At, rec.Text)}
	}
	return sampled.Read(rec.Text)
}

func newEntry(node string, seen time.Time, e *sampled.Entry) entry {
	w := e.Line()
	return entry{
		line: LogLine{node, w.Time, w.Level, w.Message, w.Source, w.Type, seen},
		data: e.Data,
		at:   e.Timestamp,
	}
}

// sortByTime sorts stably by time.
func sortByTime[T any](list []T, at func(T) time.Time) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(at(a).UnixNano(), at(b).UnixNano()) })
}

// A Heard is one entry of a passive sampler, or what a node pushed: a log
// line, or a message of an event that was listened to.
type Heard struct {
	Node string
	At   time.Time       // when it was taken, by the node's clock
	Data json.RawMessage // as the sampler gave it
}

// Heard walks what the passive samplers of a node delivered within the window
// and what it pushed, each entry once, in the order in which it was read.
func (r *Recording) Heard(ctx context.Context, node string, from, to time.Time) iter.Seq2[Heard, error] {
	return func(yield func(Heard, error) bool) {
		for e, err := range r.entries(ctx, node, widen(from, -late), widen(to, late), archive.Log, archive.Event) {
			if err == nil && outside(e.at, from, to) {
				continue
			}
			if !yield(Heard{node, e.at, bytes.Clone(e.data)}, err) {
				return
			}
		}
	}
}

// Logged reports whether a node's log was recorded, read or pushed, even if it
// wrote nothing; "" is any node's.
func (r *Recording) Logged(node string) bool {
	return slices.ContainsFunc(r.index().about(node), func(s stream) bool {
		return s.Kind == archive.Log || s.Kind == archive.Sample && s.Name == "sample_read"
	})
}
