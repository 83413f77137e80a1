package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/replay/serve"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	window
	listen    string
	direct    []string
	tokenFile string
	speed     float64
	surface   string
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay PATH... --listen ADDR",
		Short: "Serve a recording as if it were a live cluster",
		Long: `Replay serves a recording as if it were a live cluster. A clock runs through
the recorded window, from the first call on; the entry point answers as it did then:
it forwards to the other nodes, refuses for those that were down, and its samplers
deliver the recorded log lines as the clock passes them. It has the limits of the
live tools too.

Every answer announces the clock and the original time of what it says, so that a
recorder follows it: "record run" on a replay gives a recording that agrees with
this one. With --direct further nodes get a port of their own.`,
		Example: "  analyze replay incident.erg --listen 127.0.0.1:9922 --speed 10\n  analyze replay incident.erg --surface observer --listen 127.0.0.1:9911",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9922", "address of the entry point; port 0 takes a free one")
	cmd.Flags().StringArrayVar(&f.direct, "direct", nil, "NODE=ADDR: an entry point of another node; may be repeated")
	cmd.Flags().Float64Var(&f.speed, "speed", 1, "how many times faster than it was")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "file with the bearer token that callers must present (default: ERGO_MCP_TOKEN, or none)")
	cmd.Flags().StringVar(&f.surface, "surface", "mcp", "as what it is served: mcp (the 48 tools) or observer (the Observer application of Ergo 3.3, which reaches every node)")
	f.addFlags(cmd)
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, paths []string) error {
	if f.surface != "mcp" && f.surface != "observer" {
		return fmt.Errorf("--surface %q: there are mcp and observer", f.surface)
	}
	rec, err := openRecording(paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	opts := serve.Options{Speed: f.speed}
	if opts.From, opts.To, err = f.resolve(cmd.Context(), rec); err != nil {
		return err
	}
	if opts.Token, err = bearerToken(f.tokenFile); err != nil {
		return err
	}
	c, err := serve.New(rec, opts)
	if err != nil {
		return err
	}
	addresses := [][2]string{{rec.Entry(), f.listen}}
	for _, d := range f.direct {
		node, addr, ok := strings.Cut(d, "=")
		if !ok {
			return fmt.Errorf("--direct %q: write NODE=ADDR", d)
		}
		addresses = append(addresses, [2]string{node, addr})
	}
	var servers []*http.Server
	failed := make(chan error, len(addresses))
	for _, a := range addresses {
		h, err := c.Node(a[0])
		if f.surface == "observer" {
			h, err = c.Observer(a[0])
		}
		if err != nil {
			return errors.Join(err, closeAll(servers))
		}
		s, err := listenAs(cmd, h, a[0], a[1], opts.Token != "", failed)
		if err != nil {
			return errors.Join(err, closeAll(servers))
		}
		servers = append(servers, s)
	}
	escape.Fprintf(cmd.ErrOrStderr(), "%s to %s at %g times its speed, from the first call on\n", stamp(opts.From), stamp(opts.To), f.speed)
	select {
	case <-cmd.Context().Done():
		return closeAll(servers)
	case err := <-failed:
		return errors.Join(err, closeAll(servers))
	}
}

// listenAs serves a node's entry point, and says where.
func listenAs(cmd *cobra.Command, h http.Handler, node, addr string, guarded bool, failed chan<- error) (*http.Server, error) {
	l, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen as %s: %w", node, err)
	}
	if host, ok := l.Addr().(*net.TCPAddr); ok && !host.IP.IsLoopback() && !guarded {
		l.Close()
		return nil, fmt.Errorf("listen on %s: other machines reach it, so it needs a token: --token-file", addr)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve as %s: %w", node, err)
		}
	}()
	escape.Fprintf(cmd.OutOrStdout(), "%s http://%s/mcp\n", node, l.Addr())
	return s, nil
}

// closeAll ends the servers: calls under way have a moment to be answered.
func closeAll(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
	return nil
}

// bearerToken is the token in a file, or in ERGO_MCP_TOKEN where no file is
// named.
func bearerToken(file string) (string, error) {
	if file == "" {
		return os.Getenv("ERGO_MCP_TOKEN"), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read token: %s is empty", file)
	}
	return token, nil
}
