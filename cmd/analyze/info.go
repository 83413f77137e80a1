package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/replay"
)

const infoFormats = "text or json"

func newInfo() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "info PATH...",
		Short: "Say what is in a recording: nodes, lives, streams, times, gaps, sizes",
		Long: `Info says what is in a recording: its nodes and their incarnations, its
streams with times and sizes, what was not recorded, and which build tags the
nodes lack. Several archives are one timeline.`,
		Example: "  analyze info incident.erg",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rec, err := openRecording(args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			in, err := newInventory(cmd.Context(), args, rec)
			if err != nil {
				return err
			}
			switch f {
			case "text":
				return in.print(cmd.OutOrStdout())
			case "json":
				return printJSON(cmd.OutOrStdout(), in)
			}
			return f.unknown(infoFormats)
		},
	}
	f.addFlag(cmd, infoFormats)
	return cmd
}

// An inventory is what info says. Its JSON form is read by scripts: fields may
// be added, never renamed.
type inventory struct {
	Paths    []string        `json:"paths"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`
	Records  int             `json:"records"`
	Bytes    int64           `json:"bytes"`
	Segments int             `json:"segments"`
	Nodes    []inventoryNode `json:"nodes"`
	Gaps     []inventoryGap  `json:"gaps"`
	Marks    []inventoryMark `json:"marks"`
	Streams  []inventoryLine `json:"streams"`
}

type inventoryNode struct {
	Name      string          `json:"name"`
	Entry     bool            `json:"entry"`
	Framework string          `json:"framework"`
	Latency   string          `json:"tag_latency"`
	Pprof     string          `json:"tag_pprof"`
	Lives     []inventoryLife `json:"lives"`
}

type inventoryLife struct {
	Incarnation string    `json:"incarnation"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
}

type inventoryGap struct {
	Node string    `json:"node"`
	Tool string    `json:"tool,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why"`
}

type inventoryMark struct {
	ID   uint64    `json:"id"`
	Kind string    `json:"kind"`
	Node string    `json:"node,omitempty"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Note string    `json:"note,omitempty"`
}

type inventoryLine struct {
	Kind     string    `json:"kind"`
	Node     string    `json:"node"`
	Name     string    `json:"name"`
	Args     string    `json:"args"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Records  int       `json:"records"`
	Failures int       `json:"failures"`
	Rows     int       `json:"rows"`
	Bytes    int64     `json:"bytes"`
}

func newInventory(ctx context.Context, paths []string, rec *replay.Recording) (*inventory, error) {
	in := &inventory{Paths: paths, Gaps: []inventoryGap{}, Marks: []inventoryMark{}}
	in.From, in.To = rec.Window()
	for _, a := range rec.Archives() {
		in.Records += a.Records
		in.Bytes += a.Bytes
		in.Segments += a.Segments
	}
	for _, n := range rec.Nodes() {
		node := inventoryNode{Name: n.Name, Entry: n.Entry, Framework: n.Framework, Latency: n.Latency.String(), Pprof: n.Pprof.String()}
		for _, l := range n.Lives {
			node.Lives = append(node.Lives, inventoryLife{l.Incarnation.String(), l.From, l.To})
		}
		in.Nodes = append(in.Nodes, node)
	}
	gaps, err := rec.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps {
		in.Gaps = append(in.Gaps, inventoryGap(g))
	}
	marks, err := rec.Marks(ctx, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		in.Marks = append(in.Marks, inventoryMark{m.Seq, m.Kind, m.Node, m.From, m.To, m.Note})
	}
	for _, s := range rec.Streams() {
		if s.Kind != archive.MarkKind {
			in.Streams = append(in.Streams, inventoryLine{
				s.Kind.String(), s.Node, s.Name, s.Args, s.From, s.To, s.Records, s.Failures, s.Rows, s.Bytes,
			})
		}
	}
	return in, nil
}

func (in *inventory) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "%s: %s to %s (%s), %d records, %s in %d segment(s)\n\n", strings.Join(in.Paths, ", "),
		stamp(in.From), stamp(in.To), in.To.Sub(in.From).Round(time.Second), in.Records, size(in.Bytes), in.Segments)
	escape.Fprintf(w, "NODE\tINCARNATION\tFIRST\tLAST\tFRAMEWORK\n")
	for _, n := range in.Nodes {
		name := n.Name
		if n.Entry {
			name += " (entry point)"
		}
		for _, l := range n.Lives {
			escape.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, l.Incarnation, stamp(l.From), stamp(l.To), n.Framework)
		}
		if n.Lives == nil {
			escape.Fprintf(w, "%s\tnode_info was not recorded\t\t\t\n", name)
		}
	}
	in.printTags(w)
	if len(in.Gaps) > 0 {
		escape.Fprintf(w, "\nGAP\tFROM\tTO\tWHY\n")
		for _, g := range in.Gaps {
			escape.Fprintf(w, "%s\t%s\t%s\t%s\n", strings.TrimSpace(g.Node+" "+g.Tool), stamp(g.From), stamp(g.To), g.Why)
		}
	}
	if len(in.Marks) > 0 {
		escape.Fprintf(w, "\nMARK\tKIND\tNODE\tFROM\tTO\tNOTE\n")
		for _, m := range in.Marks {
			escape.Fprintf(w, "@%d\t%s\t%s\t%s\t%s\t%s\n", m.ID, m.Kind, m.Node, stamp(m.From), stamp(m.To), m.Note)
		}
	}
	escape.Fprintf(w, "\nSTREAM\tNODE\tRECORDS\tFAILED\tEVERY\tROWS\tSIZE\n")
	for _, s := range in.Streams {
		name := s.Name
		if s.Kind != archive.Sample.String() {
			name = s.Kind + " " + name
		}
		if s.Args != "" && s.Args != "{}" {
			name += " " + s.Args
		}
		escape.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%d\t%s\n", name, s.Node, s.Records, s.Failures, s.every(), s.Rows, size(s.Bytes))
	}
	return w.Flush()
}

// printTags names the build tags that nodes lack, and what that hides.
func (in *inventory) printTags(w io.Writer) {
	for _, t := range []struct {
		tag, hides string
		of         func(inventoryNode) string
	}{
		{"latency", "the age of the oldest waiting message", func(n inventoryNode) string { return n.Latency }},
		{"pprof", "which goroutine belongs to which process", func(n inventoryNode) string { return n.Pprof }},
	} {
		var lack, unknown []string
		for _, n := range in.Nodes {
			switch t.of(n) {
			case "no":
				lack = append(lack, n.Name)
			case "unknown":
				unknown = append(unknown, n.Name)
			}
		}
		if lack != nil {
			escape.Fprintf(w, "\nbuilt without -tags=%s, which hides %s: %s\n", t.tag, t.hides, strings.Join(lack, ", "))
		}
		if unknown != nil {
			escape.Fprintf(w, "\nnot known whether built with -tags=%s: %s\n", t.tag, strings.Join(unknown, ", "))
		}
	}
}

// every is the mean time between the records of a stream.
func (s inventoryLine) every() string {
	if s.Records < 2 {
		return "-"
	}
	return (s.To.Sub(s.From) / time.Duration(s.Records-1)).Round(100 * time.Millisecond).String()
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
