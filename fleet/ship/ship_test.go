package ship

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is an engine in memory.
type store struct {
	got   []link.Message
	ids   map[string]bool
	room  int // messages it takes yet; < 0: all
	most  int64
	calls int
}

var errFull = errors.New("maximum bytes exceeded")

func (s *store) MaxPayload() int64 { return s.most }

func (s *store) Publish(_ context.Context, _ string, messages []link.Message) (int, error) {
	s.calls++
	for i, m := range messages {
		if s.room == 0 {
			return i, errFull
		}
		s.room--
		id := m.Headers[shape.HeaderID][0]
		if !s.ids[id] {
			s.ids[id] = true
			s.got = append(s.got, m)
		}
	}
	return len(messages), nil
}

func newStore() *store { return &store{ids: map[string]bool{}, room: -1, most: 1 << 20} }

// A bench is an archive that is shipped.
type bench struct {
	t     *testing.T
	w     *archive.Writer
	now   time.Time
	told  []string
	state string
	n     int
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), state: filepath.Join(t.TempDir(), "state")}
	b.w, _ = archivetest.CreateDir(t, &archive.Options{Now: func() time.Time { return b.now }, CommitEvery: time.Hour})
	return b
}

func (b *bench) shipper(e Engine) *Shipper {
	b.t.Helper()
	s, err := New(Options{
		Fleet: "f", Cluster: "c", Recorder: "r", View: b.w.View(), State: b.state, EndRuns: b.w.EndRuns, Within: time.Minute,
		Durable: func() uint64 { return b.w.Stats().Durable },
		Now:     func() time.Time { return b.now }, Notice: func(s string) { b.told = append(b.told, s) },
	}, e)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// record records so many samples of a node, of so many bytes each, and one mark.
func (b *bench) record(samples, size int) {
	b.t.Helper()
	for range samples {
		b.n++
		b.now = b.now.Add(time.Second)
		text := bytes.Repeat([]byte(fmt.Sprintf("%x", b.n*7919)), size/8)
		if _, err := b.w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "node_info"}, At: b.now, Text: text}); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := b.w.Mark(archive.Mark{Kind: "note", Node: "a@h", From: b.now, Note: fmt.Sprint(b.n)}); err != nil {
		b.t.Fatal(err)
	}
	b.end()
}

// end ends all runs.
func (b *bench) end() {
	b.t.Helper()
	if err := b.w.EndRuns(b.now.Add(time.Hour)); err != nil {
		b.t.Fatal(err)
	}
}

// samples are the samples of a node that were shipped, read as somebody else would.
func (b *bench) samples(s *store) (n int) {
	b.t.Helper()
	var cursor archive.Cursor
	pieces := map[uint64][]byte{}
	for _, m := range s.got {
		head, err := shape.ParseBlock(m.Subject, func(name string) string { return strings.Join(m.Headers[name], "") })
		if err != nil {
			continue // a mark
		}
		if pieces[head.Run] = append(pieces[head.Run], m.Body...); head.Piece < head.Pieces {
			continue
		}
		block, err := archive.ParseBlock(pieces[head.Run])
		if err != nil {
			b.t.Fatal(err)
		}
		if block.Run != head.Run || block.Last != head.Last || !block.From.Equal(head.From) || block.Key.Node != head.Node {
			b.t.Errorf("the message says %+v, the block %+v", head, block)
		}
		if !cursor.Has(block) && block.Key.Kind == archive.Sample {
			n += block.Records
		}
		cursor.Add(block)
	}
	return n
}

func count(s *store, class string) (n int) {
	for _, m := range s.got {
		if strings.Contains(m.Subject, ".c."+class+".") {
			n++
		}
	}
	return n
}

