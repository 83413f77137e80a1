package ask

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/merge"
	"ergorecorder/fleet/shape"
)

// FleetScheme begins the address of a fleet: fleet://NAME@HOST[:PORT][/CLUSTER].
const FleetScheme = "fleet://"

// A place is what the address of a fleet says.
type place struct {
	fleet, hosts, cluster string
}

func parseFleet(address string) (p place, err error) {
	p, p.cluster, err = parsePlace(address, FleetScheme)
	if err == nil && strings.Contains(p.cluster, "/") {
		err = fmt.Errorf("fleet %q: nothing stands behind the cluster", address)
	}
	return p, err
}

// parsePlace reads SCHEME NAME@HOST[:PORT][/CLUSTER[/MORE]].
func parsePlace(address, scheme string) (p place, rest string, err error) {
	name, at, ok := strings.Cut(strings.TrimPrefix(address, scheme), "@")
	p.fleet = name
	p.hosts, rest, _ = strings.Cut(at, "/")
	rest = strings.TrimSuffix(rest, "/")
	cluster, _, _ := strings.Cut(rest, "/")
	if !ok || p.hosts == "" || shape.CheckName("fleet", name) != nil || rest != "" && shape.CheckName("cluster", cluster) != nil {
		return p, "", fmt.Errorf("address %q: give %sNAME@HOST[:PORT] or %sNAME@HOST[:PORT]/CLUSTER", address, scheme, scheme)
	}
	return p, rest, nil
}

// engineTime is how long the engine may take to answer.
const engineTime = 5 * time.Second

// A fetch is what is taken from the engine for one address.
type fetch struct {
	place
	o       Options
	link    *link.Link
	js      jetstream.JetStream
	stream  jetstream.Stream
	dir     string // of the files that are built
	bytes   int64  // that came from the engine
	reads   int64  // bodies of messages that did
	cached  int64  // and of the cache
	held    uint64 // bytes of the stream
	strange int    // messages that are none of a fleet's
	missed  int    // that did not come, or not whole
	away    error  // the engine did not answer: nothing more is asked
	sources map[uint64]*fetched
}

func openFleet(ctx context.Context, address string, o Options) (out *Opened, err error) {
	p, err := parseFleet(address)
	if err != nil {
		return nil, err
	}
	if o.Wait <= 0 {
		o.Wait = engineTime
	}
	l, err := p.dial(o.Engine)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	defer l.Close()
	f := &fetch{place: p, o: o, link: l, js: l.JetStream(), sources: map[uint64]*fetched{}}
	if err := f.reach(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	if f.dir, err = f.temp(); err != nil {
		return nil, err
	}
	defer os.RemoveAll(f.dir) // what is open stays readable
	defer f.closeFiles()
	if err := f.all(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	return f.open(ctx, address)
}

// reach waits until the engine answers.
func (p place) reach(ctx context.Context, l *link.Link, wait time.Duration) error {
	if wait <= 0 {
		wait = engineTime
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := l.Wait(ctx); err != nil {
		return fmt.Errorf("%w (is it running, and are --engine-creds or --engine-token-file right?)", err)
	}
	return nil
}

func (f *fetch) reach(ctx context.Context) error { return f.place.reach(ctx, f.link, f.o.Wait) }

// temp makes a directory for what is built.
func (f *fetch) temp() (string, error) {
	in := ""
	if f.o.Cache != nil {
		in = f.o.Cache.Dir()
	}
	dir, err := os.MkdirTemp(in, "fleet-")
	if err != nil {
		return "", fmt.Errorf("keep what the fleet gives: %w", err)
	}
	return dir, nil
}

// all fetches what of the cluster's stream is asked about.
func (f *fetch) all(ctx context.Context) error {
	if err := f.findCluster(ctx); err != nil {
		return err
	}
	s, err := f.js.Stream(ctx, shape.Stream(f.fleet, f.cluster))
	if err != nil {
		return fmt.Errorf("cluster %s: %w", f.cluster, err)
	}
	f.stream, f.held = s, s.CachedInfo().State.Bytes
	heads, err := f.heads(ctx)
	if err != nil {
		return err
	}
	if heads, err = wanted(heads, &f.o); err != nil {
		return err
	}
	return f.bodies(ctx, heads)
}

// closeFiles closes the files that were built, or begun: what is opened has files of its own.
func (f *fetch) closeFiles() {
	for _, s := range f.sources {
		_ = s.file.Close() // mostly it is closed already
	}
}

// findCluster is the fleet's only cluster, where the address names none.
func (f *fetch) findCluster(ctx context.Context) error {
	if f.cluster != "" {
		return nil
	}
	var clusters []string
	names := f.js.StreamNames(ctx, jetstream.WithStreamListSubject(shape.All(f.fleet, "*")))
	for n := range names.Name() {
		if c, ok := shape.ClusterOf(f.fleet, n); ok {
			clusters = append(clusters, c)
		}
	}
	if err := names.Err(); err != nil {
		return err
	}
	slices.Sort(clusters)
	switch len(clusters) {
	case 0:
		return fmt.Errorf("no cluster of fleet %s has shipped anything: %w", f.fleet, ErrNoOne)
	case 1:
		f.cluster = clusters[0]
		return nil
	}
	return fmt.Errorf("the fleet has %d clusters: name one: fleet://%s@%s/%s (there are %s): %w", len(clusters), f.fleet, f.hosts, clusters[0], strings.Join(clusters, ", "), ErrNoOne)
}

// open opens what came.
func (f *fetch) open(ctx context.Context, address string) (*Opened, error) {
	out := &Opened{}
	said := fmt.Sprintf("%s: %.1f MB of %.1f MB in %d messages, %d more of the cache", address, float64(f.bytes)/1e6, float64(f.held)/1e6, f.reads, f.cached)
	out.Fetched = func() string { return said }
	out.Bytes = func() (bytes, reads int64) { return f.bytes, f.reads }
	if f.strange > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%s: %d messages are none of a fleet's recorders", address, f.strange))
	}
	var inputs []merge.Input
	for id, s := range f.sources {
		more, err := f.openSource(ctx, id, s)
		inputs = append(inputs, more...)
		if err != nil {
			return nil, errors.Join(err, closeAll(inputs))
		}
	}
	if f.missed > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%s: %d messages could not be fetched: gaps in what is shown", address, f.missed))
	}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("open %s: nothing of the time asked about is there", address)
	}
	slices.SortFunc(inputs, func(a, b merge.Input) int { return strings.Compare(a.Name, b.Name) })
	return out, out.timeline(ctx, inputs, f.o)
}
