// Command record records Ergo clusters into archives.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ergorecorder/cmd/internal/command"
	"ergorecorder/internal/exit"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // whatever still runs: what was taken in is safe
		os.Exit(interrupted)
	}()
	os.Exit(int(run(ctx, command.Name(os.Args[0]), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

// interrupted is the exit code of a program that SIGINT ended, as shells have it.
const interrupted = 130

func run(ctx context.Context, name string, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	return command.Run(ctx, newRoot(), name, args, stdin, stdout, stderr)
}

// version is what an archive keeps of the program that writes to it: its
// module's version, or the commit that it was built from; "" where neither is known.
func version() string {
	b := command.ReadBuild()
	if b.Version == "(devel)" {
		return b.Commit
	}
	return b.Version
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "record",
		Short: "Record an Ergo cluster into an archive",
	}
	root.AddCommand(newRun(), newConfig(), newCheck(), newStatus(), newMark(), newRotate(), newDump(), newImport())
	command.Complete(root, nil)
	return root
}
