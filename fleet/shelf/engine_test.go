package shelf_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/shelf"
)

// anEngine runs an engine for the length of the test, and is a way to it.
func anEngine(t *testing.T) *link.Link {
	t.Helper()
	e := enginetest.Start(t, engine.Options{})
	l, err := link.Dial(link.Options{Hosts: []string{e.URL()}, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestEngine: the engine's object store keeps segments as a bucket does: each is put once, never over
// another, read by ranges, by other tools as well, and removed with a note.
func TestEngine(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	if all, err := sh.List(t.Context()); err != nil || len(all.Items) != 0 {
		t.Errorf("before it is there: %+v, %v", all, err)
	}
	_, dir := recorded(t, 5)
	if err := newFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, damage := lines(t, sh); len(got) != 5 || damage != 0 {
		t.Errorf("%q, %d damaged", got, damage)
	}
	again := newFiller(sh, dir, shelf.FillOptions{})
	if err := again.Fill(t.Context()); err != nil || again.State().Put != 0 {
		t.Errorf("once more: %v, %+v", err, again.State())
	}
	if l, err := shelf.OnEngine(l, "f", "other").List(t.Context()); err != nil || len(l.Items) != 0 {
		t.Errorf("of another cluster: %+v, %v", l, err)
	}

	all, err := sh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one := all.Items[0]
	if err := sh.Put(t.Context(), one, strings.NewReader(strings.Repeat("x", int(one.Size)))); !errors.Is(err, shelf.ErrOther) {
		t.Errorf("over another: %v", err)
	}
	store, err := l.JetStream().ObjectStore(t.Context(), shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	whole := make([]byte, one.Size)
	if _, err := sh.Reader(t.Context(), one).ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	if b, err := store.GetBytes(t.Context(), "prod/"+one.Name()); err != nil || !bytes.Equal(b, whole) {
		t.Errorf("another tool reads %d bytes of %d, %v", len(b), one.Size, err)
	}

	now := began.Add(5 * time.Hour)
	if err := newFiller(sh, dir, shelf.FillOptions{KeepAge: 2*time.Hour + time.Minute, Now: func() time.Time { return now }}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, damage := lines(t, sh); !slices.Equal(got, []string{"3", "4"}) || damage != 0 {
		t.Errorf("kept: %q, %d damaged", got, damage)
	}
	if _, err := sh.Reader(t.Context(), one).ReadAt(make([]byte, 10), 0); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("what was removed is read: %v", err)
	}
}

// TestEngineOnce: of several that put another thing under one name at one time, one is stored, and each
// of the others is told so; what an attempt left that ended before the last of it takes no room.
func TestEngineOnce(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	item := shelf.Item{Archive: 7, Segment: 1, From: began, To: began.Add(time.Hour), Size: 1_300_000}
	ctx, cancel := context.WithCancel(t.Context())
	err := sh.Put(ctx, item, &stopping{bytes.NewReader(bytes.Repeat([]byte{9}, int(item.Size))), cancel, 0})
	if err == nil {
		t.Fatal("an attempt that was stopped has put it")
	}
	if all, err := sh.List(t.Context()); err != nil || len(all.Items) != 0 {
		t.Errorf("half an object is there: %+v, %v", all, err)
	}
	half := stored(t, l)
	var running sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		running.Go(func() {
			errs[i] = sh.Put(t.Context(), item, bytes.NewReader(bytes.Repeat([]byte{byte(i)}, int(item.Size))))
		})
	}
	running.Wait()
	put := -1
	for i, err := range errs {
		switch {
		case err == nil && put < 0:
			put = i
		case !errors.Is(err, shelf.ErrOther):
			t.Errorf("put by %d: %v", i, err)
		}
	}
	all, err := sh.List(t.Context())
	if err != nil || len(all.Items) != 1 || put < 0 {
		t.Fatalf("put by %d: %+v, %v", put, all, err)
	}
	if n := stored(t, l); n != half+4 { // three chunks and what makes them an object
		t.Errorf("%d messages are stored: what the others sent is left", n)
	}
	r := sh.Reader(t.Context(), all.Items[0])
	for _, c := range []struct{ off, n int64 }{{0, 1}, {512<<10 - 1, 2}, {100, 600_000}, {item.Size - 5, 5}} {
		b := make([]byte, c.n)
		if _, err := r.ReadAt(b, c.off); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(put)}, int(c.n))) {
			t.Errorf("%d bytes at %d: %v", c.n, c.off, err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 10), item.Size-5); err == nil {
		t.Error("more is read than is there")
	}
	if err := sh.Put(t.Context(), item, bytes.NewReader(bytes.Repeat([]byte{byte(put)}, int(item.Size)))); err != nil {
		t.Errorf("the same again: %v", err)
	}
	left := shelf.Item{Archive: 8, Segment: 1, From: began, To: began, Size: item.Size}
	before := stored(t, l)
	ctx, cancel = context.WithCancel(t.Context())
	body := bytes.Repeat([]byte{1}, int(item.Size))
	if err := sh.Put(ctx, left, &stopping{bytes.NewReader(body), cancel, 0}); err == nil || stored(t, l) == before {
		t.Errorf("stopped: %v, and %d messages as before", err, before)
	}
	if err := sh.Put(t.Context(), left, bytes.NewReader(body)); err != nil {
		t.Error(err)
	}
	if n := stored(t, l); n != before+4 {
		t.Errorf("%d messages are stored, want %d", n, before+4)
	}
}

// stored is how many messages the shelf's bucket has.
func stored(t *testing.T, l *link.Link) uint64 {
	t.Helper()
	s, err := l.JetStream().Stream(t.Context(), "OBJ_"+shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// stopping is a body of which, the second time it is read, the reader is told to stop.
type stopping struct {
	*bytes.Reader
	stop  context.CancelFunc
	times int
}

func (s *stopping) Seek(off int64, whence int) (int64, error) {
	s.times++
	return s.Reader.Seek(off, whence)
}

func (s *stopping) Read(b []byte) (int, error) {
	if s.times > 0 && int64(s.Len()) < s.Size()-600_000 {
		s.stop()
	}
	return s.Reader.Read(b)
}
