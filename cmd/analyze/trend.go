package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/render"
	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
	"ergorecorder/internal/words"
)

func newTrend() *cobra.Command {
	var w window
	var f format
	q := views.TrendQuery{}
	var list bool
	cmd := &cobra.Command{
		Use:   "trend PATH METRIC",
		Short: "Draw one metric over time, node by node",
		Long: `Trend draws one field of a tool's answers over a window: a curve for each node.
Counters are drawn as rates per second. Of a table, the rows are added up unless
--row names one (a PID, a name, a peer, an event); of latencies the largest counts.
--list names the metrics.`,
		Example: `  analyze trend incident.erg --list
  analyze trend incident.erg heap_alloc
  analyze trend incident.erg process_list.MessagesMailbox --row book_eth --node 'gamma@*'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return cobra.ExactArgs(1)(cmd, args)
			}
			if len(args) == 1 {
				return fmt.Errorf("which metric? analyze trend %s --list names those that there are", args[0])
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			rec, err := openRecording(cmd, args[0])
			if err != nil {
				return err
			}
			defer rec.Close()
			if list {
				return printMetrics(cmd.OutOrStdout(), views.Metrics(rec), f)
			}
			q.Metric = args[1]
			if q.From, q.To, err = w.resolve(cmd.Context(), rec); err != nil {
				return err
			}
			curves, err := views.Trend(cmd.Context(), rec, q)
			if err != nil {
				return err
			}
			if f == "json" {
				return printJSON(cmd.OutOrStdout(), curves)
			}
			return printCurves(cmd.OutOrStdout(), curves)
		},
	}
	w.addFlags(cmd)
	cmd.Flags().StringVar(&q.Node, "node", "", "glob over the names of nodes")
	cmd.Flags().StringVar(&q.Row, "row", "", "the row of a table: a PID, a name, a peer, an event")
	cmd.Flags().IntVar(&q.Points, "points", 60, "at most so many points")
	cmd.Flags().BoolVar(&list, "list", false, "name the metrics that there are, and draw none")
	paths.OneNode(cmd)
	f.addFlag(cmd, infoFormats)
	return cmd
}

func printMetrics(out io.Writer, metrics []views.Metric, f format) error {
	if f == "json" {
		return printJSON(out, metrics)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range metrics {
		how := ""
		switch {
		case m.Rate && m.Rows:
			how = "a second, of all rows or of one"
		case m.Rate:
			how = "a second"
		case m.Rows:
			how = "of all rows or of one"
		}
		escape.Fprintf(w, "%s\t%s\t%s\n", m.String(), string(m.Unit), how)
	}
	return w.Flush()
}

func printCurves(out io.Writer, curves []views.Curve) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "NODE\tFIRST\tLEAST\tMEDIAN\tMOST\tLAST\tPER MINUTE\tSAMPLES\tOF\n")
	for _, c := range curves {
		slope := "-"
		if c.SlopePerSecond != nil {
			slope = figure(60**c.SlopePerSecond, c.Unit)
			if *c.SlopePerSecond > 0 {
				slope = "+" + slope
			}
		}
		of := c.Tool + "." + c.Field
		if c.Rate {
			of += " per second"
		}
		if c.Of != "value" {
			of += ", " + c.Of
		}
		escape.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", c.Node, figure(c.First, c.Unit), figure(c.Min, c.Unit), figure(c.Median, c.Unit), figure(c.Max, c.Unit), figure(c.Last, c.Unit), slope, c.Samples, of)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range curves {
		s := &finding.Series{}
		for _, p := range c.Points {
			s.At, s.Value = append(s.At, p.At), append(s.Value, p.Mean)
		}
		line, _, _ := render.Sparkline(s, min(width(out)-2, 100))
		if line != "" {
			escape.Fprintf(out, "\n%s, %s to %s\n%s\n", c.Node, s.At[0].UTC().Format(time.TimeOnly), s.At[len(s.At)-1].UTC().Format(time.TimeOnly), escape.Raw(line))
		}
	}
	return nil
}

// figure is a value of a field with its unit, as far as it is one that people read.
func figure(v float64, unit ergo.Unit) string {
	switch unit {
	case ergo.Bytes:
		return words.Size(v)
	case ergo.Nanoseconds:
		return words.Length(time.Duration(v))
	case ergo.Seconds:
		return words.Length(time.Duration(v * 1e9))
	}
	return words.Number(v)
}
