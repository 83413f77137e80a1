package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"ergorecorder/archive"
	"ergorecorder/door"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/mcp"
	"ergorecorder/replay"
)

// mcpTokenEnv is the environment variable with the token that callers of the
// recorder's own MCP server must give.
const mcpTokenEnv = "ERGO_RECORDER_TOKEN"

// mcpFlags say how the cluster, live and recorded, is offered over MCP.
type mcpFlags struct {
	addr         string
	tokenFile    string
	tools        string
	allowActions bool
	http         door.Options
}

func (f *mcpFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.addr, "mcp", "", "serve the live cluster and what is recorded of it over MCP (streamable HTTP) on this address")
	fl.StringVar(&f.tokenFile, "mcp-token-file", "", "file with the bearer token that callers of --mcp must give (default: $"+mcpTokenEnv+"); needed on other addresses than loopback")
	fl.StringVar(&f.tools, "tools", string(mcp.AllTools), "which tools --mcp lists: "+strings.Join(mcp.ToolSets(), ", ")+"; observer has the names and resources of the Observer of Ergo 3.3")
	fl.BoolVar(&f.allowActions, "allow-actions", false, "offer the tools that change the cluster over --mcp")
	fl.StringArrayVar(&f.http.Hosts, "mcp-allow-host", nil, "a host name by which callers may address --mcp (repeatable)")
	fl.StringArrayVar(&f.http.Origins, "mcp-allow-origin", nil, "an origin whose web pages may call --mcp (repeatable)")
	fl.StringVar(&f.http.CertFile, "mcp-tls-cert", "", "certificate file; --mcp serves TLS")
	fl.StringVar(&f.http.KeyFile, "mcp-tls-key", "", "key file of the certificate")
}

// serve serves --mcp until ctx is done or stop is called, which waits for
// calls under way and returns the server's error. Without --mcp it does
// nothing.
func (f *mcpFlags) serve(ctx context.Context, cluster ergo.Caller, w *archive.Writer, name string, say func(string)) (stop func() error, err error) {
	if f.addr == "" {
		return func() error { return nil }, nil
	}
	if f.http.Token = live.NewToken(os.Getenv(mcpTokenEnv)); f.tokenFile != "" {
		if f.http.Token, err = live.ReadToken(f.tokenFile); err != nil {
			return nil, err
		}
	}
	set, err := f.set()
	if err != nil {
		return nil, err
	}
	rec, err := replay.New(w.View())
	if err != nil {
		return nil, err
	}
	src := mcp.Recorded(rec, name)
	src.Live = cluster
	s := mcp.New(src, mcp.Options{
		AllowActions: f.allowActions,
		Set:          set,
		Log:          slog.New(slog.NewTextHandler(writerOf(say), nil)),
	})
	ctx, cancel := context.WithCancel(ctx)
	bound, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.ListenAndServe(ctx, f.addr, f.http, func(a net.Addr) {
			say("serving MCP on " + a.String() + mcp.Path)
			close(bound)
		})
	}()
	select {
	case <-bound:
		return func() error { cancel(); return <-ended }, nil
	case err := <-ended:
		cancel()
		return nil, err
	}
}

// set is the set of tools that is offered.
func (f *mcpFlags) set() (mcp.ToolSet, error) {
	if f.tools == "" {
		return mcp.AllTools, nil
	}
	set, err := mcp.ParseToolSet(f.tools)
	if err != nil {
		return "", fmt.Errorf("--tools: %w", err)
	}
	return set, nil
}

// writerOf writes whole lines as notices.
type writerOf func(string)

func (say writerOf) Write(line []byte) (int, error) {
	say(strings.TrimSpace(string(line)))
	return len(line), nil
}
