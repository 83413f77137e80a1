package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// pastSamplers are the sampler tools, which on a recording are answered here.
var pastSamplers = map[string]func(context.Context, *Server, ergo.Args) (*answer, error){
	"sample_start":  startPast,
	"sample_listen": listenPast,
	"sample_read":   readPast,
	"sample_list":   listPast,
	"sample_stop":   stopPast,
}

// begin reads what the two ways to start a sampler have in common. Without a
// moment the sampler covers the last stretch of the recording: at the end
// itself there is nothing to come.
func (s *Server) begin(ctx context.Context, rec *replay.Recording, args ergo.Args) (*sampler, error) {
	p := &sampler{
		Node:    args.Text("node"),
		Seconds: intArg(args, "duration_sec", samplerSeconds, 1, samplerLongest),
		Buffer:  intArg(args, "buffer_size", samplerBuffer, 1, samplerLargest),
	}
	if p.Node == "" {
		p.Node = rec.Entry()
	}
	if err := rec.HasNode(p.Node); err != nil {
		return nil, err
	}
	from, err := s.moment(ctx, rec, args.Text("at"))
	if err != nil {
		return nil, fmt.Errorf("at: %w", err)
	}
	if args.Text("at") == "" {
		from = from.Add(-time.Duration(p.Seconds) * time.Second)
	}
	p.From = from.UTC()
	return p, nil
}

func startPast(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	if s.isLive(args) {
		return inspect("sample_start")(ctx, s, args)
	}
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	p, err := s.begin(ctx, rec, args)
	if err != nil {
		return nil, err
	}
	p.Tool = args.Text("tool")
	switch {
	case p.Tool == "":
		return nil, refused(rec, p.Node, "tool is required")
	case strings.HasPrefix(p.Tool, "sample_"):
		return nil, refused(rec, p.Node, "a sampler cannot sample "+p.Tool)
	}
	if a, ok := args["arguments"].(map[string]any); ok {
		p.Args = ergo.Args(a).Without("node", "timeout")
	}
	p.Interval = intArg(args, "interval_ms", samplerInterval, samplerShortest, samplerSlowest)
	p.Count = intArg(args, "count", 0, 0, samplerLargest)
	p.Errors = intArg(args, "max_errors", 0, 0, samplerLargest)
	return s.started(ctx, rec, p, map[string]any{"tool": p.Tool, "interval_ms": p.Interval, "count": p.Count})
}

// listenLevels are listened to when none are named.
var listenLevels = []string{"info", "warning", "error", "panic"}

func listenPast(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	if s.isLive(args) {
		return inspect("sample_listen")(ctx, s, args)
	}
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	p, err := s.begin(ctx, rec, args)
	if err != nil {
		return nil, err
	}
	more := map[string]any{}
	if p.Event = args.Text("event"); p.Event != "" {
		if p.EventOf = args.Text("event_node"); p.EventOf == "" {
			p.EventOf = p.Node
		}
		more["event"] = p.Event
	} else {
		if p.Levels = stringsArg(args, "log_levels"); p.Levels == nil {
			p.Levels = listenLevels
		}
		p.Source = args.Text("log_source")
		more["log_levels"], more["log_source"] = p.Levels, p.Source
	}
	if err := heard(ctx, rec, p); err != nil {
		return nil, err
	}
	return s.started(ctx, rec, p, more)
}

// started collects once, so that what cannot be answered is refused now, and
// presents the sampler as a node does.
func (s *Server) started(ctx context.Context, rec *replay.Recording, p *sampler, more map[string]any) (*answer, error) {
	list, err := p.collect(ctx, rec)
	if err != nil {
		return nil, err
	}
	s.samplers.start(p.id(), len(list))
	more["buffer_size"], more["duration_sec"] = p.Buffer, p.Seconds
	more["mode"], more["sampler_id"] = p.mode(), p.id()
	more["from"], more["to"], more["samples"] = p.From, p.until(), len(list)
	return &answer{text: indented(more)}, nil
}

// indented is JSON in the form in which nodes write it.
func indented(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return text
}

// refused is a refusal with the code that the asked node would give.
func refused(rec *replay.Recording, node, text string) error {
	code := ergo.CodeInvalidParams
	if node != "" && node != rec.Entry() {
		code = ergo.CodeInternal
	}
	return &ergo.ToolError{Code: code, Message: text}
}

// heard says what is wrong if what the sampler wants was never listened to
// while the recording was made.
func heard(ctx context.Context, rec *replay.Recording, p *sampler) error {
	if !slices.ContainsFunc(rec.Nodes(), func(n replay.Node) bool { return n.Name == p.Node }) {
		return ergo.RemoteError(p.Node, "no route")
	}
	log, levels, events, err := listened(ctx, rec, p.Node)
	if err != nil {
		return err
	}
	if p.Event != "" {
		if slices.Contains(events, p.Event) {
			return nil
		}
		return unheardEvent(ctx, rec, p, events)
	}
	if log && levels == nil || slices.ContainsFunc(p.Levels, func(l string) bool { return slices.Contains(levels, l) }) {
		return nil
	}
	if !log {
		return refused(rec, p.Node, fmt.Sprintf("log lines of %s were not recorded; its node_info was, with LogMessages counted by level; record run listens to logs unless told otherwise", p.Node))
	}
	return refused(rec, p.Node, fmt.Sprintf("log lines of level %s were not recorded on %s; recorded: %s; the recorder's log levels are configurable",
		strings.Join(p.Levels, ", "), p.Node, strings.Join(levels, ", ")))
}

