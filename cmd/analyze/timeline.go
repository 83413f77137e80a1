package main

import (
	"fmt"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/analyze/views"
)

func newTimeline() *cobra.Command {
	var w window
	var f format
	var limit int
	var j judging
	var node string
	cmd := &cobra.Command{
		Use:   "timeline PATH...",
		Short: "Put in order what happened: onsets, restarts, gaps, marks, first errors",
		Long: `Timeline puts in order of time the onsets and ends of findings, the lives of
nodes, the gaps and marks of the recording, and the first line of each kind of
warning, error and panic.`,
		Example: "  analyze timeline incident.erg --from -10m",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			rec, err := openRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			opt := analyze.Options{Node: node}
			if opt.From, opt.To, err = w.resolve(cmd.Context(), rec); err != nil {
				return err
			}
			if err := j.apply(&opt, args); err != nil {
				return err
			}
			if _, err := nodesLike(rec, node); err != nil {
				return err
			}
			report, err := analyze.Run(cmd.Context(), rec, opt)
			if err != nil {
				return err
			}
			all, err := views.Timeline(cmd.Context(), rec, report)
			if err != nil {
				return err
			}
			shown := all[:min(max(limit, 0), len(all))]
			out := cmd.OutOrStdout()
			if f == "json" {
				return printJSON(out, shown)
			}
			if report.Headline.Verdict == analyze.CannotTell {
				escape.Fprintf(out, "%s\n", report.Headline.Text)
			} else if limit := report.Headline.Limit(); limit != "" {
				escape.Fprintf(out, "%s\n", limit)
			}
			for _, m := range shown {
				escape.Fprintln(out, cut(fmt.Sprintf("%s  %-11s %s  %s", m.At.UTC().Format("15:04:05.000"), m.Kind, m.Node, m.Text), width(out)))
			}
			if rest := len(all) - len(shown); rest > 0 {
				escape.Fprintf(out, "%d more: raise --limit\n", rest)
			}
			return nil
		},
	}
	w.addFlags(cmd)
	j.addFlags(cmd)
	cmd.Flags().StringVar(&node, "node", "", "glob over the names of nodes")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many entries")
	f.addFlag(cmd, infoFormats)
	return cmd
}
