package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/observer/native"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// observerTools are the Observer's tools, each with the argument at. Those that
// want an authorized caller refuse, and are not listed.
func observerTools() []gate.Tool {
	tools := gate.ReadOnly()
	for i := range tools {
		tools[i].Args = append(slices.Clone(tools[i].Args), gate.Arg{Name: "at", Type: "string"})
	}
	return tools
}

// observed makes the server an Observer as well: its tools and resources, for
// clients of every version of the protocol.
func (s *Server) observed() {
	s.observer = &native.Observer{
		Server: gate.Server{Name: serverName, Title: "Recording of an Ergo cluster", Version: s.opt.Version},
		Tools:  observerTools(), View: s.view, Says: saysObserved,
		Text: func(text []byte) []byte { return []byte(escape.Answer(text)) },
		Ends: "what was recorded is read with since, not followed",
	}
	for _, t := range s.observer.Tools {
		if t.Kind != gate.Reads {
			continue
		}
		yes := true
		def := mcpgo.NewToolWithRawSchema(t.Name, t.Help, mustJSON(t.Schema()))
		def.Annotations = mcpgo.ToolAnnotation{ReadOnlyHint: &yes}
		s.mcp.AddTool(def, s.observerCall(t.Name))
	}
	cluster := gate.Cluster()
	s.mcp.AddResource(mcpgo.NewResource(cluster.URI, cluster.Name,
		mcpgo.WithResourceDescription(cluster.Description), mcpgo.WithMIMEType(cluster.MimeType)), s.limited(s.observerRead))
	for _, l := range gate.Lenses() {
		switch l.Name {
		case "watch", "job", // they belong to authorized callers
			"stream", "tracing": // what they show is not recorded in a form that they have
			continue
		}
		s.mcp.AddResourceTemplate(mcpgo.NewResourceTemplate(withMoment(l.Template), l.Name,
			mcpgo.WithTemplateDescription(l.Description), mcpgo.WithTemplateMIMEType(l.MimeType)), server.ResourceTemplateHandlerFunc(s.limited(s.observerRead)))
	}
}

// withMoment is a template that takes the query parameter at as well.
func withMoment(template string) string {
	if rest, ok := strings.CutSuffix(template, "}"); ok && strings.Contains(template, "{?") {
		return rest + ",at}"
	}
	return template + "{?at}"
}

// observerCall is a tool of the Observer for a client of an older protocol.
func (s *Server) observerCall(name string) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
		args, err := arguments(req)
		if err != nil {
			return refusal(fmt.Errorf("%s: %w", name, err)), nil
		}
		a, err := s.observerAnswer(ctx, native.Call(name, args))
		if err != nil {
			return refusal(s.explain(ctx, name, err)), nil
		}
		var res mcpgo.CallToolResult
		if err := json.Unmarshal(mustJSON(a.Result), &res); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return &res, nil
	}
}

// observerRead reads an ergo:// resource for a client of an older protocol. What
// the result says of itself stands with its contents.
func (s *Server) observerRead(ctx context.Context, req mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
	a, err := s.observerAnswer(ctx, native.Resource(req.Params.URI))
	if err != nil {
		return nil, err
	}
	var res struct {
		Contents []mcpgo.TextResourceContents
		Meta     map[string]any `json:"_meta"`
	}
	if err := json.Unmarshal(mustJSON(a.Result), &res); err != nil {
		return nil, fmt.Errorf("read %s: %w", req.Params.URI, err)
	}
	var out []mcpgo.ResourceContents
	for _, c := range res.Contents {
		c.Meta = res.Meta
		out = append(out, c)
	}
	return out, nil
}

// observerAnswer answers a request in its turn and its time.
func (s *Server) observerAnswer(ctx context.Context, q *gate.Request) (native.Answered, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.CallLimit)
	defer cancel()
	var a native.Answered
	_, err := s.inTurn(ctx, false, func() (*answer, error) {
		a = s.observer.Answer(ctx, q)
		return nil, ctx.Err()
	})
	if err == nil && a.Refused != nil {
		err = &ergo.ToolError{Code: a.Refused.Code, Message: a.Refused.Message}
	}
	return a, err
}

// promptMethods are served beside those of an Observer.
func promptMethods() []string { return []string{"prompts/list", "prompts/get"} }

// modern answers requests of the protocol's version of 3.3 as an Observer does,
// with its checks, words and statuses; what an Observer does not have is next's.
func (s *Server) modern(next http.Handler) http.Handler {
	if s.observer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(observer.HeaderVersion) != observer.Version {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "read request body: "+err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		q, refused := gate.Read(r, promptMethods()...)
		if refused != nil {
			gate.Refuse(w, r, refused)
			return
		}
		switch {
		case q.Method == observer.MethodListen:
			s.observer.Listen(w, r, q)
		case s.asObserver(q):
			a, err := s.observerAnswer(r.Context(), q)
			if err != nil && a.Refused == nil {
				a.Refused = gate.Invalid(q, ergo.CodeInternal, s.explain(r.Context(), q.Name, err).Error(), nil)
			}
			a.Write(w, r, q)
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		}
	})
}