func unheardEvent(ctx context.Context, rec *replay.Recording, p *sampler, events []string) error {
	_, err := rec.At(p.until()).Call(ctx, ergo.Call{Node: p.EventOf, Tool: "event_info", Args: ergo.Args{"name": p.Event}})
	if err != nil {
		return refused(rec, p.Node, fmt.Sprintf("failed to spawn sampler: cannot monitor event '%s': unknown event", p.Event))
	}
	said := "none was listened to"
	if events != nil {
		said = "recorded: " + strings.Join(events, ", ")
	}
	return refused(rec, p.Node, fmt.Sprintf("messages of event '%s' were not recorded (%s); its counters are in event_list and event_info; name the event in the recorder's configuration to have its messages", p.Event, said))
}

// listened is what the recorder listened to on a node: whether to its log, at
// which levels (nil if that was not recorded), and to which events.
func listened(ctx context.Context, rec *replay.Recording, node string) (log bool, levels, events []string, err error) {
	for _, st := range rec.Streams() {
		if st.Node != node {
			continue
		}
		log = log || st.Kind == archive.Log || st.Kind == archive.Sample && st.Name == "sample_read"
		if st.Kind == archive.Event {
			events = append(events, st.Name)
		}
	}
	for l, err := range rec.Samples(ctx, node, "sample_listen", time.Time{}, time.Time{}) {
		if err != nil {
			return log, levels, events, err
		}
		a, err := ergo.ParseArgs(l.Args)
		if err != nil || l.Failure != nil {
			continue
		}
		if e := a.Text("event"); e != "" && !slices.Contains(events, e) {
			events = append(events, e)
		}
		for _, v := range stringsArg(a, "log_levels") {
			if !slices.Contains(levels, v) {
				levels = append(levels, v)
			}
		}
	}
	return log, levels, events, nil
}

// readBytes bounds one answer of sample_read; what is left is asked for with
// since.
const readBytes = 1 << 20

func readPast(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	id := args.Text("sampler_id")
	p, err := parseSampler(id)
	if err != nil { // not one of ours: one of the cluster's, live or as it was recorded
		return inspect("sample_read")(ctx, s, args)
	}
	if s.samplers.isStopped(id) {
		return nil, errNoSampler(id)
	}
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	list, err := p.collect(ctx, rec)
	if err != nil {
		return nil, err
	}
	return &answer{text: indented(page(p, id, list, intArg(args, "since", 0, 0, math.MaxInt32)))}, nil
}

// A reading is an answer of sample_read. Sequence is that of the last entry
// returned: to be passed as since for what comes after it.
type reading struct {
	SamplerID string  `json:"sampler_id"`
	Mode      string  `json:"mode"`
	Tool      string  `json:"tool,omitempty"`
	Sequence  int     `json:"sequence"`
	Completed bool    `json:"completed"`
	More      int     `json:"more,omitempty"` // entries that did not fit
	Samples   []taken `json:"samples"`
}

func page(p *sampler, id string, list []taken, since int) reading {
	r := reading{SamplerID: id, Mode: p.mode(), Tool: p.Tool, Completed: true, Sequence: since}
	if len(list) > 0 {
		r.Sequence = min(since, list[len(list)-1].Sequence)
	}
	size := 0
	for i, e := range list {
		if e.Sequence <= since {
			continue
		}
		size += len(mustJSON(e.Data))
		if size > readBytes && r.Samples != nil {
			r.More = len(list) - i
			break
		}
		r.Samples, r.Sequence = append(r.Samples, e), e.Sequence
	}
	return r
}

func listPast(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	if s.isLive(args) || args.Text("at") != "" { // those of the cluster
		return inspect("sample_list")(ctx, s, args)
	}
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	node := args.Text("node")
	if node == "" {
		node = rec.Entry()
	}
	var list []map[string]any
	for _, e := range s.samplers.list() {
		p, err := parseSampler(e.id)
		if err != nil || p.Node != node {
			continue
		}
		row := map[string]any{
			"id": e.id, "description": p.describe(), "owner": p.Node, "status": "completed",
			"deadline": p.until().Format(time.RFC3339), "remaining": "0s", "uptime": fmt.Sprintf("%ds", p.Seconds),
			"samples": fmt.Sprintf("%d collected, buffer %d/%d", e.count, e.count, p.Buffer),
		}
		if p.Count > 0 {
			row["progress"] = fmt.Sprintf("%d/%d samples", e.count, p.Count)
		}
		list = append(list, row)
	}
	return &answer{text: indented(list)}, nil
}

func stopPast(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	id := args.Text("sampler_id")
	_, err := parseSampler(id)
	switch {
	case err != nil && s.src.Live != nil:
		return inspect("sample_stop")(ctx, s, args)
	case err != nil || s.samplers.isStopped(id):
		return nil, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "sampler " + id + " not found: unknown process"}
	}
	s.samplers.stop(id)
	return &answer{text: []byte("sampler " + id + " stopping")}, nil
}
