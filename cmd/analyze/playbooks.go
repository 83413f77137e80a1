package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/mute"
	"ergorecorder/analyze/playbook"
	"ergorecorder/analyze/setting"
	"ergorecorder/escape"
	"ergorecorder/internal/limit"
	"ergorecorder/replay"
)

func newPlaybooks() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "playbooks",
		Short: "List the playbooks: their detectors, what each needs and may claim, and its settings",
		Long: `Playbooks lists the playbooks with their detectors: which readings each needs,
which build tags make it surer, which kinds of findings it may claim, and the
numbers on which it depends, each with its default and the reason for it.

A file that is given to --settings of report, timeline, serve or mcp changes
these numbers:

  cpu:
    rise: 3
  events.lull: 30s`,
		Example: "  analyze playbooks\n  analyze playbooks --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch f {
			case "text":
				return printPlaybooks(cmd.OutOrStdout(), playbook.All())
			case "json":
				return printJSON(cmd.OutOrStdout(), playbook.All())
			}
			return f.unknown(infoFormats)
		},
	}
	f.addFlag(cmd, infoFormats)
	return cmd
}

func printPlaybooks(out io.Writer, all []playbook.Playbook) error {
	for _, b := range all {
		escape.Fprintf(out, "%s\n", b.Name)
		for _, d := range b.Detectors {
			escape.Fprintf(out, "  %s: %s\n", d.Name, d.Looks)
			for _, n := range d.Needs {
				escape.Fprintf(out, "    needs    %s, %s\n", n.Reading, needWords(n))
			}
			if d.Sharpens != nil {
				escape.Fprintf(out, "    surer    with -tags=%s\n", strings.Join(d.Sharpens, ","))
			}
			for _, k := range d.Claims {
				escape.Fprintf(out, "    claims   %s\n", string(k))
			}
			for _, s := range d.Settings {
				escape.Fprintf(out, "    setting  %s: %s (%s: %s)\n", s.Name, s.String(), s.Meaning, s.Why)
			}
		}
	}
	return nil
}

// judging are the flags of commands that judge a recording.
type judging struct {
	settings string
	mute     string
	rules    string
}

func (j *judging) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&j.settings, "settings", "", "file with numbers that detectors shall use instead of their own; see analyze playbooks")
	cmd.Flags().StringVar(&j.mute, "mute", "", "file with findings that are known; without it NAME.mute.yaml beside the archive, or mute.yaml in its directory")
	cmd.Flags().StringVar(&j.rules, "rules", "", "file with rules of your own; see analyze rules")
}

// apply puts what the flags and the files beside the archives say into the
// options.
func (j *judging) apply(opt *analyze.Options, paths []string) error {
	opt.Sturdy = true
	if j.settings != "" {
		text, err := limit.Settings.ReadFile(j.settings)
		if err != nil {
			return fmt.Errorf("--settings: %w", err)
		}
		if opt.Settings, err = setting.Parse(text, playbook.Settings()); err != nil {
			return fmt.Errorf("--settings %s: %w; analyze playbooks lists them", j.settings, err)
		}
	}
	if j.rules != "" {
		set, err := readRules(j.rules)
		if err != nil {
			return err
		}
		opt.Rules = set.Detectors()
	}
	files := []string{j.mute}
	if j.mute == "" {
		files = muteFiles(paths)
	}
	opt.Now = time.Now()
	for _, name := range files {
		text, err := limit.Settings.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && j.mute == "" {
			continue
		}
		if err != nil {
			return fmt.Errorf("--mute: %w", err)
		}
		mutes, err := mute.Parse(text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		opt.Mutes = append(opt.Mutes, mutes...)
	}
	return nil
}

// judge judges with what the flags and the files say at that time.
func (j *judging) judge(paths []string) func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) {
	return func(ctx context.Context, rec *replay.Recording, opt analyze.Options) (*analyze.Report, error) {
		if err := j.apply(&opt, paths); err != nil {
			return nil, err
		}
		return analyze.Run(ctx, rec, opt)
	}
}

// muteFiles are where the mutes of archives may lie.
func muteFiles(paths []string) []string {
	var files []string
	for _, p := range paths {
		if strings.Contains(p, "://") {
			continue
		}
		files = append(files, p+".mute.yaml")
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			files = append(files, filepath.Join(p, "mute.yaml"))
		} else {
			files = append(files, filepath.Join(filepath.Dir(p), "mute.yaml"))
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// needWords is what a detector needs of a reading.
func needWords(n detector.Need) string {
	text := fmt.Sprintf("%d answers at least", n.Least)
	if n.Whole {
		text += ", whole"
	}
	if n.Columns != nil {
		text += ", with " + strings.Join(n.Columns, ", ")
	}
	if n.Peers {
		text += ", where there are other nodes"
	}
	return text
}
