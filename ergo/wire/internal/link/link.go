package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/internal/limit"
)

// self is the process id from which our node asks. It has no processes, so
// any will do.
const self = 1001

// queueLength is how many frames may wait to be written.
const queueLength = 64

// How a request ends that the peer did not answer with a value. An
// [edf.Error] is what a process itself answered.
var (
	ErrClosed         = errors.New("the link was closed")
	ErrUnknownProcess = errors.New("unknown process")
	ErrMailboxFull    = errors.New("process mailbox is full")
	ErrTerminated     = errors.New("process terminated")
	ErrTooLong        = errors.New("message longer than the peer takes")
	ErrStalled        = errors.New("the peer takes nothing")
	ErrCut            = errors.New("the peer began a frame and did not bring its end")
	ErrSilent         = errors.New("the peer says nothing, not even that it is there")
	ErrLayout         = errors.New("a value of another layout than ours")
)

// Options of a link. Every field but Types, KeepAlive and Events must be set.
type Options struct {
	Node     string // our own name
	Creation int64
	Peer     handshake.Peer
	Limit    int // the longest frame that is taken, in bytes
	// Patience is how long the peer may take nothing of what we write, and how
	// long it may leave a frame that it began.
	Patience time.Duration
	Now      func() time.Time
	// Types are the layouts of messages beside our own; an answer with one of
	// them must be understood to its last byte. Nil: none.
	Types edf.Types
	// KeepAlive is how often the peer says that it is there, where both sides
	// announced to do so; 0 is never.
	KeepAlive time.Duration
	// Events is given what monitored events publish, in order. It runs in the
	// reader and must return at once. Nil drops them.
	Events func(Event)
}

// An Event is one message of a monitored event, or its end.
type Event struct {
	Name  string
	At    time.Time // when it was published, by the peer's clock
	Value any       // decoded; an [edf.Named] with [edf.Raw] where the type is not known
	// Payload is the encoded value, where it is not one of our own types.
	Payload []byte
	Said    *Said // by a replay, of this message; nil by any other peer
	Ended   error // why there will be no more; the other fields but Name are zero
}

// Counts are what a link has met.
type Counts struct {
	Frames int64 // read
	Unread int64 // not understood, or of no concern to us, and dropped
	Late   int64 // answers that nobody waited for any more
	Unsent int64 // answers to the peer that did not fit into the queue
}

// A Link is a live connection. Its methods may be called by several
// goroutines.
type Link struct {
	opts Options
	conn net.Conn
	dec  edf.Decoder
	out  chan []byte
	id   atomic.Uint64

	replay bool // the peer is a replay, which announces its clock
	within bool // a frame has begun; the reader's own

	frames, unread, late, unsent atomic.Int64

	over atomic.Pointer[limit.Over] // the newest of what was dropped because it was too long

	mu      sync.Mutex
	waiting map[[3]uint64]chan reply
	clocks  map[[3]uint64]*Said // what a replay said of the answers to come
	next    *Said               // and of what it will push next
	clock   *Said               // last
	err     error
	done    chan struct{}
	ended   sync.WaitGroup
}

// A reply is how a request ended.
type reply struct {
	value any
	err   error
	said  *Said
}

// New begins the traffic over conn, from which r reads.
func New(conn net.Conn, r io.Reader, opts Options) *Link {
	l := &Link{
		opts:    opts,
		conn:    conn,
		dec:     edf.Decoder{Types: types(opts.Types), Caches: opts.Peer.Caches},
		replay:  replayed(opts.Peer.Caches),
		out:     make(chan []byte, queueLength),
		waiting: map[[3]uint64]chan reply{},
		clocks:  map[[3]uint64]*Said{},
		done:    make(chan struct{}),
	}
	l.id.Store(uint64(opts.Now().UnixNano()))
	l.ended.Go(func() { l.fail(l.read(r)) })
	l.ended.Go(func() { l.fail(l.write()) })
	return l
}

// types are our own types and others.
func types(others edf.Types) edf.Types {
	all := message.Types()
	maps.Copy(all, others)
	return all
}

// Done is closed when the link has ended; Err then says why.
func (l *Link) Done() <-chan struct{} { return l.done }

// Err is why the link ended, nil while it lives.
func (l *Link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close ends the link and waits until its goroutines have ended.
func (l *Link) Close() {
	l.fail(ErrClosed)
	l.ended.Wait()
}

// Counts are the link's counts so far.
func (l *Link) Counts() Counts {
	return Counts{Frames: l.frames.Load(), Unread: l.unread.Load(), Late: l.late.Load(), Unsent: l.unsent.Load()}
}

// fail ends the link; the first error is its own.
func (l *Link) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	if err == io.EOF {
		err = fmt.Errorf("the peer closed the connection (%w)", err)
	}
	l.err = err
	close(l.done)
	l.conn.Close()
}

