package mcp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// A sampler over the past is a pure function of its definition, so its ID is
// its definition: any server of the same recording reads it, after a restart
// too, and nothing has to be kept. It covers [From, From+Duration] and is
// complete at once.
type sampler struct {
	Node     string    `json:"n,omitempty"`
	Tool     string    `json:"t,omitempty"` // active: the tool that is sampled
	Args     ergo.Args `json:"a,omitempty"`
	From     time.Time `json:"f"`
	Seconds  int       `json:"d"`
	Interval int       `json:"i,omitempty"` // ms
	Count    int       `json:"c,omitempty"`
	Errors   int       `json:"e,omitempty"` // ends after so many in a row
	Buffer   int       `json:"b"`
	Levels   []string  `json:"l,omitempty"` // passive: of log lines
	Source   string    `json:"s,omitempty"`
	Event    string    `json:"v,omitempty"` // passive: an event instead of the log
	EventOf  string    `json:"w,omitempty"` // the node whose event it is
}

const (
	samplerPrefix   = "mcp_sampler_"
	samplerSeconds  = tools48.SamplerSeconds // as live samplers have it
	samplerLongest  = tools48.SamplerLongest
	samplerInterval = tools48.SamplerInterval
	samplerShortest = tools48.SamplerShortest
	samplerSlowest  = samplerLongest * 1000
	samplerBuffer   = tools48.SamplerBuffer
	samplerLargest  = 65536
)

func (p *sampler) id() string {
	return samplerPrefix + base64.RawURLEncoding.EncodeToString(mustJSON(p))
}

// errNoSampler is what a node says of a sampler that is not there.
func errNoSampler(id string) error {
	return &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "sampler " + id + " not found or not responding: unknown process"}
}

func parseSampler(id string) (*sampler, error) {
	text, ok := strings.CutPrefix(id, samplerPrefix)
	if !ok {
		return nil, errNoSampler(id)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errNoSampler(id)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var p sampler
	if d.Decode(&p) != nil || p.From.IsZero() || p.Seconds < 0 || p.Seconds > samplerLongest ||
		p.Buffer < 1 || p.Buffer > samplerLargest || p.Tool != "" && (p.Interval < samplerShortest || p.Interval > samplerSlowest) {
		return nil, errNoSampler(id)
	}
	return &p, nil
}

func (p *sampler) until() time.Time { return p.From.Add(time.Duration(p.Seconds) * time.Second) }

func (p *sampler) mode() string {
	if p.Tool != "" {
		return "active"
	}
	return "passive"
}

// A taken is one entry of a sampler, as sample_read prints it.
type taken struct {
	Sequence  int       `json:"sequence"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// collect returns the sampler's entries, the last Buffer of them.
func (p *sampler) collect(ctx context.Context, rec *replay.Recording) ([]taken, error) {
	ring := &ring{size: p.Buffer}
	var err error
	if p.Tool != "" {
		err = p.sample(ctx, rec, ring)
	} else {
		err = p.listen(ctx, rec, ring)
	}
	return lastOf(ring.kept, p.Buffer), err
}

type ring struct {
	size, count int
	kept        []taken
}

func (r *ring) add(at time.Time, data any) {
	r.count++
	r.kept = append(r.kept, taken{r.count, at.UTC(), data})
	if len(r.kept) > 2*r.size {
		r.kept = slices.Delete(r.kept, 0, len(r.kept)-r.size)
	}
}

// sample asks the recording at every interval and takes each answer once. If
// nothing at all can be answered it says why, for an empty sampler would look
// like health.
func (p *sampler) sample(ctx context.Context, rec *replay.Recording, r *ring) error {
	var last time.Time
	var refused error
	bad := 0
	step := time.Duration(p.Interval) * time.Millisecond
	for t := p.From; !t.After(p.until()); t = t.Add(step) {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := rec.At(t).Call(ctx, ergo.Call{Node: p.Node, Tool: p.Tool, Args: p.Args})
		switch te := ergo.AsToolError(err); {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil && (te == nil || a.At.IsZero()): // not recorded then, or nothing that a sample could hold
			refused = err
			continue
		case te != nil && !a.At.Equal(last):
			refused = err
			r.add(a.At, map[string]any{"error": te})
			bad++
		case a.At.Equal(last):
			continue
		default:
			r.add(a.At, map[string]any{"content": []map[string]string{{"type": "text", "text": string(a.Text)}}})
			bad = 0
		}
		last = a.At
		if p.Count > 0 && r.count >= p.Count || p.Errors > 0 && bad >= p.Errors {
			break
		}
	}
	if r.count == 0 {
		return refused
	}
	return nil
}

// listen takes the log lines, or the messages of an event, that were recorded.
func (p *sampler) listen(ctx context.Context, rec *replay.Recording, r *ring) error {
	l := replay.Listening{Levels: p.Levels, Source: p.Source}
	if p.Event != "" {
		l = replay.Listening{Event: p.Event, EventOf: p.EventOf}
	}
	heard, err := rec.Listened(ctx, p.Node, p.From, p.until(), l)
	for _, h := range heard {
		r.add(h.At, h.Data)
	}
	return err
}

// samplers remembers what sample_list shows: the samplers that this server was
// asked for, the latest ones, and those that were stopped.
type samplers struct {
	mu      sync.Mutex
	started []startedSampler // oldest first
	stopped []string         // IDs
}

type startedSampler struct {
	id    string
	count int
}

// keepSamplers bounds both lists.
const keepSamplers = 256

func (l *samplers) start(id string, count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = slices.DeleteFunc(l.stopped, func(s string) bool { return s == id })
	l.started = slices.DeleteFunc(l.started, func(s startedSampler) bool { return s.id == id })
	l.started = lastOf(append(l.started, startedSampler{id, count}), keepSamplers)
}

func (l *samplers) stop(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = slices.DeleteFunc(l.started, func(s startedSampler) bool { return s.id == id })
	l.stopped = lastOf(append(l.stopped, id), keepSamplers)
}

func (l *samplers) isStopped(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.stopped, id)
}

func (l *samplers) list() []startedSampler {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.started)
}

func lastOf[T any](list []T, n int) []T {
	if len(list) > n {
		return slices.Delete(list, 0, len(list)-n)
	}
	return list
}

// describe words a sampler as sample_list does.
func (p *sampler) describe() string {
	switch {
	case p.Tool != "":
		return fmt.Sprintf("%s every %dms", p.Tool, p.Interval)
	case p.Event != "":
		return fmt.Sprintf("listen: event '%s'@'%s'", p.Event, p.EventOf)
	}
	return "listen: log [" + strings.Join(p.Levels, ", ") + "]"
}
