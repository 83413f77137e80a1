package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

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
	noCache   bool
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
from --token-file. Findings are worked out while the page is already there and
kept beside the archive in PATH.findings.json (not with --no-cache).`,
		Example: "  analyze serve incident.erg --listen 127.0.0.1:8090",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runServe(cmd, args, opt)
		},
	}
	cmd.Flags().StringVar(&opt.listen, "listen", "127.0.0.1:8090", "the address to answer on; port 0 picks one")
	cmd.Flags().StringVar(&opt.tokenFile, "token-file", "", "read the token that readers must show from this file")
	cmd.Flags().StringSliceVar(&opt.hosts, "allow-host", nil, "further host names under which the page is reached")
	opt.addFlags(cmd)
	cmd.Flags().BoolVar(&opt.noCache, "no-cache", false, "do not keep findings beside the archive")
	return cmd
}

func runServe(cmd *cobra.Command, paths []string, opt serveOptions) error {
	rec, err := followRecording(cmd.Context(), paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	l, err := net.Listen("tcp", opt.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	options := web.Options{Name: strings.Join(shown(cmd, paths), " + "), Hosts: opt.hosts, Analyze: opt.judge(paths), Live: rec.live}
	var query string
	if options.Token, query, err = access(l.Addr(), opt.tokenFile); err != nil {
		return err
	}
	if !opt.noCache && !rec.live && len(paths) == 1 && !opt.own(paths) {
		options.Cache = findingsFile(strings.TrimRight(paths[0], string(filepath.Separator)) + ".findings.json")
	}
	srv := web.New(rec.Recording, options)
	escape.Fprintf(cmd.OutOrStdout(), "http://%s/%s\n", l.Addr(), query)

	ctx := cmd.Context()
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		say := func(text string) { escape.Fprintf(cmd.ErrOrStderr(), "analyze: %s\n", text) }
		if rec.live {
			srv.AnalyseAgain(ctx, 0, say)
		} else if err := srv.Analyse(ctx); err != nil && !errors.Is(err, context.Canceled) {
			say(err.Error())
		}
	}()
	err = srv.Serve(ctx, l)
	<-judged
	return err
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

// A findingsFile keeps the newest report beside an archive.
type findingsFile string

type keptFindings struct {
	Key    string          `json:"key"`
	Report json.RawMessage `json:"report"`
}

// Load is the report kept under the key, if it is the one in the file.
func (f findingsFile) Load(key string) ([]byte, bool) {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return nil, false
	}
	var k keptFindings
	if json.Unmarshal(text, &k) != nil || k.Key != key {
		return nil, false
	}
	return k.Report, true
}

// Store replaces the file, whole or not at all.
func (f findingsFile) Store(key string, report []byte) error {
	text, err := json.Marshal(keptFindings{key, report})
	if err != nil {
		return fmt.Errorf("keep findings: %w", err)
	}
	tmp := string(f) + ".tmp"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return fmt.Errorf("keep findings: %w", err)
	}
	if err := os.Rename(tmp, string(f)); err != nil {
		return fmt.Errorf("keep findings: %w", err)
	}
	return nil
}
