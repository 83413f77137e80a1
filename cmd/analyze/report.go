package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/recheck"
	"ergorecorder/analyze/render"
	"ergorecorder/analyze/views"
	"ergorecorder/cmd/internal/command"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/compare"
	"ergorecorder/escape"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/limit"
	"ergorecorder/mcp"
	"ergorecorder/replay"
	"ergorecorder/web"
)

// A reportForm writes a report.
type reportForm func(io.Writer, *analyze.Report) error

// reportForms are the forms of a report by the name that --format takes. The
// page draws its charts from the recording.
func reportForms(ctx context.Context, rec *replay.Recording, color bool) map[string]reportForm {
	return map[string]reportForm{
		"html": func(w io.Writer, r *analyze.Report) error { return web.Report(ctx, w, r, rec) },
		"text": func(w io.Writer, r *analyze.Report) error {
			return render.Text(w, r, render.Options{Width: width(w), Color: color, Whole: !command.Terminal(w)})
		},
		"markdown": render.Markdown,
		"json":     func(w io.Writer, r *analyze.Report) error { return printJSON(w, r) },
	}
}

type reportOptions struct {
	judging
	window window
	run    analyze.Options
	format string
	output sealed.Output
	failOn string
	partly bool
}

func newReport() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report PATH...",
		Short: "Say what went wrong, when it began, who is the cause and what to do",
		Long: `Report runs the playbooks over a recording, or a window of it, and prints the
verdict: findings in the order in which to act on them, each with its evidence;
what was examined and found in order; and what could not be examined.

One of three headlines stands first: a fault is found; nothing was found in what
was seen, which suffices; or it cannot be told, and what would settle that.

The exit code is 0 whatever it finds, unless --fail-on is given: then a finding
as bad as that, and that it cannot be told, are 3 (--allow-partial: the first
alone).`,
		Example: `  analyze report incident.erg
  analyze report incident.erg --from -10m --playbook bottleneck,restart-loop
  analyze report incident.erg --format json -o report.json --fail-on critical`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runReport(cmd, args, o) },
	}
	o.window.addFlags(cmd)
	fl := cmd.Flags()
	fl.StringSliceVar(&o.run.Playbooks, "playbook", nil, "run only these: "+strings.Join(analyze.PlaybookNames(), ", "))
	o.addFlags(cmd)
	fl.StringVar(&o.run.Node, "node", "", "glob over the names of nodes")
	fl.StringVar(&o.format, "format", "text", "form of the report: "+strings.Join(formNames(), ", "))
	o.output.AddFlags(cmd, "write to this file instead of the terminal")
	fl.StringVar(&o.failOn, "fail-on", "", "exit with 3 when there is a finding of this severity or worse (warning or critical), or when it cannot be told")
	fl.BoolVar(&o.partly, "allow-partial", false, "with --fail-on: that it cannot be told is no failure")
	return cmd
}

