package replay

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A Recording is one or more archives on one timeline. It is safe for
// concurrent use.
type Recording struct {
	readers []*archive.Reader

	mu    sync.Mutex
	idx   *index
	holds int    // while there are any, idx is kept though there is more
	known []Node // as of at changes
	at    uint64
	own   *Own

	looking   sync.Mutex // held while the nodes are looked at, which one caller does for all
	lifelines map[string]*lifeline
}

// Open opens the archives at the given paths.
func Open(paths ...string) (*Recording, error) { return OpenWith(archive.OpenOptions{}, paths...) }

// OpenWith is Open with options for each archive.
func OpenWith(opts archive.OpenOptions, paths ...string) (*Recording, error) {
	var readers []*archive.Reader
	for _, p := range paths {
		a, err := archive.OpenWith(p, opts)
		if err != nil {
			for _, r := range readers {
				r.Close()
			}
			return nil, err
		}
		readers = append(readers, a)
	}
	return New(readers...)
}

// New makes a recording of archives that are open; a live one is a writer's
// view. Close closes them.
func New(readers ...*archive.Reader) (*Recording, error) {
	if len(readers) == 0 {
		return nil, errors.New("open recording: no archive was named")
	}
	return &Recording{readers: readers}, nil
}

// Close closes the archives.
func (r *Recording) Close() error {
	var err error
	for _, a := range r.readers {
		err = errors.Join(err, a.Close())
	}
	return err
}

// Window is the time of the first and of the last record; zero where nothing
// was recorded.
func (r *Recording) Window() (from, to time.Time) {
	for _, a := range r.readers {
		for _, s := range a.Streams() {
			if from.IsZero() || s.From.Before(from) {
				from = s.From
			}
			if s.To.After(to) {
				to = s.To
			}
		}
	}
	return from, to
}

// Archives says what is in each archive, in the order in which they were given.
func (r *Recording) Archives() []archive.Info {
	var out []archive.Info
	for _, a := range r.readers {
		out = append(out, a.Info())
	}
	return out
}

// Streams returns what was recorded, stream by stream.
func (r *Recording) Streams() []archive.Stream {
	all := r.index().streams
	out := make([]archive.Stream, len(all))
	for i, s := range all {
		out[i] = s.Stream
	}
	return out
}

// Changes is a number that grows whenever there is more, or less: as long as it
// stays, what was asked for once is so still.
func (r *Recording) Changes() uint64 { return r.index().changes }

// A Known says whether something is so, as far as the recording can tell.
type Known int

const (
	Unknown Known = iota
	No
	Yes
)

