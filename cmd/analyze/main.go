// Command analyze reads recordings of Ergo clusters: what is in them, what
// the cluster's tools said at any moment, and what went wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, the same for record and analyze.
const (
	exitOK       = 0
	exitNo       = 1 // a check says no
	exitUsage    = 2 // usage, input, or an error on the way
	exitFindings = 3 // --fail-on: there are findings as bad as that
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// What a command found out and has already said; run turns it into an exit
// code without another word.
var (
	errNo       = errors.New("the check says no")
	errFindings = errors.New("there are findings")
)

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, syscall.EPIPE):
		return exitOK
	}
	fmt.Fprintln(stderr, "analyze: "+err.Error())
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "analyze",
		Short:         "Read recordings of Ergo clusters: what was so, and what went wrong",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newInfo(),
		newExport(),
		newCall(),
		newReplay(),
		newMCP(), newTools(),
		newNodes(),
		newPS(),
		newReport(),
		newTimeline(),
		newTrend(),
		newLogs(),
		newProfile(),
		newDiff(),
		newTopMovers(),
		newServe(),
		newVerify(),
		newSalvage(),
	)
	return root
}
