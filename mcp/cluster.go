package mcp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// momentHelp documents the argument at, which the cluster's tools have here and
// do not have live. The instructions say what else a moment may be.
const momentHelp = "the moment: RFC 3339, 15:04:05, -5m, 30s or F1; absent: the end (live: now)"

// clusterTools are the cluster's own tools, each with the argument at.
func clusterTools() []Tool {
	var out []Tool
	for _, c := range tools48.Tools() {
		t := Tool{Name: c.Name, Title: c.Name, Help: c.Help, Cluster: true, Action: c.Kind == ergo.Action, key: tools48.Schema(c.Name).Key, run: inspect(c.Name)}
		for _, p := range slices.Concat(c.Params, tools48.Common()) {
			t.Params = append(t.Params, Param{p.Name, p.Type, p.Help, p.Enum, p.Required})
		}
		if !t.Action {
			t.Params = append(t.Params, slices.Concat([]Param{{Name: "at", Type: "string", Help: momentHelp}, fieldsParam()}, sizeParams())...)
		}
		if run, ok := pastSamplers[c.Name]; ok {
			t.run = run
		}
		out = append(out, t)
	}
	return out
}

// liveRows is how many rows a node lists where nobody says how many.
const liveRows = 100

// inspect asks the live cluster, or the recording at a moment.
func inspect(tool string) func(context.Context, *Server, ergo.Args) (*answer, error) {
	return func(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
		call := ergo.Call{Node: args.Text("node"), Tool: tool, Args: args.Without("node", "at", "fields", "max_bytes")}
		if s.isLive(args) {
			a, err := s.src.Live.Call(ctx, call)
			out, err := observed(ctx, replay.Reply{Answer: a, From: tool}, err, a.At)
			if rows, ok := tableRows(a.Text); err == nil && ok && cutsRows(tool) && len(rows) == liveRows {
				out.notes = append(out.notes, fmt.Sprintf("the node lists %d rows unless limit says otherwise: there may be more", liveRows))
			}
			return out, err
		}
		rec, err := s.recording()
		if err != nil {
			return nil, err
		}
		at, err := s.moment(ctx, rec, args.Text("at"))
		if err != nil {
			return nil, fmt.Errorf("at: %w", err)
		}
		if err := rec.HasNode(call.Node); err != nil {
			return nil, err
		}
		if _, given := args.Int("limit"); !given && cutsRows(tool) {
			call.Args = call.Args.With("limit", 0) // all: what does not fit is counted
		}
		r, err := rec.Moment(at).Ask(ctx, call)
		return observed(ctx, r, err, at)
	}
}

// cutsRows reports whether a tool shows a hundred rows where nobody says how
// many, and does not say of how many.
func cutsRows(tool string) bool { return tool == "process_list" || tool == "event_list" }

// isLive reports whether a call means the live cluster as it is now.
func (s *Server) isLive(args ergo.Args) bool {
	at, given := args["at"]
	return s.src.Live != nil && (!given || at == "" || at == "now")
}

// observed presents what was said about the moment at: when that had been
// observed, and where it was taken from if not from the tool's own answers.
func observed(ctx context.Context, r replay.Reply, err error, at time.Time) (*answer, error) {
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	out := &answer{text: r.Text, isError: r.IsError, meta: map[string]any{"recorded_text": true}}
	if !at.IsZero() {
		out.meta["at"] = at.UTC().Format(time.RFC3339Nano)
	}
	if err != nil {
		out.text, out.isError = []byte(err.Error()), true
		if te := ergo.AsToolError(err); te != nil {
			out.code = te.Code
		}
	}
	if !r.At.IsZero() {
		out.meta["observed_at"] = r.At.UTC().Format(time.RFC3339Nano)
		out.meta["age"] = at.Sub(r.At).String()
	}
	if r.From != "" {
		out.meta["from"] = r.From
	}
	if r.Total > 0 {
		out.meta["rows_recorded"], out.meta["rows_total"] = r.Seen, r.Total
	}
	return out, nil
}
