package replay

import (
	"context"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// An Inventory is what a recording holds and what it does not. Its JSON form is
// read by scripts: fields may be added, never renamed.
type Inventory struct {
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to"`
	Records  int        `json:"records"`
	Bytes    int64      `json:"bytes"`
	Segments int        `json:"segments"`
	Nodes    []HeldNode `json:"nodes"`
	Gaps     []HeldGap  `json:"gaps"`
	Marks    []HeldMark `json:"marks"`
	Streams  []HeldLine `json:"streams"`
	NotRead  []string   `json:"not_read"` // what is damaged, or being written, and why
}

// A HeldNode is a node of the inventory.
type HeldNode struct {
	Name      string     `json:"name"`
	Entry     bool       `json:"entry"`
	Framework string     `json:"framework"`
	Latency   string     `json:"tag_latency"` // built with the tag: yes, no or unknown
	Pprof     string     `json:"tag_pprof"`
	Lives     []HeldLife `json:"lives"`
}

// A HeldLife is one life of a node, as far as it was seen.
type HeldLife struct {
	Incarnation string    `json:"incarnation"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
}

// A HeldGap is a stretch that was not recorded; see [Gap].
type HeldGap struct {
	Node string    `json:"node"`
	Tool string    `json:"tool,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

// A HeldMark is a mark of the recorder or of somebody who steered it.
type HeldMark struct {
	ID   uint64    `json:"id"`
	Kind string    `json:"kind"`
	Node string    `json:"node,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Note string    `json:"note,omitempty"`
}

// A HeldLine is one stream.
type HeldLine struct {
	Kind      string       `json:"kind"`
	Node      string       `json:"node"`
	Name      string       `json:"name"` // of a sample: the tool
	Reading   ergo.Reading `json:"reading,omitempty"`
	Args      string       `json:"args"`
	From      time.Time    `json:"from"`
	To        time.Time    `json:"to"`
	Records   int          `json:"records"`
	Failures  int          `json:"failures"`
	IntervalS float64      `json:"interval_s"` // the mean time from record to record; 0 where there are not two
	Rows      int          `json:"rows"`
	Bytes     int64        `json:"bytes"`
}

// Inventory says what the recording holds.
func (r *Recording) Inventory(ctx context.Context) (*Inventory, error) {
	defer r.Hold()()
	in := &Inventory{Nodes: []HeldNode{}, Gaps: []HeldGap{}, Marks: []HeldMark{}, Streams: []HeldLine{}, NotRead: r.NotRead()}
	in.From, in.To = r.Window()
	for _, a := range r.Archives() {
		in.Records += a.Records
		in.Bytes += a.Bytes
		in.Segments += a.Segments
	}
	for _, n := range r.look() {
		in.Nodes = append(in.Nodes, heldNode(n))
	}
	gaps, err := r.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps {
		in.Gaps = append(in.Gaps, HeldGap(g))
	}
	marks, err := r.Marks(ctx, time.Time{}, time.Time{})
	if err != nil && !IsDamage(err) {
		return nil, err
	}
	for _, m := range marks {
		in.Marks = append(in.Marks, HeldMark{m.Seq, m.Kind, m.Node, m.From, m.To, m.Note})
	}
	for _, s := range r.index().streams {
		if s.Kind != archive.MarkKind {
			in.Streams = append(in.Streams, heldLine(s))
		}
	}
	return in, nil
}

// NotRead says what of the archives cannot be read, and why: what is damaged, and
// what somebody is writing.
func (r *Recording) NotRead() []string {
	out := []string{}
	for _, a := range r.Archives() {
		if a.Recording != "" {
			out = append(out, "the newest segment is being written: "+a.Recording)
		}
	}
	for _, d := range r.Damage() {
		out = append(out, d.Error())
	}
	return out
}

func heldNode(n Node) HeldNode {
	node := HeldNode{Name: n.Name, Entry: n.Entry, Framework: n.Framework, Latency: n.Latency.String(), Pprof: n.Pprof.String(), Lives: []HeldLife{}}
	for _, l := range n.Lives {
		node.Lives = append(node.Lives, HeldLife{l.Incarnation.String(), l.From, l.To})
	}
	return node
}

func heldLine(s stream) HeldLine {
	return HeldLine{
		Kind: s.Kind.String(), Node: s.Node, Name: s.Name, Reading: s.said.Reading, Args: s.Args, From: s.From, To: s.To,
		Records: s.Records, Failures: s.Failures, IntervalS: s.interval().Seconds(), Rows: s.Rows, Bytes: s.Bytes,
	}
}

// A HeldTool is a tool, or a kind of profile, log or event, as it was recorded:
// all its streams together.
type HeldTool struct {
	Kind      string   `json:"kind"`
	Name      string   `json:"name"`
	Nodes     []string `json:"nodes"`
	Records   int      `json:"records"`
	Failures  int      `json:"failures"`
	IntervalS float64  `json:"interval_s"` // of the densest stream; 0 where no stream has two records
}

// Tools are the streams of the inventory by tool, in the order in which each
// was recorded first.
func (in *Inventory) Tools() []HeldTool {
	out := []HeldTool{}
	for _, s := range in.Streams {
		i := slices.IndexFunc(out, func(t HeldTool) bool { return t.Kind == s.Kind && t.Name == s.Name })
		if i < 0 {
			i = len(out)
			out = append(out, HeldTool{Kind: s.Kind, Name: s.Name, Nodes: []string{}})
		}
		t := &out[i]
		t.Records += s.Records
		t.Failures += s.Failures
		if !slices.Contains(t.Nodes, s.Node) {
			t.Nodes = append(t.Nodes, s.Node)
		}
		if s.IntervalS > 0 && (t.IntervalS == 0 || s.IntervalS < t.IntervalS) {
			t.IntervalS = s.IntervalS
		}
	}
	return out
}
