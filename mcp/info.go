package mcp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/escape"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

func infoTools() []Tool {
	return []Tool{{
		Name: "recording_info", Title: "What was recorded",
		Help: "What was recorded and what was not: begin and end, nodes and their lives, missing build tags, which tools how often, gaps, marks.",
		Params: []Param{
			{Name: "limit", Type: "integer", Help: "how many gaps and marks at most, newest last; default 20"},
		},
		run: info,
	}}
}

// A recordingInfo is what recording_info answers.
type recordingInfo struct {
	Name       string         `json:"name"`
	Live       bool           `json:"live"`
	From       time.Time      `json:"from"`
	To         time.Time      `json:"to"`
	Nodes      []recordedNode `json:"nodes"`
	Tools      []recordedTool `json:"tools"`
	Gaps       []recordedGap  `json:"gaps"`
	GapsTotal  int            `json:"gaps_total"`
	Marks      []recordedMark `json:"marks"`
	MarksTotal int            `json:"marks_total"`
}

type recordedNode struct {
	Name      string         `json:"name"`
	Entry     bool           `json:"entry"`
	Framework string         `json:"framework"`
	Latency   string         `json:"tag_latency"`
	Pprof     string         `json:"tag_pprof"`
	Lives     []recordedLife `json:"lives"`
}

type recordedLife struct {
	Incarnation string    `json:"incarnation"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
}

// A recordedTool is a tool (or a kind of profile, log or event) as it was
// recorded, all its streams together.
type recordedTool struct {
	Kind      string   `json:"kind"`
	Name      string   `json:"name"`
	Nodes     []string `json:"nodes"`
	Records   int      `json:"records"`
	Failures  int      `json:"failures"`
	IntervalS float64  `json:"interval_s"` // of the densest stream; 0 where there are not two records
}

type recordedGap struct {
	Node string    `json:"node"`
	Tool string    `json:"tool,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

type recordedMark struct {
	Kind string    `json:"kind"`
	Node string    `json:"node,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Note string    `json:"note,omitempty"`
}

func info(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	limit := intArg(args, "limit", 20, 0, 1000)
	in := recordingInfo{Name: s.src.Name, Live: s.src.Live != nil, Nodes: []recordedNode{}, Gaps: []recordedGap{}, Marks: []recordedMark{}}
	in.From, in.To = rec.Window()
	for _, n := range rec.Nodes() {
		node := recordedNode{n.Name, n.Entry, n.Framework, n.Latency.String(), n.Pprof.String(), []recordedLife{}}
		for _, l := range n.Lives {
			node.Lives = append(node.Lives, recordedLife{l.Incarnation.String(), l.From, l.To})
		}
		in.Nodes = append(in.Nodes, node)
	}
	in.Tools = recordedTools(rec.Streams())
	gaps, err := rec.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range lastOf(gaps, limit) {
		in.Gaps = append(in.Gaps, recordedGap(g))
	}
	marks, err := rec.Marks(ctx, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	for _, m := range lastOf(slices.Clone(marks), limit) {
		in.Marks = append(in.Marks, recordedMark{m.Kind, m.Node, m.From, m.To, m.Note})
	}
	in.GapsTotal, in.MarksTotal = len(gaps), len(marks)
	return &answer{text: in.text(), structured: in}, nil
}

func recordedTools(streams []archive.Stream) []recordedTool {
	type key struct {
		kind archive.Kind
		name string
	}
	by := map[key]*recordedTool{}
	out := []recordedTool{}
	var order []key
	for _, st := range streams {
		if st.Kind == archive.MarkKind {
			continue
		}
		k := key{st.Kind, st.Name}
		t := by[k]
		if t == nil {
			t = &recordedTool{Kind: st.Kind.String(), Name: st.Name, Nodes: []string{}}
			by[k] = t
			order = append(order, k)
		}
		t.Records += st.Records
		t.Failures += st.Failures
		if !slices.Contains(t.Nodes, st.Node) {
			t.Nodes = append(t.Nodes, st.Node)
		}
		if st.Records > 1 {
			if every := st.To.Sub(st.From).Seconds() / float64(st.Records-1); t.IntervalS == 0 || every < t.IntervalS {
				t.IntervalS = every
			}
		}
	}
	for _, k := range order {
		out = append(out, *by[k])
	}
	return out
}

func (in *recordingInfo) text() []byte {
	var b bytes.Buffer
	escape.Fprintf(&b, "%s: %s to %s (%s)\n", in.Name, stamp(in.From), stamp(in.To), in.To.Sub(in.From).Round(time.Second))
	if in.Live {
		b.WriteString("live: calls without at ask the cluster as it is now\n")
	}
	b.WriteString("\nnodes:\n")
	for _, n := range in.Nodes {
		escape.Fprintf(&b, "  %s", n.Name)
		if n.Entry {
			b.WriteString(" (entry point: answers calls that name no node)")
		}
		escape.Fprintf(&b, ", %s, -tags=latency %s, -tags=pprof %s\n", n.Framework, n.Latency, n.Pprof)
		for _, l := range n.Lives {
			escape.Fprintf(&b, "    life begun %s, seen %s to %s\n", l.Incarnation, stamp(l.From), stamp(l.To))
		}
	}
	b.WriteString("\nrecorded:\n")
	for _, t := range in.Tools {
		escape.Fprintf(&b, "  %s %s: %d records, %d failed, every %.3g s, on %s\n", t.Kind, t.Name, t.Records, t.Failures, t.IntervalS, strings.Join(t.Nodes, ", "))
	}
	escape.Fprintf(&b, "\ngaps: %d%s\n", in.GapsTotal, shown(len(in.Gaps), in.GapsTotal))
	for _, g := range in.Gaps {
		escape.Fprintf(&b, "  %s %s %s to %s: %s\n", g.Node, g.Tool, stamp(g.From), stamp(g.To), g.Why)
	}
	escape.Fprintf(&b, "\nmarks: %d%s\n", in.MarksTotal, shown(len(in.Marks), in.MarksTotal))
	for _, m := range in.Marks {
		escape.Fprintf(&b, "  %s %s %s %s\n", stamp(m.From), m.Kind, m.Node, m.Note)
	}
	return b.Bytes()
}

// shown says how to get the rest of a list that was cut.
func shown(n, total int) string {
	if n == total {
		return ""
	}
	return fmt.Sprintf(" (%d shown; a larger limit shows more)", n)
}