func formNames() []string {
	var names []string
	for n := range reportForms(context.Background(), nil, false) {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func runReport(cmd *cobra.Command, paths []string, o reportOptions) (err error) {
	if !slices.Contains(formNames(), o.format) {
		return fmt.Errorf("--format %q: there are %s", o.format, strings.Join(formNames(), ", "))
	}
	if o.failOn != "" && o.failOn != string(finding.Warning) && o.failOn != string(finding.Critical) {
		return fmt.Errorf("--fail-on %q: there are warning and critical", o.failOn)
	}
	rec, err := openRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	o.run.From, o.run.To, err = o.window.resolve(cmd.Context(), rec)
	if err != nil {
		return err
	}
	if _, err := nodesLike(rec, o.run.Node); err != nil {
		return err
	}
	o.run.Path = strings.Join(sealed.Shown(cmd, paths), ", ")
	if err := o.apply(&o.run, paths); err != nil {
		return err
	}
	report, err := analyze.Run(cmd.Context(), rec, o.run)
	if err != nil {
		return err
	}
	color, err := command.Colored(cmd, cmd.OutOrStdout())
	if err != nil {
		return err
	}
	form := reportForms(cmd.Context(), rec, color && o.output.Path == "")[o.format]
	if err := o.output.Write(cmd, func(w io.Writer) error { return form(w, report) }); err != nil {
		return err
	}
	if failed(report, o.failOn) || o.failOn != "" && !o.partly && report.Headline.Verdict == analyze.CannotTell {
		return exit.Findings
	}
	return nil
}

// failed reports whether there is a finding as bad as severity that is not
// muted.
func failed(r *analyze.Report, severity string) bool {
	return severity != "" && slices.ContainsFunc(r.Findings, func(f *finding.Finding) bool {
		return f.Muted == nil && (f.Severity == finding.Critical || severity == string(finding.Warning) && f.Severity == finding.Warning)
	})
}

func newRecheck() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "recheck REPORT.json PATH...",
		Short: "Ask for every number of a report again, and compare",
		Long: `Recheck makes each call that stands beside a value of a report (analyze report
--format json) on the recording, and compares what it answers with what the report
says, to three figures. The tools reckon by a way of their own. Numbers of titles
and summaries must be among the values. Of a comparison (analyze compare --format
json) the tool compare is asked again, over the recordings as one timeline.

The exit code is 1 where a number does not come back.`,
		Example: "  analyze report incident.erg --format json -o report.json\n  analyze recheck report.json incident.erg\n  analyze recheck comparison.json yesterday.erg today.erg",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			rep, err := readStated(args[0])
			if err != nil {
				return err
			}
			rec, err := openRecording(cmd, args[1:]...)
			if err != nil {
				return err
			}
			defer rec.Close()
			tools := mcp.New(mcp.Recorded(rec, strings.Join(args[1:], " ")), mcp.Options{})
			checks, err := rep.check(cmd.Context(), recheck.Once(tools.Ask))
			if err != nil {
				return err
			}
			wrong := recheck.Wrong(checks)
			if f == "json" {
				err = printJSON(cmd.OutOrStdout(), map[string]any{"checked": len(checks), "wrong": len(wrong), "checks": checks})
			} else {
				printChecks(cmd.OutOrStdout(), len(checks), wrong)
			}
			if err == nil && len(wrong) > 0 {
				return exit.No
			}
			return err
		},
	}
	f.addFlag(cmd, infoFormats)
	return cmd
}

// A stated is what a file states: a report, or a comparison.
type stated struct {
	report     analyze.Report
	comparison compare.Comparison
}

func (s *stated) check(ctx context.Context, ask recheck.Ask) ([]recheck.Check, error) {
	if s.comparison.Schema != "" {
		return recheck.Evidence(ctx, s.comparison.Evidence(), ask)
	}
	return recheck.Findings(ctx, s.report.Findings, ask)
}

func readStated(path string) (*stated, error) {
	text, err := limit.File.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	const how = "analyze report PATH --format json writes a report, analyze compare a comparison"
	var form struct{ Schema string }
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, fmt.Errorf("%s is no report in JSON (%s): %w", path, how, err)
	}
	var s stated
	switch form.Schema {
	case analyze.SchemaVersion:
		err = json.Unmarshal(text, &s.report)
	case compare.Schema:
		err = json.Unmarshal(text, &s.comparison)
	default:
		return nil, fmt.Errorf("%s is of the form %q, neither %s nor %s (%s)", path, form.Schema, analyze.SchemaVersion, compare.Schema, how)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &s, nil
}

func printChecks(out io.Writer, all int, wrong []recheck.Check) {
	for _, c := range wrong {
		escape.Fprintf(out, "%s %s: %s, %s: ", c.Finding, string(c.Kind), c.Of, c.Name)
		switch {
		case c.Asked != nil:
			escape.Fprintf(out, "the report says %v, the recording %v", c.Stated, c.Asked)
		default:
			escape.Fprintf(out, "the report says %v: %s", c.Stated, c.Why)
		}
		if c.Call.Tool != "" {
			args, err := json.Marshal(c.Call.Arguments)
			if err == nil {
				escape.Fprintf(out, "; asked by %s %s", c.Call.Tool, string(args))
			}
		}
		fmt.Fprintln(out)
	}
	escape.Fprintf(out, "%d numbers: %d came back, %d did not\n", all, all-len(wrong), len(wrong))
}

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
				hang(out, "", fmt.Sprintf("%s  %-11s %s  ", m.At.UTC().Format("15:04:05.000"), m.Kind, m.Node), m.Words())
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
