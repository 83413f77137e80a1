package replay

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// What a sampler does unless it is told otherwise.
const (
	samplerBuffer   = 256
	samplerSeconds  = 60
	samplerLongest  = 3600
	samplerInterval = 5000 * time.Millisecond
)

// samplersKept bounds how many samplers a recording remembers.
const samplersKept = 1024

// A sampler was started at a moment of the recording. It covers the time from
// then on for its duration: at once for a Moment, as far as the moment of
// reading has come for a faithful one.
type sampler struct {
	id       string
	node     string
	tool     string // "" for a passive one
	args     ergo.Args
	interval time.Duration
	count    int
	buffer   int
	from, to time.Time
	levels   []string // nil: no log lines
	source   string
	event    string
	stopped  bool

	once    sync.Once
	entries []wireEntry // of the whole window
	err     error
}

// samplers are the samplers of a recording, oldest first.
type samplers struct {
	mu   sync.Mutex
	list []*sampler
	next int
}

func (s *samplers) add(x *sampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s %s %s %d", x.node, x.tool, x.args, x.from.Format(time.RFC3339Nano), s.next)
	s.next++
	x.id = fmt.Sprintf("mcp_sampler_%08x", h.Sum32())
	s.list = append(s.list, x)
	if len(s.list) > samplersKept {
		s.list = s.list[1:]
	}
}

func (s *samplers) of(node string) []*sampler {
	s.mu.Lock()
	defer s.mu.Unlock()
	var own []*sampler
	for _, x := range s.list {
		if x.node == node && !x.stopped {
			own = append(own, x)
		}
	}
	return own
}

func (s *samplers) stop(x *sampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.stopped = true
}

func (s *samplers) find(node, id string) *sampler {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.list {
		if x.id == id && x.node == node {
			return x
		}
	}
	return nil
}

// sampler answers the five sampler tools.
func (q *question) sampler() (Reply, error) {
	switch q.call.Tool {
	case "sample_start":
		return q.sampleStart()
	case "sample_listen":
		return q.sampleListen()
	case "sample_read":
		return q.sampleRead()
	case "sample_stop":
		return q.sampleStop()
	}
	return q.sampleList()
}

// ours is the reply of a tool that asks nobody.
func (q *question) ours(v any) (Reply, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return Reply{}, fmt.Errorf("write answer of %s: %w", q.call, err)
	}
	return Reply{Answer: ergo.Answer{Text: text, At: q.m.at}, From: q.call.Tool}, nil
}

// newSampler is a sampler with the arguments that both kinds have.
func (q *question) newSampler() *sampler {
	n, _ := q.call.Args.Int("duration_sec")
	if n == 0 {
		n = samplerSeconds
	}
	x := &sampler{node: q.call.Node, from: q.m.at, to: q.m.at.Add(time.Duration(min(n, samplerLongest)) * time.Second), buffer: samplerBuffer}
	if b, ok := q.call.Args.Int("buffer_size"); ok && b > 0 {
		x.buffer = int(b)
	}
	return x
}

func (x *sampler) seconds() int { return int(x.to.Sub(x.from) / time.Second) }

func (q *question) sampleStart() (Reply, error) {
	x := q.newSampler()
	if x.tool = q.call.Args.Text("tool"); x.tool == "" {
		return Reply{}, q.refuse("tool is required")
	}
	if sub, ok := q.call.Args["arguments"].(map[string]any); ok {
		x.args = ergo.Args(sub)
	}
	x.interval = samplerInterval
	if ms, ok := q.call.Args.Int("interval_ms"); ok && ms >= 100 {
		x.interval = time.Duration(ms) * time.Millisecond
	}
	if n, ok := q.call.Args.Int("count"); ok && n > 0 {
		x.count = int(n)
	}
	q.m.rec.samplers.add(x)
	return q.ours(map[string]any{
		"sampler_id": x.id, "mode": "active", "tool": x.tool, "interval_ms": x.interval.Milliseconds(),
		"count": x.count, "duration_sec": x.seconds(), "buffer_size": x.buffer,
	})
}

