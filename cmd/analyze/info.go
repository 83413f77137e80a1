package main

import (
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"
	"ergorecorder/internal/words"

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
			rec, err := openRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			held, err := rec.Inventory(cmd.Context())
			if err != nil {
				return err
			}
			in := inventory{sealed.Shown(cmd, args), held}
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

// An inventory is what info says: of which archives, and what they hold.
type inventory struct {
	Paths []string `json:"paths"`
	*replay.Inventory
}

func (in inventory) print(out io.Writer) error {
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
		if len(n.Lives) == 0 {
			escape.Fprintf(w, "%s\tnode_info was not recorded\t\t\t\n", name)
		}
	}
	for _, n := range in.NotRead {
		escape.Fprintf(w, "\nnot read: %s\n", n)
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
		escape.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%d\t%s\n", name, s.Node, s.Records, s.Failures, every(s.IntervalS), s.Rows, size(s.Bytes))
	}
	return w.Flush()
}

// printTags names the build tags that nodes lack, and what that hides.
func (in inventory) printTags(w io.Writer) {
	for _, t := range []struct {
		tag, hides string
		of         func(replay.HeldNode) string
	}{
		{"latency", "the age of the oldest waiting message", func(n replay.HeldNode) string { return n.Latency }},
		{"pprof", "which goroutine belongs to which process", func(n replay.HeldNode) string { return n.Pprof }},
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

// every is the mean time between the records of a stream, in s.
func every(interval float64) string {
	if interval == 0 {
		return "-"
	}
	return words.Short(time.Duration(interval * float64(time.Second)))
}

// size is a number of bytes for people.
func size(n int64) string { return words.Size(float64(n)) }
