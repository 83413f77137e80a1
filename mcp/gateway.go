package mcp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/escape"
)

// A ToolSet is which tools a server lists.
type ToolSet string

// The sets that there are.
const (
	AllTools  ToolSet = "all"  // every tool
	CoreTools ToolSet = "core" // the tools that diagnose, the most used of the cluster's, and a gateway to all others
	// ObserverTools are the tools that diagnose, and the cluster's own under the
	// names of the Observer of Ergo 3.3, with its resources.
	ObserverTools ToolSet = "observer"
)

// ToolSets are the names of the sets.
func ToolSets() []string { return []string{string(AllTools), string(CoreTools), string(ObserverTools)} }

// ParseToolSet reads the name of a set.
func ParseToolSet(name string) (ToolSet, error) {
	if slices.Contains(ToolSets(), name) {
		return ToolSet(name), nil
	}
	return "", fmt.Errorf("there is no set of tools %q; there are %s", name, strings.Join(ToolSets(), ", "))
}

// mostUsed are the cluster's tools that a post-mortem calls most.
func mostUsed() []string {
	return []string{"process_list", "process_info", "process_inspect", "node_info", "network_nodes", "app_list", "event_list", "pprof_goroutines"}
}

// in reports whether a set lists a tool.
func (t *Tool) in(set ToolSet) bool {
	switch {
	case t.gateway:
		return set == CoreTools
	case set == ObserverTools:
		return !t.Cluster
	case set == CoreTools:
		return !t.Cluster && t.Name != "diff" || slices.Contains(mostUsed(), t.Name)
	}
	return true
}

// gatewayTools reach every tool of the cluster that a small set does not list.
func gatewayTools() []Tool {
	return []Tool{{
		Name: "reading", Title: "Any of the cluster's own tools", gateway: true,
		Help: "Calls one of the cluster's own tools that are not listed here; reading_help names them and their arguments.",
		Params: append([]Param{
			{Name: "name", Type: "string", Required: true, Help: "the tool, for example runtime_stats"},
			{Name: "arguments", Type: "object", Help: "its arguments"},
			{Name: "node", Type: "string", Help: "the node to ask; absent: the entry point"},
			{Name: "at", Type: "string", Help: momentHelp},
			fieldsParam(),
		}, sizeParams()...),
		run: gateway,
	}, {
		Name: "reading_help", Title: "What reading can call", gateway: true,
		Help: "Lists the cluster's own tools with a line each, or explains one of them with its arguments.",
		Params: []Param{
			{Name: "name", Type: "string", Help: "the tool to explain; absent: a list of all"},
		},
		run: readingHelp,
	}}
}

// clusterTool is the tool of that name that a small set does not list: one of the
// cluster's, if it reads, or one of ours.
func (s *Server) clusterTool(name string) (Tool, error) {
	var names []string
	for _, t := range unlisted() {
		if !s.offers(&t) {
			continue
		}
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Tool{}, fmt.Errorf("there is no tool %q; there are %s", name, strings.Join(names, ", "))
}

// unlisted are the tools that the gateway reaches.
func unlisted() []Tool {
	return append(clusterTools(), slices.DeleteFunc(recordingTools(), func(t Tool) bool { return t.in(CoreTools) })...)
}

func gateway(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	t, err := s.clusterTool(args.Text("name"))
	if err != nil {
		return nil, err
	}
	inner := ergo.Args{}
	if given, ok := args["arguments"].(map[string]any); ok {
		inner = ergo.Args(given)
	}
	for _, name := range []string{"node", "at", "fields", "max_bytes"} {
		if v, ok := args[name]; ok {
			inner = inner.With(name, v)
		}
	}
	if err := t.checkArgs(inner); err != nil {
		return nil, err
	}
	a, err := t.run(ctx, s, inner)
	if err != nil {
		return nil, err
	}
	a.shape(&t, inner, nextCall{"reading", args}, takesObjects(ctx))
	a.shaped = true
	return a, nil
}

func readingHelp(_ context.Context, s *Server, args ergo.Args) (*answer, error) {
	var b bytes.Buffer
	if name := args.Text("name"); name != "" {
		t, err := s.clusterTool(name)
		if err != nil {
			return nil, err
		}
		escape.Fprintf(&b, "%s: %s\n", t.Name, t.Help)
		for _, p := range t.Params {
			need := ""
			if p.Required {
				need = ", required"
			}
			escape.Fprintf(&b, "  %s (%s%s): %s%s\n", p.Name, p.Type, need, p.Help, oneOf(p.Enum))
		}
		return &answer{text: b.Bytes()}, nil
	}
	for _, t := range unlisted() {
		if s.offers(&t) {
			escape.Fprintf(&b, "%s: %s\n", t.Name, t.Help)
		}
	}
	return &answer{text: b.Bytes()}, nil
}

func oneOf(enum []string) string {
	if len(enum) == 0 {
		return ""
	}
	return "; one of " + strings.Join(enum, ", ")
}