func (q *question) sampleListen() (Reply, error) {
	x := q.newSampler()
	x.event, x.source = q.call.Args.Text("event"), q.call.Args.Text("log_source")
	given, _ := q.call.Args["log_levels"].([]any)
	for _, l := range given {
		if s, ok := l.(string); ok {
			x.levels = append(x.levels, strings.ToLower(s))
		}
	}
	told := x.levels
	if x.levels == nil && x.event == "" {
		x.levels = []string{"info", "warning", "error", "panic"}
	}
	if x.event != "" {
		if t, err := q.table("event_list"); err == nil && t.whole && !slices.ContainsFunc(t.rows, func(r row) bool { return eventName(r) == x.event }) {
			return Reply{}, q.refuse("failed to spawn sampler: cannot monitor event '" + x.event + "': unknown event")
		}
	}
	q.m.rec.samplers.add(x)
	result := map[string]any{"sampler_id": x.id, "mode": "passive", "duration_sec": x.seconds(), "buffer_size": x.buffer}
	if x.levels != nil {
		result["log_levels"], result["log_source"] = told, x.source
	}
	if x.event != "" {
		result["event"] = x.event
	}
	return q.ours(result)
}

// A reading is the answer of sample_read.
type reading struct {
	SamplerID string      `json:"sampler_id"`
	Mode      string      `json:"mode"`
	Tool      string      `json:"tool,omitempty"`
	Sequence  int         `json:"sequence"`
	Completed bool        `json:"completed"`
	Samples   []wireEntry `json:"samples"`
}

func (q *question) sampleRead() (Reply, error) {
	id := q.call.Args.Text("sampler_id")
	if id == "" {
		return Reply{}, q.refuse("sampler_id is required")
	}
	x := q.m.rec.samplers.find(q.call.Node, id)
	if x == nil {
		return q.recordedSampler(id)
	}
	if q.m.faithful && q.dead(x) {
		return Reply{}, q.refuse("sampler " + id + " not found or not responding: unknown process")
	}
	x.once.Do(func() { x.entries, x.err = q.collect(x) })
	if x.err != nil {
		return Reply{}, x.err
	}
	kept := x.entries
	if q.m.faithful {
		kept = kept[:countUntil(kept, q.m.at)]
	}
	out := reading{SamplerID: id, Mode: "passive", Tool: x.tool, Completed: !q.m.faithful}
	if x.tool != "" {
		out.Mode = "active"
		if x.count > 0 && len(kept) >= x.samples(q.m.faithful) {
			out.Completed = true
		}
	}
	out.Sequence = len(kept)
	if q.m.faithful {
		out.Sequence++
	}
	if len(kept) > x.buffer {
		kept = kept[len(kept)-x.buffer:]
	}
	out.Samples = behind(kept, q.since())
	return q.ours(out)
}

func countUntil(list []wireEntry, t time.Time) int {
	n := 0
	for n < len(list) && !list[n].Timestamp.After(t) {
		n++
	}
	return n
}

func (q *question) since() int {
	n, _ := q.call.Args.Int("since")
	return int(n)
}

// behind are the entries with a higher number, nil where there are none.
func behind(list []wireEntry, since int) (out []wireEntry) {
	for _, e := range list {
		if e.Sequence > since {
			out = append(out, e)
		}
	}
	return out
}

// dead reports whether a faithful sampler is gone: stopped, at its end, or
// with its node's life.
func (q *question) dead(x *sampler) bool {
	return x.stopped || q.m.at.After(x.to) || x.from.Before(q.born) || q.m.at.Before(x.from)
}

// samples is how many entries a sampler that was told to take count takes: a
// live one, one less.
func (x *sampler) samples(faithful bool) int {
	if faithful {
		return max(1, x.count-1)
	}
	return x.count
}

// collect finds all entries of a sampler's window.
func (q *question) collect(x *sampler) ([]wireEntry, error) {
	if x.tool != "" {
		return q.collectAnswers(x)
	}
	if len(q.streams("sample_read")) == 0 && !q.x.hasLogs(x.node) {
		return nil, q.notRecorded(time.Time{})
	}
	var list []wireEntry
	for e, err := range q.m.rec.entries(q.ctx, x.node, x.from.Add(-late), x.to.Add(late)) {
		if err != nil {
			return nil, err
		}
		if x.wants(e) {
			list = append(list, wireEntry{Timestamp: e.at, Data: e.data})
		}
	}
	sortByTime(list, func(e wireEntry) time.Time { return e.Timestamp })
	for i := range list {
		list[i].Sequence = i + 1
	}
	return list, nil
}

func (x *index) hasLogs(node string) bool {
	return slices.ContainsFunc(x.streams, func(s stream) bool { return s.Kind == archive.Log && s.Node == node })
}

