package replay

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay/spelled"
)

// A stream is a stream of one of the archives. It says a reading if a spelling
// declares its tool.
type stream struct {
	archive.Stream
	reader *archive.Reader
	said   ergo.Said
}

// says reports whether the stream's answers hold a reading.
func (s stream) says(r ergo.Reading) bool {
	return s.Kind == archive.Sample && slices.ContainsFunc(saidBy(s.Stream), func(x ergo.Said) bool { return x.Reading == r })
}

// saidBy are the readings that the answers of a stream hold. Whatever road they
// came by, they were stored in the spelling of the 48 tools; of a tool that this
// program does not know, the stream itself says which reading it is.
func saidBy(s archive.Stream) []ergo.Said {
	if tool, known := tools48.Spelling().Tool(s.Name); known || s.Schema.Reading == "" {
		return tool.Says
	}
	return []ergo.Said{{Reading: ergo.Reading(s.Schema.Reading)}}
}

// interval is the mean time from one record to the next, 0 where there is
// only one.
func (s stream) interval() time.Duration {
	if s.Records < 2 {
		return 0
	}
	return s.To.Sub(s.From) / time.Duration(s.Records-1)
}

// A source is what streams are looked up by: the tool of a node, whatever its
// arguments.
type source struct {
	kind archive.Kind
	node string
	name string
}

// A telling is what streams are looked up by: a reading of a node, whatever tool
// gave it.
type telling struct {
	node    string
	reading ergo.Reading
}

// An index is what the archives hold, as of some number of changes. What it
// says never changes.
type index struct {
	changes uint64
	streams []stream
	by      map[source][]stream
	tells   map[telling][]stream
	samples map[string][]stream // of a node
	of      map[string][]stream // of a node, of all kinds
	nodes   []string
	end     time.Time // of what was recorded
	entry   func() string

	once   sync.Mutex
	single map[string]bool // see oneLife
}

func newIndex(readers []*archive.Reader, changes uint64) *index {
	x := &index{changes: changes, of: map[string][]stream{}, by: map[source][]stream{}, tells: map[telling][]stream{}, samples: map[string][]stream{}, single: map[string]bool{}}
	for _, a := range readers {
		for _, s := range a.Streams() {
			st := stream{Stream: s, reader: a}
			if s.Kind == archive.Sample {
				st = x.tell(st)
			}
			if s.To.After(x.end) {
				x.end = s.To
			}
			x.streams = append(x.streams, st)
			k := source{s.Kind, s.Node, s.Name}
			x.by[k] = append(x.by[k], st)
			x.of[s.Node] = append(x.of[s.Node], st)
			if s.Kind == archive.Sample {
				x.samples[s.Node] = append(x.samples[s.Node], st)
			}
		}
	}
	x.nodes = slices.Sorted(maps.Keys(x.samples))
	x.nodes = slices.DeleteFunc(x.nodes, func(node string) bool { return node == "" })
	return x
}

// tell notes which readings a stream's answers hold. The stream that it gives
// back is known by the first of them.
func (x *index) tell(s stream) stream {
	for _, said := range slices.Backward(saidBy(s.Stream)) {
		s.said = said
		k := telling{s.Node, said.Reading}
		x.tells[k] = append(x.tells[k], s)
	}
	return s
}

// index is the index of what is there now: an archive that is being written
// grows.
func (r *Recording) index() *index {
	if x := r.heldIndex(); x != nil {
		return x
	}
	n := uint64(0)
	for _, a := range r.readers {
		n += a.Changes()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.idx == nil || r.idx.changes != n && r.holds == 0 {
		x := newIndex(r.readers, n)
		x.entry = sync.OnceValue(func() string { return r.entryPoint(x) })
		r.idx = x
	}
	return r.idx
}

// heldIndex is the index that somebody keeps to, nil if nobody does: then what
// the archive has now need not be counted.
func (r *Recording) heldIndex() *index {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holds > 0 {
		return r.idx
	}
	return nil
}

// Hold keeps to the streams that are there now until release is called: who asks much of an
// archive that is being written has them looked through once.
func (r *Recording) Hold() (release func()) {
	r.index()
	r.mu.Lock()
	r.holds++
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		r.holds--
		r.mu.Unlock()
	}
}

// widest are the streams of a node's reading that show most rows, one of each
// archive, by time: those that answered at all, with the fewest
// filters, the largest limit, the most records.
func (x *index) widest(node string, r ergo.Reading) []stream {
	return widestOf(x.tells[telling{node, r}])
}

// tool is as widest, of one tool by its name.
func (x *index) tool(node, name string) []stream {
	return widestOf(x.by[source{archive.Sample, node, name}])
}

