// Command analyze reads recordings of Ergo clusters: what is in them, what
// the cluster's tools said at any moment, and what went wrong.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/analyze"
	"ergorecorder/analyze/views"
	"ergorecorder/cmd/internal/command"
	"ergorecorder/cmd/internal/paths"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/ergo"
	"ergorecorder/internal/exit"
	"ergorecorder/mcp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the program at once
		time.AfterFunc(endTime, func() { os.Exit(int(exit.Usage)) })
	})
	os.Exit(int(command.Run(ctx, newRoot(), command.Name(os.Args[0]), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

// endTime is how long a command that was told to end may take: no step is deaf
// for longer. What it writes is whole or not there in any case.
const endTime = 2 * time.Second

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	return command.Run(ctx, newRoot(), "analyze", args, stdin, stdout, stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "analyze",
		Short: "Read recordings of Ergo clusters: what was so, and what went wrong",
	}
	sealed.Identity(root)
	paths.Far(root)
	command.Color(root)
	expandFlag(root)
	root.AddCommand(
		newInfo(),
		newExport(),
		newCall(),
		newReplay(),
		newMCP(), newTools(),
		newNodes(),
		newPS(),
		newReport(), newRecheck(), newPlaybooks(), newRules(),
		newTimeline(),
		newTrend(),
		newLogs(),
		newProfile(),
		newDiff(), newCompare(),
		newTopMovers(),
		newServe(),
		newTop(),
		newVerify(),
		newSalvage(), newMerge(),
		newScrub(),
	)
	command.Complete(root, map[string]cobra.CompletionFunc{
		"node":     completeNode,
		"level":    command.Words(spelt(ergo.Levels())...),
		"state":    command.Words(spelt(ergo.States())...),
		"fail-on":  command.Words("warning", "critical"),
		"kind":     command.Words("cpu", "heap", "alloc", "goroutine"),
		"sort":     command.Words(views.ProcessSorts()...),
		"playbook": command.Words(analyze.PlaybookNames()...),
		"color":    command.Words("auto", "always", "never"),
		"surface":  command.Words("mcp", "observer"),
		"tools":    command.Words(mcp.ToolSets()...),
	})
	return root
}

// spelt are constants as words.
func spelt[T ~string](constants []T) []string {
	var all []string
	for _, c := range constants {
		all = append(all, string(c))
	}
	return all
}

// completeNode completes the nodes of the recording that is named already.
func completeNode(cmd *cobra.Command, paths []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(paths) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rec, err := openRecording(cmd, paths...)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer rec.Close()
	nodes, err := rec.NodesLike("*")
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return nodes, cobra.ShellCompDirectiveNoFileComp
}