// wants reports whether a passive sampler keeps an entry.
func (x *sampler) wants(e entry) bool {
	if outside(e.at, x.from, x.to) {
		return false
	}
	if e.line.Level != "" {
		return slices.Contains(x.levels, e.line.Level) && (x.source == "" || x.source == e.line.Type)
	}
	var message struct{ Event string }
	decode(e.data, &message)
	return x.event != "" && strings.HasPrefix(strings.TrimPrefix(message.Event, "'"), x.event)
}

// collectAnswers asks the tool at each of the sampler's ticks; an answer that
// was recorded counts once.
func (q *question) collectAnswers(x *sampler) ([]wireEntry, error) {
	_, end := q.m.rec.Window()
	if x.to.Before(end) {
		end = x.to
	}
	var list []wireEntry
	var last time.Time
	var missing error
	for t := x.from; !t.After(end); t = t.Add(x.interval) {
		at := Moment{rec: q.m.rec, at: t, faithful: q.m.faithful}
		r, err := at.Ask(q.ctx, ergo.Call{Node: x.node, Tool: x.tool, Args: x.args})
		switch {
		case q.ctx.Err() != nil:
			return nil, q.ctx.Err()
		case err != nil:
			missing = err
			continue
		case r.At.Equal(last):
			continue
		}
		last = r.At
		list = append(list, wireEntry{Sequence: len(list) + 1, Timestamp: r.At, Data: contentOf(r.Text)})
		if x.count > 0 && len(list) >= x.samples(q.m.faithful) {
			break
		}
	}
	if list == nil && missing != nil && isNotRecorded(missing) {
		return nil, missing
	}
	return list, nil
}

// contentOf is a tool's answer as a sampler keeps it.
func contentOf(text []byte) json.RawMessage {
	type item struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	out, err := json.Marshal(map[string][]item{"content": {{"text", string(text)}}})
	if err != nil {
		return json.RawMessage("null") // strings always encode
	}
	return out
}

// recordedSampler answers for a sampler that the recorded cluster had: its
// newest reading, and as many of those before as the caller has not seen.
func (q *question) recordedSampler(id string) (Reply, error) {
	subject := ergo.Args{"sampler_id": id}.String()
	rec, err := q.current(q.streams("sample_read"), subject)
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
	since, first := q.since(), sinceOf(rec)
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
	ours, err := q.ours(out)
	return r.derived(ours.Text), err
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
	return older.newest(q.streams("sample_read"), subject, q.born)
}

func (q *question) sampleStop() (Reply, error) {
	id := q.call.Args.Text("sampler_id")
	x := q.m.rec.samplers.find(q.call.Node, id)
	if x == nil || x.stopped {
		return Reply{}, q.refuse("sampler " + id + " not found: unknown process")
	}
	q.m.rec.samplers.stop(x)
	r, err := q.ours(nil)
	r.Text = []byte("sampler " + id + " stopping")
	return r, err
}

// sampleList lists the samplers that were recorded, and ours.
func (q *question) sampleList() (Reply, error) {
	r, err := q.recorded()
	own := q.m.rec.samplers.of(q.call.Node)
	if own == nil {
		return r, err
	}
	var rows []row
	if err == nil {
		rows, _ = splitRows(r.Text)
	}
	for _, x := range own {
		if q.m.faithful && q.dead(x) {
			continue
		}
		text, err := json.Marshal(x.describe(q.m))
		if err != nil {
			return Reply{}, fmt.Errorf("write sampler %s: %w", x.id, err)
		}
		rows = append(rows, text)
	}
	if err != nil {
		r = Reply{Answer: ergo.Answer{At: q.m.at}, From: q.call.Tool}
	}
	return r.derived(joinRows(rows)), nil
}

func (x *sampler) describe(m *Moment) map[string]string {
	what := "listen: log [" + strings.Join(x.levels, ", ") + "]"
	if x.event != "" {
		what = "listen: event '" + x.event + "'@'" + x.node + "'"
	}
	if x.tool != "" {
		what = fmt.Sprintf("%s every %s", x.tool, x.interval)
	}
	d := map[string]string{
		"id": x.id, "description": what, "owner": x.node, "status": "completed",
		"deadline": x.to.UTC().Format(time.RFC3339),
	}
	if m.faithful {
		d["status"] = "running"
		d["uptime"] = m.at.Sub(x.from).Truncate(time.Second).String()
		d["remaining"] = x.to.Sub(m.at).Truncate(time.Second).String()
	}
	return d
}
