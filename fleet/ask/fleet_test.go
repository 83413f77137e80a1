package ask_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/ship"
	"ergorecorder/replay"
)

// ships ships what a recorder recorded: nodes that it asked minute by minute.
func ships(t *testing.T, hosts, cluster, recorder string, asked func(minute int) []string, minutes int) {
	t.Helper()
	now := began
	w, dir := archivetest.CreateDir(t, &archive.Options{Now: func() time.Time { return now }, CommitEvery: time.Hour})
	for m := range minutes {
		now = began.Add(time.Duration(m) * time.Minute)
		for _, n := range asked(m) {
			for tool, text := range map[string]string{
				"node_info":     fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 3600+60*m, now.Format(time.RFC3339Nano)),
				"cluster_nodes": `[{"name":"a@h"},{"name":"b@h"}]`,
			} {
				form := archive.FormObject
				if tool == "cluster_nodes" {
					form = archive.FormTable
				}
				rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: n, Name: tool}, Schema: archive.Schema{Form: form}, At: now, Text: []byte(text)}
				if _, err := w.Append(rec); err != nil {
					t.Fatal(err)
				}
			}
		}
		if m%10 == 9 {
			if err := errors.Join(w.Sync(), w.EndRuns(now.Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Mark(archive.Mark{Kind: "note", From: now, Note: recorder}); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	l, err := link.Dial(link.Options{Hosts: []string{hosts}, Fleet: "f", Name: recorder})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := ship.New(ship.Options{
		Fleet: "f", Cluster: cluster, Recorder: recorder, View: w.View(), State: filepath.Join(filepath.Dir(filepath.Clean(dir)), "state"), EndRuns: w.EndRuns,
		Durable: func() uint64 { return w.Stats().Durable }, Now: func() time.Time { return now }, Notice: func(s string) { t.Log(s) },
	}, l)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; {
		if err = l.Stream(t.Context(), cluster); err == nil {
			if err = s.Step(t.Context()); err == nil {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("nothing is shipped: %v", err)
		}
	}
}

// A fleet is read as one recording: what each recorder shipped, once; marks too, before their
// blocks are; and a part of the time with what was so when it began.
func TestFleet(t *testing.T) {
	hosts := enginetest.Host(t)
	ships(t, hosts, "prod", "one", func(m int) []string { return []string{"a@h"} }, 60)
	ships(t, hosts, "prod", "two", func(m int) []string {
		if m < 30 {
			return []string{"b@h"}
		}
		return []string{"a@h", "b@h"}
	}, 60)
	read := func(o ask.Options) *replay.Recording {
		t.Helper()
		rec, a := opened(t, "fleet://f@"+hosts, o)
		t.Log(a.Fetched())
		return rec
	}
	rec := read(ask.Options{})
	for _, node := range []string{"a@h", "b@h"} {
		if n, errs := answers(t, rec, node); n != 60 || errs != nil {
			t.Errorf("%s: %d answers, %v", node, n, errs)
		}
	}
	marks, err := rec.Marks(t.Context(), time.Time{}, time.Time{})
	if err != nil || len(marks) != 2 || len(rec.NotRead()) != 0 {
		t.Errorf("marks %v, %v; not read %q", marks, err, rec.NotRead())
	}
	rec = read(ask.Options{From: hour(0.4), To: hour(0.6)})
	if n, errs := answers(t, rec, "b@h"); n >= 60 || n < 12 || errs != nil || len(rec.NotRead()) != 0 {
		t.Errorf("of a part of the time: %d answers, %v, not read %q", n, errs, rec.NotRead())
	}
	if from, _ := rec.Window(); from.After(hour(0.4)) {
		t.Errorf("what was so before is not known: it begins %v", from)
	}

	ships(t, hosts, "other", "three", func(m int) []string { return []string{"z@h"} }, 10)
	if _, err := ask.Open(t.Context(), "fleet://f@"+hosts, ask.Options{}); err == nil || !strings.Contains(err.Error(), "other, prod") {
		t.Errorf("two clusters: %v", err)
	}
	if _, err := ask.Open(t.Context(), "fleet://none@"+hosts, ask.Options{}); err == nil || !strings.Contains(err.Error(), "no cluster") {
		t.Errorf("another fleet: %v", err)
	}
	for _, bad := range []string{"fleet://f@" + enginetest.Free(t, 1)[0], "fleet://f", "fleet://@h", "fleet://f@u:secret@h"} {
		if _, err := ask.Open(t.Context(), bad, ask.Options{}); err == nil {
			t.Errorf("%s is opened", bad)
		}
	}
}

// A cutting proxy stands before the engine and ends for good when so many bodies were asked for.
func cutting(t *testing.T, to string, bodies int) (hosts string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		d, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer d.Close()
		running.Go(func() { _, _ = io.Copy(c, d); c.Close() })
		b := make([]byte, 32<<10)
		for {
			n, err := c.Read(b)
			if bodies -= bytes.Count(b[:n], []byte("PUB $JS.API.DIRECT.GET.")); err != nil || bodies < 0 {
				break
			}
			if _, err := d.Write(b[:n]); err != nil {
				break
			}
		}
		l.Close()
	})
	return l.Addr().String()
}

// What cannot be fetched is a gap of its node, of its time: blocks after which the engine was away,
// and one that is not what it says. What came is read, and a second question asks for the
// rest alone.
func TestUnreachableBlocks(t *testing.T) {
	hosts := enginetest.Host(t)
	ships(t, hosts, "prod", "one", both, 200)
	read := func(hosts string, o ask.Options) (gaps int, of map[string]bool, said string) {
		t.Helper()
		o.Wait = 300 * time.Millisecond
		rec, a := opened(t, "fleet://f@"+hosts, o)
		marks, err := rec.Marks(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		of = map[string]bool{}
		for _, m := range marks {
			if strings.Contains(m.Note, "could not be fetched from the fleet's engine") {
				gaps++
				of[m.Node] = true
				if ofMark := m.Node == ""; ofMark != (m.Kind == "note") || ofMark != m.From.Equal(m.To) || !ofMark && m.To.Sub(m.From) != 9*time.Minute {
					t.Errorf("%+v", m)
				}
			}
		}
		return gaps, of, a.Fetched()
	}
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	const blocks = 2 * 2 * 20 // and a mark
	gaps, of, said := read(cutting(t, hosts, 33), ask.Options{Cache: c})
	if gaps < blocks-33-9 || gaps > blocks-20 || !of["a@h"] || !of["b@h"] {
		t.Errorf("%d gaps, of %v: %s", gaps, of, said)
	}
	left := fmt.Sprintf("in %d messages, %d more of the cache", gaps, blocks+1-gaps)
	if gaps, _, said := read(hosts, ask.Options{Cache: c}); gaps != 0 || !strings.Contains(said, left) {
		t.Errorf("a second time: %d gaps: %s, not %s", gaps, said, left)
	}

	l, err := link.Dial(link.Options{Hosts: []string{hosts}, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := l.JetStream().Stream(t.Context(), shape.Stream("f", "prod"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMsg(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	m.Header.Set(shape.HeaderID, "another")
	m.Data[len(m.Data)/2] ^= 1
	if _, err := l.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
		t.Fatal(err)
	}
	if gaps, of, said := read(hosts, ask.Options{}); gaps != 1 || len(of) != 1 {
		t.Errorf("with a damaged block: %d gaps of %v: %s", gaps, of, said)
	}
}

// A shelf that the engine keeps is read as one of a bucket is: an hour of it by its objects, a second
// time out of the cache.
func TestEngineShelf(t *testing.T) {
	hosts := enginetest.Host(t)
	l, err := link.Dial(link.Options{Hosts: []string{hosts}, Fleet: "f"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ask.Open(t.Context(), "shelf://f@"+hosts, ask.Options{}); err == nil || !strings.Contains(err.Error(), "no segment of a recording is there") {
		t.Errorf("nothing is there: %v", err)
	}
	fill(t, shelf.OnEngine(l, "f", "prod"), 0, both, 6)
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range []string{"shelf://f@" + hosts, "shelf://f@" + hosts + "/prod/"} {
		rec, a := opened(t, address, ask.Options{From: hour(3.2), To: hour(3.8), Cache: c})
		if n, errs := answers(t, rec, "a@h"); n != 120 || errs != nil || len(rec.NotRead()) > 0 {
			t.Errorf("%s: %d answers, %v, %q: %s", address, n, errs, rec.NotRead(), a.Fetched())
		}
		if _, reads := a.Bytes(); i == 0 && reads == 0 || reads > 6 {
			t.Errorf("%s: %s", address, a.Fetched())
		}
	}
	if _, err := ask.Open(t.Context(), "shelf://f@"+hosts+"/other", ask.Options{}); err == nil {
		t.Error("another cluster's is opened")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := ask.Open(ctx, "shelf://f@127.0.0.1:1", ask.Options{}); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("no engine: %v", err)
	}
}
