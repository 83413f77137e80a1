package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/cmd/internal/paths"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"
	"ergorecorder/fleet/merge"
	"ergorecorder/internal/exit"
	"ergorecorder/scrub"
	"ergorecorder/seal"
)

func newSalvage() *cobra.Command {
	var (
		f   format
		out string
	)
	cmd := &cobra.Command{
		Use:   "salvage PATH -o NEW",
		Short: "Recover every intact block of a damaged recording into a new one",
		Long: `Salvage writes every intact block of a recording to a new one, even when the
file's own tree is gone, and says what is lost. The damaged recording is not
touched. The exit code is 0 when the new recording stands, whatever was lost.`,
		Example: "  analyze salvage broken.erg -o saved.erg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return fmt.Errorf("salvage: say where to write the new recording: -o NEW")
			}
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			if paths.IsFar(args[0]) {
				return fmt.Errorf("salvage: %s is no file: analyze merge %s -o NEW copies what can be read of it", args[0], args[0])
			}
			file, remove, err := paths.OnDisk(args[0])
			if err != nil {
				return err
			}
			defer remove()
			s, err := archive.Salvage(cmd.Context(), file, out)
			if err != nil {
				return err
			}
			lines := damageLines(s.Lost)
			w := cmd.OutOrStdout()
			if f == "json" {
				return printJSON(w, map[string]any{
					"path": out, "streams": s.Streams, "blocks": s.Blocks, "records": s.Records, "bytes": s.Bytes, "lost": lines,
				})
			}
			printDamage(w, lines)
			escape.Fprintf(w, "recovered %s of %s: %s, %d bytes\n", counted(s.Records, "record"), counted(s.Streams, "stream"), out, s.Bytes)
			if len(lines) == 0 {
				escape.Fprintf(w, "nothing is known to be lost\n")
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the new recording, one file that does not exist")
	f.addFlag(cmd, infoFormats)
	return cmd
}

// scrubFlags are the flags of scrub.
type scrubFlags struct {
	policy, mapFile string
	out             sealed.Output
	keep            []string
	shift           time.Duration
	audit           bool
	format          format
}

func newScrub() *cobra.Command {
	var f scrubFlags
	cmd := &cobra.Command{
		Use:   "scrub PATH -o NEW | --audit PATH",
		Short: "Copy a recording without its names, so that it may leave the house",
		Long: `Scrub copies a recording. Names of nodes, hosts, processes, applications,
behaviors, functions and events, addresses, paths and what log lines say of them
are replaced, the same name by the same pseudonym everywhere; what is measured
stays as it is, and so does the verdict. In log lines ordinary words stay that
name nothing in the recording; of others, and of long numbers, how many were
replaced is told. What cannot be read is left out and counted.

A map back to the names is written with --map, readable by you alone: who has it
has the names. --audit looks at every word of a copy, and with --map for each of
the names, and exits with 1 if something is there that should not be.`,
		Example: `  analyze scrub incident.erg -o public.erg --map names.json
  analyze scrub incident.erg -o public.erg --keep applications,behaviors --shift -240h
  analyze scrub --audit public.erg --map names.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.format != "text" && f.format != "json" {
				return f.format.unknown(infoFormats)
			}
			if f.audit {
				return f.runAudit(cmd, args[0])
			}
			return f.run(cmd, args[0])
		},
	}
	fl := cmd.Flags()
	f.out.AddFlags(cmd, "the copy, one file that does not exist")
	fl.StringSliceVar(&f.keep, "keep", nil, "kinds of names that may be seen: nodes, hosts, processes, applications, events, behaviors, functions, fields, words, addresses, numbers")
	fl.StringVar(&f.policy, "policy", "", "file with further rules, see docs/share.md")
	fl.StringVar(&f.mapFile, "map", "", "write the map from names to pseudonyms to this file (with --audit: read it)")
	fl.DurationVar(&f.shift, "shift", 0, "say that everything was so much later (or earlier: -36h)")
	fl.BoolVar(&f.audit, "audit", false, "look whether a copy holds a name or a secret")
	f.format.addFlag(cmd, infoFormats)
	return cmd
}

// openArchive opens one archive as openRecording does.
func openArchive(cmd *cobra.Command, path string) (*archive.Reader, error) {
	readers, err := paths.Archives(cmd, opening(cmd), []string{path}, true)
	if err != nil {
		return nil, openError(err)
	}
	if len(readers) == 1 {
		return readers[0], nil
	}
	err = fmt.Errorf("%s holds %d recordings: analyze merge %s -o NEW makes one of them", path, len(readers), path)
	for _, r := range readers {
		err = errors.Join(err, r.Close())
	}
	return nil, err
}

func (f *scrubFlags) readPolicy(cmd *cobra.Command) (scrub.Policy, error) {
	var p scrub.Policy
	if f.policy != "" {
		file, err := os.Open(f.policy)
		if err != nil {
			return p, fmt.Errorf("read policy: %w", err)
		}
		defer file.Close()
		if p, err = scrub.ReadPolicy(file); err != nil {
			return p, err
		}
	}
	for _, k := range f.keep {
		if err := p.KeepKind(k); err != nil {
			return p, fmt.Errorf("--keep: %w", err)
		}
	}
	if cmd.Flags().Changed("shift") {
		p.Shift = f.shift
	}
	return p, nil
}

func (f *scrubFlags) run(cmd *cobra.Command, path string) (err error) {
	if f.out.Path == "" {
		return fmt.Errorf("scrub: say where to write the copy: -o NEW")
	}
	policy, err := f.readPolicy(cmd)
	if err != nil {
		return err
	}
	for _, name := range []string{f.out.Path, f.mapFile} {
		if _, err := os.Lstat(name); name != "" && err == nil {
			return fmt.Errorf("scrub: %s exists already", name)
		}
	}
	from, err := openArchive(cmd, path)
	if err != nil {
		return err
	}
	defer from.Close()
	written, res, err := f.copy(cmd, from, policy)
	if err != nil {
		return fmt.Errorf("scrub %s: %w", sealed.Shown(cmd, []string{path})[0], err)
	}
	if f.mapFile != "" {
		if err := writeMap(f.mapFile, res.Settled); err != nil {
			return err
		}
	}
	for _, d := range res.Damaged {
		fmt.Fprintf(cmd.ErrOrStderr(), "analyze: not readable: %v\n", d)
	}
	if f.format == "json" {
		return printJSON(cmd.OutOrStdout(), map[string]any{
			"path": written, "records": res.Records, "left_out": res.LeftOut, "names": res.Names, "words": res.Words, "unreadable": len(res.Damaged),
		})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %d names replaced, %d words and numbers in text replaced, %s left out\n",
		written, counted(res.Records, "record"), res.Names, res.Words, counted(res.LeftOut, "record"))
	return nil
}

// copy makes the copy, and says where: in a file, or in memory that is then
// written encrypted.
func (f *scrubFlags) copy(cmd *cobra.Command, from *archive.Reader, policy scrub.Policy) (string, *scrub.Result, error) {
	to, err := f.out.To()
	if err != nil {
		return "", nil, err
	}
	if to == nil {
		res, err := scrub.Copy(cmd.Context(), from, func(now func() time.Time) (*archive.Writer, error) {
			return archive.OpenWriter(f.out.Path, &archive.Options{Now: now})
		}, policy)
		if err != nil {
			return "", nil, errors.Join(err, removeIfThere(f.out.Path))
		}
		return f.out.Path, res, nil
	}
	m, err := seal.Memory()
	if err != nil {
		return "", nil, err
	}
	defer m.Close()
	res, err := scrub.Copy(cmd.Context(), from, func(now func() time.Time) (*archive.Writer, error) {
		return archive.OpenWriter(m.Path(), &archive.Options{Now: now, InPlace: true})
	}, policy)
	if err != nil {
		return "", nil, err
	}
	written, err := m.SealTo(f.out.Path, to)
	return written, res, err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func writeMap(path string, m *scrub.Map) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write map: %w", err)
	}
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}()
	return m.Write(file)
}

func (f *scrubFlags) runAudit(cmd *cobra.Command, path string) error {
	var m *scrub.Map
	if f.mapFile != "" {
		file, err := os.Open(f.mapFile)
		if err != nil {
			return fmt.Errorf("read map: %w", err)
		}
		defer file.Close()
		if m, err = scrub.ReadMap(file); err != nil {
			return err
		}
	}
	r, err := openArchive(cmd, path)
	if err != nil {
		return err
	}
	defer r.Close()
	hits, records, err := scrub.Audit(cmd.Context(), r, m)
	if err != nil {
		return fmt.Errorf("audit %s: %w", path, err)
	}
	w := cmd.OutOrStdout()
	if f.format == "json" {
		if err := printJSON(w, map[string]any{"path": path, "records": records, "found": hits}); err != nil {
			return err
		}
	} else {
		for i, h := range hits {
			if i == 50 {
				fmt.Fprintf(w, "and %d more\n", len(hits)-i)
				break
			}
			fmt.Fprintln(w, h)
		}
		if len(hits) == 0 {
			fmt.Fprintf(w, "%s: %s looked at, nothing found that should not be there\n", path, counted(records, "record"))
		}
	}
	if len(hits) > 0 {
		return exit.No
	}
	return nil
}

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
others were moved is told; of one whose clock was set meanwhile, that it was. Recordings of two clusters are refused, or with
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

func (f *mergeFlags) run(cmd *cobra.Command, given []string) error {
	switch {
	case f.out == "":
		return errors.New("merge: say where to write the new recording: -o NEW")
	case f.format != "text" && f.format != "json":
		return f.format.unknown(infoFormats)
	case !f.apart && (strings.HasSuffix(f.out, string(filepath.Separator)) || paths.IsFolder(f.out)):
		return fmt.Errorf("merge: %s is a directory's name: the new recording is one file (-o NEW.erg)", f.out)
	}
	shown := sealed.Shown(cmd, given)
	var inputs []merge.Input
	for i, p := range given {
		readers, err := paths.Archives(cmd, opening(cmd), []string{p}, true)
		if err != nil {
			return openError(err)
		}
		for _, r := range readers {
			defer r.Close()
			if who := r.Info().Recording; who != "" {
				escape.Fprintf(cmd.ErrOrStderr(), "analyze: %s: the newest segment is being written and is left out: %s\n", shown[i], who)
			}
			inputs = append(inputs, merge.Input{Name: shown[i], Reader: r})
		}
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
