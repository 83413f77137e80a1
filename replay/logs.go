package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"maps"
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

// LastLogs are the last n lines that were written in the window, by time. Whoever hands
// lines on does so in the order in which they are written: of each no more is read than it takes.
func (r *Recording) LastLogs(ctx context.Context, from, to time.Time, n int) (all []LogLine, err error) {
	x := r.index()
	for _, node := range x.nodes {
		t := logTail{node, from, to, n, nil, map[entryID]bool{}}
		for _, s := range x.of[node] {
			if !hasLog(s) {
				continue
			}
			// Of what was read behind the window as much as may be of it, and then back.
			err = t.read(r.bySubject(ctx, s, archive.Query{From: to.Add(1), To: to.Add(late)}), false)
			if err == nil {
				err = t.read(r.bySubject(ctx, s, archive.Query{From: from.Add(-late), To: to, Reverse: true}), true)
			}
			if err != nil {
				return nil, err
			}
		}
		sortByTime(t.lines, func(l LogLine) time.Time { return l.Seen })
		all = append(all, t.lines...)
	}
	sortByTime(all, func(l LogLine) time.Time { return l.At })
	return all[max(len(all)-n, 0):], nil
}

// bySubject are the walks through a stream's records, one for each subject: an
// answer of one says nothing of when another's come.
func (r *Recording) bySubject(ctx context.Context, s stream, q archive.Query) (walks []iter.Seq2[*archive.Record, error]) {
	at := map[string][]time.Time{}
	if s.Kind == archive.Sample {
		for f, err := range s.reader.Scan(ctx, s.StreamKey, q.From, q.To, []string{}) { // nothing but the heads
			if err == nil {
				at[f.Subject] = append(at[f.Subject], f.At)
			}
		}
	}
	if len(at) < 2 {
		return append(walks, r.mergedOf(ctx, []stream{s}, q))
	}
	for _, subject := range slices.Sorted(maps.Keys(at)) {
		times := at[subject]
		slices.SortFunc(times, time.Time.Compare)
		if q.Reverse {
			slices.Reverse(times)
		}
		walks = append(walks, func(yield func(*archive.Record, error) bool) {
			for _, t := range times {
				if rec, err := s.reader.Last(s.StreamKey, subject, t); !yield(rec, err) {
					return
				}
			}
		})
	}
	return walks
}

// A logTail is what LastLogs reads of a node.
type logTail struct {
	node     string
	from, to time.Time
	n        int
	lines    []LogLine
	seen     map[entryID]bool
}

// read takes the lines of each walk, up to the record that goes beyond the window, and
// back until there are enough.
func (t *logTail) read(walks []iter.Seq2[*archive.Record, error], back bool) error {
	for _, walk := range walks {
		before := len(t.lines)
		for rec, err := range Readable(walk, nil) {
			if err != nil {
				return err
			}
			if t.add(rec, back) || back && len(t.lines)-before >= t.n {
				break
			}
		}
	}
	return nil
}

// add takes the lines of a record, and reports whether some are beyond the window.
func (t *logTail) add(rec *archive.Record, back bool) (beyond bool) {
	sampler, list := readEntries(rec)
	for k := range list {
		id, l := entryID{sampler, list[k].Sequence}, newEntry(t.node, rec.At, &list[k]).line
		switch {
		case l.Level == "":
		case outside(l.At, t.from, t.to):
			beyond = beyond || l.At.Before(t.from) == back
		case sampler == "" || !t.seen[id]:
			t.seen[id] = true
			t.lines = append(t.lines, l)
		}
	}
	return beyond
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

// An entryID tells entries of samplers apart.
type entryID struct {
	sampler  string
	sequence int
}

func hasLog(s stream) bool { return s.said.Reading == ergo.Logs || s.Kind == archive.Log }

// entries walks what the passive samplers of a node delivered, each entry
// once, in the order in which it was read, and with them the records of the
// kinds of what was pushed.
func (r *Recording) entries(ctx context.Context, node string, from, to time.Time, pushed ...archive.Kind) iter.Seq2[entry, error] {
	seen := map[entryID]bool{}
	match := func(s stream) bool { return hasLog(s) && s.Kind == archive.Sample || slices.Contains(pushed, s.Kind) }
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
				i := entryID{sampler, e.Sequence}
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
