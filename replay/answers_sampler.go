package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/sampled"
)

// errNoSamplers answers who would start a sampler: a moment keeps no state.
var errNoSamplers = errors.New("a moment of a recording starts no samplers: read the recording itself")

// sampler answers the sampler tools: what the samplers of the recorded cluster
// said. A moment starts none.
func (q *question) sampler() (Reply, error) {
	switch q.reading {
	case ergo.Logs:
		return q.recordedSampler(q.call.Args.Text("sampler_id"))
	case ergo.Samplers:
		return q.recorded()
	}
	return Reply{}, fmt.Errorf("%s: %w", q.call.Tool, errNoSamplers)
}

// A reading is the answer of sample_read.
type reading struct {
	SamplerID string          `json:"sampler_id"`
	Mode      string          `json:"mode"`
	Tool      string          `json:"tool,omitempty"`
	Sequence  int             `json:"sequence"`
	Completed bool            `json:"completed"`
	Samples   []sampled.Entry `json:"samples"`
}

// behind are the entries with a higher number, nil where there are none.
func behind(list []sampled.Entry, since int) (out []sampled.Entry) {
	for _, e := range list {
		if e.Sequence > since {
			out = append(out, e)
		}
	}
	return out
}

// recordedSampler answers for a sampler that the recorded cluster had: its
// newest reading, and as many of those before as the caller has not seen.
func (q *question) recordedSampler(id string) (Reply, error) {
	subject := ergo.Args{"sampler_id": id}.String()
	rec, err := q.current(q.tells(ergo.Logs), subject)
	if err != nil {
		if e, ok := err.(*NotRecordedError); ok && e.Last.IsZero() {
			return Reply{}, q.refuse("sampler " + id + " not found or not responding: unknown process")
		}
		return Reply{}, err
	}
	r, err := q.reply(rec)
	if err != nil {
		return r, err
	}
	var out reading
	if !decode(rec.Text, &out) {
		return r, nil
	}
	n, _ := q.call.Args.Int("since")
	since, first := int(n), sinceOf(rec)
	for first > since {
		rec, _ = q.olderReading(rec, subject)
		if rec == nil || rec.Failure != nil {
			break
		}
		var before reading
		decode(rec.Text, &before)
		out.Samples = append(before.Samples, out.Samples...)
		first = sinceOf(rec)
	}
	out.Samples = behind(out.Samples, since)
	if !q.m.faithful && out.Sequence > 0 {
		out.Sequence-- // the number of the last entry, as is documented
	}
	text, err := json.Marshal(out)
	if err != nil {
		return r, fmt.Errorf("write the entries of sampler %s: %w", id, err)
	}
	return r.derived(text), nil
}

// sinceOf is from where a recorded reading goes on.
func sinceOf(rec *archive.Record) int {
	a, _ := ergo.ParseArgs(rec.Args) // as it was stored
	n, _ := a.Int("since")
	return int(n)
}

// olderReading is the record of the subject before rec.
func (q *question) olderReading(rec *archive.Record, subject string) (*archive.Record, stream) {
	before := *q.m
	before.at = rec.At.Add(-1)
	older := *q
	older.m = &before
	return older.newest(q.tells(ergo.Logs), subject)
}

// A Listening is what a passive sampler keeps of what a node said: log lines of
// some levels, messages of one event, or both.
type Listening struct {
	Levels  []string
	Source  string // the type of what logged; "" is any
	Event   string // the name of an event; "" is none
	EventOf string // the node whose event it is; "" is any
}

// Wants reports whether it keeps an entry.
func (l Listening) Wants(data []byte) bool {
	var d struct{ Level, Type, Event string }
	if json.Unmarshal(data, &d) != nil {
		return false
	}
	if d.Level != "" {
		return slices.Contains(l.Levels, d.Level) && (l.Source == "" || l.Source == d.Type)
	}
	node, ok := strings.CutPrefix(d.Event, "'"+l.Event+"'@'")
	return l.Event != "" && ok && (l.EventOf == "" || node == l.EventOf+"'")
}

// Listened is what a passive sampler of a node would have kept in a window, in
// the order of time.
func (r *Recording) Listened(ctx context.Context, node string, from, to time.Time, l Listening) ([]Heard, error) {
	var kept []Heard
	for h, err := range r.Heard(ctx, node, from, to) {
		if err != nil {
			return nil, err
		}
		if l.Wants(h.Data) {
			kept = append(kept, h)
		}
	}
	slices.SortStableFunc(kept, func(a, b Heard) int { return a.At.Compare(b.At) })
	return kept, nil
}

// Followed reports whether messages of a node's event were recorded, or would have
// been: somebody followed it.
func (r *Recording) Followed(node, event string) bool {
	for _, s := range r.Streams() {
		if s.Node != node || event == "" {
			continue
		}
		if s.Kind == archive.Event && s.Name == event {
			return true
		}
		if args, err := ergo.ParseArgs([]byte(s.Args)); err == nil && s.Name == "sample_listen" && args.Text("event") == event {
			return true
		}
	}
	return false
}