// asObserver reports whether a request is for what an Observer has, or what
// nobody has.
func (s *Server) asObserver(q *gate.Request) bool {
	switch q.Method {
	case observer.MethodCall:
		return !slices.ContainsFunc(Tools(), func(t Tool) bool { return t.Name == q.Name && s.offers(&t) && t.in(s.opt.Set) })
	case observer.MethodRead:
		return !strings.HasPrefix(q.Name, "recording://")
	case observer.MethodTools, observer.MethodResources, observer.MethodTemplates:
		return gate.CheckCursor(q) != nil
	}
	return false
}

// saysObserved is what an answer's _meta says of when it was observed.
func saysObserved(v *native.View, at time.Time) map[string]any {
	return map[string]any{
		"at": v.At.UTC().Format(time.RFC3339Nano), "observed_at": at.UTC().Format(time.RFC3339Nano),
		"age": max(0, v.At.Sub(at)).String(), "recorded_text": true,
	}
}

// view is the cluster at a moment: as it is now where there is a live one and
// none is named, else as it was recorded.
func (s *Server) view(ctx context.Context, at string) (*native.View, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	now, err := s.moment(ctx, rec, at)
	if err != nil {
		return nil, fmt.Errorf("at: %w", err)
	}
	v := &native.View{
		At: now, Home: rec.Entry(),
		Of:     func(string) ergo.Caller { return rec.Moment(now) },
		Life:   func(node string) int64 { return creation(rec, node, now) },
		Absent: func(context.Context, string) bool { return false },
		Build:  rec.TagsOf,
		Seen:   func(node string) time.Time { return rec.LastOf(node, now) },
	}
	for _, n := range rec.Nodes() {
		v.Nodes = append(v.Nodes, n.Name)
	}
	if s.isLive(ergo.Args{"at": at}) {
		v.Of = func(string) ergo.Caller { return s.src.Live }
	}
	v.Log = func(ctx context.Context, u gate.URI, out *gate.Resource) error { return pastLog(ctx, rec, v, u, out) }
	return v, nil
}

// creation is the start of a node's life, 0 where it is not known.
func creation(rec *replay.Recording, node string, at time.Time) int64 {
	if life := rec.Life(node, at); !life.IsZero() {
		return life.Unix()
	}
	return 0
}

// logOwner is whose batches a log's cursor counts: they are the seconds of the
// recording, so that a cursor holds for every moment.
const logOwner = "recording-0"

// pastLog answers a read of a log as if somebody had followed it all along: the
// last batches before the moment, or those behind a cursor.
func pastLog(ctx context.Context, rec *replay.Recording, v *native.View, u gate.URI, out *gate.Resource) error {
	if err := v.Followed(u, rec.Followed); err != nil {
		return err
	}
	first, _ := rec.Window()
	owner, since, given := native.CutCursor(u.Since)
	known := given && owner == logOwner
	var batches []native.Batch
	for back := time.Minute; ; back *= 30 {
		from := v.At.Add(-back)
		if known {
			from = time.Unix(since+1, 0)
		}
		var err error
		if batches, err = v.Batches(ctx, u, heardLines(ctx, rec, u.Node, from, v.At)); err != nil {
			return err
		}
		if known || len(batches) >= native.HeldBatches || from.Before(first) {
			break
		}
	}
	batches = slices.DeleteFunc(batches, func(b native.Batch) bool { return known && b.Second <= since })
	evicted := len(batches) - native.HeldBatches
	batches = batches[max(0, evicted):]
	next := max(since, v.At.Unix()-1)
	out.Meta[observer.MetaSeq], out.Meta[observer.MetaNextSeq] = next, native.Cursor(logOwner, next)
	if given && !known || known && evicted > 0 {
		out.Meta[observer.MetaDropped] = true
	}
	if n := len(batches); n > 0 {
		out.Meta[observer.MetaModified] = time.Unix(batches[n-1].Second+1, 0).UTC().Format(time.RFC3339Nano)
	}
	out.Text = mustJSON(batches)
	return nil
}

// heardLines are the log lines that a recording holds of a node.
func heardLines(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) iter.Seq2[native.Line, error] {
	return func(yield func(native.Line, error) bool) {
		for heard, err := range rec.Heard(ctx, node, from, to) {
			if !yield(native.Line{At: heard.At, Data: heard.Data}, err) {
				return
			}
		}
	}
}
