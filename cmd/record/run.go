package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/exit"
	"ergorecorder/recorder"
)

// runFlags are what `record run` was told on the command line. What can stand
// in a configuration file is read through loadConfig.
type runFlags struct {
	reach
	mcp   mcpFlags
	serve serveFlags
	file  string
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
A replay (analyze replay) is followed by its own clock.

The playbooks of analyze watch what is recorded. When one claims a fault, or
SIGUSR1 arrives, or record mark is called, the profiles that a diagnosis needs
are taken, the node is sampled faster for a while, and the window is pinned.`,
		Example: `  record run --endpoint 10.0.0.5 -o incident.erg --for 10m
  record run --endpoint a:9922 --endpoint b:9922 --token-file token -o /var/lib/erg/ --keep-age 720h
  record run --config record.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRun(cmd, &f) },
	}
	f.add(cmd.Flags())
	f.mcp.add(cmd.Flags())
	f.serve.add(cmd.Flags())
	return cmd
}

// add adds the flags that stand for keys of the configuration.
func (f *runFlags) add(fl *pflag.FlagSet) {
	f.reach.add(fl)
	fl.StringVar(&f.file, "config", "", "a configuration file (YAML); record config prints one")
	fl.StringP("output", "o", "", "the archive: NAME.erg is one file, DIR/ a directory of segments")
	fl.String("preset", "standard", "what is sampled: standard or light")
	fl.Duration("for", 0, "how long to record; 0 is until told to stop")
	fl.Duration("interval", 0, "how often processes are listed; all other intervals change in proportion")
	fl.StringSlice("node", nil, "record only nodes whose name fits this pattern (repeatable)")
	fl.Bool("fail-fast", false, "end at once if no cluster answers at the start")
	fl.Bool("append", false, "go on with the archive even if it is of another cluster")
	fl.Bool("keep-env", false, "keep the values of environment variables")
	fl.Bool("keep-secrets", false, "store everything as it was said, secrets included")
	fl.Float64("budget", 0.02, "the share of a node's time that may go into our calls")
	fl.StringSlice("log-level", nil, "log levels to follow (repeatable)")
	fl.StringArray("pprof", nil, "NODE=URL: take raw profiles of a node from its /debug/pprof (repeatable)")
	fl.Bool("detect", true, "let the playbooks watch what is recorded")
	fl.String("rules", "", "file with rules of your own that open incidents as the playbooks do; see analyze rules")
	fl.String("log-match", "", "a log line that fits this pattern opens an incident")
	fl.String("incident-dir", "", "write the window of every incident into a file in this directory")
	fl.StringArray("on-incident", nil, "a command to run after an incident; its words one by one (repeatable)")
	fl.StringArray("recipient", nil, "encrypt the files of --incident-dir to this key of age or SSH, or to those in this file (repeatable); the recording itself is not encrypted")
	fl.String("incident-url", "", "post a signed message to this address when an incident begins and when it is recorded; see docs/recorder.md")
	fl.String("incident-secret-file", "", "file with the secret by which messages to --incident-url are signed: whsec_…")
	fl.Duration("keep-age", 0, "how long a directory archive keeps records; pinned windows are kept")
	fl.Int64("keep-bytes", 0, "how many bytes a directory archive may have")
	fl.Int64("max-bytes", 0, "how many bytes a file archive may have")
	fl.String("shelf", "", "put closed segments on a shelf: s3://BUCKET/PREFIX (credentials from AWS_ACCESS_KEY_ID and so on, or AWS_PROFILE), or engine, the object store of the fleet's engine; see docs/shelf.md")
	fl.String("shelf-endpoint", "", "URL of the S3 server (default: $AWS_ENDPOINT_URL, else that of AWS)")
	fl.Duration("shelf-keep-age", 0, "how long the shelf keeps segments of this archive; pinned windows are kept")
	fl.Int64("shelf-keep-bytes", 0, "how many bytes of this archive the shelf may have")
	fl.Bool("shelf-drop-local", false, "drop a segment here once it is on the shelf")
	fl.String("control", "", "steer the recorder on this loopback address, for example 127.0.0.1:9944")
	fl.Bool("socket", true, "let analyze of this user, on this machine, read the recording while it is written")
	addFleetFlags(fl)
	fl.String("control-token-file", "", "file with the token of --control; it is made if it is not there (default: OUTPUT.token, made anew at each start)")
}

// load puts the configuration together and hands the ways into the cluster
// to reach.
func (f *runFlags) load(cmd *cobra.Command) (config, error) {
	c, err := loadConfig(f.file, environment(), cmd.Flags())
	if err != nil {
		return c, err
	}
	if err := c.sane(); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	f.endpoints, f.tokens, f.caFile, f.timeout, f.maxAnswer, f.join = c.Endpoints, c.Tokens, c.CAFile, c.Timeout, c.MaxAnswer, c.Join
	return c, nil
}

// collectAt is by how many percent the heap grows until garbage is collected: most of what a
// recorder allocates are answers that are stored a moment later, and memory is what the machines of
// a cluster can spare least.
const collectAt = 25

