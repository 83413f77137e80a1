package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"
	"ergorecorder/fleet/merge"
)

// mergeFlags are the flags of merge.
type mergeFlags struct {
	out    string
	apart  bool
	format format
}

func newMerge() *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge PATH PATH... -o NEW",
		Short: "Make one recording of several that recorders made of one cluster",
		Long: `Merge makes one recording of several that recorders made of one cluster, each
of some of its nodes or of the same ones.

A reading that two recorders saw is told once: two answers to one question are
one reading if they came closer together than a third of the time from one
answer to the next. The recorder with most answers is believed, and what another
saw further away from its answers is kept. A log line is one if its words and
the time that the node wrote into it are. Marks of all are kept; a gap of one
recorder through which another saw stands only where nobody saw.

The clocks of the recorders are reconciled by the clocks of the nodes that both
asked: all times are by the recorder whose clock is nearest to those. How far the
others were moved is told. Recordings of two clusters are refused, or with
--apart kept apart: then NEW is a directory with a recording of each.`,
		Example: `  analyze merge east.erg west.erg -o whole.erg
  analyze merge --apart /backup/*.erg -o sorted/`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().StringVarP(&f.out, "output", "o", "", "the new recording, one file that does not exist; with --apart a directory")
	cmd.Flags().BoolVar(&f.apart, "apart", false, "make a recording of each cluster, in a directory")
	f.format.addFlag(cmd, infoFormats)
	return cmd
}

// A merged is what merge says of a recording that it wrote.
type merged struct {
	Path    string       `json:"path"`
	Records int          `json:"records"`
	Parts   []mergedPart `json:"parts"`
}

type mergedPart struct {
	Path    string   `json:"path"`
	Archive string   `json:"archive"`
	Records int      `json:"records"`
	Once    int      `json:"told_once"`  // answers that another recorder saw too
	Lines   int      `json:"lines_once"` // log lines and messages, likewise
	Covered int      `json:"covered"`    // gaps and losses through which another saw
	Clock   string   `json:"clock"`      // how it was reconciled
	ShiftS  float64  `json:"shift_s"`    // by which its times were moved
	Damaged []string `json:"not_read"`   // what could not be read of it
}

func (f *mergeFlags) run(cmd *cobra.Command, paths []string) error {
	switch {
	case f.out == "":
		return errors.New("merge: say where to write the new recording: -o NEW")
	case f.format != "text" && f.format != "json":
		return f.format.unknown(infoFormats)
	case !f.apart && (strings.HasSuffix(f.out, string(filepath.Separator)) || isFolder(f.out)):
		return fmt.Errorf("merge: %s is a directory's name: the new recording is one file (-o NEW.erg)", f.out)
	}
	shown := sealed.Shown(cmd, paths)
	var inputs []merge.Input
	for i, p := range paths {
		r, err := openArchive(p)
		if err != nil {
			return err
		}
		defer r.Close()
		if who := r.Info().Recording; who != "" {
			escape.Fprintf(cmd.ErrOrStderr(), "analyze: %s: the newest segment is being written and is left out: %s\n", shown[i], who)
		}
		inputs = append(inputs, merge.Input{Name: shown[i], Reader: r})
	}
	plan, err := merge.Look(cmd.Context(), inputs)
	if err != nil {
		return err
	}
	all, err := f.write(cmd, plan)
	if err != nil {
		return err
	}
	if f.format == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{"recordings": all})
	}
	for _, m := range all {
		m.print(cmd.OutOrStdout())
	}
	return nil
}

// write writes a recording of each cluster.
func (f *mergeFlags) write(cmd *cobra.Command, plan *merge.Plan) (all []merged, err error) {
	if !f.apart {
		if why := plan.Apart(); why != "" {
			return nil, fmt.Errorf("merge: %w; merge --apart makes a recording of each", &merge.ApartError{Why: why, Clusters: plan.Clusters})
		}
		one, err := writeMerged(cmd, plan, f.out)
		return []merged{one}, err
	}
	if err := os.MkdirAll(f.out, 0o700); err != nil {
		return nil, fmt.Errorf("merge: %w", err)
	}
	for i, inputs := range plan.Clusters {
		of := plan.Of(inputs)
		one, err := writeMerged(cmd, of, filepath.Join(f.out, fmt.Sprintf("%d-%s.erg", i+1, fileName(of.Name()))))
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

// fileName is a name as a part of a file's name.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r == '@' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// writeMerged writes one recording; one that could not be written whole is removed.
func writeMerged(cmd *cobra.Command, plan *merge.Plan, path string) (m merged, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, fmt.Errorf("merge: %s exists already", path)
	}
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return m, fmt.Errorf("merge: %w", err)
	}
	res, err := plan.Merge(cmd.Context(), w, merge.Options{})
	if err = errors.Join(err, w.Close()); err != nil {
		return m, fmt.Errorf("merge to %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	m = merged{Path: path, Records: res.Records}
	for _, p := range res.Parts {
		part := mergedPart{
			Path: p.Name, Archive: p.ID, Records: p.Records, Once: p.Once, Lines: p.Lines, Covered: p.Covered,
			Clock: p.Clock.String(), ShiftS: p.Shift.Seconds(), Damaged: []string{},
		}
		for _, d := range p.Damaged {
			part.Damaged = append(part.Damaged, d.Error())
		}
		m.Parts = append(m.Parts, part)
	}
	return m, nil
}

func (m merged) print(w io.Writer) {
	escape.Fprintf(w, "%s: %s of %s\n", m.Path, counted(m.Records, "record"), counted(len(m.Parts), "recording"))
	for _, p := range m.Parts {
		escape.Fprintf(w, "  %s (%s): %s", p.Path, p.Archive, counted(p.Records, "record"))
		if n := p.Once + p.Lines; n > 0 {
			escape.Fprintf(w, ", %d answers and %d lines that another recorder saw too, told once", p.Once, p.Lines)
		}
		if p.Covered > 0 {
			escape.Fprintf(w, ", %s through which another saw", counted(p.Covered, "gap"))
		}
		escape.Fprintf(w, "; clock: %s\n", p.Clock)
		for _, d := range p.Damaged {
			escape.Fprintf(w, "    not read: %s\n", d)
		}
	}
}