// TestShip: all is shipped once, over restarts, and what is not is a backlog.
func TestShip(t *testing.T) {
	b, e := newBench(t), newStore()
	s := b.shipper(e)
	b.record(10, 100)
	if err := s.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.samples(e); n != 10 || count(e, shape.ClassMark) != 1 || s.Backlog() != (shape.Backlog{}) {
		t.Errorf("%d samples, %d marks, %+v", n, count(e, shape.ClassMark), s.Backlog())
	}
	e.room = 0
	b.record(7, 100)
	b.now = b.now.Add(time.Minute)
	for range 2 {
		if err := s.Step(t.Context()); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	}
	if l := s.Backlog(); l.Blocks != 2 || l.Bytes < 100 || l.Age != time.Minute || !strings.Contains(l.Why, "exceeded") {
		t.Errorf("%+v", l)
	}
	if len(b.told) != 1 || !strings.Contains(b.told[0], "recording goes on") {
		t.Errorf("told %q", b.told)
	}
	s = b.shipper(e) // as after a restart
	e.room = 1
	if err := s.Step(t.Context()); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	e.room = -1
	if err := s.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(marksEvery)
	if err := s.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := len(e.got)
	if n := b.samples(e); n != 17 || count(e, shape.ClassMark) != 2 || s.Backlog().Blocks != 0 {
		t.Errorf("%d samples, %d marks, %+v", n, count(e, shape.ClassMark), s.Backlog())
	}
	calls := e.calls
	s = b.shipper(e)
	b.now = b.now.Add(marksEvery)
	if err := s.Step(t.Context()); err != nil || len(e.got) != sent || e.calls != calls {
		t.Errorf("%d messages more in %d calls, %v", len(e.got)-sent, e.calls-calls, err)
	}
}

// TestStateLost: without the file all is sent again, with the same identities.
func TestStateLost(t *testing.T) {
	b, e := newBench(t), newStore()
	b.record(10, 100)
	if err := b.shipper(e).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := len(e.got)
	if err := replace(b.state, []byte("torn")); err != nil {
		t.Fatal(err)
	}
	s := b.shipper(e)
	if len(b.told) != 1 || !strings.Contains(b.told[0], "shipped again") {
		t.Errorf("told %q", b.told)
	}
	if err := s.Step(t.Context()); err != nil || s.Shipped().Blocks == 0 || len(e.got) != n {
		t.Errorf("%+v, %d messages are new, %v", s.Shipped(), len(e.got)-n, err)
	}
}

// TestPieces: a block that is larger than a message comes in several.
func TestPieces(t *testing.T) {
	b, e := newBench(t), newStore()
	e.most = 1
	for i := range 40 { // random enough not to be compressed away
		b.now = b.now.Add(time.Second)
		text := make([]byte, 3000)
		for j := range text {
			text[j] = byte((i*7919 + j*j*31 + j*i) >> 3)
		}
		if _, err := b.w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Profile, Node: "a@h", Name: "heap"}, At: b.now, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	b.record(5, 10)
	if err := b.shipper(e).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.samples(e); n != 5 || len(e.got) < 4 {
		t.Errorf("%d samples in %d messages", n, len(e.got))
	}
}

// TestDropped: what retention drops before it is shipped is counted and told.
func TestDropped(t *testing.T) {
	b, e := newBench(t), newStore()
	b.w, _ = archivetest.CreateDir(t, &archive.Options{Now: func() time.Time { return b.now }, CommitEvery: time.Hour, KeepAge: time.Hour, RotateAge: time.Minute})
	e.room = 0
	s := b.shipper(e)
	b.record(3, 100)
	if err := s.Step(t.Context()); err == nil {
		t.Fatal("a full engine takes it")
	}
	if err := b.w.Rotate(); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(3 * time.Hour)
	b.record(3, 100)
	if err := b.w.Sync(); err != nil {
		t.Fatal(err)
	}
	_ = s.Step(t.Context()) // it is full
	if s.Shipped().Lost != 2 || !strings.Contains(strings.Join(b.told, "\n"), "retention dropped 2 blocks") {
		t.Errorf("%+v, told %q", s.Shipped(), b.told)
	}
}

// TestWithin: a run of rare records is ended, and shipped, after its time.
func TestWithin(t *testing.T) {
	b, e := newBench(t), newStore()
	s := b.shipper(e)
	if _, err := b.w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "cron_info"}, At: b.now, Text: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 0, 1} {
		b.now = b.now.Add([]time.Duration{time.Second, 30 * time.Second, 40 * time.Second}[i])
		s.endRuns()
		if err := s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.samples(e); n != want {
			t.Errorf("at %v %d samples are shipped, want %d", b.now, n, want)
		}
	}
}
