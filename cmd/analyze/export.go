package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/export"
	"ergorecorder/replay"
)

const exportFormats = "jsonl, csv, parquet, openmetrics, otlp, perfetto, pprof"

func newExport() *cobra.Command {
	var win window
	var out sealed.Output
	var o export.Options
	var reading, endpoint string
	var list bool
	f := format("jsonl")
	cmd := &cobra.Command{
		Use:   "export PATH...",
		Short: "Write a recording in the forms that other programs read",
		Long: `Export writes a recording in another form:

  jsonl        every answer, one JSON object a line in order of time: what
               record import reads. Numbers are written as they were said; what
               was left out for secrecy reads (not kept)
  csv          the answers of one tool (--reading) as a table
  parquet      a typed table for each reading, and one of the log lines, into the
               directory -o DIR; with --reading that one alone
  openmetrics  every number as a time series with timestamps, for promtool
  otlp         every number and log line as OTLP, into the files metrics.pb and
               logs.pb of the directory -o DIR, or to the receiver --endpoint
  perfetto     a trace for ui.perfetto.dev: nodes, actors and their states,
               findings and marks
  pprof        the raw profiles, a file each, into the directory -o DIR

--list says what there is.`,
		Example: `  analyze export incident.erg | gzip > incident.jsonl.gz
  analyze export incident.erg --format csv --reading process_list --process 'book_*' -o books.csv
  analyze export incident.erg --format openmetrics -o incident.om
  analyze export incident.erg --format parquet -o tables/
  OTEL_EXPORTER_OTLP_HEADERS='authorization=Bearer …' analyze export incident.erg --format otlp --endpoint https://otel:4318
  analyze export incident.erg --format perfetto -o incident.trace.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(strings.Split(exportFormats, ", "), string(f)) {
				return f.unknown(exportFormats)
			}
			if f == "jsonl" && !list {
				if o.Process != "" {
					return errors.New("--format jsonl: whole answers are written: --process is for the other formats")
				}
			}
			if endpoint != "" && f != "otlp" {
				return errors.New("--endpoint is for --format otlp")
			}
			if f == "parquet" && !cmd.Flags().Changed("reading") {
				reading = ""
			}
			return exportAs(cmd, args, string(f), reading, endpoint, list, win, out, o)
		},
	}
	cmd.Flags().StringVar((*string)(&f), "format", "jsonl", "form of the output: "+exportFormats)
	cmd.Flags().StringVar(&reading, "reading", "process_list", "the tool whose answers csv and parquet write")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "the base of an OTLP receiver over HTTP, such as http://localhost:4318; what authorizes in $"+otlpHeaders)
	cmd.Flags().StringVar(&o.Node, "node", "", "glob over the names of nodes")
	cmd.Flags().StringVar(&o.Process, "process", "", "glob over the names of processes")
	cmd.Flags().BoolVar(&list, "list", false, "say what there is to export")
	paths.OneNode(cmd)
	win.addFlags(cmd)
	out.AddFlags(cmd, "write to this file instead of standard output")
	return cmd
}

// exportAs writes the recording in one of the forms of package export.
func exportAs(cmd *cobra.Command, paths []string, form, reading, endpoint string, list bool, win window, out sealed.Output, o export.Options) error {
	rec, err := openRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	if list {
		return out.Write(cmd, func(w io.Writer) error { return listStreams(w, rec) })
	}
	if o.From, o.To, err = win.resolve(cmd.Context(), rec); err != nil {
		return err
	}
	damaged := 0
	o.Damaged = func(err error) {
		damaged++
		escape.Fprintf(cmd.ErrOrStderr(), "analyze: not readable: %v\n", err)
	}
	ctx := cmd.Context()
	switch form {
	case "jsonl":
		err = out.Write(cmd, func(w io.Writer) error { return export.Capture(ctx, w, rec, o) })
	case "csv":
		err = out.Write(cmd, func(w io.Writer) error { return export.CSV(ctx, w, rec, reading, o) })
	case "openmetrics":
		err = out.Write(cmd, func(w io.Writer) error { return export.OpenMetrics(ctx, w, rec, o) })
	case "perfetto":
		var instants []export.Instant
		if instants, err = whatHappened(cmd, rec, o); err == nil {
			err = out.Write(cmd, func(w io.Writer) error { return export.Trace(ctx, w, rec, instants, o) })
		}
	case "parquet":
		err = exportTables(cmd, rec, reading, out, o)
	case "otlp":
		err = exportOTLP(cmd, rec, endpoint, out, o)
	case "pprof":
		err = exportProfiles(cmd, rec, out, o)
	}
	if err == nil && damaged > 0 {
		err = fmt.Errorf("%d stretches could not be read; analyze verify %s says which", damaged, paths[0])
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func listStreams(w io.Writer, rec *replay.Recording) error {
	for _, s := range rec.Streams() {
		if s.Kind == archive.MarkKind {
			continue
		}
		if _, err := escape.Fprintf(w, "%-8s %-24s %-24s %8d records %10d rows\n", s.Kind, s.Name, s.Node, s.Records, s.Rows); err != nil {
			return err
		}
	}
	return nil
}

// whatHappened are the findings and the marks of the window.
func whatHappened(cmd *cobra.Command, rec *replay.Recording, o export.Options) ([]export.Instant, error) {
	var out []export.Instant
	report, err := analyze.Run(cmd.Context(), rec, analyze.Options{From: o.From, To: o.To, Node: o.Node, Sturdy: true})
	if err != nil {
		return nil, err
	}
	for _, f := range report.Findings {
		out = append(out, export.Instant{At: f.Onset, Node: f.Subject.Node, Name: string(f.Kind), Text: f.Title})
	}
	marks, err := rec.Marks(cmd.Context(), o.From, o.To)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		out = append(out, export.Instant{At: m.From, Node: m.Node, Name: "mark " + m.Kind, Text: m.Note})
	}
	return out, nil
}

// exportProfiles writes the raw profiles into a directory, by node, kind and
// time.
func exportProfiles(cmd *cobra.Command, rec *replay.Recording, out sealed.Output, o export.Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	dir, err := out.Folder()
	if err != nil {
		return fmt.Errorf("--format pprof: %w", err)
	}
	n := 0
	for p, err := range rec.Profiles(cmd.Context(), "", "", o.From, o.To) {
		if err != nil {
			o.Damaged(err)
			continue
		}
		if !o.Holds(p.Node) {
			continue
		}
		name := fmt.Sprintf("%s.%s.%s.pb", p.Node, p.Kind, p.At.UTC().Format("20060102T150405.000000000Z"))
		if err := dir.Write(name, func(w io.Writer) error { _, err := w.Write(p.Raw); return err }); err != nil {
			return err
		}
		n++
	}
	escape.Fprintf(cmd.OutOrStdout(), "%s: %s\n", out.Path, counted(n, "profile"))
	return nil
}

// exportTables writes the answers of a tool, all tools if none is named, and the
// log lines as tables of Parquet into a directory.
func exportTables(cmd *cobra.Command, rec *replay.Recording, tool string, out sealed.Output, o export.Options) error {
	dir, err := out.Folder()
	if err != nil {
		return fmt.Errorf("--format parquet: %w", err)
	}
	ctx := cmd.Context()
	tools := []string{tool}
	if tool == "" {
		tools = export.Tools(rec)
		err := tableInto(cmd, dir, export.LogLines, func(w io.Writer) (int, error) { return export.ParquetLogs(ctx, w, rec, o) })
		if err != nil {
			return err
		}
	}
	files := export.Files(tools)
	for _, t := range tools {
		err := tableInto(cmd, dir, files[t], func(w io.Writer) (int, error) { return export.Parquet(ctx, w, rec, t, o) })
		if errors.Is(err, export.ErrNothing) && tool == "" {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func tableInto(cmd *cobra.Command, dir *sealed.Folder, name string, form func(io.Writer) (int, error)) error {
	rows := 0
	err := dir.Write(name, func(w io.Writer) (err error) { rows, err = form(w); return err })
	if err == nil {
		escape.Fprintf(cmd.OutOrStdout(), "%s: %s\n", filepath.Join(dir.Path, name), counted(rows, "row"))
	}
	return err
}

// otlpHeaders is the variable from which all programs that speak OTLP take what
// authorizes them: NAME=VALUE,….
const otlpHeaders = "OTEL_EXPORTER_OTLP_HEADERS"

// exportOTLP hands the recording to a receiver, or writes what one takes into a
// directory.
func exportOTLP(cmd *cobra.Command, rec *replay.Recording, endpoint string, out sealed.Output, o export.Options) error {
	switch {
	case endpoint == "":
		return otlpFiles(cmd, rec, out, o)
	case out.Path != "":
		return errors.New("--format otlp: give --endpoint or -o DIR")
	}
	base, err := export.ParseEndpoint(endpoint)
	if err != nil {
		return err
	}
	header, err := export.ParseHeaders(os.Getenv(otlpHeaders))
	if err != nil {
		return fmt.Errorf("$%s: %w", otlpHeaders, err)
	}
	taken := map[export.Signal]int{}
	to := &export.Endpoint{
		URL: base, Header: header, After: time.After,
		Client: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Taken:  func(s export.Signal) { taken[s]++ },
	}
	err = export.OTLP(cmd.Context(), to, rec, o)
	escape.Fprintf(cmd.OutOrStdout(), "%s took %d batches of metrics and %d of log lines\n", base, taken[export.Metrics], taken[export.Logs])
	return err
}

// otlpFolder is a sink that writes files.
type otlpFolder map[export.Signal]sealed.File

// Take implements export.Sink.
func (f otlpFolder) Take(_ context.Context, s export.Signal, batch []byte) error {
	_, err := f[s].Write(batch)
	return err
}

func otlpFiles(cmd *cobra.Command, rec *replay.Recording, out sealed.Output, o export.Options) error {
	dir, err := out.Folder()
	if err != nil {
		return fmt.Errorf("--format otlp: %w; or give --endpoint", err)
	}
	to := otlpFolder{}
	abandon := func() {
		for _, f := range to {
			f.Abandon()
		}
	}
	for _, s := range []export.Signal{export.Metrics, export.Logs} {
		if to[s], err = dir.Create(string(s) + ".pb"); err != nil {
			delete(to, s)
			abandon()
			return err
		}
	}
	if err := export.OTLP(cmd.Context(), to, rec, o); err != nil {
		abandon()
		return err
	}
	for _, f := range to {
		err = errors.Join(err, f.Close())
	}
	return err
}