func runRun(cmd *cobra.Command, f *runFlags) (err error) {
	ctx := cmd.Context()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	c, err := await(ctx, "read the configuration", func() (config, error) { return f.load(cmd) })
	if err != nil {
		return err
	}
	if c.Output == "" {
		return errors.New("no archive is named: give -o PATH")
	}
	if err := c.Incidents.prepare(); err != nil {
		return err
	}
	show := newProgress(cmd)
	opts, err := c.recorderOptions()
	if err != nil {
		return err
	}
	opts.Notice = show.say
	after, err := c.Incidents.aftermath(show.say)
	if err != nil {
		return err
	}
	after.hand(&opts.Incidents, func(i recorder.Incident) { f.serve.opened(i, show.say) })
	defer after.close()
	joined, err := f.joinAny(&opts, show.say)
	if err != nil {
		return err
	}
	if joined != nil {
		defer joined.Close()
	}
	shelving, err := c.Shelf.open(c.Output, &c.Fleet, show.say)
	if err != nil {
		return err
	}
	defer shelving.close()
	opts.Backlogs = append(opts.Backlogs, shelving.backlogs()...)
	entries := &strangers{show: show.entry, now: time.Now}
	router, err := await(ctx, "read tokens and certificates", func() (*live.Router, error) { return f.router(joined, entries.hear) })
	if err != nil {
		return err
	}
	opts.Routes = router
	w, err := openArchive(ctx, c.Output, show.say, func() (*archive.Writer, error) { return archive.OpenWriter(c.Output, c.archiveOptions()) })
	if err != nil {
		return err
	}
	defer func() { err = ended(err, w.Close()) }()
	fleet, err := c.Fleet.join(&opts, w, show.say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	defer shelving.start(ctx, w)()
	r, err := recorder.New(router, w, opts)
	if err != nil {
		return err
	}
	joined.nudge(r)
	entries.record(func(m archive.Mark) { r.Keep(m) })
	fleet.Start(ctx, r)
	stop, err := f.start(ctx, &c, r, router, w, show)
	if err != nil {
		return err
	}
	err = r.Run(ctx)
	err = errors.Join(err, stop())
	if errors.Is(err, context.Canceled) {
		err = nil // told to stop before a cluster was found
	}
	s := r.Status()
	escape.Fprintf(cmd.OutOrStdout(), "%s: %d records of %d nodes in %v\n", c.Output, s.Records, len(s.Nodes), elapsed(s))
	return err
}

// openTries is how often an archive is opened, a second apart, where the storage
// fails: most often it does so once.
const openTries = 3

// openArchive opens an archive. Where the storage fails it is told and tried again;
// the last time it ends the recorder as a failure of the storage does later.
func openArchive(ctx context.Context, path string, say func(string), open func() (*archive.Writer, error)) (*archive.Writer, error) {
	for n := 1; ; n++ {
		w, err := await(ctx, "open the archive "+path, open)
		switch {
		case err == nil || !storageFails(err):
			return w, err
		case n == openTries:
			return nil, exit.With(exit.No, err)
		}
		say(fmt.Sprintf("%v: it is tried again", err))
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// storageFails reports whether the storage is why: an error of the disk, or none left.
func storageFails(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ended is the error that a recording ends with: exit code 1 where the storage
// is why.
func ended(err, closed error) error {
	if closed == nil && !errors.As(err, new(*recorder.StorageError)) {
		return err
	}
	return exit.With(exit.No, errors.Join(err, closed))
}

// start starts what runs beside the recorder; stop ends all of it.
func (f *runFlags) start(ctx context.Context, c *config, r *recorder.Recorder, cluster ergo.Caller, w *archive.Writer, show *progress) (stop func() error, err error) {
	var stops []func() error
	stop = func() (err error) {
		for i := len(stops) - 1; i >= 0; i-- {
			err = errors.Join(err, stops[i]())
		}
		return err
	}
	for _, service := range []func() (func() error, error){
		func() (func() error, error) { return c.Control.attach(ctx, w, show.say), nil },
		func() (func() error, error) { return c.Control.serve(ctx, c.Output, r, w, show.say) },
		func() (func() error, error) { return f.mcp.serve(ctx, cluster, w, c.Output, show.say) },
		func() (func() error, error) { return f.serve.serve(ctx, w, c.Output, show.say) },
		func() (func() error, error) { return noteSignals(r), nil },
		func() (func() error, error) { return tellSystemd(r), nil },
		func() (func() error, error) { return show.follow(r), nil },
	} {
		end, err := service()
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		stops = append(stops, end)
	}
	return stop, nil
}

func elapsed(s recorder.Status) time.Duration {
	if s.Began.IsZero() {
		return 0
	}
	return s.Now.Sub(s.Began).Round(time.Millisecond)
}

func newConfig() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration",
		Long: `Config prints what record run would do with the same file, environment and
flags, in the form of a configuration file. A flag wins over the environment,
that over the file, that over the preset. The environment's variables are the
keys in capitals behind ` + envPrefix + `, with _ for - and __ for a step down.`,
		Example: `  record config > record.yaml
  ERGO_RECORD_INCIDENTS__PER_HOUR=2 record config --config record.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.load(cmd)
			if err != nil {
				return err
			}
			if _, err := c.recorderOptions(); err != nil {
				return err
			}
			if err := c.noSecrets(); err != nil {
				return err
			}
			text, err := c.text()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	f.add(cmd.Flags())
	return cmd
}
