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

	"ergorecorder/cmd/internal/sealed"
	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/ergo/live"
	"ergorecorder/web"
)

type serveOptions struct {
	judging
	listen    string
	tokenFile string
	hosts     []string
	certFile  string
	keyFile   string
	open      bool
}

func newServe() *cobra.Command {
	var opt serveOptions
	cmd := &cobra.Command{
		Use:   "serve PATH",
		Short: "Serve a page to walk through a recording",
		Long: `Serve answers on a loopback address with a page to walk through the recording:
a slider over its findings, and at each moment the nodes, processes, supervision
trees, links, events, logs and profiles. Every view is an address to send on.

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
	cmd.Flags().BoolVar(&opt.open, "open", false, "open the page in a browser where the worst finding began, when that is known")
	opt.addFlags(cmd)
	return cmd
}

func runServe(cmd *cobra.Command, paths []string, opt serveOptions) error {
	rec, err := followRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	l, err := net.Listen("tcp", opt.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	options := web.Options{Name: strings.Join(sealed.Shown(cmd, paths), " + "), Hosts: opt.hosts, CertFile: opt.certFile, KeyFile: opt.keyFile, Analyze: opt.judge(paths), Live: rec.live}
	var query string
	if options.Token, query, err = access(l.Addr(), opt.tokenFile); err != nil {
		return err
	}
	srv := web.New(rec.Recording, options)
	page := fmt.Sprintf("%s://%s/%s", srv.Scheme(), l.Addr(), query)
	escape.Fprintf(cmd.OutOrStdout(), "%s\n", page)

	ctx := cmd.Context()
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		say := func(text string) { escape.Fprintf(cmd.ErrOrStderr(), "analyze: %s\n", text) }
		if err := srv.Analyse(ctx); err != nil && !errors.Is(err, context.Canceled) {
			say(err.Error())
		}
		if opt.open && ctx.Err() == nil {
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
