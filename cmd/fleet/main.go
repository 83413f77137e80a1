// Command fleet runs the engine of a fleet of recorders, and says how the fleet is.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(int(command.Run(ctx, newRoot(), command.Name(os.Args[0]), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) exit.Code {
	return command.Run(ctx, newRoot(), "fleet", args, stdin, stdout, stderr)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "fleet",
		Short: "Run the engine of a fleet of recorders, and see how the fleet is",
		Long: `Recorders of a fleet share the nodes of a cluster and ship what they record to an
engine: a NATS server with JetStream. This command carries one; any other does as well.`,
	}
	root.AddCommand(newEngine(), newStatus())
	command.Complete(root, nil)
	return root
}
