package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/cmd/internal/paths"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// openRecording opens archives as one timeline; the control URL of a running
// recorder, and the path of an archive that one of this machine is writing,
// stand for what it has recorded so far; s3://BUCKET/PREFIX and
// shelf://NAME@HOST/CLUSTER are what lies on a shelf. An archive without a record is refused:
// there is nothing to say about it.
func openRecording(cmd *cobra.Command, given ...string) (*replay.Recording, error) {
	readers, err := paths.Archives(cmd, opening(cmd), given, false)
	if err != nil {
		return nil, openError(err)
	}
	rec, err := replay.New(readers...)
	if err != nil {
		return nil, err
	}
	if err := notEmpty(rec, given); err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	sayNotRead(cmd, rec)
	return rec, nil
}

// expandFlag gives all commands the flag --expand, see [opening].
func expandFlag(root *cobra.Command) {
	root.PersistentFlags().Int("expand", archive.FreeExpand, "how many bytes a compressed piece of a recording may hold, however small it is")
}

// opening is how archives are opened, as the flags say.
func opening(cmd *cobra.Command) archive.OpenOptions {
	n, _ := cmd.Flags().GetInt("expand") // it is a flag of the root
	return archive.OpenOptions{Expand: n}
}

// sayNotRead says beside whatever is shown of a recording what of it cannot be
// read.
func sayNotRead(cmd *cobra.Command, rec *replay.Recording) {
	const most = 5
	for i, why := range rec.NotRead() {
		if i == most {
			escape.Fprintf(cmd.ErrOrStderr(), "analyze: and %d more places; analyze verify lists them\n", len(rec.NotRead())-i)
			return
		}
		escape.Fprintf(cmd.ErrOrStderr(), "analyze: not read: %s\n", why)
	}
}

// openError says what helps where an archive cannot be opened.
func openError(err error) error {
	switch {
	case errors.Is(err, archive.ErrLocked):
		return fmt.Errorf("%w; its recorder does not answer this user on this machine: give its control URL (record run --control), or record to a directory and read its closed segments", err)
	case errors.Is(err, archive.ErrVersion):
		return fmt.Errorf("%w; it needs a newer analyze", err)
	}
	return err
}

func notEmpty(rec *replay.Recording, paths []string) error {
	if from, _ := rec.Window(); from.IsZero() {
		return fmt.Errorf("open %s: the archive is empty: nothing was recorded", paths[0])
	}
	return nil
}

// A window is the flags --from and --to.
type window struct {
	from, to string
}

func (w *window) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.from, "from", "", "begin of the window: "+timeHelp)
	cmd.Flags().StringVar(&w.to, "to", "", "end of the window, likewise")
}

// resolve is the window in the recording's time: as a whole where the flags
// are not given. A window outside the recording is refused.
func (w *window) resolve(ctx context.Context, rec *replay.Recording) (from, to time.Time, err error) {
	first, last := rec.Window()
	from, to = first, last
	if w.from != "" {
		if from, err = readTime(ctx, rec, w.from, replay.WindowFrom); err != nil {
			return from, to, fmt.Errorf("--from: %w", err)
		}
	}
	if w.to != "" {
		if to, err = parseTime(ctx, rec, w.to); err != nil {
			return from, to, fmt.Errorf("--to: %w", err)
		}
	}
	if to.Before(from) || from.After(last) || to.Before(first) {
		return from, to, fmt.Errorf("there is nothing in the window from %s to %s: the recording goes from %s to %s",
			stamp(from), stamp(to), stamp(first), stamp(last))
	}
	return from, to, nil
}

// timeHelp says how a moment is written on a command line.
const timeHelp = "RFC 3339, 15:04:05, -10m (before the end), 30s (after the start), @F1 or @ID (the onset of a finding), @12 (a mark)"

// parseTime reads one time of a command line; see [replay.When] and timeHelp.
func parseTime(ctx context.Context, rec *replay.Recording, text string) (time.Time, error) {
	return readTime(ctx, rec, text, replay.When)
}

func readTime(ctx context.Context, rec *replay.Recording, text string, read func(string, time.Time, time.Time) (time.Time, error)) (time.Time, error) {
	id, named := strings.CutPrefix(text, "@")
	if !named {
		first, last := rec.Window()
		return read(text, first, last)
	}
	if seq, err := strconv.ParseUint(id, 10, 64); err == nil {
		return markTime(ctx, rec, seq)
	}
	return onset(ctx, rec, id)
}

// markTime is when the mark with the number began.
func markTime(ctx context.Context, rec *replay.Recording, seq uint64) (time.Time, error) {
	marks, err := rec.Marks(ctx, time.Time{}, time.Time{})
	if err != nil {
		return time.Time{}, err
	}
	for _, m := range marks {
		if m.Seq == seq {
			return m.From, nil
		}
	}
	return time.Time{}, fmt.Errorf("there is no mark @%d; analyze info lists the marks", seq)
}

// onset is when the finding with the label (F1) or ID began. It judges the
// recording as a report of all of it does, without settings of the user's own.
func onset(ctx context.Context, rec *replay.Recording, id string) (time.Time, error) {
	report, err := analyze.Run(ctx, rec, analyze.Options{Sturdy: true})
	if err != nil {
		return time.Time{}, fmt.Errorf("find the onset of @%s: %w", id, err)
	}
	labels := make([]string, 0, len(report.Findings))
	for _, f := range report.Findings {
		if strings.EqualFold(f.Display, id) || f.ID == id {
			if f.Onset.IsZero() {
				return time.Time{}, fmt.Errorf("finding @%s has no onset", id)
			}
			return f.Onset, nil
		}
		labels = append(labels, "@"+f.Display)
	}
	if len(labels) == 0 {
		return time.Time{}, fmt.Errorf("there is no finding @%s: the report has none", id)
	}
	return time.Time{}, fmt.Errorf("there is no finding @%s among %s", id, strings.Join(labels, ", "))
}

// A format is the flag --format.
type format string

func (f *format) addFlag(cmd *cobra.Command, allowed string) {
	cmd.Flags().StringVar((*string)(f), "format", "text", "form of the output: "+allowed)
}

func (f *format) unknown(allowed string) error {
	return fmt.Errorf("--format %q: there is %s", string(*f), allowed)
}

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escape.JSON(b.Bytes()))
	return err
}

// stamp is a time as the commands print it: UTC, to the millisecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// width is how many columns the terminal behind w has; 100 where there is none.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 100
}
