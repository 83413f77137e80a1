package shelf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/shelf"
)

// metaSubject is where the meta of an object lies.
func metaSubject(key string) string {
	return "$O." + shape.Shelf("f") + ".M." + base64.URLEncoding.EncodeToString([]byte(key))
}

// rewrite makes the meta of an object another, as whoever may write to the bucket can.
func rewrite(t *testing.T, l *link.Link, key string, change func(*jetstream.ObjectInfo)) {
	t.Helper()
	store, err := l.JetStream().ObjectStore(t.Context(), shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := store.GetInfo(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	change(info)
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.JetStream().Publish(t.Context(), metaSubject(key), text); err != nil {
		t.Fatal(err)
	}
}

// TestHostileMeta: what the meta of one object tells can neither end a reader, nor take its memory, nor keep
// it from the others.
func TestHostileMeta(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	_, dir := recorded(t, 2)
	if err := newFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := sh.List(t.Context())
	if err != nil || len(all.Items) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	key := "prod/" + all.Items[0].Name()
	places := func(text string, chunks uint32) func(*jetstream.ObjectInfo) {
		return func(i *jetstream.ObjectInfo) {
			i.Chunks, i.Metadata = chunks, map[string]string{"ergo-chunks": text}
		}
	}
	for name, c := range map[string]struct {
		change  func(*jetstream.ObjectInfo)
		refused string // "" is read as damage
	}{
		"the last number": {places("18446744073709551615", 1), ""},
		"too many places": {places("1-4294967295", 1), ""},
		"too many chunks": {places("1-4294967295", 1<<32-1), "needs 1"},
		"one message twice": {func(i *jetstream.ObjectInfo) {
			i.Size = 1024 << 10
			places("2,2", 2)(i)
		}, ""},
		"size below zero":   {func(i *jetstream.ObjectInfo) { i.Size = 1 << 63 }, "more than any segment"},
		"size of a planet":  {func(i *jetstream.ObjectInfo) { i.Size = 1 << 62 }, "more than any segment"},
		"a chunk of a byte": {func(i *jetstream.ObjectInfo) { i.Opts.ChunkSize = 1 }, "1 chunks are told"},
	} {
		was := all.Items[0].Size
		rewrite(t, l, key, func(i *jetstream.ObjectInfo) {
			i.Size, i.Opts.ChunkSize = uint64(was), 512<<10
			places("1", 1)(i)
			c.change(i)
		})
		now, err := sh.List(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.refused != "" {
			if len(now.Items) != 1 || len(now.Refused) != 1 || !strings.Contains(now.Refused[0].Error(), c.refused) || !strings.Contains(now.Refused[0].Error(), key) {
				t.Errorf("%s: %d items, refused %v", name, len(now.Items), now.Refused)
			}
			continue
		}
		if got, damage := lines(t, sh); len(got) != 1 || damage != 1 {
			t.Errorf("%s: %q, %d damaged", name, got, damage)
		}
	}
}

// TestRemovedByHand: what another tool removed is put again, once, and an object whose meta is refused keeps
// neither it nor others from the shelf.
func TestRemovedByHand(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	_, dir := recorded(t, 3)
	if err := newFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := sh.List(t.Context())
	if err != nil || len(all.Items) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	store, err := l.JetStream().ObjectStore(t.Context(), shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	bad, removed := all.Items[0], all.Items[1]
	if err := store.Delete(t.Context(), "prod/"+removed.Name()); err != nil {
		t.Fatal(err)
	}
	rewrite(t, l, "prod/"+bad.Name(), func(i *jetstream.ObjectInfo) { i.Size = 1 << 63 })
	f := newFiller(sh, dir, shelf.FillOptions{})
	if err := f.Fill(t.Context()); err == nil || !strings.Contains(err.Error(), bad.Name()) || f.State().Put != 1 || f.State().Waiting != 1 {
		t.Errorf("%v, %+v", err, f.State())
	}
	if err := store.Delete(t.Context(), "prod/"+bad.Name()); err != nil {
		t.Fatal(err)
	}
	if err := f.Fill(t.Context()); err != nil || f.State().Waiting != 0 {
		t.Errorf("%v, %+v", err, f.State())
	}
	if got, damage := lines(t, sh); len(got) != 3 || damage != 0 {
		t.Errorf("%q, %d damaged", got, damage)
	}
	other := strings.NewReader(strings.Repeat("x", int(removed.Size)))
	if err := sh.Put(t.Context(), removed, other); !errors.Is(err, shelf.ErrOther) {
		t.Errorf("over what was put again: %v", err)
	}
}

// TestLeaderIsAsked: what is there is asked of the stream's leader, where no copy may be asked.
func TestLeaderIsAsked(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	item := shelf.Item{Archive: 7, Segment: 1, From: began, To: began.Add(time.Hour), Size: 7}
	if err := sh.Put(t.Context(), item, strings.NewReader("segment")); err != nil {
		t.Fatal(err)
	}
	stream, err := l.JetStream().Stream(t.Context(), "OBJ_"+shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.AllowDirect = false
	if _, err := l.JetStream().UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := sh.Put(t.Context(), item, strings.NewReader("segment")); err != nil || stored(t, l) != 2 {
		t.Errorf("the same again: %v, %d messages are stored", err, stored(t, l))
	}
}

// late is a body that does something when it is read the second time: when its chunks are put.
type late struct {
	*bytes.Reader
	seeks int
	do    func()
}

func (b *late) Seek(off int64, whence int) (int64, error) {
	b.seeks++
	return b.Reader.Seek(off, whence)
}

func (b *late) Read(p []byte) (int, error) {
	if b.seeks > 0 && b.do != nil {
		b.do()
		b.do = nil
	}
	return b.Reader.Read(p)
}

// TestLateMeta: the meta of an attempt that was given up comes while the next one puts its chunks: what is
// stored can be read.
func TestLateMeta(t *testing.T) {
	l := anEngine(t)
	sh := shelf.OnEngine(l, "f", "prod")
	body := bytes.Repeat([]byte("segment"), 100_000)
	item := shelf.Item{Archive: 7, Segment: 1, From: began, To: began.Add(time.Hour), Size: int64(len(body))}
	if err := sh.Put(t.Context(), item, bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	key := "prod/" + item.Name()
	stream, err := l.JetStream().Stream(t.Context(), "OBJ_"+shape.Shelf("f"))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := stream.GetLastMsgForSubject(t.Context(), metaSubject(key))
	if err == nil {
		err = stream.Purge(t.Context(), jetstream.WithPurgeSubject(metaSubject(key)))
	}
	if err != nil {
		t.Fatal(err)
	}
	comes := func() {
		if _, err := l.JetStream().Publish(t.Context(), metaSubject(key), meta.Data); err != nil {
			t.Error(err)
		}
	}
	if err := sh.Put(t.Context(), item, &late{bytes.NewReader(body), 0, comes}); err != nil {
		t.Fatal(err)
	}
	all, err := sh.List(t.Context())
	if err != nil || len(all.Items) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	got := make([]byte, len(body))
	if _, err := sh.Reader(t.Context(), all.Items[0]).ReadAt(got, 0); err != nil || !bytes.Equal(got, body) {
		t.Errorf("it is stored and cannot be read: %v", err)
	}
	if n := stored(t, l); n != 3 { // two chunks and what makes them an object
		t.Errorf("%d messages are stored", n)
	}
}
