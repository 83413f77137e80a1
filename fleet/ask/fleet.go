package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/archive"
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
	rest := strings.TrimPrefix(address, FleetScheme)
	name, at, ok := strings.Cut(rest, "@")
	p.fleet = name
	p.hosts, p.cluster, _ = strings.Cut(at, "/")
	if !ok || p.hosts == "" || shape.CheckName("fleet", name) != nil || p.cluster != "" && shape.CheckName("cluster", p.cluster) != nil {
		return p, fmt.Errorf("fleet %q: give fleet://NAME@HOST[:PORT] or fleet://NAME@HOST[:PORT]/CLUSTER", address)
	}
	return p, nil
}

const (
	// engineTime is how long the engine may take to answer at first.
	engineTime = 5 * time.Second
	// runSpan is how long a block may span at most: what came that long before the time
	// asked about may reach into it, or tell what was so when it began.
	runSpan = 2 * time.Hour
	// atOnce are how many messages are asked for in one request.
	atOnce = 500
)

// A fetch is what is taken from the engine for one address.
type fetch struct {
	place
	o       Options
	js      jetstream.JetStream
	dir     string // of the files that are built
	bytes   int64
	blocks  int
	held    uint64
	sources map[uint64]*fetched // by archive
}

// fetched is what came of one archive.
type fetched struct {
	file    *os.File
	flat    *archive.FlatBuilder
	pieces  map[string]*pieces
	marks   map[uint64]marked
	seqs    map[uint64]bool // of marks that came in blocks
	missing []archive.Mark  // blocks that should have come, as gaps
}

type marked struct {
	node, kind string
	at         time.Time
	text       []byte
}

// pieces are those of a block that is larger than a message.
type pieces struct {
	head  shape.Block
	parts [][]byte
}

func openFleet(ctx context.Context, address string, o Options) (out *Opened, err error) {
	p, err := parseFleet(address)
	if err != nil {
		return nil, err
	}
	l, err := p.dial(o.Engine)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	defer l.Close()
	if err := reach(ctx, l); err != nil {
		return nil, fmt.Errorf("open %s: %w (is it running, and are --engine-creds or --engine-token-file right?)", address, err)
	}
	f := &fetch{place: p, o: o, js: l.JetStream(), sources: map[uint64]*fetched{}}
	if f.dir, err = f.temp(); err != nil {
		return nil, err
	}
	defer os.RemoveAll(f.dir) // what is open stays readable
	if err := f.all(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	return f.open(ctx, address)
}

// reach waits until the engine answers.
func reach(ctx context.Context, l *link.Link) error {
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	return l.Wait(ctx)
}

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
	f.held = s.CachedInfo().State.Bytes
	whole := f.o.From.IsZero() && f.o.To.IsZero()
	var heads []head
	err = f.walk(ctx, s, shape.Wanted(f.fleet, f.cluster, shape.ClassBlock, "*"), !whole, func(m jetstream.Msg, b shape.Block, seq uint64) error {
		if whole {
			return f.add(b, m.Data())
		}
		heads = append(heads, head{b, seq})
		return nil
	})
	if err != nil {
		return err
	}
	for _, h := range wanted(heads, f.o.From, f.o.To) {
		raw, err := s.GetMsg(ctx, h.seq)
		if err == nil {
			err = f.add(h.block, raw.Data)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			f.miss(h.block, err)
		}
	}
	for _, class := range []string{shape.ClassMark, shape.ClassIncident, shape.ClassFinding} {
		if err := f.walkMarks(ctx, s, class); err != nil {
			return err
		}
	}
	return nil
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

// A head is a block that is on the engine.
type head struct {
	block shape.Block
	seq   uint64
}

// wanted are the blocks that hold something of the time asked about, and of each part
// of a stream the newest before it.
func wanted(heads []head, from, to time.Time) (list []head) {
	type part struct {
		archive uint64
		stream  uint32
		part    int
	}
	before := map[part]uint64{} // Run of the newest block before the time
	for _, h := range heads {
		if k := (part{h.block.Archive, h.block.Stream, h.block.Part}); h.block.To.Before(from) {
			before[k] = max(before[k], h.block.Run)
		}
	}
	for _, h := range heads {
		b := &h.block
		within := !b.To.Before(from) && (to.IsZero() || !b.From.After(to))
		if within || b.Run == before[part{b.Archive, b.Stream, b.Part}] {
			list = append(list, h)
		}
	}
	return list
}

// walk walks the messages of blocks, without their bodies if heads is true.
func (f *fetch) walk(ctx context.Context, s jetstream.Stream, filter string, heads bool, each func(jetstream.Msg, shape.Block, uint64) error) error {
	return f.messages(ctx, s, filter, heads, func(m jetstream.Msg, seq uint64) error {
		b, err := shape.ParseBlock(m.Subject(), m.Headers().Get)
		if err != nil {
			return err
		}
		return each(m, b, seq)
	})
}

// messages walks the messages that are there now, from a while before the time asked
// about on.
func (f *fetch) messages(ctx context.Context, s jetstream.Stream, filter string, heads bool, each func(jetstream.Msg, uint64) error) error {
	c := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, FilterSubject: filter, HeadersOnly: heads, MemoryStorage: true, InactiveThreshold: time.Minute, Replicas: 1,
	}
	if !f.o.From.IsZero() {
		from := f.o.From.Add(-runSpan)
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	cons, err := s.CreateConsumer(ctx, c)
	if err != nil {
		return err
	}
	for left := cons.CachedInfo().NumPending; left > 0; {
		batch, err := cons.Fetch(int(min(left, atOnce)), jetstream.FetchMaxWait(engineTime))
		if err != nil {
			return err
		}
		n := uint64(0)
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err == nil {
				err = each(m, meta.Sequence.Stream)
			}
			if err != nil {
				return err
			}
			n++
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%d messages were promised and do not come", left)
		}
		left -= min(n, left)
	}
	return nil
}

