package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// What a sampler does unless it is told otherwise.
const (
	samplerBuffer   = tools48.SamplerBuffer
	samplerSeconds  = tools48.SamplerSeconds
	samplerLongest  = tools48.SamplerLongest
	samplerInterval = tools48.SamplerInterval * time.Millisecond
	samplerLinger   = 30 // seconds
)

// A sampler was started by a client. It runs on the recording's clock.
type sampler struct {
	id       string
	node     string
	life     time.Time // the incarnation of its node
	tool     string    // "" for a passive one
	args     ergo.Args
	interval time.Duration
	count    int
	buffer   int
	from, to time.Time
	linger   time.Duration
	levels   []string // nil: no log lines
	source   string
	event    string

	mu      sync.Mutex
	done    bool
	entries []entry // of the whole window, in order; once done
}

// An entry is one entry of a sampler, as sample_read prints it.
type entry struct {
	Sequence  int             `json:"sequence"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// samplers are those that clients have started and that still run.
type samplers struct {
	mu   sync.Mutex
	list []*sampler
	next int
}

func (s *samplers) add(x *sampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %s %s %d", x.node, x.tool, x.from.Format(time.RFC3339Nano), s.next)
	s.next++
	x.id = fmt.Sprintf("mcp_sampler_%08x", h.Sum32())
	s.list = append(s.list, x)
}

// alive are the samplers of a node at a moment; those that have ended are
// forgotten.
func (s *samplers) alive(node string, life, now time.Time) []*sampler {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(x *sampler) bool {
		return now.After(x.to.Add(x.linger)) || x.node == node && !x.life.Equal(life)
	})
	var own []*sampler
	for _, x := range s.list {
		if x.node == node && (now.Before(x.to) || x.count > 0) {
			own = append(own, x)
		}
	}
	return own
}

func (s *samplers) remove(gone *sampler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(x *sampler) bool { return x == gone })
}

// sampled answers the sampler tools for samplers that a client started here;
// ours is false for everything else.
func (c *Cluster) sampled(ctx context.Context, m *replay.Moment, via string, call ergo.Call, now time.Time) (r replay.Reply, ours bool, err error) {
	switch call.Tool {
	case "sample_start", "sample_listen", "sample_read", "sample_stop", "sample_list":
	default:
		return r, false, nil
	}
	// The node has to be there, and the call in order.
	probe, err := m.Ask(ctx, ergo.Call{Node: call.Node, Tool: "node_info"})
	if te := ergo.AsToolError(err); te != nil {
		return probe, true, err
	}
	s := session{c, via, call, now, c.rec.Life(call.Node, now)}
	switch call.Tool {
	case "sample_start":
		r.Text, err = s.start()
	case "sample_listen":
		r.Text, err = s.listen(ctx, m)
	default:
		return s.existing(ctx)
	}
	return r, true, err
}

// A session is one call of a sampler tool.
type session struct {
	*Cluster
	via  string
	call ergo.Call
	now  time.Time
	life time.Time
}

func (s *session) refuse(message string) error {
	return refusal(fmt.Errorf("%s", message), s.call.Node != s.via)
}

// newSampler is a sampler with the arguments that both kinds have.
func (s *session) newSampler() *sampler {
	number := func(name string, otherwise int64) int64 {
		if n, ok := s.call.Args.Int(name); ok && n > 0 {
			return n
		}
		return otherwise
	}
	return &sampler{
		node: s.call.Node, life: s.life, from: s.now,
		to:     s.now.Add(time.Duration(min(number("duration_sec", samplerSeconds), samplerLongest)) * time.Second),
		buffer: int(number("buffer_size", samplerBuffer)),
		linger: time.Duration(min(number("linger_sec", samplerLinger), samplerLongest)) * time.Second,
		count:  int(number("count", 0)),
	}
}

func (x *sampler) seconds() int { return int(x.to.Sub(x.from) / time.Second) }

func (s *session) start() ([]byte, error) {
	x := s.newSampler()
	if x.tool = s.call.Args.Text("tool"); x.tool == "" {
		return nil, s.refuse("tool is required")
	}
	if args, ok := s.call.Args["arguments"].(map[string]any); ok {
		x.args = args
	}
	x.interval = samplerInterval
	if ms, ok := s.call.Args.Int("interval_ms"); ok && ms >= tools48.SamplerShortest {
		x.interval = time.Duration(min(ms, samplerLongest*1000)) * time.Millisecond
	}
	s.samplers.add(x)
	return json.Marshal(map[string]any{
		"sampler_id": x.id, "mode": "active", "tool": x.tool, "interval_ms": x.interval.Milliseconds(),
		"count": x.count, "duration_sec": x.seconds(), "buffer_size": x.buffer,
	})
}

func (s *session) listen(ctx context.Context, m *replay.Moment) ([]byte, error) {
	x := s.newSampler()
	x.count = 0
	x.event, x.source = s.call.Args.Text("event"), s.call.Args.Text("log_source")
	given, _ := s.call.Args["log_levels"].([]any)
	for _, l := range given {
		if level, ok := l.(string); ok {
			x.levels = append(x.levels, strings.ToLower(level))
		}
	}
	result := map[string]any{"mode": "passive", "duration_sec": x.seconds(), "buffer_size": x.buffer}
	if x.event != "" {
		_, err := m.Ask(ctx, ergo.Call{Node: s.call.Node, Tool: "event_info", Args: ergo.Args{"name": x.event}})
		if te := ergo.AsToolError(err); te != nil {
			return nil, s.refuse("failed to spawn sampler: cannot monitor event '" + x.event + "': unknown event")
		}
		result["event"] = x.event
	}
	if x.levels != nil || x.event == "" {
		result["log_levels"], result["log_source"] = x.levels, x.source
	}
	if x.levels == nil && x.event == "" {
		x.levels = []string{"info", "warning", "error", "panic"}
	}
	s.samplers.add(x)
	result["sampler_id"] = x.id
	return json.Marshal(result)
}

// existing answers the tools that are about samplers which were started
// before.
func (s *session) existing(ctx context.Context) (r replay.Reply, ours bool, err error) {
	own := s.samplers.alive(s.call.Node, s.life, s.now)
	if s.call.Tool == "sample_list" {
		if len(own) == 0 {
			return r, false, nil
		}
		r.Text, err = s.describe(own)
		return r, true, err
	}
	id := s.call.Args.Text("sampler_id")
	i := slices.IndexFunc(own, func(x *sampler) bool { return x.id == id })
	switch {
	case i >= 0 && s.call.Tool == "sample_read":
		r.Text, err = s.read(ctx, own[i])
		return r, true, err
	case i >= 0:
		s.samplers.remove(own[i])
		r.Text = []byte("sampler " + id + " stopping")
		return r, true, nil
	case s.call.Tool == "sample_stop":
		return r, true, s.refuse("sampler " + id + " not found: unknown process")
	}
	return r, false, nil // the recorded cluster may have had it
}

// read answers sample_read with what the clock has passed. The sequence is one
// beyond that of the last entry, and a sampler told to take N samples takes one
// less: so do live ones.
func (s *session) read(ctx context.Context, x *sampler) ([]byte, error) {
	entries, err := s.collected(ctx, x)
	if err != nil {
		return nil, err
	}
	n, _ := slices.BinarySearchFunc(entries, s.now, func(e entry, now time.Time) int {
		if e.Timestamp.After(now) {
			return 1
		}
		return -1
	})
	out := struct {
		SamplerID string  `json:"sampler_id"`
		Mode      string  `json:"mode"`
		Tool      string  `json:"tool,omitempty"`
		Sequence  int     `json:"sequence"`
		Completed bool    `json:"completed"`
		Samples   []entry `json:"samples"`
	}{SamplerID: x.id, Mode: "passive", Tool: x.tool, Sequence: n + 1}
	if x.tool != "" {
		out.Mode = "active"
		out.Completed = x.count > 0 && n >= x.takes()
	}
	since, _ := s.call.Args.Int("since")
	for _, e := range entries[max(0, n-x.buffer):n] {
		if int64(e.Sequence) > since {
			out.Samples = append(out.Samples, e)
		}
	}
	return json.Marshal(out)
}

// takes is how many samples an active sampler takes that is told to take
// count.
func (x *sampler) takes() int { return max(1, x.count-1) }

// collected are the entries of the sampler's whole window, which the first
// reader that does not go away finds for all.
func (s *session) collected(ctx context.Context, x *sampler) ([]entry, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		entries, err := s.collect(ctx, x)
		if err != nil {
			return nil, err
		}
		x.entries, x.done = entries, true
	}
	return x.entries, nil
}

func (s *session) collect(ctx context.Context, x *sampler) (list []entry, err error) {
	if x.tool != "" {
		return s.ticks(ctx, x)
	}
	heard, err := s.rec.Listened(ctx, x.node, x.from, x.to, replay.Listening{Levels: x.levels, Source: x.source, Event: x.event})
	for i, h := range heard {
		list = append(list, entry{i + 1, h.At, h.Data})
	}
	return list, err
}

// ticks asks the tool at every tick of an active sampler; errors are passed
// over, as nodes do.
func (s *session) ticks(ctx context.Context, x *sampler) (list []entry, err error) {
	_, end := s.rec.Window()
	if x.to.Before(end) {
		end = x.to
	}
	type item struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	for t := x.from; !t.After(end); t = t.Add(x.interval) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read sampler %s: %w", x.id, err)
		}
		a, err := s.rec.Faithful(t).Via(x.node).Call(ctx, ergo.Call{Tool: x.tool, Args: x.args})
		if err != nil {
			continue
		}
		data, err := json.Marshal(map[string][]item{"content": {{"text", string(ergo.Pretty(a.Text))}}})
		if err != nil {
			continue // strings always encode
		}
		list = append(list, entry{len(list) + 1, t, data})
		if x.count > 0 && len(list) >= x.takes() {
			break
		}
	}
	return list, nil
}

// describe answers sample_list.
func (s *session) describe(own []*sampler) ([]byte, error) {
	var rows []map[string]string
	for _, x := range own {
		what := "listen: log [" + strings.Join(x.levels, ", ") + "]"
		switch {
		case x.tool != "":
			what = fmt.Sprintf("%s every %s", x.tool, x.interval)
		case x.event != "":
			what = "listen: event '" + x.event + "'@'" + x.node + "'"
		}
		rows = append(rows, map[string]string{
			"id": x.id, "description": what, "owner": x.node, "status": "running",
			"deadline":  x.to.UTC().Format(time.RFC3339),
			"uptime":    s.now.Sub(x.from).Truncate(time.Second).String(),
			"remaining": x.to.Sub(s.now).Truncate(time.Second).String(),
		})
	}
	return json.Marshal(rows)
}
