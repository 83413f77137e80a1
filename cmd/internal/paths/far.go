package paths

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/escape"
	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shelf"
)

// far is how addresses are asked, and which were.
type far struct {
	endpoint   string
	engine     link.Options
	cacheDir   string
	cacheBytes int64
	opened     []*ask.Opened
}

type farKey struct{}

// cacheName is the cache's directory below the user's.
const cacheName = "ergo-analyze"

// defaultCache is how large the cache may become: some hours of a large cluster.
const defaultCache = 1 << 30

// Far lets every command read what lies far away: it adds the flags, and says at the end
// what was fetched.
func Far(root *cobra.Command) {
	f := &far{}
	fl := root.PersistentFlags()
	fl.StringVar(&f.endpoint, "shelf-endpoint", "", "URL of the S3 server of s3://BUCKET/PREFIX (default: $AWS_ENDPOINT_URL, else that of AWS)")
	fl.StringVar(&f.engine.CredsFile, "engine-creds", "", "file with NATS credentials for the engine of fleet://NAME@HOST and shelf://NAME@HOST/CLUSTER")
	fl.StringVar(&f.engine.TokenFile, "engine-token-file", "", "file with the engine's token")
	fl.StringVar(&f.engine.CAFile, "engine-ca", "", "file with the certificate of who signs the engine's")
	fl.StringVar(&f.cacheDir, "cache", "", "directory that keeps what was fetched of s3://, shelf:// and fleet:// (default: "+cacheName+" in the user's cache directory)")
	fl.Int64Var(&f.cacheBytes, "cache-bytes", defaultCache, "how many bytes --cache may have")
	also := root.PersistentPreRunE
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if also != nil {
			if err := also(cmd, args); err != nil {
				return err
			}
		}
		cmd.SetContext(context.WithValue(cmd.Context(), farKey{}, f))
		return nil
	}
	root.PersistentPostRun = func(cmd *cobra.Command, _ []string) {
		for _, o := range f.opened {
			escape.Fprintf(cmd.ErrOrStderr(), "%s: fetched of %s\n", root.Name(), o.Fetched())
		}
		f.opened = nil
	}
}

// IsFar reports whether a path is an address.
func IsFar(path string) bool { return ask.IsAddress(path) }

// FleetOf connects to the engine of a fleet's address, to look at the fleet; nil where
// the path is none.
func FleetOf(cmd *cobra.Command, path string) (*ask.Watched, error) {
	f, ok := cmd.Context().Value(farKey{}).(*far)
	if !ok || !ask.IsFleet(path) {
		return nil, nil
	}
	return ask.Watch(path, f.engine)
}

// NoOne reports whether an address was not opened because it stands for no one recording.
func NoOne(err error) bool { return errors.Is(err, ask.ErrNoOne) }

// OpenFar opens an address. Apart keeps what several recorders recorded apart, else
// it is one timeline.
func OpenFar(cmd *cobra.Command, address string, apart bool) ([]*archive.Reader, error) {
	f, ok := cmd.Context().Value(farKey{}).(*far)
	if !ok {
		return nil, fmt.Errorf("open %s: this command reads files only", address)
	}
	c, err := f.cache()
	if err != nil {
		return nil, err
	}
	home, _ := os.UserHomeDir() // where there is none, neither is a file of credentials
	o := ask.Options{Shelf: shelf.Environment(os.Getenv, home), Engine: f.engine, Cache: c, Apart: apart}
	if f.endpoint != "" {
		o.Shelf.Endpoint = f.endpoint
	}
	o.From, o.To = asked(cmd)
	if !o.From.IsZero() && !o.To.IsZero() {
		o.Nodes = nodes(cmd)
	}
	opened, err := ask.Open(cmd.Context(), address, o)
	if err != nil {
		return nil, err
	}
	f.opened = append(f.opened, opened)
	for _, n := range opened.Notes {
		escape.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", cmd.Root().Name(), n)
	}
	return opened.Readers, nil
}