// source is what came of an archive so far.
func (f *fetch) source(id uint64) (*fetched, error) {
	if s := f.sources[id]; s != nil {
		return s, nil
	}
	file, err := os.OpenFile(filepath.Join(f.dir, archive.ArchiveID(id)+".ergf"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	segment := 1
	if !f.o.From.IsZero() {
		segment = 2 // what came before is not missed
	}
	s := &fetched{file: file, flat: archive.NewFlat(file, id, segment), pieces: map[string]*pieces{}, marks: map[uint64]marked{}, seqs: map[uint64]bool{}}
	f.sources[id] = s
	return s, nil
}

// add adds a block, or a piece of one.
func (f *fetch) add(b shape.Block, body []byte) error {
	s, err := f.source(b.Archive)
	if err != nil {
		return err
	}
	f.bytes += int64(len(body))
	if b.Pieces > 1 {
		id := shape.BlockID(b.Archive, b.Run, b.Last, b.Part, 1, 1) + fmt.Sprint(" ", b.Pieces, " ", b.Sum)
		p := s.pieces[id]
		if p == nil {
			p = &pieces{b, make([][]byte, b.Pieces)}
			s.pieces[id] = p
		}
		p.parts[b.Piece-1] = slices.Clone(body)
		if slices.ContainsFunc(p.parts, func(x []byte) bool { return x == nil }) {
			return nil
		}
		delete(s.pieces, id)
		body = slices.Concat(p.parts...)
	}
	block, err := archive.ParseBlock(body)
	if err == nil {
		err = s.flat.Add(block)
	}
	if err != nil {
		f.miss(b, err)
		return nil
	}
	f.blocks++
	return nil
}

// miss notes that a block did not come, or not whole.
func (f *fetch) miss(b shape.Block, why error) {
	s, err := f.source(b.Archive)
	if err != nil {
		return // then nothing of the archive is opened, which is an error
	}
	s.missing = append(s.missing, archive.Mark{
		Kind: archive.MarkGap, Node: b.Node, From: b.From, To: b.To,
		Note: fmt.Sprintf("%d records of archive %s could not be fetched from the fleet's engine: %v", b.Records, archive.ArchiveID(b.Archive), why),
	})
}

// walkMarks takes marks that were shipped before their blocks were.
func (f *fetch) walkMarks(ctx context.Context, s jetstream.Stream, class string) error {
	return f.messages(ctx, s, shape.Wanted(f.fleet, f.cluster, class, "*"), false, func(m jetstream.Msg, _ uint64) error {
		sub, err := shape.ParseSubject(m.Subject())
		if err != nil {
			return err
		}
		_, number, _ := strings.Cut(m.Headers().Get(shape.HeaderID), "-m")
		seq, err1 := strconv.ParseUint(number, 10, 64)
		at, err2 := shape.ParseTime(m.Headers().Get(shape.HeaderTo))
		if errors.Join(err1, err2) != nil || !json.Valid(m.Data()) {
			return fmt.Errorf("message %s is no mark", m.Subject())
		}
		src, err := f.source(sub.Archive)
		if err != nil {
			return err
		}
		f.bytes += int64(len(m.Data()))
		src.marks[seq] = marked{sub.Node, sub.Kind, at, slices.Clone(m.Data())}
		return nil
	})
}

// open opens what came.
func (f *fetch) open(ctx context.Context, address string) (*Opened, error) {
	out := &Opened{}
	said := fmt.Sprintf("%s: %.1f MB of %.1f MB in %d blocks", address, float64(f.bytes)/1e6, float64(f.held)/1e6, f.blocks)
	out.Fetched = func() string { return said }
	out.Bytes = func() (bytes, reads int64) { return f.bytes, int64(f.blocks) }
	var inputs []merge.Input
	for id, s := range f.sources {
		more, err := f.openSource(ctx, id, s)
		inputs = append(inputs, more...)
		if err != nil {
			return nil, errors.Join(err, closeAll(inputs))
		}
	}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("open %s: nothing of the time asked about is there", address)
	}
	slices.SortFunc(inputs, func(a, b merge.Input) int { return strings.Compare(a.Name, b.Name) })
	return out, out.timeline(ctx, inputs, f.o)
}

// openSource opens the file that was built of an archive, and one of the marks that are
// not in it.
func (f *fetch) openSource(ctx context.Context, id uint64, s *fetched) (inputs []merge.Input, err error) {
	for _, p := range s.pieces {
		f.miss(p.head, errors.New("pieces of it are missing"))
	}
	name := archive.ArchiveID(id)
	if err := errors.Join(s.flat.Close(), s.file.Close()); err != nil {
		return nil, fmt.Errorf("keep what the fleet gives: %w", err)
	}
	r, err := archive.OpenFlat(s.file.Name())
	if err != nil {
		return nil, err
	}
	inputs = append(inputs, merge.Input{Name: name, Reader: r})
	for m, err := range r.Marks(ctx, time.Time{}, time.Time{}) {
		if err == nil {
			delete(s.marks, m.Seq)
		}
	}
	if len(s.marks)+len(s.missing) == 0 {
		return inputs, nil
	}
	path := filepath.Join(f.dir, name+".erg")
	if err := s.writeMarks(path); err != nil {
		return inputs, err
	}
	marks, err := archive.Open(path)
	if err != nil {
		return inputs, err
	}
	return append(inputs, merge.Input{Name: name + " (marks)", Reader: marks}), nil
}

func (s *fetched) writeMarks(path string) error {
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range s.marks {
		_, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.MarkKind, Node: m.node, Name: m.kind}, At: m.at, Text: m.text})
		errs = append(errs, err)
	}
	for _, m := range s.missing {
		m.At = m.To
		_, err := w.Mark(m)
		errs = append(errs, err)
	}
	return errors.Join(errors.Join(errs...), w.Close())
}
