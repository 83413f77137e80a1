package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/ergo/capture"
	"ergorecorder/export"
	"ergorecorder/replay"
	"ergorecorder/seal"
)

const exportFormats = "jsonl, csv, openmetrics, perfetto, pprof"

func newExport() *cobra.Command {
	var win window
	var out sealed.Output
	var o export.Options
	var reading string
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
  openmetrics  every number as a time series with timestamps, for promtool
  perfetto     a trace for ui.perfetto.dev: nodes, actors and their states,
               findings and marks
  pprof        the raw profiles, a file each, into the directory -o DIR

--list says what there is.`,
		Example: `  analyze export incident.erg | gzip > incident.jsonl.gz
  analyze export incident.erg --format csv --reading process_list --process 'book_*' -o books.csv
  analyze export incident.erg --format openmetrics -o incident.om
  analyze export incident.erg --format perfetto -o incident.trace.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(strings.Split(exportFormats, ", "), string(f)) {
				return f.unknown(exportFormats)
			}
			if f == "jsonl" && !list {
				if o.Node != "" || o.Process != "" {
					return errors.New("--format jsonl: --node and --process are for the other formats")
				}
				return runExport(cmd, args, win, out)
			}
			return exportAs(cmd, args, string(f), reading, list, win, out, o)
		},
	}
	cmd.Flags().StringVar((*string)(&f), "format", "jsonl", "form of the output: "+exportFormats)
	cmd.Flags().StringVar(&reading, "reading", "process_list", "the tool whose answers csv writes")
	cmd.Flags().StringVar(&o.Node, "node", "", "glob over the names of nodes")
	cmd.Flags().StringVar(&o.Process, "process", "", "glob over the names of processes")
	cmd.Flags().BoolVar(&list, "list", false, "say what there is to export")
	win.addFlags(cmd)
	out.AddFlags(cmd, "write to this file instead of standard output")
	return cmd
}

func runExport(cmd *cobra.Command, paths []string, win window, to sealed.Output) error {
	rec, err := openRecording(paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	from, until, err := win.resolve(cmd.Context(), rec)
	if err != nil {
		return err
	}
	var damage []error
	err = to.Write(cmd, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<16)
		err := rec.Export(cmd.Context(), from, until,
			func(l *capture.Line) error { return writeLine(out, l) },
			func(err error) { damage = append(damage, err) })
		return errors.Join(err, out.Flush())
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, d := range damage {
		escape.Fprintf(cmd.ErrOrStderr(), "analyze: not readable: %v\n", d)
	}
	if len(damage) > 0 {
		return fmt.Errorf("export: %d stretches could not be read; analyze verify %s says which", len(damage), paths[0])
	}
	return nil
}

// writeLine writes a line of a capture in which nothing steers a terminal.
func writeLine(w io.Writer, l *capture.Line) error {
	var b bytes.Buffer
	if err := capture.Write(&b, l); err != nil {
		return err
	}
	_, err := w.Write(escape.JSON(b.Bytes()))
	return err
}

// exportAs writes the recording in one of the forms of package export.
func exportAs(cmd *cobra.Command, paths []string, form, reading string, list bool, win window, out sealed.Output, o export.Options) error {
	rec, err := openRecording(paths...)
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
	case "csv":
		err = out.Write(cmd, func(w io.Writer) error { return export.CSV(ctx, w, rec, reading, o) })
	case "openmetrics":
		err = out.Write(cmd, func(w io.Writer) error { return export.OpenMetrics(ctx, w, rec, o) })
	case "perfetto":
		var instants []export.Instant
		if instants, err = whatHappened(cmd, rec, o); err == nil {
			err = out.Write(cmd, func(w io.Writer) error { return export.Trace(ctx, w, rec, instants, o) })
		}
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
	report, err := analyze.Run(cmd.Context(), rec, analyze.Options{From: o.From, To: o.To, Node: o.Node})
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
	if out.Path == "" {
		return errors.New("--format pprof: say into which directory: -o DIR")
	}
	to, err := out.To()
	if err != nil {
		return err
	}
	if err := o.Valid(); err != nil {
		return err
	}
	if err := os.MkdirAll(out.Path, 0o700); err != nil {
		return err
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
		name := strings.ReplaceAll(fmt.Sprintf("%s.%s.%s.pb", p.Node, p.Kind, p.At.UTC().Format("20060102T150405.000000000Z")), string(filepath.Separator), "_")
		if err := writeProfile(filepath.Join(out.Path, name), p.Raw, to); err != nil {
			return err
		}
		n++
	}
	escape.Fprintf(cmd.OutOrStdout(), "%s: %s\n", out.Path, counted(n, "profile"))
	return nil
}

func writeProfile(path string, raw []byte, to []seal.Recipient) error {
	if to == nil {
		return os.WriteFile(path, raw, 0o600)
	}
	f, err := seal.Create(path, to)
	if err != nil {
		return err
	}
	if _, err := f.Write(raw); err != nil {
		f.Abandon()
		return err
	}
	return f.Close()
}
