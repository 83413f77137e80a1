// Package command holds what both commands have in common: the name by which
// they were called, the version, the manual pages, and the run.
package command

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ergorecorder/internal/exit"
)

// Name is the name by which a program was called, from its first argument: as
// built from the source analyze, as installed ergo-analyze.
func Name(arg0 string) string {
	return strings.TrimSuffix(filepath.Base(arg0), ".exe")
}

// Run gives a command the name by which it was called, its version and its
// manual pages, and runs it. What it failed of is said on stderr.
func Run(ctx context.Context, root *cobra.Command, name string, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	called := renamer(root.Name(), name)
	finish(root, name, called)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exit.Of(root.ExecuteContext(ctx), name, renaming{stderr, called})
}

func finish(root *cobra.Command, name string, called *strings.Replacer) {
	root.Use = name
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = ReadBuild().String()
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.AddCommand(newMan(root))
	each(root, func(c *cobra.Command) {
		c.Example, c.Long = called.Replace(c.Example), called.Replace(c.Long)
		c.Flags().VisitAll(func(f *pflag.Flag) { f.Usage = called.Replace(f.Usage) })
	})
}

// each visits a command and all below it.
func each(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		each(sub, visit)
	}
}
