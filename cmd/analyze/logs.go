package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/render"
	"ergorecorder/analyze/views"
	"ergorecorder/cmd/internal/command"
	"ergorecorder/replay"
)

func newLogs() *cobra.Command {
	var w window
	var f format
	var node string
	q := views.LogQuery{}
	cmd := &cobra.Command{
		Use:   "logs PATH...",
		Short: "Count the log lines by what they say, and show the latest",
		Long: `Logs clusters the lines that nodes wrote in a window into templates: lines that
differ only in their parameters, which read <*>. The worst and most frequent come
first; then the latest lines in full.`,
		Example: `  analyze logs incident.erg --level error
  analyze logs incident.erg --node 'gamma@*' --text 'no route' --from 12:30:00 --lines 50`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			rec, err := openRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			if q.From, q.To, err = w.resolve(cmd.Context(), rec); err != nil {
				return err
			}
			names, err := nodesLike(rec, node)
			if err != nil {
				return err
			}
			color, err := command.Colored(cmd, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			if node == "" {
				names = []string{""} // all as one
			}
			for _, q.Node = range names {
				v, err := views.Logs(cmd.Context(), rec, q)
				if err != nil {
					return err
				}
				if f == "json" {
					err = printJSON(cmd.OutOrStdout(), v)
				} else {
					err = printLogs(cmd.OutOrStdout(), v, color)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	w.addFlags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&node, "node", "", "glob over the names of nodes")
	fl.StringVar(&q.Level, "level", "", "the least severe level: trace, debug, info, warning, error or panic")
	fl.StringVar(&q.Text, "text", "", "only lines that hold this; <*> stands for anything")
	fl.StringVar(&q.Process, "process", "", "only lines of this process: PID, name or behavior")
	fl.IntVar(&q.Kinds, "limit", 20, "at most so many templates")
	fl.IntVar(&q.Lines, "lines", 10, "at most so many lines in full, the latest")
	paths.OneNode(cmd)
	f.addFlag(cmd, infoFormats)
	return cmd
}

// nodesLike are the recorded nodes that a glob matches. A glob that matches
// none is refused.
func nodesLike(rec *replay.Recording, glob string) ([]string, error) {
	names, err := rec.NodesLike(glob)
	if err != nil {
		return nil, fmt.Errorf("--%w", err)
	}
	return names, nil
}

func printLogs(out io.Writer, v *views.LogView, color bool) error {
	escape.Fprintf(out, "%d lines of %d kinds\n\n", v.Total, v.KindsTotal)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "LEVEL\tLINES\tFIRST\tLAST\tTEMPLATE\n")
	for _, t := range v.Templates {
		escape.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", t.Level, t.Count, t.First.Format(time.TimeOnly), t.Last.Format(time.TimeOnly), cut(out, t.Template, width(out)-38))
	}
	if err := w.Flush(); err != nil || len(v.Lines) == 0 {
		return err
	}
	escape.Fprintf(out, "\nthe latest %d:\n", len(v.Lines))
	for _, l := range v.Lines {
		hang(out, levelPaint(l.Level, color), fmt.Sprintf("%s %-7s ", l.At.UTC().Format("15:04:05.000"), l.Level), l.Source+": "+l.Message)
	}
	return nil
}

// levelPaint is what a terminal is told to draw the level of a line with.
func levelPaint(level string, color bool) escape.Raw {
	switch {
	case !color:
		return ""
	case level == "error" || level == "panic":
		return escape.Raw(render.Paint(finding.Critical))
	case level == "warning":
		return escape.Raw(render.Paint(finding.Warning))
	}
	return ""
}

// hang writes a text behind a lead, which is painted. On a terminal the text goes
// on below itself; where it goes elsewhere, it is a line.
func hang(out io.Writer, paint escape.Raw, lead, text string) {
	end := escape.Raw("")
	if paint != "" {
		end = render.Unpaint
	}
	if !command.Terminal(out) {
		escape.Fprintf(out, "%s%s%s%s\n", paint, lead, end, text)
		return
	}
	blank := strings.Repeat(" ", min(len(lead), width(out)/2))
	for i, l := range render.Wrap(text, width(out)-len(blank)) {
		if i == 0 {
			escape.Fprintf(out, "%s%s%s%s\n", paint, lead, end, l)
			continue
		}
		escape.Fprintf(out, "%s%s\n", blank, l)
	}
}

// cut shortens a cell of a table to so many columns, where a terminal shows it.
func cut(out io.Writer, text string, columns int) string {
	r := []rune(text)
	columns = max(columns, 20)
	if len(r) <= columns || !command.Terminal(out) {
		return text
	}
	return string(r[:columns-1]) + "…"
}
