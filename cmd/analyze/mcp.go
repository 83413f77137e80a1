package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ergorecorder/door"
	"ergorecorder/ergo/live"
	"ergorecorder/mcp"
)

func newTools() *cobra.Command {
	return &cobra.Command{
		Use:   "tools",
		Short: "List the tools that analyze mcp serves, with their arguments, as Markdown",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), mcp.Manual())
			return err
		},
	}
}

// mcpFlags are the flags of analyze mcp.
type mcpFlags struct {
	judging
	listen    []string
	tokenFile string
	callLimit time.Duration
	tools     string
	http      door.Options
}

func newMCP() *cobra.Command {
	var f mcpFlags
	cmd := &cobra.Command{
		Use:   "mcp PATH...",
		Short: "Serve a recording's tools and its diagnosis over MCP",
		Long: `Mcp serves the cluster's own inspection tools as they would have answered at
any moment of the recording, and tools that diagnose, over the Model Context
Protocol: on standard input and output, or with --listen over streamable HTTP
at http://ADDR/mcp. Several archives are one timeline.

An address other than loopback needs a bearer token, from --token-file or the
environment variable ERGO_RECORDER_TOKEN.`,
		Example: `  claude mcp add incident -- analyze mcp incident.erg
  analyze mcp incident.erg --listen 127.0.0.1:9923`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runMCP(cmd, args, f) },
	}
	cmd.Flags().StringArrayVar(&f.listen, "listen", nil, "serve streamable HTTP on this address instead of standard input; may be repeated")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "file with the bearer token that callers must give")
	cmd.Flags().StringArrayVar(&f.http.Hosts, "allow-host", nil, "a host name by which callers may address the server")
	cmd.Flags().StringArrayVar(&f.http.Origins, "allow-origin", nil, "an origin whose web pages may call, such as https://console.example.org")
	cmd.Flags().StringVar(&f.http.CertFile, "tls-cert", "", "certificate file; serves TLS")
	cmd.Flags().StringVar(&f.http.KeyFile, "tls-key", "", "key file of the certificate")
	cmd.Flags().StringVar(&f.tools, "tools", string(mcp.AllTools), "which tools are listed: "+strings.Join(mcp.ToolSets(), ", ")+"; core is short, and reaches the others through one tool; observer has the names and resources of the Observer of Ergo 3.3")
	f.addFlags(cmd)
	cmd.Flags().DurationVar(&f.callLimit, "call-limit", 2*time.Minute, "how long one call may take")
	return cmd
}

func runMCP(cmd *cobra.Command, paths []string, f mcpFlags) error {
	var err error
	if f.http.Token = live.NewToken(os.Getenv("ERGO_RECORDER_TOKEN")); f.tokenFile != "" {
		if f.http.Token, err = live.ReadToken(f.tokenFile); err != nil {
			return err
		}
	}
	set, err := mcp.ParseToolSet(f.tools)
	if err != nil {
		return fmt.Errorf("--tools: %w", err)
	}
	rec, err := followRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	s := mcp.New(mcp.Recorded(rec.Recording, strings.Join(paths, " ")), mcp.Options{
		Set:       set,
		Analyze:   f.judge(paths),
		CallLimit: f.callLimit,
		Log:       slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
	})
	ctx := cmd.Context()
	if f.listen == nil {
		err := s.ServeStdio(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
		if ctx.Err() != nil { // it was told to end
			return nil
		}
		return err
	}
	scheme := "http"
	if f.http.CertFile != "" {
		scheme = "https"
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, addr := range f.listen {
		g.Go(func() error {
			return s.ListenAndServe(ctx, addr, f.http, func(a net.Addr) {
				escape.Fprintf(cmd.ErrOrStderr(), "analyze: serving MCP on %s://%s%s\n", scheme, a, mcp.Path)
			})
		})
	}
	return g.Wait()
}
