package main

import (
	"context"
	"fmt"
	"io"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ergorecorder/archive"
	"ergorecorder/cmd/internal/paths"
	"ergorecorder/coverage"
	"ergorecorder/internal/exit"
	"ergorecorder/replay"
)

// A damageLine is one damage in the output of verify and salvage.
type damageLine struct {
	Segment string `json:"segment"`
	Stream  string `json:"stream,omitempty"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	What    string `json:"what"`
}

func damageLines(damage []*archive.CorruptionError) []damageLine {
	lines := make([]damageLine, 0, len(damage))
	for _, d := range damage {
		l := damageLine{Segment: d.Segment, Stream: d.Stream, What: d.Err.Error()}
		if !d.From.IsZero() {
			l.From, l.To = stamp(d.From), stamp(d.To)
		}
		lines = append(lines, l)
	}
	return lines
}

func printDamage(w io.Writer, lines []damageLine) {
	for _, l := range lines {
		escape.Fprintf(w, "segment %s", l.Segment)
		if l.Stream != "" {
			escape.Fprintf(w, ", %s", l.Stream)
		}
		if l.From != "" {
			escape.Fprintf(w, ", %s to %s", l.From, l.To)
		}
		escape.Fprintf(w, ": %s\n", l.What)
	}
}

// counted is a number of things in words.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func printVerdict(w io.Writer, rep *archive.Report, lines []damageLine, path string) {
	printDamage(w, lines)
	escape.Fprintf(w, "%s, %s, %s, %s, %d bytes: ", counted(rep.Segments, "segment"), counted(rep.Streams, "stream"),
		counted(rep.Blocks, "block"), counted(rep.Records, "record"), rep.Bytes)
	if len(lines) == 0 {
		escape.Fprintf(w, "sound\n")
		return
	}
	escape.Fprintf(w, "damaged in %s\nrecover what is intact: analyze salvage %s -o NEW\n", counted(len(lines), "place"), path)
}

// mixedIn are the nodes of which an archive holds two recordings.
func mixedIn(ctx context.Context, r *archive.Reader) ([]string, error) {
	rec, err := replay.New(r)
	if err != nil {
		return nil, err
	}
	return coverage.Mixed(ctx, rec)
}

// verified looks at all of archives, each by itself.
func verified(ctx context.Context, readers []*archive.Reader) (rep *archive.Report, mixed []string, err error) {
	rep, mixed = &archive.Report{}, []string{}
	for _, r := range readers {
		var one *archive.Report
		var own []string
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) { one, err = r.Verify(ctx); return err })
		g.Go(func() (err error) { own, err = mixedIn(ctx, r); return err })
		if err := g.Wait(); err != nil {
			return nil, nil, err
		}
		rep.Segments, rep.Streams, rep.Blocks = rep.Segments+one.Segments, rep.Streams+one.Streams, rep.Blocks+one.Blocks
		rep.Records, rep.Bytes, rep.Damage = rep.Records+one.Records, rep.Bytes+one.Bytes, append(rep.Damage, one.Damage...)
		mixed = append(mixed, own...)
	}
	return rep, mixed, nil
}

func newVerify() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "verify PATH",
		Short: "Read all of a recording and list every damage",
		Long: `Verify reads all of a recording: the pages of its files, every block and every
value. It lists each damage with segment, stream and time, and exits with 1
when there is any, or when two recordings of nodes of the same names lie in
one. Of a recording that a recorder of this machine is writing, what is on disk by
then is verified.`,
		Example: "  analyze verify incident.erg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			readers, err := paths.Archives(cmd, opening(cmd), args, true)
			if err != nil {
				return err
			}
			for _, r := range readers {
				defer r.Close()
			}
			rep, mixed, err := verified(cmd.Context(), readers)
			if err != nil {
				return err
			}
			lines := damageLines(rep.Damage)
			out := cmd.OutOrStdout()
			if f == "json" {
				err = printJSON(out, map[string]any{
					"segments": rep.Segments, "streams": rep.Streams, "blocks": rep.Blocks,
					"records": rep.Records, "bytes": rep.Bytes, "damage": lines, "mixed": mixed,
				})
			} else {
				printVerdict(out, rep, lines, args[0])
				for _, m := range mixed {
					escape.Fprintf(out, "two recordings are in one: %s\n", m)
				}
			}
			if err == nil && len(lines)+len(mixed) > 0 {
				err = exit.No
			}
			return err
		},
	}
	f.addFlag(cmd, infoFormats)
	return cmd
}
