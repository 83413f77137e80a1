package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"ergorecorder/analyze"
	"ergorecorder/ergo"
	"ergorecorder/ergo/observer/native"
	"ergorecorder/escape"
	"ergorecorder/internal/limit"
	"ergorecorder/replay"
)

// Options of a [Server]. The zero value works.
type Options struct {
	// AllowActions offers the tools that change a live cluster.
	AllowActions bool
	// CallLimit is how long one call may take; zero means two minutes.
	CallLimit time.Duration
	// MaxMessage bounds one request in bytes; zero means 1 MiB.
	MaxMessage int
	// Log takes panics and refused requests; nil discards them.
	Log *slog.Logger
	// Set is which tools are listed; empty means all.
	Set ToolSet
	// Analyze judges a recording; nil is analyze.Run.
	Analyze func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error)
	// Version is what the server says of itself; empty takes the module's.
	Version string
}

// serverName is what the server calls itself.
const serverName = "ergo-recorder"

// A Server offers the tools, resources and prompts of one [Source]. It is
// safe for concurrent use, over several transports at once.
type Server struct {
	src      Source
	opt      Options
	mcp      *server.MCPServer
	observer *native.Observer // nil unless the set is the Observer's
	reports  reports
	samplers samplers
	turns    chan struct{} // of calls that read the recording
}

// New makes a server. Nothing is read from the source before the first call.
func New(src Source, opt Options) *Server {
	if opt.CallLimit == 0 {
		opt.CallLimit = 2 * time.Minute
	}
	if opt.MaxMessage == 0 {
		opt.MaxMessage = limit.MostRequest
	}
	if opt.Analyze == nil {
		opt.Analyze = analyze.Run
	}
	if opt.Set == "" {
		opt.Set = AllTools
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if info, ok := debug.ReadBuildInfo(); ok && opt.Version == "" {
		opt.Version = info.Main.Version
	}
	if src.Live != nil {
		src.Live = newPolite(src.Live)
	}
	s := &Server{src: src, opt: opt, turns: make(chan struct{}, 4*runtime.GOMAXPROCS(0))}
	s.mcp = server.NewMCPServer(serverName, opt.Version,
		server.WithInstructions(s.instructions()),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithResourceRecovery(),
	)
	for _, t := range Tools() {
		if s.offers(&t) && t.in(opt.Set) {
			s.mcp.AddTool(t.definition(opt.Set), s.handler(t))
		}
	}
	if opt.Set == ObserverTools {
		s.observed()
	}
	s.addResources()
	s.addPrompts()
	return s
}

// offers reports whether a tool can be called here at all.
func (s *Server) offers(t *Tool) bool { return !t.Action || s.src.Live != nil && s.opt.AllowActions }

// An answer is what a tool says: a text, or a structured value with a text
// that says the same in words.
type answer struct {
	text       []byte
	structured any
	isError    bool
	code       int            // of the refusal that it is
	meta       map[string]any // beside what is known of the moment
	notes      []string       // what was cut, and calls that go on from here
	shaped     bool           // it has its form and size
}

// handler wraps a tool: time limit, arguments, refusals, panics.
func (s *Server) handler(t Tool) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcpgo.CallToolRequest) (res *mcpgo.CallToolResult, err error) {
		ctx, cancel := context.WithTimeout(ctx, s.opt.CallLimit)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				s.opt.Log.Error("panic in a tool", "tool", t.Name, "panic", p, "stack", string(debug.Stack()))
				res, err = refusal(fmt.Errorf("%s: internal error: %v", t.Name, p)), nil
			}
		}()
		ctx = withVersion(ctx, req)
		args, err := arguments(req)
		if err != nil {
			return refusal(fmt.Errorf("%s: %w", t.Name, err)), nil
		}
		if err := t.checkArgs(args); err != nil {
			return refusal(err), nil
		}
		a, err := s.inTurn(ctx, t.Cluster && s.isLive(args), func() (*answer, error) {
			return t.run(withProgress(ctx, s.mcp, req), s, args)
		})
		if err != nil {
			return refusal(s.explain(ctx, t.Name, err)), nil
		}
		if !a.shaped {
			a.shape(&t, args, nextCall{t.Name, args}, takesObjects(ctx))
		}
		return a.result(), nil
	}
}

// Ask calls a tool as a client does, and returns the object that it answers
// with; where it answers in words alone, these.
func (s *Server) Ask(ctx context.Context, tool string, args ergo.Args) (object any, words string, err error) {
	for _, t := range Tools() {
		if t.Name != tool || !s.offers(&t) {
			continue
		}
		if err := t.checkArgs(args); err != nil {
			return nil, "", err
		}
		a, err := s.inTurn(ctx, t.Cluster && s.isLive(args), func() (*answer, error) { return t.run(ctx, s, args) })
		switch {
		case err != nil:
			return nil, "", err
		case a.isError:
			return nil, "", errors.New(string(a.text))
		}
		return a.structured, string(a.text), nil
	}
	return nil, "", fmt.Errorf("there is no tool %q", tool)
}

