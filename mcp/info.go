package mcp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/mcp/explain"
	"ergorecorder/replay"
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

// A recordingInfo is what recording_info answers: the inventory, with streams
// by tool and the newest gaps and marks.
type recordingInfo struct {
	Name       string            `json:"name"`
	Live       bool              `json:"live"`
	From       time.Time         `json:"from"`
	To         time.Time         `json:"to"`
	Nodes      []replay.HeldNode `json:"nodes"`
	Tools      []replay.HeldTool `json:"tools"`
	Gaps       []replay.HeldGap  `json:"gaps"`
	GapsTotal  int               `json:"gaps_total"`
	Marks      []replay.HeldMark `json:"marks"`
	MarksTotal int               `json:"marks_total"`
	NotRead    []string          `json:"not_read"` // and why
}

func info(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	limit := intArg(args, "limit", 20, 0, 1000)
	held, err := rec.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	in := recordingInfo{
		Name: s.src.Name, Live: s.src.Live != nil, From: held.From, To: held.To, Nodes: held.Nodes, Tools: held.Tools(),
		Gaps: lastOf(slices.Clone(held.Gaps), limit), GapsTotal: len(held.Gaps),
		Marks: lastOf(slices.Clone(held.Marks), limit), MarksTotal: len(held.Marks),
		NotRead: held.NotRead,
	}
	return &answer{text: in.text(), structured: in}, nil
}

func (in *recordingInfo) text() []byte {
	var b bytes.Buffer
	escape.Fprintf(&b, "%s: %s to %s (%s)\n", in.Name, stamp(in.From), stamp(in.To), in.To.Sub(in.From).Round(time.Second))
	if in.Live {
		b.WriteString("live: calls without at ask the cluster as it is now\n")
	}
	for i, n := range in.NotRead {
		if i == 12 {
			escape.Fprintf(&b, "and %d more that was not read\n", len(in.NotRead)-i)
			break
		}
		escape.Fprintf(&b, "not read: %s\n", n)
	}
	b.WriteString("\nnodes:\n")
	for _, n := range in.Nodes {
		escape.Fprintf(&b, "  %s", escape.Name(n.Name))
		if n.Entry {
			b.WriteString(" (entry point: answers calls that name no node)")
		}
		escape.Fprintf(&b, ", %s, -tags=latency %s, -tags=pprof %s\n", escape.Name(n.Framework), n.Latency, n.Pprof)
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
		escape.Fprintf(&b, "  %s %s to %s: %s\n", words(escape.Name(g.Node), g.Tool), stamp(g.From), stamp(g.To), explain.Said(g.Why, longestNote))
	}
	escape.Fprintf(&b, "\nmarks: %d%s\n", in.MarksTotal, shown(len(in.Marks), in.MarksTotal))
	for _, m := range in.Marks {
		escape.Fprintf(&b, "  %s\n", words(stamp(m.From), m.Kind, escape.Name(m.Node), explain.Said(m.Note, longestNote)))
	}
	return b.Bytes()
}

// longestNote is how much of what is noted of a gap or mark is shown.
const longestNote = 300

// shown says how to get the rest of a list that was cut.
func shown(n, total int) string {
	if n == total {
		return ""
	}
	return fmt.Sprintf(" (%d shown; a larger limit shows more)", n)
}
