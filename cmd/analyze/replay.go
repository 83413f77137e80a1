package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ergorecorder/door"
	"ergorecorder/ergo/live"
	"ergorecorder/replay/serve"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	window
	listen    string
	direct    []string
	tokenFile string
	certFile  string
	keyFile   string
	hosts     []string
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
	cmd.Flags().StringVar(&f.certFile, "tls-cert", "", "certificate file; serves TLS")
	cmd.Flags().StringVar(&f.keyFile, "tls-key", "", "key file of the certificate")
	cmd.Flags().StringArrayVar(&f.hosts, "allow-host", nil, "a host name by which callers may address the entry points; may be repeated")
	cmd.Flags().StringVar(&f.surface, "surface", "mcp", "as what it is served: mcp (the 48 tools) or observer (the Observer application of Ergo 3.3, which reaches every node)")
	f.addFlags(cmd)
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, paths []string) error {
	if f.surface != "mcp" && f.surface != "observer" {
		return fmt.Errorf("--surface %q: there are mcp and observer", f.surface)
	}
	rec, err := openRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	opts := serve.Options{Speed: f.speed}
	if opts.From, opts.To, err = f.resolve(cmd.Context(), rec); err != nil {
		return err
	}
	token, err := bearerToken(f.tokenFile)
	if err != nil {
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
	way := door.New(door.Options{
		Token: token, Hosts: f.hosts, CertFile: f.certFile, KeyFile: f.keyFile,
		Types: []string{"application/json"}, MaxBody: serve.MaxBody, Calls: replayCalls,
	})
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, a := range addresses {
		h, err := c.Node(a[0])
		if f.surface == "observer" {
			h, err = c.Observer(a[0])
		}
		if err == nil {
			err = listenAs(ctx, cmd, way, g, h, a[0], a[1])
		}
		if err != nil {
			cancel()
			return errors.Join(err, g.Wait())
		}
	}
	escape.Fprintf(cmd.ErrOrStderr(), "%s to %s at %g times its speed, from the first call on\n", stamp(opts.From), stamp(opts.To), f.speed)
	return g.Wait()
}

// replayCalls: a call to a node that hung takes as long as it did then, and
// costs nothing meanwhile; a recorder has two under way for each node.
const replayCalls = 512

// listenAs serves a node's entry point, and says where.
func listenAs(ctx context.Context, cmd *cobra.Command, way *door.Door, g *errgroup.Group, h http.Handler, node, addr string) error {
	l, err := way.Listen(ctx, addr)
	if err != nil {
		return fmt.Errorf("as %s: %w", node, err)
	}
	g.Go(func() error { return way.Serve(ctx, l, way.Guard(h)) })
	escape.Fprintf(cmd.OutOrStdout(), "%s %s://%s/mcp\n", node, way.Scheme(), l.Addr())
	return nil
}

// bearerToken is the token in a file, or in ERGO_MCP_TOKEN where no file is
// named.
func bearerToken(file string) (live.Token, error) {
	if file == "" {
		return live.NewToken(os.Getenv("ERGO_MCP_TOKEN")), nil
	}
	return live.ReadToken(file)
}