// shape gives an answer the form and the size that were asked for: words, or the
// same as an object where format=json asks for it. It never holds both.
func (a *answer) shape(t *Tool, args ergo.Args, made nextCall, objects bool) {
	object := args.Text("format") == "json" && a.structured != nil
	if object {
		a.text = mustJSON(a.structured)
	}
	a.fit(t, args, made)
	a.structured = nil
	if object && objects {
		a.structured, a.text = json.RawMessage(escape.JSON(a.text)), []byte("see structuredContent")
	}
}

// firstWithObjects is the first version of the protocol whose results have
// structuredContent. Versions are dates.
const firstWithObjects = "2025-06-18"

type versionKey struct{}

// withVersion notes which version of the protocol the client speaks: the session
// knows, or over HTTP the header of the request.
func withVersion(ctx context.Context, req mcpgo.CallToolRequest) context.Context {
	return context.WithValue(ctx, versionKey{}, cmp.Or(server.RequestProtocolVersion(ctx), req.Header.Get(server.HeaderKeyProtocolVersion)))
}

// takesObjects reports whether the client of a call reads structuredContent: its
// version of the protocol says so. To an older one an object is text.
func takesObjects(ctx context.Context) bool {
	version, _ := ctx.Value(versionKey{}).(string)
	return version >= firstWithObjects
}

// inTurn runs a call. Calls that read the recording keep a core busy and hold
// whole listings, so only some of them run at once and the others wait; calls
// of the live cluster have turns of their own.
func (s *Server) inTurn(ctx context.Context, live bool, run func() (*answer, error)) (*answer, error) {
	if live {
		return run()
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
		return run()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// arguments decodes a call's arguments, numbers as they were written.
func arguments(req mcpgo.CallToolRequest) (ergo.Args, error) {
	raw := req.Params.RawArguments
	if raw == nil {
		text, err := json.Marshal(req.Params.Arguments)
		if err != nil {
			return nil, err
		}
		raw = text
	}
	args, err := ergo.ParseArgs(bytes.TrimSpace(raw))
	if err != nil {
		return nil, fmt.Errorf("arguments must be a JSON object: %w", err)
	}
	return args, nil
}

// explain words the end of a call that ran into its limit.
func (s *Server) explain(ctx context.Context, tool string, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer within the limit of %v; a shorter window (from, to) or one node answers sooner", tool, s.opt.CallLimit)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: cancelled", tool)
	}
	return err
}

// refusal is the result of a call that failed.
func refusal(err error) *mcpgo.CallToolResult {
	a := answer{text: []byte(err.Error()), isError: true}
	if te := ergo.AsToolError(err); te != nil {
		a.text, a.code = []byte(te.Message), te.Code
	}
	return a.result()
}

func (a *answer) result() *mcpgo.CallToolResult {
	res := &mcpgo.CallToolResult{Content: []mcpgo.Content{}, StructuredContent: a.structured, IsError: a.isError}
	if a.text != nil {
		res.Content = append(res.Content, mcpgo.NewTextContent(escape.Answer(a.text)))
	}
	if foot := a.footer(); foot != "" {
		res.Content = append(res.Content, mcpgo.NewTextContent(foot))
	}
	meta := maps.Clone(a.meta)
	if a.code != 0 {
		if meta == nil {
			meta = map[string]any{}
		}
		meta["code"] = a.code
	}
	if meta != nil {
		res.Meta = &mcpgo.Meta{AdditionalFields: meta}
	}
	return res
}

// A progressFunc is told how far a long call has come.
type progressFunc func(done, total int, step string)

type progressKey struct{}

// withProgress lets the tool tell its client how far it has come, if the
// client asked for that.
func withProgress(ctx context.Context, s *server.MCPServer, req mcpgo.CallToolRequest) context.Context {
	if req.Params.Meta == nil || req.Params.Meta.ProgressToken == nil {
		return ctx
	}
	token := req.Params.Meta.ProgressToken
	return context.WithValue(ctx, progressKey{}, progressFunc(func(done, total int, step string) {
		// A client that does not take its notifications loses them.
		_ = s.SendNotificationToClient(ctx, "notifications/progress", map[string]any{
			"progressToken": token, "progress": done, "total": total, "message": step,
		})
	}))
}

// progress is the function that tells the call's client how far it has come.
func progress(ctx context.Context) progressFunc {
	if f, ok := ctx.Value(progressKey{}).(progressFunc); ok {
		return f
	}
	return func(int, int, string) {}
}
