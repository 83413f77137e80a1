package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"ergorecorder/archive"
	"ergorecorder/ergo/live"
	"ergorecorder/recorder"
	"ergorecorder/replay"
	"ergorecorder/web"
)

// How a recording that is being written is judged for its page: its last
// hour, and first when there is a little to see.
const (
	judgeFirst = 15 * time.Second
	judgeLast  = time.Hour
)

// serveFlags say how the page on the live recording is served.
type serveFlags struct {
	addr      string
	tokenFile string
	hosts     []string
	certFile  string
	keyFile   string
	url       atomic.Pointer[string] // where the page answers, once it does
}

// opened says of an incident where the page shows its beginning.
func (f *serveFlags) opened(i recorder.Incident, say func(string)) {
	if base := f.url.Load(); base != nil {
		say(fmt.Sprintf("%s: %s?at=%s", i.Kind, *base, i.Onset.UTC().Format("2006-01-02T15:04:05.000Z")))
	}
}

func (f *serveFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.addr, "serve", "", "serve a page on the recording as it grows, on this address")
	fl.StringVar(&f.tokenFile, "serve-token-file", "", "file with the token that readers of --serve must give; needed on other addresses than loopback")
	fl.StringVar(&f.certFile, "serve-tls-cert", "", "certificate file; --serve serves TLS")
	fl.StringVar(&f.keyFile, "serve-tls-key", "", "key file of the certificate")
	fl.StringSliceVar(&f.hosts, "serve-allow-host", nil, "a host name under which the page of --serve is reached (repeatable)")
}

// serve serves --serve until ctx is done or stop is called, which waits for
// requests under way and returns the server's error. Without --serve it does
// nothing.
func (f *serveFlags) serve(ctx context.Context, w *archive.Writer, name string, say func(string)) (stop func() error, err error) {
	if f.addr == "" {
		return func() error { return nil }, nil
	}
	opt := web.Options{Name: name, Live: true, Hosts: f.hosts, CertFile: f.certFile, KeyFile: f.keyFile, Recent: judgeLast}
	if f.tokenFile != "" {
		if opt.Token, err = live.ReadToken(f.tokenFile); err != nil {
			return nil, err
		}
	}
	rec, err := replay.New(w.View())
	if err != nil {
		return nil, err
	}
	srv := web.New(rec, opt)
	l, err := srv.Listen(ctx, f.addr)
	if err != nil {
		return nil, fmt.Errorf("serve the recording: %w", err)
	}
	base := srv.Scheme() + "://" + l.Addr().String() + "/"
	say("serving the recording on " + base)
	f.url.Store(&base)
	ctx, cancel := context.WithCancel(ctx)
	served, judged := make(chan error, 1), make(chan struct{})
	go func() { served <- srv.Serve(ctx, l) }()
	go func() {
		defer close(judged)
		srv.AnalyseAgain(ctx, judgeFirst, say)
	}()
	return func() error {
		cancel()
		<-judged
		return <-served
	}, nil
}
