package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/internal/inorder"
	"ergorecorder/internal/limit"
	"ergorecorder/recorder/ingest"
	"ergorecorder/seal"
)

func newImport() *cobra.Command {
	var out string
	var opt ingest.Options
	var keys, profiles []string
	var node, at string
	var more bool
	cmd := &cobra.Command{
		Use:   "import CAPTURE... -o PATH",
		Short: "Import captures, and the raw profiles that lie beside them, into an archive",
		Long: `Import reads captures (one JSON object per line, gzipped or plain; - is
standard input) into an archive. The raw profiles beside a capture NAME.jsonl.gz,
named NAME.NODE.KIND[_before].pb.gz, come in at their own time. A broken line is
named, counted and passed over; the exit code is then 2 and the rest is kept.
An archive that holds answers already is refused unless --append is given.`,
		Example: `  record import incident.jsonl.gz -o incident.erg
  record import --append -o incident.erg --node gamma@host --profile heap.pb.gz
  record import --append -o incident.erg --node gamma@host --profile goroutines.txt --at 2026-11-22T01:15:00Z`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(profiles) == 0 {
				return errors.New("import: name a capture, or a profile and its node: --node NAME@HOST --profile FILE")
			}
			if len(profiles) > 0 && node == "" {
				return errors.New("import: whose profiles are they? --node NAME@HOST")
			}
			if at != "" {
				if _, err := readAt(at); err != nil {
					return err
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImport(cmd, args, out, more, opt, keys, namedProfiles{node, profiles, at})
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the archive: NAME.erg is one file, DIR/ a directory of segments")
	cmd.Flags().BoolVar(&opt.KeepEnv, "keep-env", false, "keep the values of environment variables")
	cmd.Flags().BoolVar(&opt.KeepSecrets, "keep-secrets", false, "store everything as it was said, secrets included")
	cmd.Flags().StringArrayVar(&keys, "identity", nil, "file with the key that opens encrypted captures (repeatable)")
	cmd.Flags().BoolVar(&more, "append", false, "add to an archive that holds answers already; the same record is stored once")
	cmd.Flags().StringArrayVar(&profiles, "profile", nil, "a raw pprof profile of the node --node, whose kind and time are in it, or a goroutine dump in words (debug=1, debug=2, or of a crash) (repeatable)")
	cmd.Flags().StringVar(&at, "at", "", "when the --profile dumps in words were taken, RFC 3339 (default: when their files were written)")
	cmd.Flags().StringVar(&node, "node", "", "whose --profile files these are")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

// commitEvery is how much of an import a crash may cost, which --append makes up for; nothing is asked of the
// archive meanwhile. Of what is committed before its run ends most is written twice.
const commitEvery = 5 * time.Second

func runImport(cmd *cobra.Command, captures []string, out string, more bool, opt ingest.Options, keys []string, named namedProfiles) (err error) {
	for _, c := range captures {
		if c == "-" {
			continue
		}
		if _, err := os.Stat(c); err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
	}
	ids, err := seal.Identities(keys)
	if err != nil {
		return err
	}
	w, err := archive.OpenWriter(out, &archive.Options{CommitEvery: commitEvery})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}()
	held := w.View()
	if info := held.Info(); info.Records > 0 && !more {
		return fmt.Errorf("import: %s already holds %d records%s, from %s to %s; another incident belongs into an archive of its own (-o NEW.erg); --append adds to this one",
			out, info.Records, ofNodes(held), info.From.UTC().Format(time.RFC3339), info.To.UTC().Format(time.RFC3339))
	}
	sum := ingest.Imported{Once: more}
	for _, c := range captures {
		if err := importOne(cmd.Context(), c, cmd.InOrStdin(), w, opt, ids, &sum); err != nil {
			return err
		}
	}
	named.store(w, opt, &sum)
	for i, b := range sum.Broken {
		if i == 10 {
			escape.Fprintf(cmd.ErrOrStderr(), "%s: and %d more\n", cmd.Root().Name(), len(sum.Broken)-i)
			break
		}
		escape.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", cmd.Root().Name(), b)
	}
	escape.Fprintf(cmd.OutOrStdout(), "%s: %d answers of %d nodes and %d profiles\n", out, sum.Lines, len(sum.Nodes), sum.Profiles)
	if sum.Known > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d answers were there already and are stored once\n", sum.Known)
	}
	if len(sum.Broken) > 0 {
		return fmt.Errorf("import: %d broken lines were passed over", len(sum.Broken))
	}
	return nil
}

// ofNodes says of which nodes an archive holds answers.
func ofNodes(a *archive.Reader) string {
	var names []string
	for _, s := range a.Streams() {
		if s.Node != "" && !slices.Contains(names, s.Node) {
			names = append(names, s.Node)
		}
	}
	slices.Sort(names)
	if names == nil {
		return ""
	}
	return " of " + strings.Join(names, ", ")
}

func importOne(ctx context.Context, path string, stdin io.Reader, w *archive.Writer, opt ingest.Options, ids []seal.Identity, sum *ingest.Imported) error {
	if path == "-" {
		return ingest.Capture(ctx, stdin, w, opt, sum)
	}
	if seal.IsSealed(path) {
		o, err := seal.Open(path, ids)
		if err != nil {
			return err
		}
		defer o.Close()
		if _, err := o.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read capture: %w", err)
		}
		return ingest.Capture(ctx, o, w, opt, sum)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read capture: %w", err)
	}
	defer f.Close()
	broken := len(sum.Broken)
	if err := ingest.Capture(ctx, f, w, opt, sum); err != nil {
		return err
	}
	for i := range sum.Broken[broken:] {
		sum.Broken[broken+i] = fmt.Errorf("%s: %w", path, sum.Broken[broken+i])
	}
	return importProfiles(path, w, opt, sum)
}

// importProfiles stores the raw profiles that lie beside a capture. The node
// in a file's name is the part before the @ of one that the capture names.
func importProfiles(path string, w *archive.Writer, opt ingest.Options, sum *ingest.Imported) error {
	name, _, ok := strings.Cut(filepath.Base(path), ".jsonl")
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.pb.gz"))
	if err != nil {
		return fmt.Errorf("look for profiles: %w", err)
	}
	slices.Sort(files)
	files = slices.DeleteFunc(files, func(f string) bool {
		_, _, ok := ingest.ProfileName(filepath.Base(f), name)
		return !ok
	})
	type read struct {
		file     string
		rec      *archive.Record
		err, bad error
	}
	one := func(f string, _ read) read {
		raw, err := limit.Profile.ReadFile(f)
		if err != nil {
			return read{err: fmt.Errorf("read profile: %w", err)}
		}
		short, kind, _ := ingest.ProfileName(filepath.Base(f), name)
		rec, bad := ingest.ImportedProfile(raw, fullName(short, sum.Nodes), kind, opt)
		return read{file: f, rec: rec, bad: bad}
	}
	for r := range inorder.Map(slices.Values(files), one) {
		if r.err != nil {
			return r.err
		}
		if r.bad == nil {
			r.bad = sum.Profile(r.rec, w)
		}
		if r.bad != nil {
			sum.Broken = append(sum.Broken, fmt.Errorf("%s: %w", r.file, r.bad))
			continue
		}
		sum.Profiles++
	}
	return nil
}

func fullName(short string, nodes map[string]bool) string {
	for n := range nodes {
		if n == short || strings.HasPrefix(n, short+"@") {
			return n
		}
	}
	return short
}

// namedProfiles are raw profiles and goroutine dumps that are given by name.
type namedProfiles struct {
	node  string
	files []string
	at    string // when dumps in words were taken; "" is when their files were written
}

// store stores the profiles; those that cannot be read are named and passed over.
func (p namedProfiles) store(w *archive.Writer, opt ingest.Options, sum *ingest.Imported) {
	for _, f := range p.files {
		if err := p.storeOne(f, w, opt); err != nil {
			sum.Broken = append(sum.Broken, fmt.Errorf("%s: %w", f, err))
			continue
		}
		sum.Profiles++
	}
}

func (p namedProfiles) storeOne(file string, w *archive.Writer, opt ingest.Options) error {
	raw, err := limit.Profile.ReadFile(file)
	if err != nil {
		return err
	}
	if text, ok := ingest.Dumped(raw); ok {
		at, err := p.taken(file)
		if err != nil {
			return err
		}
		return ingest.Goroutines(text, p.node, at, w, opt)
	}
	kind, err := ingest.KindOf(raw)
	if err != nil {
		return err
	}
	return ingest.Profile(raw, p.node, kind, w, opt)
}

// taken is when a dump in words was taken: it does not say so itself.
func (p namedProfiles) taken(file string) (time.Time, error) {
	if p.at != "" {
		return readAt(p.at)
	}
	st, err := os.Stat(file)
	if err != nil {
		return time.Time{}, err
	}
	return st.ModTime().UTC(), nil
}

func readAt(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, fmt.Errorf("--at %q: give RFC 3339, such as 2026-11-22T01:15:00Z", text)
	}
	return at.UTC(), nil
}
