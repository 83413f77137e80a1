package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// An Engine stores messages; [link.Link] is one.
type Engine interface {
	// Publish returns how many of the first were stored, and why not the next.
	Publish(ctx context.Context, cluster string, messages []link.Message) (stored int, err error)
	MaxPayload() int64
}

// Options of a Shipper.
type Options struct {
	Fleet, Cluster, Recorder string
	View                     *archive.Reader
	Durable                  func() uint64 // Seq of the newest record on disk
	State                    string        // the file that says how far we came
	Within                   time.Duration // runs that go on for longer are ended, so that they can be shipped; 0: never
	EndRuns                  func(before time.Time) error
	Now                      func() time.Time
	Offset                   func() (d time.Duration, known bool) // of the engine's clock before ours; nil: never known
	Notice                   func(string)
}

// Times of a shipper.
const (
	lookEvery  = time.Second      // for blocks that have ended
	marksEvery = 5 * time.Second  // for marks
	ackTime    = 10 * time.Second // of a batch
	longestGap = 15 * time.Second // between two attempts
)

// A batch is sent at once, and then acknowledged.
const (
	batchBlocks = 64
	batchBytes  = 4 << 20
)

// A Shipper ships one archive. Make one with [New].
type Shipper struct {
	o      Options
	engine Engine
	state  state

	tried   time.Time // when runs were last ended
	marked  time.Time // when marks were last looked for
	pending map[string]pending

	mu      sync.Mutex
	backlog shape.Backlog
	shipped Shipped
}

// Shipped is what the engine has acknowledged, since this recorder began.
type Shipped struct {
	Blocks, Marks int64
	Bytes         int64
	Records       int64
	Lost          int64 // blocks that retention dropped before they were shipped
}

// pending is a block that waits.
type pending struct{ from, to time.Time }

// New makes a shipper that goes on where the state says it stopped.
func New(o Options, engine Engine) (*Shipper, error) {
	s := &Shipper{o: o, engine: engine, pending: map[string]pending{}}
	return s, s.load()
}

// Run ships until ctx ends.
func (s *Shipper) Run(ctx context.Context) {
	wait := lookEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		s.endRuns()
		err := s.Step(ctx)
		switch {
		case err == nil, errors.Is(err, link.ErrAway):
			wait = lookEvery
		default:
			wait = min(2*wait, longestGap)
		}
	}
}

// endRuns ends the runs that are older than they may be, several times in that time.
func (s *Shipper) endRuns() {
	now := s.o.Now()
	if s.o.Within <= 0 || now.Sub(s.tried) < s.o.Within/8 {
		return
	}
	s.tried = now
	if err := s.o.EndRuns(now.Add(-s.o.Within)); err != nil && !errors.Is(err, archive.ErrClosed) {
		s.o.Notice(fmt.Sprintf("fleet: runs could not be ended, and are shipped later: %v", err))
	}
}

// Step ships all that can be shipped now.
func (s *Shipper) Step(ctx context.Context) error {
	blocks := s.waiting()
	err := s.shipBlocks(ctx, blocks)
	if err == nil {
		err = s.shipMarks(ctx)
	}
	s.tell(err)
	return errors.Join(err, s.save())
}

// Rest ships all that is on disk, marks as well, until ctx ends.
func (s *Shipper) Rest(ctx context.Context) error {
	s.marked = time.Time{}
	s.change() // the nodes
	return s.Step(ctx)
}

// tell keeps why nothing can be shipped, and tells it when that changes.
func (s *Shipper) tell(err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	s.mu.Lock()
	was := s.backlog.Why
	s.backlog.Why = why
	s.mu.Unlock()
	switch {
	case why != "" && was == "":
		s.o.Notice("fleet: nothing is shipped, and recording goes on: " + why)
	case why == "" && was != "":
		s.o.Notice("fleet: all that waited is shipped")
	}
}

// waiting are the blocks to be shipped, in the order of their records. It counts
// them, and those that retention dropped meanwhile.
func (s *Shipper) waiting() []*archive.Block {
	blocks := slices.Collect(s.o.View.Blocks(&s.state.cursor, false))
	now := make(map[string]pending, len(blocks))
	for _, b := range blocks {
		now[nameOf(b)] = pending{b.From, b.To}
	}
	lost := int64(0)
	for name := range s.pending {
		if _, still := now[name]; !still {
			lost++
		}
	}
	s.pending = now
	if lost > 0 {
		s.o.Notice(fmt.Sprintf("fleet: retention dropped %d blocks before they could be shipped: the fleet will not have them", lost))
	}
	s.mu.Lock()
	s.shipped.Lost += lost
	s.mu.Unlock()
	s.count(blocks)
	return blocks
}

func nameOf(b *archive.Block) string { return fmt.Sprintf("%d-%d", b.Run, b.Part) }

// count says how much waits.
func (s *Shipper) count(blocks []*archive.Block) {
	var l shape.Backlog
	var oldest time.Time
	for _, b := range blocks {
		l.Blocks++
		l.Bytes += int64(b.Size)
		if oldest.IsZero() || b.To.Before(oldest) {
			oldest = b.To
		}
	}
	if !oldest.IsZero() {
		l.Age = max(s.o.Now().Sub(oldest), 0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.Why = s.backlog.Why
	s.backlog = l
}

// Backlog is what waits to be shipped.
func (s *Shipper) Backlog() shape.Backlog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog
}

// Shipped is what was shipped so far.
func (s *Shipper) Shipped() Shipped {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shipped
}

// shipBlocks ships blocks, batch by batch, and notes each batch that is acknowledged.
func (s *Shipper) shipBlocks(ctx context.Context, blocks []*archive.Block) error {
	for len(blocks) > 0 {
		batch, messages := s.batch(blocks)
		if err := s.publish(ctx, messages); err != nil {
			return err
		}
		for _, b := range batch {
			s.state.cursor.Add(b)
			delete(s.pending, nameOf(b))
		}
		blocks = blocks[len(batch):]
		s.note(batch, messages)
		s.count(blocks)
		if err := s.save(); err != nil {
			return err
		}
	}
	return nil
}

// note counts a batch that was acknowledged.
func (s *Shipper) note(batch []*archive.Block, messages []link.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.changed = true
	s.shipped.Blocks += int64(len(batch))
	for _, b := range batch {
		if b.Part == 0 {
			s.shipped.Records += int64(b.Records)
		}
	}
	for _, m := range messages {
		s.shipped.Bytes += int64(len(m.Body))
	}
}

// publish sends messages and waits until all are stored.
func (s *Shipper) publish(ctx context.Context, messages []link.Message) error {
	if len(messages) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	_, err := s.engine.Publish(limited, s.o.Cluster, messages)
	return err
}

// batch are the first of the blocks, and their messages. One that cannot be read has
// none, and is counted as lost: retention dropped it meanwhile, or the archive is damaged.
func (s *Shipper) batch(blocks []*archive.Block) (batch []*archive.Block, messages []link.Message) {
	size := 0
	for _, b := range blocks {
		batch = append(batch, b)
		raw, err := b.Raw()
		if err != nil {
			s.o.Notice(fmt.Sprintf("fleet: a block cannot be read and is not shipped: %v", err))
			s.lose()
			continue
		}
		messages = append(messages, s.messages(b, raw)...)
		if size += len(raw); size >= batchBytes || len(batch) >= batchBlocks {
			break
		}
	}
	return batch, messages
}

func (s *Shipper) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shipped.Lost++
}
