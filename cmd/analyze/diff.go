package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/views"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/compare"
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

// windows are the flags of compare.
type windows struct {
	first, second window
	at            string
	nodes, with   string
	limit         int
	format        string
	output        sealed.Output
}

func newCompare() *cobra.Command {
	var f windows
	cmd := &cobra.Command{
		Use:   "compare BEFORE [AFTER]",
		Short: "Say what changed between two windows, two recordings, or some nodes and the others",
		Long: `Compare holds two stretches against each other: two windows of one recording (--at
parts it, or --from, --to, --with-from, --with-to), two recordings, or some nodes
with the others (--nodes, --with-nodes). It says first what cannot be compared and
what looks planned (a deploy, all nodes started anew, more load), then what changed,
what explains first. What is claimed stands after correction for the number of
questions; diff compares two moments.`,
		Example: `  analyze compare yesterday.erg today.erg
  analyze compare incident.erg --at 12:00:00
  analyze compare incident.erg --nodes 'canary*' --with-nodes 'web*' --format html -o compare.html`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.at, "at", "", "the moment that parts before from after: RFC 3339, 15:04:05, -10m, 30s or @ID")
	fl.StringVar(&f.first.from, "from", "", "begin of the first window")
	fl.StringVar(&f.first.to, "to", "", "end of the first window")
	fl.StringVar(&f.second.from, "with-from", "", "begin of the second window; default the end of the first")
	fl.StringVar(&f.second.to, "with-to", "", "end of the second window")
	fl.StringVar(&f.nodes, "nodes", "", "glob over the nodes of the first")
	fl.StringVar(&f.with, "with-nodes", "", "glob over the nodes of the second; default the same")
	fl.IntVar(&f.limit, "limit", 50, "at most so many changes")
	fl.StringVar(&f.format, "format", "text", "form of the answer: html, json, text")
	f.output.AddFlags(cmd, "write to this file instead of the terminal")
	return cmd
}

func (f *windows) run(cmd *cobra.Command, paths []string) error {
	forms := map[string]func(io.Writer, *compare.Comparison) error{
		"html": compare.HTML,
		"json": func(w io.Writer, c *compare.Comparison) error { return printJSON(w, c) },
		"text": func(w io.Writer, c *compare.Comparison) error { compare.Text(w, c, f.limit); return nil },
	}
	form, known := forms[f.format]
	if !known {
		return fmt.Errorf("--format %q: there are html, json, text", f.format)
	}
	var sides [2]compare.Side
	for i, nodes := range []string{f.nodes, cmp.Or(f.with, f.nodes)} {
		if i >= len(paths) {
			sides[i] = sides[0]
			sides[i].Nodes = nodes
			continue
		}
		rec, err := openRecording(cmd, paths[i])
		if err != nil {
			return err
		}
		defer rec.Close()
		sides[i] = compare.Side{Recording: rec, Name: sealed.Shown(cmd, paths)[i], Nodes: nodes}
	}
	if err := f.resolve(cmd.Context(), &sides[0], &sides[1], len(paths) == 2); err != nil {
		return err
	}
	c, err := compare.Run(cmd.Context(), sides[0], sides[1])
	if err != nil {
		return err
	}
	return f.output.Write(cmd, func(w io.Writer) error { return form(w, c) })
}

// resolve reads the moments. What is not given is the recording's own, or the end
// of the first window; other nodes are compared at the same time.
func (f *windows) resolve(ctx context.Context, a, b *compare.Side, apart bool) error {
	for _, m := range []struct {
		flag, text string
		of         *compare.Side
		into       []*time.Time
	}{
		{"--at", f.at, a, []*time.Time{&a.To, &b.From}},
		{"--from", f.first.from, a, []*time.Time{&a.From}},
		{"--to", f.first.to, a, []*time.Time{&a.To}},
		{"--with-from", f.second.from, b, []*time.Time{&b.From}},
		{"--with-to", f.second.to, b, []*time.Time{&b.To}},
	} {
		if m.text == "" {
			continue
		}
		t, err := parseTime(ctx, m.of.Recording, m.text)
		if err != nil {
			return fmt.Errorf("%s: %w", m.flag, err)
		}
		for _, into := range m.into {
			*into = t
		}
	}
	switch {
	case apart:
	case a.Nodes != b.Nodes && f.at == "" && f.second.from == "":
		b.From, b.To = a.From, a.To
	case a.To.IsZero():
		return errors.New("what is compared with what: give --at, or --to, or --with-nodes, or a second recording")
	case b.From.IsZero():
		b.From = a.To
	}
	return nil
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
		switch {
		case c.Alike > 0:
			who = fmt.Sprintf("%d of %s, the middle one", c.Alike, c.Behavior)
		case who == "":
			who = c.Behavior
		}
		if c.Rate {
			unit = "a second"
		}
		escape.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Node, cut(out, strings.TrimSpace(who+" "+c.PID), 40), c.Field, figure(c.Before, c.Unit), figure(c.After, c.Unit), unit)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if rest := v.ProcessesTotal - len(v.Processes); rest > 0 {
		escape.Fprintf(out, "%d more changes of processes: raise --limit\n", rest)
	}
	if own := v.OwnLeftOut(); own != "" {
		escape.Fprintf(out, "%s\n", own)
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
		if p.Alike > 0 {
			escape.Fprintf(out, "  %s %d of %s\n", p.Node, p.Alike, p.Behavior)
			continue
		}
		escape.Fprintf(out, "  %s %s %s %s\n", p.Node, p.PID, p.Name, p.Behavior)
	}
}
