package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/views"
	"ergorecorder/replay"
)

// A comparison is what diff and top-movers have in common.
type comparison struct {
	node   string
	limit  int
	format format
}

func (c *comparison) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.node, "node", "", "only this node; a glob that matches one")
	cmd.Flags().IntVar(&c.limit, "limit", 20, "at most so many of each list")
	c.format.addFlag(cmd, infoFormats)
}

func newDiff() *cobra.Command {
	var c comparison
	var at, with string
	var over time.Duration
	cmd := &cobra.Command{
		Use:   "diff PATH --at T1 --with T2",
		Short: "Say what differs between two moments",
		Long: `Diff compares the stretches that end at two moments: rates of counters, medians
of gauges, and which processes appeared or went.`,
		Example: "  analyze diff incident.erg --at 12:00:00 --with 12:30:00 --over 1m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args[0], func(ctx context.Context, rec *replay.Recording) (before, after views.Span, err error) {
				for _, m := range []struct {
					flag, text string
					span       *views.Span
				}{{"--at", at, &before}, {"--with", with, &after}} {
					if m.span.To, err = parseTime(ctx, rec, m.text); err != nil {
						return before, after, fmt.Errorf("%s: %w", m.flag, err)
					}
					m.span.From = m.span.To.Add(-over)
					if first, last := rec.Window(); m.span.To.Before(first) || m.span.From.After(last) {
						return before, after, fmt.Errorf("%s: nothing was recorded in the %s before %s: the recording goes from %s to %s",
							m.flag, over, stamp(m.span.To), stamp(first), stamp(last))
					}
				}
				return before, after, nil
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the first moment: "+timeHelp)
	cmd.Flags().StringVar(&with, "with", "end", "the second moment, likewise")
	cmd.Flags().DurationVar(&over, "over", 30*time.Second, "how long the stretch before each is")
	_ = cmd.MarkFlagRequired("at") // the flag was added above
	c.addFlags(cmd)
	return cmd
}

func newTopMovers() *cobra.Command {
	var c comparison
	var w window
	cmd := &cobra.Command{
		Use:     "top-movers PATH",
		Short:   "Say what changed most over a window",
		Long:    `Top-movers compares the first quarter of a window with its last.`,
		Example: "  analyze top-movers incident.erg --from -10m --limit 10",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args[0], func(ctx context.Context, rec *replay.Recording) (before, after views.Span, err error) {
				from, to, err := w.resolve(ctx, rec)
				quarter := to.Sub(from) / 4
				return views.Span{From: from, To: from.Add(quarter)}, views.Span{From: to.Add(-quarter), To: to}, err
			})
		},
	}
	w.addFlags(cmd)
	c.addFlags(cmd)
	return cmd
}

func (c *comparison) run(cmd *cobra.Command, path string, spans func(context.Context, *replay.Recording) (before, after views.Span, err error)) error {
	if c.format != "text" && c.format != "json" {
		return c.format.unknown(infoFormats)
	}
	rec, err := openRecording(cmd, path)
	if err != nil {
		return err
	}
	defer rec.Close()
	before, after, err := spans(cmd.Context(), rec)
	if err != nil {
		return err
	}
	node := ""
	if c.node != "" {
		if node, err = oneNode(rec, c.node); err != nil {
			return err
		}
	}
	v, err := views.Compare(cmd.Context(), rec, node, before, after, c.limit)
	if err != nil {
		return err
	}
	if c.format == "json" {
		return printJSON(cmd.OutOrStdout(), v)
	}
	return printComparison(cmd.OutOrStdout(), v)
}

func printComparison(out io.Writer, v *views.Comparison) error {
	escape.Fprintf(out, "before: %s to %s\nafter:  %s to %s\n\n", stamp(v.Before.From), stamp(v.Before.To), stamp(v.After.From), stamp(v.After.To))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "NODE\tPROCESS\tFIELD\tBEFORE\tAFTER\t\n")
	for _, c := range append(v.Nodes, v.Processes...) {
		who, unit := c.Name, ""
		if who == "" {
			who = c.Behavior
		}
		if c.Rate {
			unit = "a second"
		}
		escape.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Node, cut(who+" "+c.PID, 40), c.Field, short(c.Before), short(c.After), unit)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if rest := v.ProcessesTotal - len(v.Processes); rest > 0 {
		escape.Fprintf(out, "%d more changes of processes: raise --limit\n", rest)
	}
	printProcesses(out, "appeared", v.Appeared, v.AppearedTotal)
	printProcesses(out, "gone", v.Gone, v.GoneTotal)
	return nil
}

func printProcesses(out io.Writer, what string, list []views.Process, total int) {
	if total == 0 {
		return
	}
	escape.Fprintf(out, "\n%s: %d processes\n", what, total)
	for _, p := range list {
		escape.Fprintf(out, "  %s %s %s %s\n", p.Node, p.PID, p.Name, p.Behavior)
	}
}
