// Command analyze reads recordings of Ergo clusters: what is in them, what
// the cluster's tools said at any moment, and what went wrong.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ergorecorder/internal/exit"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(int(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exit.Of(root.ExecuteContext(ctx), "analyze", stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "analyze",
		Short:         "Read recordings of Ergo clusters: what was so, and what went wrong",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	addIdentity(root)
	root.AddCommand(
		newInfo(),
		newExport(),
		newCall(),
		newReplay(),
		newMCP(), newTools(),
		newNodes(),
		newPS(),
		newReport(), newRecheck(), newPlaybooks(),
		newTimeline(),
		newTrend(),
		newLogs(),
		newProfile(),
		newDiff(),
		newTopMovers(),
		newServe(),
		newVerify(),
		newSalvage(),
		newScrub(),
	)
	return root
}
