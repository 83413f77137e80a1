package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A Recording is one or more archives on one timeline. It is safe for
// concurrent use.
type Recording struct {
	readers []*archive.Reader
	streams []stream
}

// A stream is a stream of one of the archives.
type stream struct {
	archive.Stream
	reader *archive.Reader
}

// Open opens the archives at the given paths.
func Open(paths ...string) (*Recording, error) {
	var readers []*archive.Reader
	for _, p := range paths {
		a, err := archive.Open(p)
		if err != nil {
			for _, r := range readers {
				r.Close()
			}
			return nil, err
		}
		readers = append(readers, a)
	}
	return New(readers...)
}

// New makes a recording of archives that are open; a live one is a writer's
// view. Close closes them.
func New(readers ...*archive.Reader) (*Recording, error) {
	r := &Recording{readers: readers}
	for _, a := range readers {
		for _, s := range a.Streams() {
			r.streams = append(r.streams, stream{s, a})
		}
	}
	return r, nil
}

// Close closes the archives.
func (r *Recording) Close() error {
	var err error
	for _, a := range r.readers {
		err = errors.Join(err, a.Close())
	}
	return err
}

// Window is the time of the first and of the last record.
func (r *Recording) Window() (from, to time.Time) {
	for _, a := range r.readers {
		i := a.Info()
		if from.IsZero() || i.From.Before(from) {
			from = i.From
		}
		if i.To.After(to) {
			to = i.To
		}
	}
	return from, to
}

// Streams returns what was recorded, stream by stream.
func (r *Recording) Streams() []archive.Stream {
	var out []archive.Stream
	for _, s := range r.streams {
		out = append(out, s.Stream)
	}
	return out
}

// A Known says whether something is so, as far as the recording can tell.
type Known int

const (
	Unknown Known = iota
	No
	Yes
)

// A Node is what was recorded of one node.
type Node struct {
	Name      string
	Entry     bool // the entry point: it answers calls that name no node
	Lives     []Life
	Latency   Known // built with -tags=latency
	Pprof     Known // built with -tags=pprof
	Framework string
}

// A Life is one incarnation, as far as it was seen.
type Life struct {
	ergo.Incarnation
	From, To time.Time // of its first and last answer
}

// A Gap is a stretch in which a node was not recorded, or not wholly.
type Gap struct {
	Node     string
	From, To time.Time
	Why      string
}

// A Sample is one whole answer.
type Sample struct {
	Node    string
	Tool    string
	Args    []byte // all arguments of the call, JSON
	Subject string // JSON object of the arguments that say whom it is about
	At      time.Time
	Took    time.Duration
	Text    []byte
	Failure *archive.Failure // instead of an answer
}

// Table walks the answers of a table or object tool on one node, in order of
// time, decoding the named columns only. Of several streams of the tool (with
// other arguments) it takes the one that shows most rows; see archive.Frame for
// what a step holds. A tool that was never recorded walks nothing.
func (r *Recording) Table(ctx context.Context, node, tool string, from, to time.Time, columns []string) iter.Seq2[*archive.Frame, error] {
	s, ok := r.widest(node, tool)
	if !ok {
		return func(func(*archive.Frame, error) bool) {}
	}
	return s.reader.Scan(ctx, s.StreamKey, from, to, columns)
}

// widest is the stream with the most rows per answer of a node's tool.
func (r *Recording) widest(node, tool string) (best stream, ok bool) {
	for _, s := range r.streams {
		if s.Kind != archive.Sample || s.Node != node || s.Name != tool {
			continue
		}
		if !ok || s.Records > best.Records {
			best, ok = s, true
		}
	}
	return best, ok
}

// Samples walks the whole answers of a tool on a node ("" for all nodes), of
// every stream of that tool, in order of time.
func (r *Recording) Samples(ctx context.Context, node, tool string, from, to time.Time) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for rec, err := range r.records(ctx, archive.Sample, node, tool, from, to) {
			if err != nil {
				if !yield(Sample{}, err) {
					return
				}
				continue
			}
			if !yield(Sample{
				Node: rec.Stream.Node, Tool: rec.Stream.Name, Args: rec.Args, Subject: rec.Subject,
				At: rec.At, Took: rec.Took, Text: rec.Text, Failure: rec.Failure,
			}, nil) {
				return
			}
		}
	}
}

func (r *Recording) records(ctx context.Context, kind archive.Kind, node, name string, from, to time.Time) iter.Seq2[*archive.Record, error] {
	return func(yield func(*archive.Record, error) bool) {
		for _, a := range r.readers {
			var keys []archive.StreamKey
			for _, s := range r.streams {
				if s.reader == a && s.Kind == kind && (node == "" || s.Node == node) && (name == "" || s.Name == name) {
					keys = append(keys, s.StreamKey)
				}
			}
			if keys == nil {
				continue
			}
			for rec, err := range a.Records(ctx, archive.Query{Streams: keys, From: from, To: to}) {
				if !yield(rec, err) {
					return
				}
			}
		}
	}
}

// A Profile is one raw pprof profile.
type Profile struct {
	Node, Kind string
	At         time.Time
	Took       time.Duration
	Raw        []byte
}

// Profiles walks the raw profiles of a node ("" for all) and kind ("" for all).
func (r *Recording) Profiles(ctx context.Context, node, kind string, from, to time.Time) iter.Seq2[Profile, error] {
	return func(yield func(Profile, error) bool) {
		for rec, err := range r.records(ctx, archive.Profile, node, kind, from, to) {
			if err != nil {
				if !yield(Profile{}, err) {
					return
				}
				continue
			}
			if !yield(Profile{rec.Stream.Node, rec.Stream.Name, rec.At, rec.Took, rec.Text}, nil) {
				return
			}
		}
	}
}

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

// Logs walks the log lines of a node ("" for all) that were written in the
// window, each once however often it was read, by node and then in order.
func (r *Recording) Logs(ctx context.Context, node string, from, to time.Time) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		lines, err := r.sampledLogs(ctx, node)
		if err != nil && !yield(LogLine{}, err) {
			return
		}
		for _, l := range lines {
			if !from.IsZero() && l.At.Before(from) || !to.IsZero() && l.At.After(to) {
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (r *Recording) sampledLogs(ctx context.Context, node string) ([]LogLine, error) {
	type entry struct {
		Sequence int
		Data     struct {
			Level, Message, Source, Type string
			Time                         time.Time
		}
	}
	var lines []LogLine
	seen := map[string]bool{}
	for s, err := range r.Samples(ctx, node, "sample_read", time.Time{}, time.Time{}) {
		if err != nil {
			return lines, err
		}
		var a struct {
			SamplerID string `json:"sampler_id"`
			Samples   []entry
		}
		if s.Failure != nil || json.Unmarshal(s.Text, &a) != nil {
			continue
		}
		for _, e := range a.Samples {
			id := fmt.Sprint(s.Node, a.SamplerID, e.Sequence)
			if e.Data.Level == "" || seen[id] {
				continue
			}
			seen[id] = true
			lines = append(lines, LogLine{s.Node, e.Data.Time, e.Data.Level, e.Data.Message, e.Data.Source, e.Data.Type, s.At})
		}
	}
	slices.SortStableFunc(lines, func(a, b LogLine) int { return a.At.Compare(b.At) })
	return lines, nil
}