func (f *far) cache() (*cache.Cache, error) {
	dir := f.cacheDir
	if dir == "" {
		home, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the user's cache directory: %w: give --cache DIR", err)
		}
		dir = filepath.Join(home, cacheName)
	}
	return cache.Open(dir, f.cacheBytes, time.Now)
}

// before is how long before a moment what is shown of it may have been said, unless --over
// says more.
const before = 5 * time.Minute

// asked is the time that a command line asks about, as far as it can be told
// before anything is read: whole times. What else there is, such as -10m, asks about all, and
// so does what is compared with a time that is not told.
func asked(cmd *cobra.Command) (from, to time.Time) {
	has := func(flag string) bool { return cmd.Flags().Lookup(flag) != nil }
	switch {
	case has("with-from"):
		return spanned(cmd, "from", "to", "with-from", "with-to")
	case has("at"):
		if from, to = spanned(cmd, "at", "with"); from.IsZero() {
			return from, to
		}
		over, _ := cmd.Flags().GetDuration("over") // where there is none it is 0
		return from.Add(-max(before, over)), to
	}
	for flag, t := range map[string]*time.Time{"from": &from, "to": &to} {
		x := cmd.Flags().Lookup(flag)
		if x == nil || !x.Changed {
			continue
		}
		var err error
		if *t, err = time.Parse(time.RFC3339Nano, x.Value.String()); err != nil {
			return time.Time{}, time.Time{}
		}
	}
	return from, to
}

// spanned is the time from the first to the last that flags tell; none where one of them
// does not tell a whole time. A flag that there is not, or that says nothing unless it is given, tells nothing.
func spanned(cmd *cobra.Command, flags ...string) (from, to time.Time) {
	var told []time.Time
	for _, flag := range flags {
		x := cmd.Flags().Lookup(flag)
		if x == nil || flag == "with" && x.Value.String() == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, x.Value.String())
		if err != nil {
			return time.Time{}, time.Time{}
		}
		told = append(told, t)
	}
	if len(told) == 0 {
		return time.Time{}, time.Time{}
	}
	return slices.MinFunc(told, time.Time.Compare), slices.MaxFunc(told, time.Time.Compare)
}

// alone is of a flag --node that names all that its command looks at.
const alone = "alone"

// OneNode says that the command looks at what the nodes of its flag --node said, and at
// nothing else: of a fleet, no more is fetched where the time is told as well.
func OneNode(cmd *cobra.Command) {
	if err := cmd.Flags().SetAnnotation("node", alone, nil); err != nil {
		panic(err) // there is no such flag: any test that makes the command shows it
	}
}

// nodes are those that a command line asks about; nil: all.
func nodes(cmd *cobra.Command) func(string) bool {
	x := cmd.Flags().Lookup("node")
	if x == nil || !x.Changed || x.Value.String() == "" {
		return nil
	}
	if _, ok := x.Annotations[alone]; !ok {
		return nil
	}
	glob := x.Value.String()
	return func(name string) bool {
		ok, err := path.Match(glob, name)
		return ok || err != nil || name == glob
	}
}

// Archives opens paths as archives, files and addresses. What cannot be read
// of one is damage of it.
func Archives(cmd *cobra.Command, opts archive.OpenOptions, paths []string, apart bool) (readers []*archive.Reader, err error) {
	defer func() {
		if err != nil {
			for _, r := range readers {
				err = errors.Join(err, r.Close())
			}
			readers = nil
		}
	}()
	for _, p := range paths {
		if IsFar(p) {
			more, err := OpenFar(cmd, p, apart)
			if err != nil {
				return readers, err
			}
			readers = append(readers, more...)
			continue
		}
		file, remove, err := OnDisk(p)
		if err != nil {
			return readers, err
		}
		r, err := archive.OpenWith(file, opts)
		remove() // what is open stays readable
		if err != nil {
			return readers, err
		}
		readers = append(readers, r)
	}
	return readers, nil
}
