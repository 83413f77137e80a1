package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"ergorecorder/archive"
	"ergorecorder/archive/attach"
	"ergorecorder/ergo/live"
	"ergorecorder/recorder"
	"ergorecorder/recorder/control"
)

// profilers are the nodes' own sources of raw profiles, from NODE=URL.
func profilers(list []string) (map[string]recorder.Profiler, error) {
	out := map[string]recorder.Profiler{}
	for _, s := range list {
		node, address, ok := strings.Cut(s, "=")
		if !ok {
			return nil, errors.New("pprof.nodes: give NODE=URL")
		}
		p, err := live.NewPprof(address)
		if err != nil {
			return nil, err
		}
		out[node] = p
	}
	return out, nil
}

// attach answers readers of this machine until stop is called. Without a socket
// it records all the same.
func (c *controlConfig) attach(ctx context.Context, w *archive.Writer, say func(string)) (stop func() error) {
	if !c.Socket {
		return func() error { return nil }
	}
	s, err := attach.Serve(ctx, w, attach.Place{RunDir: os.Getenv("XDG_RUNTIME_DIR"), TempDir: os.TempDir()})
	if err != nil {
		say(fmt.Sprintf("readers of this machine cannot be answered, and see only closed segments: %v", err))
		return func() error { return nil }
	}
	return s.Close
}

// serve serves the recorder's control until stop is called.
func (c *controlConfig) serve(ctx context.Context, output string, r *recorder.Recorder, w *archive.Writer, say func(string)) (stop func() error, err error) {
	if c.Listen == "" {
		return func() error { return nil }, nil
	}
	path, create := c.TokenFile, live.CreateToken
	if path == "" { // a name that anybody can guess: what lies there is not believed
		path, create = strings.TrimRight(output, string(filepath.Separator))+".token", live.RenewToken
	}
	token, err := create(path)
	if err != nil {
		return nil, err
	}
	l, err := control.Listen(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	s := &control.Server{Recorder: r, Writer: w, Token: token}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	say("control on " + l.Addr().String() + ", its token in " + path)
	return func() error { cancel(); return <-ended }, nil
}

// noteSignals opens an incident at every SIGUSR1.
func noteSignals(r *recorder.Recorder) (stop func() error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	var running sync.WaitGroup
	running.Go(func() {
		for range signals {
			r.Note("SIGUSR1")
		}
	})
	return func() error {
		signal.Stop(signals)
		close(signals)
		running.Wait()
		return nil
	}
}

// tellSystemd tells the service manager, where one started us, that a cluster
// is being recorded, and from then on that we live.
func tellSystemd(r *recorder.Recorder) (stop func() error) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		every = 10 * time.Second
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(min(every/2, time.Second))
		defer tick.Stop()
		state := daemon.SdNotifyReady
		for {
			select {
			case <-tick.C:
				if !r.Status().Began.IsZero() {
					_, _ = daemon.SdNotify(false, state) // nobody listens where there is no systemd
					state = daemon.SdNotifyWatchdog
				}
			case <-done:
				_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
				return
			}
		}
	})
	return func() error { close(done); running.Wait(); return nil }
}
