package ask

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/fleet/shape"
)

const (
	// runSpan is how long a block may span at most: what came that long before the time
	// asked about may reach into it, or tell what was so when it began.
	runSpan = 2 * time.Hour
	// afterwards is until how long after the time asked about blocks of it come that are
	// not late: a run that began within it ends an eighth later than it has to, and is late
	// by its own end; what shape says, and as much for the clock's way from one heartbeat to the next.
	afterwards = shape.MostRun*9/8 + shape.LateAfter + 2*shape.ClockSpan
	// atOnce are how many heads are asked for in one request.
	atOnce = 500
)

// A head is a message of the engine without its body.
type head struct {
	seq   uint64
	block shape.Block // of a mark: its node, kind, archive and time
	mark  uint64      // the mark's number; 0: it is a block
}

// heads lists what the engine has that may be of the time asked about: blocks that came
// in time by when they came, late ones and marks all.
func (f *fetch) heads(ctx context.Context) (list []head, err error) {
	var from, until time.Time
	if !f.o.From.IsZero() {
		from = f.o.From.Add(-runSpan)
	}
	if !f.o.To.IsZero() {
		until = f.o.To.Add(afterwards)
	}
	add := func(m jetstream.Msg, seq uint64) {
		if h, err := parseHead(m); err != nil {
			f.strange++
		} else {
			h.seq = seq
			list = append(list, h)
		}
	}
	if err := f.messages(ctx, from, until, add, shape.ClassBlock); err != nil {
		return nil, err
	}
	return list, f.messages(ctx, time.Time{}, time.Time{}, add, shape.ClassLate, shape.ClassMark, shape.ClassIncident, shape.ClassFinding)
}

func parseHead(m jetstream.Msg) (h head, err error) {
	sub, err := shape.ParseSubject(m.Subject())
	if err != nil {
		return h, err
	}
	if shape.IsBlock(sub.Class) {
		h.block, err = shape.ParseBlock(m.Subject(), m.Headers().Get)
		return h, err
	}
	_, number, _ := strings.Cut(m.Headers().Get(shape.HeaderID), "-m")
	var err1, err2 error
	h.block.Subject = sub
	h.mark, err = strconv.ParseUint(number, 10, 64)
	h.block.From, err1 = shape.ParseTime(m.Headers().Get(shape.HeaderFrom))
	h.block.To, err2 = shape.ParseTime(m.Headers().Get(shape.HeaderTo))
	if h.mark == 0 {
		err = errors.New("it has no number")
	}
	return h, errors.Join(err, err1, err2)
}

// messages walks the heads of what is there now of some classes, and came from one time to
// another by the engine's clock.
func (f *fetch) messages(ctx context.Context, from, until time.Time, each func(jetstream.Msg, uint64), classes ...string) error {
	c := jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, HeadersOnly: true, MemoryStorage: true, InactiveThreshold: time.Minute, Replicas: 1}
	for _, class := range classes {
		c.FilterSubjects = append(c.FilterSubjects, shape.Wanted(f.fleet, f.cluster, class))
	}
	if !from.IsZero() {
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	cons, err := f.stream.CreateConsumer(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = f.stream.DeleteConsumer(context.WithoutCancel(ctx), cons.CachedInfo().Name) }() // else it ends by itself
	for left := cons.CachedInfo().NumPending; left > 0; {
		batch, err := cons.Fetch(int(min(left, atOnce)), jetstream.FetchMaxWait(f.o.Wait))
		if err != nil {
			return err
		}
		n, over := uint64(0), false
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			n++
			if over = over || !until.IsZero() && meta.Timestamp.After(until); over {
				continue
			}
			f.bytes += sizeOfHead(m)
			each(m, meta.Sequence.Stream)
		}
		switch err := batch.Error(); {
		case over:
			return nil
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("%d messages were promised and do not come", left)
		}
		left -= min(n, left)
	}
	return nil
}

func sizeOfHead(m jetstream.Msg) int64 {
	n := len(m.Subject())
	for k, v := range m.Headers() {
		n += len(k) + 4
		for _, s := range v {
			n += len(s)
		}
	}
	return int64(n)
}

// about reports whether a mark tells of the time asked about, or of a while before it.
func (o *Options) about(b *shape.Block) bool {
	return !b.To.Before(o.From.Add(-runSpan)) && (o.To.IsZero() || !b.From.After(o.To))
}

// A part is one of a stream's table, of which a recording has blocks one after the other.
type part struct {
	archive uint64
	stream  uint32
	part    int
}

// around are the blocks next to the time asked about, by their first records: of each part
// the newest before it, which says what was so when it began, and the oldest behind it, which may
// hold what was told late of it, such as lines of a log.
type around struct{ before, after map[part]uint64 }

func aroundOf(heads []head, o *Options) around {
	a := around{map[part]uint64{}, map[part]uint64{}}
	for i := range heads {
		b := &heads[i].block
		k := part{b.Archive, b.Stream, b.Part}
		if heads[i].mark == 0 && b.To.Before(o.From) {
			a.before[k] = max(a.before[k], b.Run)
		}
		if run := a.after[k]; heads[i].mark == 0 && !o.To.IsZero() && b.From.After(o.To) && (run == 0 || b.Run < run) {
			a.after[k] = b.Run
		}
	}
	return a
}

func (a *around) has(b *shape.Block) bool {
	k := part{b.Archive, b.Stream, b.Part}
	return b.Run == a.before[k] || b.Run == a.after[k]
}

// wanted are, of heads, the blocks of the nodes asked about that hold something of the
// time, those around it, and the marks. So that it still is told from when to when the whole
// recording is, its first and its last block come too.
func wanted(heads []head, o *Options) (list []head, err error) {
	within := func(b *shape.Block) bool { return !b.To.Before(o.From) && (o.To.IsZero() || !b.From.After(o.To)) }
	next := aroundOf(heads, o)
	names := map[string]bool{}
	matched := o.Nodes == nil
	first, last := -1, -1
	for i := range heads {
		b := &heads[i].block
		if heads[i].mark != 0 {
			continue
		}
		names[b.Node] = true
		matched = matched || b.Node != "" && o.Nodes(b.Node)
		if within(b) && (first < 0 || b.From.Before(heads[first].block.From)) {
			first = i
		}
		if within(b) && (last < 0 || b.To.After(heads[last].block.To)) {
			last = i
		}
	}
	if !matched && len(names) > 0 {
		delete(names, "")
		return nil, fmt.Errorf("no node of the time asked about has that name: there are %s", strings.Join(slices.Sorted(maps.Keys(names)), ", "))
	}
	for i := range heads {
		h := &heads[i]
		b := &h.block
		asked := o.Nodes == nil || b.Node == "" || o.Nodes(b.Node)
		switch {
		case h.mark != 0 && o.about(b), h.mark == 0 && asked && (within(b) || next.has(b)), i == first, i == last:
			list = append(list, *h)
		}
	}
	return list, nil
}
