package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/views"
	"ergorecorder/replay"
)

// A profileOptions says which profile is meant, and what to print of it.
type profileOptions struct {
	query    views.ProfileQuery
	at, with string
	peek     string
	raw      string
	limit    int
	format   format
}

func newProfile() *cobra.Command {
	var o profileOptions
	cmd := &cobra.Command{
		Use:   "profile PATH",
		Short: "Say where a node's time, memory or goroutines are",
		Long: `Profile prints the newest CPU, heap or goroutine profile of a node at or before
a moment, by function: raw profiles where they were recorded, else the text of the
node's own tools. --with compares it with an earlier one, --peek looks around one
function (its name as printed), and --raw writes the raw profile for go tool pprof.`,
		Example: `  analyze profile incident.erg --node beta@host --kind heap
  analyze profile incident.erg --node beta@host --kind cpu --with 12:00:00
  analyze profile incident.erg --node beta@host --kind cpu --peek 'app.(*Book).apply'
  analyze profile incident.erg --node beta@host --kind cpu --raw cpu.pb.gz`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.format != "text" && o.format != "json" {
				return o.format.unknown(infoFormats)
			}
			rec, err := openRecording(cmd, args[0])
			if err != nil {
				return err
			}
			defer rec.Close()
			return o.run(cmd.Context(), rec, cmd.OutOrStdout())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&o.query.Node, "node", "", "the node; a glob that matches one (default: the entry point)")
	fl.StringVar(&o.query.Kind, "kind", "cpu", "cpu, heap, alloc or goroutine")
	fl.StringVar(&o.query.Process, "pid", "", "only what ran for this process (raw profiles)")
	fl.StringVar(&o.at, "at", "end", "the moment: "+timeHelp)
	fl.StringVar(&o.with, "with", "", "compare with the newest profile at this earlier moment")
	fl.StringVar(&o.peek, "peek", "", "show who calls this function, and whom it calls (raw profiles)")
	fl.StringVar(&o.raw, "raw", "", "write the raw profile to this file, - for standard output")
	fl.IntVar(&o.limit, "limit", 20, "at most so many functions")
	o.format.addFlag(cmd, infoFormats)
	return cmd
}

func (o *profileOptions) run(ctx context.Context, rec *replay.Recording, out io.Writer) error {
	var err error
	if o.query.Node, err = oneNode(rec, o.query.Node); err != nil {
		return err
	}
	if o.query.At, err = parseTime(ctx, rec, o.at); err != nil {
		return fmt.Errorf("--at: %w", err)
	}
	switch {
	case o.raw != "":
		return o.writeRaw(ctx, rec, out)
	case o.peek != "":
		p, view, err := views.Peek(ctx, rec, o.query, o.peek)
		if err != nil {
			return err
		}
		if o.format == "json" {
			return printJSON(out, view)
		}
		return printPeek(out, p, view)
	case o.with != "":
		before, err := parseTime(ctx, rec, o.with)
		if err != nil {
			return fmt.Errorf("--with: %w", err)
		}
		base, diff, err := views.DiffProfiles(ctx, rec, o.query, before, o.limit)
		if err != nil {
			return err
		}
		return o.print(out, diff, " less the one of "+stamp(base.At))
	}
	p, err := views.Top(ctx, rec, o.query, o.limit)
	if err != nil {
		return err
	}
	return o.print(out, p, "")
}

// oneNode is the one node that a glob matches; the entry point for none.
func oneNode(rec *replay.Recording, glob string) (string, error) {
	if glob == "" {
		for _, n := range rec.Nodes() {
			if n.Entry {
				return n.Name, nil
			}
		}
		return "", errors.New("the entry point is not known: name a node with --node")
	}
	names, err := nodesLike(rec, glob)
	if err != nil {
		return "", err
	}
	if len(names) > 1 {
		return "", fmt.Errorf("--node %q: there are %q: name one", glob, names)
	}
	return names[0], nil
}

func (o *profileOptions) writeRaw(ctx context.Context, rec *replay.Recording, out io.Writer) error {
	p, err := views.Raw(ctx, rec, o.query)
	if err != nil {
		return err
	}
	if o.raw == "-" {
		return writeGzipped(out, p.Raw)
	}
	f, err := os.OpenFile(o.raw, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	if err = errors.Join(writeGzipped(f, p.Raw), f.Close()); err != nil {
		return fmt.Errorf("write profile %s: %w", o.raw, err)
	}
	escape.Fprintf(out, "%s: %s profile of %s at %s; read it with: go tool pprof %s\n", o.raw, p.Kind, p.Node, stamp(p.At), o.raw)
	return nil
}

// writeGzipped writes a profile as nodes serve it. Archives hold profiles
// unpacked, those of older recorders and broken ones as they came.
func writeGzipped(out io.Writer, profile []byte) error {
	if bytes.HasPrefix(profile, []byte{0x1f, 0x8b}) {
		_, err := out.Write(profile)
		return err
	}
	z := gzip.NewWriter(out)
	_, err := z.Write(profile)
	return errors.Join(err, z.Close())
}

func (o *profileOptions) print(out io.Writer, p *views.Profile, less string) error {
	if o.format == "json" {
		return printJSON(out, p)
	}
	measured := ""
	if p.Seconds > 0 {
		measured = fmt.Sprintf(" in %.3g s", p.Seconds)
	}
	escape.Fprintf(out, "%s of %s at %s (%s)%s\ntotal %s%s, %d of %d functions\n\n", p.Kind, p.Node, stamp(p.At), p.Source, less, amount(p.Total, p.Unit), measured, len(p.Functions), p.Rows)
	for i, n := range p.Notes {
		escape.Fprintf(out, "note: %s\n", n)
		if i == len(p.Notes)-1 {
			escape.Fprintln(out)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	escape.Fprintf(w, "FLAT\tCUMULATIVE\tCODE\t  FUNCTION\n")
	for _, r := range p.Functions {
		escape.Fprintf(w, "%s\t%s\t%s\t  %s\n", amount(r.Flat, p.Unit), amount(r.Cum, p.Unit), r.Origin, cut(out, r.Function, width(out)-40))
	}
	return w.Flush()
}

func printPeek(out io.Writer, p *views.Profile, v profiles.View) error {
	escape.Fprintf(out, "%s of %s at %s: %s flat, %s cumulative of %s\n\n", p.Kind, p.Node, stamp(p.At), amount(v.Flat, p.Unit), amount(v.Cum, p.Unit), amount(p.Total, p.Unit))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range v.Callers {
		escape.Fprintf(w, "  called by\t%s\t%s\n", amount(r.Cum, p.Unit), r.Function)
	}
	escape.Fprintf(w, "%s\t\t\n", v.Function)
	for _, r := range v.Callees {
		escape.Fprintf(w, "  calls\t%s\t%s\n", amount(r.Cum, p.Unit), r.Function)
	}
	return w.Flush()
}

// amount is a measured number for people.
func amount(v int64, unit string) string {
	switch unit {
	case "nanoseconds":
		return fmt.Sprintf("%.0f ms", float64(v)/1e6)
	case "bytes":
		return fmt.Sprintf("%.1f MiB", float64(v)/(1<<20))
	}
	return fmt.Sprint(v)
}
