package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/cmd/internal/paths"
	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/ergo/live"
	"ergorecorder/escape"
	"ergorecorder/fleet/ask"
	"ergorecorder/web"
)

type serveOptions struct {
	judging
	listen    string
	tokenFile string
	hosts     []string
	certFile  string
	keyFile   string
	browse    bool
}

func newServe() *cobra.Command {
	var opt serveOptions
	cmd := &cobra.Command{
		Use:   "serve PATH",
		Short: "Serve a page to walk through a recording",
		Long: `Serve answers on a loopback address with a page to walk through the recording:
a slider over its findings, and at each moment the nodes, processes, supervision
trees, links, events, logs and profiles. Every view is an address to send on.

With fleet://NAME@HOST there is the fleet's page too: clusters, recorders, nodes, what
waits and incidents, as its engine tells them. Of a fleet of several clusters without
a /CLUSTER behind it, it is the only one.

Any other address than loopback needs a token: one is made and printed, or read
from --token-file. Findings are worked out while the page is already there.`,
		Example: "  analyze serve incident.erg --listen 127.0.0.1:8090",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runServe(cmd, args, opt)
		},
	}
	cmd.Flags().StringVar(&opt.listen, "listen", "127.0.0.1:8090", "the address to answer on; port 0 picks one")
	cmd.Flags().StringVar(&opt.tokenFile, "token-file", "", "read the token that readers must show from this file")
	cmd.Flags().StringSliceVar(&opt.hosts, "allow-host", nil, "further host names under which the page is reached")
	cmd.Flags().StringVar(&opt.certFile, "tls-cert", "", "certificate file; serves TLS")
	cmd.Flags().StringVar(&opt.keyFile, "tls-key", "", "key file of the certificate")
	cmd.Flags().BoolVar(&opt.browse, "open", false, "open the page in a browser where the worst finding began, when that is known")
	opt.addFlags(cmd)
	return cmd
}

func runServe(cmd *cobra.Command, given []string, opt serveOptions) error {
	options := web.Options{Name: strings.Join(sealed.Shown(cmd, given), " + "), Hosts: opt.hosts, CertFile: opt.certFile, KeyFile: opt.keyFile, Analyze: opt.judge(given)}
	fleet, err := fleetOf(cmd, given)
	if err != nil {
		return err
	}
	if fleet != nil {
		defer fleet.Close()
		options.Fleet = fleet.Fleet
	}
	rec, err := followRecording(cmd, given...)
	if fleet != nil && paths.NoOne(err) {
		escape.Fprintf(cmd.ErrOrStderr(), "analyze: %v; the fleet's page is served alone\n", err)
		return serveFleet(cmd, fleet.Of(), options, opt)
	}
	if err != nil {
		return err
	}
	defer rec.Close()
	options.Live = rec.live
	l, query, err := opt.open(&options)
	if err != nil {
		return err
	}
	defer l.Close()
	srv := web.New(rec.Recording, options)
	page := sayPage(cmd, srv, l, query)
	ctx := cmd.Context()
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		if !opt.browse {
			srv.Receive(ctx, time.Second)
		}
		say := func(text string) { escape.Fprintf(cmd.ErrOrStderr(), "analyze: %s\n", text) }
		if err := srv.Analyse(ctx); err != nil && !errors.Is(err, context.Canceled) {
			say(err.Error())
		}
		if opt.browse && ctx.Err() == nil {
			if err := browse(ctx, srv.Onset(page)); err != nil {
				say(err.Error())
			}
		}
		if rec.live {
			srv.AnalyseAgain(ctx, time.Minute, say)
		}
	}()
	err = srv.Serve(ctx, l)
	<-judged
	return err
}

// fleetOf is the fleet whose page is served too: of the first path that is the address
// of one; nil where none is.
func fleetOf(cmd *cobra.Command, given []string) (*ask.Watched, error) {
	for _, p := range given {
		if f, err := paths.FleetOf(cmd, p); f != nil || err != nil {
			return f, err
		}
	}
	return nil, nil
}

// open listens, and says how readers are admitted.
func (o *serveOptions) open(options *web.Options) (l net.Listener, query string, err error) {
	if l, err = net.Listen("tcp", o.listen); err != nil {
		return nil, "", fmt.Errorf("listen: %w", err)
	}
	if options.Token, query, err = access(l.Addr(), o.tokenFile); err != nil {
		return nil, "", errors.Join(err, l.Close())
	}
	return l, query, nil
}

// sayPage prints where the page is.
func sayPage(cmd *cobra.Command, srv *web.Server, l net.Listener, query string) string {
	page := fmt.Sprintf("%s://%s/%s", srv.Scheme(), l.Addr(), query)
	escape.Fprintf(cmd.OutOrStdout(), "%s\n", page)
	return page
}

// serveFleet serves the page of a fleet of which no one recording is asked for.
func serveFleet(cmd *cobra.Command, of string, options web.Options, opt serveOptions) error {
	l, query, err := opt.open(&options)
	if err != nil {
		return err
	}
	defer l.Close()
	srv := web.NewFleet(options, "analyze serve "+of)
	page := sayPage(cmd, srv, l, query)
	if opt.browse {
		if err := browse(cmd.Context(), page); err != nil {
			escape.Fprintf(cmd.ErrOrStderr(), "analyze: %v\n", err)
		}
	}
	return srv.Serve(cmd.Context(), l)
}

// browse opens an address with what the system opens addresses with.
func browse(ctx context.Context, address string) error {
	words := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if words == nil {
		words = []string{"xdg-open"}
	}
	if err := exec.CommandContext(ctx, words[0], append(words[1:], address)...).Run(); err != nil {
		return fmt.Errorf("open a browser with %s: %w; open %s yourself", words[0], err, address)
	}
	return nil
}

// access is the token that readers of an address must show: that of the file,
// none on loopback, else one made up here, which query hands to the reader.
func access(addr net.Addr, file string) (token live.Token, query string, err error) {
	if file != "" {
		token, err = live.ReadToken(file)
		return token, "", err
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return live.Token{}, "", nil
	}
	text := rand.Text()
	return live.NewToken(text), "?token=" + text, nil
}