// write sends what is queued; what is queued together goes out together.
func (l *Link) write() error {
	w := bufio.NewWriter(l.conn)
	alive := make(<-chan time.Time)
	if l.opts.KeepAlive > 0 {
		t := time.NewTicker(handshake.KeepAlive)
		defer t.Stop()
		alive = t.C
	}
	for {
		select {
		case <-alive:
			if err := l.put(w, frame.AppendEmpty(nil, frame.KeepAlive)); err != nil {
				return err
			}
		case <-l.done:
			return ErrClosed
		case b := <-l.out:
			if err := l.put(w, b); err != nil {
				return err
			}
		}
	}
}

// put writes one frame, and flushes unless more are waiting.
func (l *Link) put(w *bufio.Writer, b []byte) error {
	err := l.conn.SetWriteDeadline(l.opts.Now().Add(l.opts.Patience))
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil && len(l.out) == 0 {
		err = w.Flush()
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w for %v", ErrStalled, l.opts.Patience)
	}
	return err
}

// send queues a message, and waits for room in the queue if it must.
func (l *Link) send(ctx context.Context, m frame.Message) error {
	b, err := m.Append(nil)
	if err != nil {
		return err
	}
	if most := l.opts.Peer.MaxMessage; most > 0 && len(b) > most {
		return fmt.Errorf("%w: %d bytes, it takes %d", ErrTooLong, len(b), most)
	}
	select {
	case l.out <- b:
		return nil
	case <-l.done:
		return l.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer queues a message that the peer waits for, unless the queue is full.
func (l *Link) answer(m frame.Message) {
	b, err := m.Append(nil)
	if err != nil {
		l.unread.Add(1)
		return
	}
	select {
	case l.out <- b:
	default:
		l.unsent.Add(1)
	}
}

// newRef is a reference that the link has not used before. Its last part is
// when nobody waits for the answer any more, in unix seconds.
func (l *Link) newRef(ctx context.Context) (ref [3]uint64) {
	ref[0] = l.id.Add(1)
	if end, ok := ctx.Deadline(); ok {
		ref[2] = uint64(end.Unix()) + 1
	}
	return ref
}

// ask sends a message and waits for the answer with the reference.
func (l *Link) ask(ctx context.Context, ref [3]uint64, m frame.Message) (any, error) {
	answer := make(chan reply, 1)
	l.mu.Lock()
	l.waiting[ref] = answer
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.waiting, ref)
		delete(l.clocks, ref)
		l.mu.Unlock()
	}()
	dropped := l.over.Load()
	if err := l.send(ctx, m); err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		hear(ctx, r.said)
		return r.value, r.err
	case <-l.done:
		return nil, l.Err()
	case <-ctx.Done():
		if over := l.over.Load(); over != dropped { // it may have been the answer
			return nil, fmt.Errorf("%w, and what the peer sent meanwhile was dropped: %w", ctx.Err(), over)
		}
		return nil, ctx.Err()
	}
}

// Request sends a value to a process by its name and returns what it answers.
// That it does not exist, cannot take the request, or ended, comes back at
// once from peers that acknowledge important messages, and from others never.
// There is no time limit but that of ctx.
func (l *Link) Request(ctx context.Context, process string, value edf.Named) (any, error) {
	payload, err := edf.Append(nil, value)
	if err != nil {
		return nil, err
	}
	ref := l.newRef(ctx)
	return l.ask(ctx, ref, frame.Message{
		Type: frame.RequestName, From: self, Ref: ref, Name: edf.Atom(process),
		Important: l.opts.Peer.Flags.Has(handshake.FlagImportant),
		Payload:   payload,
	})
}

// Monitor subscribes to an event of the peer. What it publishes from now on,
// and its end, go to Options.Events; the messages that the peer had kept are
// returned, as far as their types are known.
func (l *Link) Monitor(ctx context.Context, event string) ([]Event, error) {
	v, err := l.monitor(ctx, event)
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	var past []Event
	for _, e := range list {
		named, _ := e.(edf.Named)
		if m, ok := named.Value.(message.MessageEvent); ok {
			past = append(past, Event{Name: event, At: time.Unix(0, m.Timestamp), Value: m.Message})
		}
	}
	return past, nil
}

// Demonitor ends a subscription.
func (l *Link) Demonitor(ctx context.Context, event string) error {
	_, err := l.relate(ctx, message.DemonitorEventType, event)
	return err
}

// monitor sends the request to monitor, and waits for its answer.
func (l *Link) monitor(ctx context.Context, event string) (any, error) {
	return l.relate(ctx, message.MonitorEventType, event)
}

// relate sends a request about an event, and waits for its answer.
func (l *Link) relate(ctx context.Context, request, event string) (any, error) {
	ref := l.newRef(context.Background()) // the framework leaves the deadline out
	payload, err := edf.Append(nil, edf.Named{Type: request, Value: message.Relation[edf.Event]{
		Source: edf.PID{Node: edf.Atom(l.opts.Node), ID: self, Creation: l.opts.Creation},
		Target: edf.Event{Node: edf.Atom(l.opts.Peer.Node), Name: edf.Atom(event)},
		Ref:    edf.Ref{Node: edf.Atom(l.opts.Node), Creation: l.opts.Creation, ID: ref},
	}})
	if err != nil {
		return nil, err
	}
	return l.ask(ctx, ref, frame.Message{Type: frame.Structured, Payload: payload})
}
