package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ergorecorder/analyze"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/terminal"
)

func newTop() *cobra.Command {
	var at string
	var j judging
	cmd := &cobra.Command{
		Use:   "top PATH...",
		Short: "Walk through a recording in the terminal, full screen",
		Long: `Top shows a recording full screen: nodes, processes, the supervision tree, links,
events, log lines, findings, and who waits, at a moment that t and T, b, n and p,
space, g and G move, as in atop. A recording that is still being made is followed
at its end. ? shows all keys.`,
		Example: "  analyze top incident.erg\n  analyze top incident.erg --at @F1",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in, isIn := cmd.InOrStdin().(*os.File)
			out, isOut := cmd.OutOrStdout().(*os.File)
			if !isIn || !isOut || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
				return errors.New("top: input and output must be a terminal; analyze nodes, analyze ps and analyze report print what it shows")
			}
			rec, err := followRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rec.Close()) }()
			opt := terminal.Options{
				Name: strings.Join(sealed.Shown(cmd, args), " + "), Live: rec.live,
				Judge: func(ctx context.Context) (*analyze.Report, error) {
					return j.judge(args)(ctx, rec.Recording, analyze.Options{})
				},
			}
			if at != "" {
				if opt.At, err = parseTime(cmd.Context(), rec.Recording, at); err != nil {
					return fmt.Errorf("--at: %w", err)
				}
			}
			return terminal.Run(cmd.Context(), rec.Recording, opt, in, out, os.Environ())
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "the moment to begin with (default: the end): "+timeHelp)
	j.addFlags(cmd)
	return cmd
}
