package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/ergo/capture"
)

const exportFormats = "jsonl"

func newExport() *cobra.Command {
	var win window
	var out output
	f := format("jsonl")
	cmd := &cobra.Command{
		Use:   "export PATH...",
		Short: "Write a recording as a capture: one call and its answer a line",
		Long: `Export writes every answer of a recording to standard output as a capture,
one JSON object a line in order of time. It is what record import reads. Numbers
are written as they were said; what was left out for secrecy reads (not kept).
Raw profiles are not in it: see analyze profile --raw.`,
		Example: "  analyze export incident.erg | gzip > incident.jsonl.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != exportFormats {
				return f.unknown(exportFormats)
			}
			return runExport(cmd, args, win, out)
		},
	}
	cmd.Flags().StringVar((*string)(&f), "format", exportFormats, "form of the output: "+exportFormats)
	win.addFlags(cmd)
	out.addFlags(cmd, "write to this file instead of standard output")
	return cmd
}

func runExport(cmd *cobra.Command, paths []string, win window, to output) error {
	rec, err := openRecording(paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	from, until, err := win.resolve(cmd.Context(), rec, nil)
	if err != nil {
		return err
	}
	var damage []error
	err = to.write(cmd, func(w io.Writer) error {
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