func widestOf(streams []stream) []stream {
	best := map[*archive.Reader]stream{}
	for _, s := range streams {
		b, ok := best[s.reader]
		if !ok || wider(s, b) {
			best[s.reader] = s
		}
	}
	out := make([]stream, 0, len(best))
	for _, s := range best {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b stream) int { return a.From.Compare(b.From) })
	return out
}

func wider(a, b stream) bool {
	answered := func(s stream) int { return min(1, s.Records-s.Failures) }
	fa, la := width(a.Args)
	fb, lb := width(b.Args)
	return cmp.Or(
		cmp.Compare(answered(a), answered(b)),
		cmp.Compare(fb, fa),
		cmp.Compare(la, lb),
		cmp.Compare(a.Records, b.Records),
		strings.Compare(b.Args, a.Args),
	) > 0
}

// width counts the filters in the arguments of a listing, and says how many
// rows it shows at most.
func width(args string) (filters int, limit int64) {
	var a ergo.Args
	if args != "" {
		a, _ = ergo.ParseArgs([]byte(args)) // the archive's own canonical text
	}
	return len(a.Without("limit", "sort_by")), tools48.Limit(a)
}

// chain walks one stream after the other, each from where the one before it
// ended, so that archives that overlap in time say nothing twice.
func chain(ctx context.Context, streams []stream, from, to time.Time, fields []string) iter.Seq2[*archive.Frame, error] {
	return chained(streams, from, func(s stream, from time.Time) iter.Seq2[*archive.Frame, error] { return s.scan(ctx, from, to, fields) })
}

// chained is chain of any walk of a stream.
func chained[T any](streams []stream, from time.Time, walk func(stream, time.Time) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, s := range streams {
			for x, err := range walk(s, from) {
				if !yield(x, err) {
					return
				}
			}
			if after := s.To.Add(1); from.Before(after) {
				from = after
			}
		}
	}
}

// scan walks the stream's answers with the fields of its reading.
func (s stream) scan(ctx context.Context, from, to time.Time, fields []string) iter.Seq2[*archive.Frame, error] {
	t := spelled.New(s.Node, s.said, fields)
	if t == nil {
		return s.reader.Scan(ctx, s.StreamKey, from, to, fields)
	}
	return t.Apply(s.reader.Scan(ctx, s.StreamKey, from, to, t.Columns()))
}

// about are the streams of a node, those of all nodes for "".
func (x *index) about(node string) []stream {
	if node == "" {
		return x.streams
	}
	return x.of[node]
}

// merged walks the records of the streams of a node ("" for all) that match, of all
// archives, in order of time.
func (r *Recording) merged(ctx context.Context, node string, match func(stream) bool, q archive.Query) iter.Seq2[*archive.Record, error] {
	var matching []stream
	for _, s := range r.index().about(node) {
		if match(s) {
			matching = append(matching, s)
		}
	}
	return r.mergedOf(ctx, matching, q)
}

// mergedOf walks the records of some streams in order of time.
func (r *Recording) mergedOf(ctx context.Context, streams []stream, q archive.Query) iter.Seq2[*archive.Record, error] {
	keys := map[*archive.Reader][]archive.StreamKey{}
	for _, s := range streams {
		keys[s.reader] = append(keys[s.reader], s.StreamKey)
	}
	var walks []iter.Seq2[*archive.Record, error]
	for _, a := range r.readers {
		if keys[a] != nil {
			q.Streams = keys[a]
			walks = append(walks, a.Records(ctx, q))
		}
	}
	if len(walks) == 1 {
		return walks[0]
	}
	return mergeByTime(walks, q.Reverse)
}

// A head is the next record of a walk.
type head struct {
	rec  *archive.Record
	err  error
	next func() (*archive.Record, error, bool)
}

func mergeByTime(walks []iter.Seq2[*archive.Record, error], reverse bool) iter.Seq2[*archive.Record, error] {
	before := func(a, b *head) bool {
		if a.rec == nil || b.rec == nil {
			return a.rec == nil && b.rec != nil // errors first
		}
		if reverse {
			return a.rec.At.After(b.rec.At)
		}
		return a.rec.At.Before(b.rec.At)
	}
	return func(yield func(*archive.Record, error) bool) {
		var heads []*head
		for _, w := range walks {
			next, stop := iter.Pull2(w)
			defer stop()
			if rec, err, ok := next(); ok {
				heads = append(heads, &head{rec, err, next})
			}
		}
		for len(heads) > 0 {
			first := 0
			for i := range heads {
				if before(heads[i], heads[first]) {
					first = i
				}
			}
			h := heads[first]
			if !yield(h.rec, h.err) {
				return
			}
			var ok bool
			if h.rec, h.err, ok = h.next(); !ok {
				heads = slices.Delete(heads, first, first+1)
			}
		}
	}
}

// decode reads JSON that a node wrote, an odd cell left out; what is no such
// JSON leaves v as it is and reports false.
func decode(text []byte, v any) bool { return ergo.Decode(text, v) == nil }
