package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/recorder"
)

// runFlags are what `record run` was told on the command line.
type runFlags struct {
	reach
	mcp      mcpFlags
	serve    serveFlags
	out      string
	preset   string
	length   time.Duration
	interval time.Duration
	nodes    []string
	failFast bool
	keepEnv  bool
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --endpoint ADDRESS... -o PATH",
		Short: "Record a cluster until the time is over or the recorder is told to stop",
		Long: `Run finds the nodes of a cluster, samples all of them and follows their logs.
It stops cleanly at the end of --for, on Ctrl-C and on SIGTERM; a second Ctrl-C
ends it at once. Either way the archive is good.

Several endpoints are recognised as the entry points of their own nodes: each
of these nodes is asked directly, the others through whichever endpoint answers.
A replay (analyze replay) is followed by its own clock.`,
		Example: `  record run --endpoint 10.0.0.5 -o incident.erg --for 10m
  record run --endpoint a:9922 --endpoint b:9922 --token-file token -o /var/lib/erg/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRun(cmd, &f) },
	}
	f.reach.add(cmd.Flags())
	f.mcp.add(cmd.Flags())
	f.serve.add(cmd.Flags())
	fl := cmd.Flags()
	fl.StringVarP(&f.out, "output", "o", "", "the archive: NAME.erg is one file, DIR/ a directory of segments")
	fl.StringVar(&f.preset, "preset", "standard", "what is sampled: standard or light")
	fl.DurationVar(&f.length, "for", 0, "how long to record; 0 is until told to stop")
	fl.DurationVar(&f.interval, "interval", 0, "how often processes are listed; all other intervals change in proportion")
	fl.StringSliceVar(&f.nodes, "node", nil, "record only nodes whose name fits this pattern (repeatable)")
	fl.BoolVar(&f.failFast, "fail-fast", false, "end at once if no cluster answers at the start")
	fl.BoolVar(&f.keepEnv, "keep-env", false, "keep the values of environment variables")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

// options are those of the recorder, as the flags have them.
func (f *runFlags) options() (recorder.Options, error) {
	var o recorder.Options
	switch f.preset {
	case "standard":
		o = recorder.Standard()
	case "light":
		o = recorder.Light()
	default:
		return o, fmt.Errorf("preset %q: there are standard and light", f.preset)
	}
	if f.interval > 0 {
		o.Scale(f.interval)
	}
	o.Incidents.Detectors = []recorder.Detector{detector{}}
	o.For, o.Nodes, o.FailFast, o.KeepEnv, o.Timeout = f.length, f.nodes, f.failFast, f.keepEnv, f.timeout
	return o, nil
}

func runRun(cmd *cobra.Command, f *runFlags) (err error) {
	opts, err := f.options()
	if err != nil {
		return err
	}
	show := newProgress(cmd.ErrOrStderr())
	opts.Notice = show.say
	joined, err := f.joinAny(cmd.Context(), &opts, show.say)
	if err != nil {
		return err
	}
	if joined != nil {
		defer joined.Close()
	}
	router, err := f.router(joined, show.entry)
	if err != nil {
		return err
	}
	opts.Routes = router
	w, err := archive.OpenWriter(f.out, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	r, err := recorder.New(router, w, opts)
	if err != nil {
		return err
	}
	stopMCP, err := f.mcp.serve(cmd.Context(), router, w, f.out, show.say)
	if err != nil {
		return err
	}
	stopServe, err := f.serve.serve(cmd.Context(), w, f.out, show.say)
	if err != nil {
		return errors.Join(err, stopMCP())
	}
	stop := show.follow(r)
	err = r.Run(cmd.Context())
	stop()
	err = errors.Join(err, stopMCP(), stopServe())
	if errors.Is(err, context.Canceled) {
		err = nil // told to stop before a cluster was found
	}
	s := r.Status()
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d records of %d nodes in %v\n", f.out, s.Records, len(s.Nodes), elapsed(s))
	return err
}

func elapsed(s recorder.Status) time.Duration {
	if s.Began.IsZero() {
		return 0
	}
	return s.Now.Sub(s.Began).Round(time.Millisecond)
}
