package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ergorecorder/door"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/wire"
	"ergorecorder/replay"
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
	cookie    string
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
this one. With --direct further nodes get a port of their own.

With --surface link or system every recorded node is one that can be joined, on a
loopback address: the first at --listen, the others at the ports behind it. The
line that joins them is printed. While a node was down nobody listens at its port.`,
		Example: "  analyze replay incident.erg --listen 127.0.0.1:9922 --speed 10\n  analyze replay incident.erg --surface observer --listen 127.0.0.1:9911\n  ERGO_COOKIE=any analyze replay incident.erg --surface system --listen 127.0.0.1:11144",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9922", "address of the entry point, or of the first node to join (then 127.0.0.1:11144 by default); port 0 takes a free one")
	cmd.Flags().StringArrayVar(&f.direct, "direct", nil, "NODE=ADDR: an entry point of another node; may be repeated")
	cmd.Flags().Float64Var(&f.speed, "speed", 1, "how many times faster than it was")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "file with the bearer token that callers must present (default: ERGO_MCP_TOKEN, or none)")
	cmd.Flags().StringVar(&f.certFile, "tls-cert", "", "certificate file; serves TLS")
	cmd.Flags().StringVar(&f.keyFile, "tls-key", "", "key file of the certificate")
	cmd.Flags().StringArrayVar(&f.hosts, "allow-host", nil, "a host name by which callers may address the entry points; may be repeated")
	cmd.Flags().StringVar(&f.surface, "surface", "mcp", "as what it is served: mcp (the 48 tools over HTTP), observer (the Observer application of Ergo 3.3, which reaches every node), link (nodes to join, with the 48 tools) or system (nodes of 3.3 to join, with their system application alone)")
	cmd.Flags().StringVar(&f.cookie, "cookie-file", "", "for link and system: a file with the cookie that who joins must have (default: $"+cookieEnv+")")
	f.addFlags(cmd)
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, paths []string) error {
	switch f.surface {
	case "mcp", "observer", "link", "system":
	default:
		return fmt.Errorf("--surface %q: there are mcp, observer, link and system", f.surface)
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
	c, err := serve.New(rec, opts)
	if err != nil {
		return err
	}
	if f.surface == "link" || f.surface == "system" {
		if !cmd.Flags().Changed("listen") {
			f.listen = "127.0.0.1:11144"
		}
		return f.serveMembers(cmd, c)
	}
	return f.serveEntries(cmd, rec, c, opts)
}

// serveEntries serves entry points over HTTP.
func (f *replayFlags) serveEntries(cmd *cobra.Command, rec *replay.Recording, c *serve.Cluster, opts serve.Options) error {
	token, err := bearerToken(f.tokenFile)
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

// cookieEnv is the environment variable that holds the cookie where no file is
// named.
const cookieEnv = "ERGO_COOKIE"

// serveMembers serves the recorded nodes as nodes that can be joined.
func (f *replayFlags) serveMembers(cmd *cobra.Command, c *serve.Cluster) error {
	if len(f.direct) > 0 {
		return fmt.Errorf("--direct is of --surface mcp and observer: with %s every node can be joined anyway", f.surface)
	}
	cookie, err := f.joinCookie()
	if err != nil {
		return err
	}
	road := map[string]ergo.Road{"link": ergo.RoadLink, "system": ergo.RoadSystem}[f.surface]
	first, err := memberListeners(cmd.Context(), f.listen, len(c.Nodes()))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	line := "record run"
	for i, node := range c.Nodes() {
		m, err := c.Member(node, road, cookie)
		if err != nil {
			cancel()
			return errors.Join(err, g.Wait(), closeAll(first[i:]))
		}
		address := first[i].Addr().String()
		g.Go(func() error {
			return m.Serve(ctx, first[i], func() (net.Listener, error) {
				return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
			})
		})
		escape.Fprintf(cmd.OutOrStdout(), "%s %s\n", node, address)
		line += " --join " + target(node, address)
	}
	if f.cookie != "" {
		line += " --cookie-file " + f.cookie
	}
	escape.Fprintf(cmd.OutOrStdout(), "%s -o again.erg\n", line)
	if f.cookie == "" {
		escape.Fprintf(cmd.ErrOrStderr(), "the cookie is that of $%s, which the recorder needs as well\n", cookieEnv)
	}
	return g.Wait()
}

// joinCookie is the cookie in a file, or in the environment.
func (f *replayFlags) joinCookie() (wire.Cookie, error) {
	if f.cookie != "" {
		return wire.ReadCookie(f.cookie)
	}
	c, err := wire.NewCookie(os.Getenv(cookieEnv))
	if err != nil {
		return c, fmt.Errorf("no cookie to be joined with: give --cookie-file FILE or set %s, to any word", cookieEnv)
	}
	return c, nil
}

// target is how a recorder is told to join a node at an address: the host of the
// node's name is left out of it where that is this machine anyway.
func target(node, address string) string {
	_, host, _ := strings.Cut(node, "@")
	if _, port, err := net.SplitHostPort(address); err == nil && (host == "localhost" || host == "127.0.0.1") {
		return node + ":" + port
	}
	return node + "=" + address
}

// memberListeners listen on loopback addresses for nodes: the first, and the
// ports behind it, or free ones where it has none.
func memberListeners(ctx context.Context, first string, nodes int) (list []net.Listener, err error) {
	host, port, err := net.SplitHostPort(first)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", first, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %s: nodes of a replay are joined on this machine only: give a loopback address, 127.0.0.1:11144", first)
	}
	number, err := strconv.Atoi(port)
	if err != nil || number < 0 || number > 0 && number+nodes-1 > 65535 {
		return nil, fmt.Errorf("--listen %s: no port for each of %d nodes", first, nodes)
	}
	for i := range nodes {
		at := net.JoinHostPort(host, "0")
		if number > 0 {
			at = net.JoinHostPort(host, strconv.Itoa(number+i))
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for the nodes of the replay: %w", err), closeAll(list))
		}
		list = append(list, l)
	}
	return list, nil
}

func closeAll(list []net.Listener) error {
	var errs []error
	for _, l := range list {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
