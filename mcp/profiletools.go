package mcp

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"ergorecorder/escape"

	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
)

func profileTools() []Tool {
	common := []Param{
		{Name: "kind", Type: "string", Required: true, Enum: []string{"cpu", "heap", "alloc", "goroutine"}, Help: "CPU time, memory in use, allocated since the start, or goroutines"},
		{Name: "node", Type: "string", Required: true, Help: "the node"},
		{Name: "process", Type: "string", Help: "a PID: only what ran for it"},
		{Name: "origin", Type: "string", Enum: []string{"application", "framework", "runtime", "unknown"}, Help: "whose functions; default all"},
		{Name: "limit", Type: "integer", Help: "how many functions at most; default 20"},
	}
	return []Tool{{
		Name: "profile_top", Title: "Where time and memory are",
		Help: "The heaviest functions of the newest profile at or before a moment, and whose code each is.",
		Params: append(common[:len(common):len(common)], Param{Name: "at", Type: "string", Help: momentHelp},
			Param{Name: "function", Type: "string", Help: "this one, by its whole name"},
			Param{Name: "source", Type: "string", Enum: []string{"raw", "text", "owed"}, Help: "owed: raw, by to whom memory is owed"}),
		run: profileTop,
	}, {
		Name: "profile_diff", Title: "What profiles gained",
		Help: "What each function has in a later profile beyond an earlier one, the largest change first: what leaks, what became hot.",
		Params: append(common[:len(common):len(common)],
			Param{Name: "before", Type: "string", Required: true, Help: "the earlier moment, as at"},
			Param{Name: "after", Type: "string", Help: "the later moment, as at; default the end"}),
		run: profileDiff,
	}}
}

func profileTop(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	q := views.ProfileQuery{Node: args.Text("node"), Kind: args.Text("kind"), Process: args.Text("process"), Origin: args.Text("origin")}
	if q.At, err = s.moment(ctx, rec, args.Text("at")); err != nil {
		return nil, fmt.Errorf("at: %w", err)
	}
	q.Function, q.Source = args.Text("function"), args.Text("source")
	p, err := views.Top(ctx, rec, q, intArg(args, "limit", 20, 1, 1000))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	writeProfile(&b, p)
	return &answer{text: b.Bytes(), structured: p}, nil
}

// A profileDifference is two profiles and what the later one gained.
type profileDifference struct {
	Before     *views.Profile `json:"before"`
	Difference *views.Profile `json:"difference"`
}

func profileDiff(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	q := views.ProfileQuery{Node: args.Text("node"), Kind: args.Text("kind"), Process: args.Text("process"), Origin: args.Text("origin")}
	if q.At, err = s.moment(ctx, rec, args.Text("after")); err != nil {
		return nil, fmt.Errorf("after: %w", err)
	}
	before, err := s.moment(ctx, rec, args.Text("before"))
	if err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	base, diff, err := views.DiffProfiles(ctx, rec, q, before, intArg(args, "limit", 20, 1, 1000))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	escape.Fprintf(&b, "against the profile of %s:\n", stamp(base.At))
	writeProfile(&b, diff)
	return &answer{text: b.Bytes(), structured: profileDifference{base, diff}}, nil
}

func writeProfile(b *bytes.Buffer, p *views.Profile) {
	escape.Fprintf(b, "%s of %s at %s (%s), total %d %s", p.Kind, p.Node, stamp(p.At), p.Source, p.Total, p.Unit)
	if p.Seconds > 0 {
		escape.Fprintf(b, " in %.3g s", p.Seconds)
	}
	escape.Fprintf(b, ", %d functions%s\n", p.Rows, shown(len(p.Functions), p.Rows))
	for _, n := range p.Notes {
		escape.Fprintf(b, "  note: %s\n", n)
	}
	for _, f := range p.Functions {
		escape.Fprintf(b, "  %12d flat %12d cum  %s (%s)\n", f.Flat, f.Cum, escape.Name(f.Function), f.Origin)
	}
}

// joined is a list in a line.
func joined(list []string) string { return strings.Join(list, ", ") }