func (k Known) String() string {
	switch k {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return "unknown"
}

// A Node is what was recorded of one node.
type Node struct {
	Name      string
	Entry     bool // the entry point: it answers calls that name no node
	Forwards  bool // an entry point: calls were forwarded by it, where others are behind it
	Lives     []Life
	Latency   Known  // built with -tags=latency
	Pprof     Known  // built with -tags=pprof
	Framework string // name and release, "" where node_info was not recorded
}

// Tags are the build tags of the node; nil where it is not known of all of them
// whether it has them.
func (n Node) Tags() []string {
	if n.Latency == Unknown || n.Pprof == Unknown {
		return nil
	}
	tags := []string{}
	if n.Latency == Yes {
		tags = append(tags, "latency")
	}
	if n.Pprof == Yes {
		tags = append(tags, "pprof")
	}
	return tags
}

// TagsOf are the build tags of a node by its name; see [Node.Tags].
func (r *Recording) TagsOf(node string) []string {
	for _, n := range r.look() {
		if n.Name == node {
			return n.Tags()
		}
	}
	return nil
}

// A Life is one incarnation, as far as it was seen.
type Life struct {
	ergo.Incarnation
	From, To time.Time // of its first and last answer
}

// A Gap is a stretch in which a node was not recorded, or not wholly. Tool is
// the tool that gave no answers while the node itself did, "" if it gave none
// at all.
type Gap struct {
	Node     string
	Tool     string
	From, To time.Time
	Why      string
}

// A Sample is one whole answer.
type Sample struct {
	Node    string
	Tool    string
	Args    []byte // all arguments of the call, JSON
	Subject string // JSON object of the arguments that say whom it is about
	At      time.Time
	Took    time.Duration
	Text    []byte
	Failure *archive.Failure // instead of an answer
}

// StreamsOf lists the streams whose answers hold a reading of a node.
func (r *Recording) StreamsOf(node string, reading ergo.Reading) (out []archive.Stream) {
	for _, s := range r.index().tells[telling{node, reading}] {
		out = append(out, s.Stream)
	}
	return out
}

// Table walks the answers of a table or object tool on one node, failed calls
// and damaged stretches too; see [Recording.Answers], which most want.
func (r *Recording) Table(ctx context.Context, node, tool string, from, to time.Time, columns []string) iter.Seq2[*archive.Frame, error] {
	return chain(ctx, r.index().tool(node, tool), from, to, columns)
}

// Samples walks the whole answers of a tool on a node ("" for all nodes), of
// every stream of that tool, in order of time.
func (r *Recording) Samples(ctx context.Context, node, tool string, from, to time.Time) iter.Seq2[Sample, error] {
	return samples(r.records(ctx, archive.Sample, node, tool, from, to))
}

func samples(records iter.Seq2[*archive.Record, error]) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		for rec, err := range records {
			var s Sample
			if rec != nil {
				s = Sample{
					Node: rec.Stream.Node, Tool: rec.Stream.Name, Args: rec.Args, Subject: rec.Subject,
					At: rec.At, Took: rec.Took, Text: rec.Text, Failure: rec.Failure,
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// Texts walks the whole answers that hold a reading of a node ("" for all
// nodes), of every stream that has it, in order of time.
func (r *Recording) Texts(ctx context.Context, node string, reading ergo.Reading, from, to time.Time) iter.Seq2[Sample, error] {
	return samples(r.merged(ctx, node, func(s stream) bool { return s.says(reading) }, archive.Query{From: from, To: to}))
}

// Holds reports whether answers of a node hold a reading.
func (r *Recording) Holds(node string, reading ergo.Reading) bool {
	return len(r.index().tells[telling{node, reading}]) > 0
}

// Records walks the whole records of every stream of some kinds, all for none, in
// order of time.
func (r *Recording) Records(ctx context.Context, q archive.Query, kinds ...archive.Kind) iter.Seq2[*archive.Record, error] {
	return r.merged(ctx, "", func(s stream) bool { return len(kinds) == 0 || slices.Contains(kinds, s.Kind) }, q)
}

// records walks the records of a kind, of a node ("" for all) and name (""
// for all).
func (r *Recording) records(ctx context.Context, kind archive.Kind, node, name string, from, to time.Time) iter.Seq2[*archive.Record, error] {
	return r.merged(ctx, node, func(s stream) bool {
		return s.Kind == kind && (name == "" || s.Name == name)
	}, archive.Query{From: from, To: to})
}

// A Profile is one raw pprof profile.
type Profile struct {
	Node, Kind string
	At         time.Time
	Took       time.Duration
	Raw        []byte // unpacked; gzipped if it was recorded so
}

// Profiles walks the raw profiles of a node ("" for all) and kind ("" for all).
func (r *Recording) Profiles(ctx context.Context, node, kind string, from, to time.Time) iter.Seq2[Profile, error] {
	return func(yield func(Profile, error) bool) {
		for rec, err := range r.records(ctx, archive.Profile, node, kind, from, to) {
			var p Profile
			if rec != nil {
				p = Profile{rec.Stream.Node, rec.Stream.Name, rec.At, rec.Took, rec.Text}
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// Marks returns the marks whose window meets [from, to], by time.
func (r *Recording) Marks(ctx context.Context, from, to time.Time) ([]archive.Mark, error) {
	var marks []archive.Mark
	var errs []error
	for _, a := range r.readers {
		for m, err := range a.Marks(ctx, from, to) {
			if err != nil && !IsDamage(err) {
				return nil, err
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			marks = append(marks, m)
		}
	}
	sortByTime(marks, func(m archive.Mark) time.Time { return m.From })
	return marks, errors.Join(errs...)
}

// Damage tells what of the archives is known to be missing; see
// archive.Reader.Damage.
func (r *Recording) Damage() (damage []*archive.CorruptionError) {
	for _, a := range r.readers {
		damage = append(damage, a.Damage()...)
	}
	return damage
}
