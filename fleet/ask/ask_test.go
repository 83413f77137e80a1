package ask_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/shelf/shelftest"
	"ergorecorder/internal/pace"
	"ergorecorder/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func hour(h float64) time.Time { return began.Add(time.Duration(h * float64(time.Hour))) }

const address = "s3://" + shelftest.Bucket + "/east"

// put puts what a recorder recorded on the shelf: nodes that it asked, minute by
// minute, in segments of an hour. Its clock is ahead by off.
func put(t *testing.T, srv *shelftest.Server, off time.Duration, asked func(minute int) []string, hours int) {
	t.Helper()
	sh, err := shelf.Open(address, srv.Options)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, sh, off, asked, hours)
}

func fill(t *testing.T, sh *shelf.Shelf, off time.Duration, asked func(minute int) []string, hours int) {
	t.Helper()
	fillMoving(t, sh, func(int) time.Duration { return off }, asked, hours)
}

func fillMoving(t *testing.T, sh *shelf.Shelf, off func(minute int) time.Duration, asked func(minute int) []string, hours int) {
	t.Helper()
	w, dir := archivetest.CreateDir(t, nil)
	for m := range hours * 60 {
		at := began.Add(time.Duration(m) * time.Minute)
		for _, n := range asked(m) {
			for tool, text := range map[string]string{
				"node_info":     fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 3600+60*m, at.Format(time.RFC3339Nano)),
				"cluster_nodes": `[{"name":"a@h"},{"name":"b@h"}]`,
			} {
				form := archive.FormObject
				if tool == "cluster_nodes" {
					form = archive.FormTable
				}
				rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: n, Name: tool}, Schema: archive.Schema{Form: form}, At: at.Add(off(m)), Text: []byte(text)}
				if _, err := w.Append(rec); err != nil {
					t.Fatal(err)
				}
			}
		}
		if m%60 == 59 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := shelf.NewFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func both(int) []string { return []string{"a@h", "b@h"} }

func options(t *testing.T, srv *shelftest.Server) ask.Options {
	t.Helper()
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20, func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	return ask.Options{Shelf: srv.Options, Cache: c}
}

// opened is what lies at an address, as one recording, for the length of the test.
func opened(t *testing.T, address string, o ask.Options) (*replay.Recording, *ask.Opened) {
	t.Helper()
	a, err := ask.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := replay.New(a.Readers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec, a
}

// answers counts the answers of a node about itself.
func answers(t *testing.T, rec *replay.Recording, node string) (n int, errs []error) {
	t.Helper()
	for f, err := range rec.Table(t.Context(), node, "node_info", time.Time{}, time.Time{}, []string{"Uptime"}) {
		if err != nil {
			errs = append(errs, err)
		} else if f.Failure == nil {
			n++
		}
	}
	return n, errs
}

// The hour that is asked about decides which objects are read, and a second time
// none are.
func TestHour(t *testing.T) {
	srv := shelftest.New(t)
	put(t, srv, 0, both, 6)
	o := options(t, srv)
	o.From, o.To = hour(3.2), hour(3.8)
	rec, a := opened(t, address, o)
	if from, to := rec.Window(); !from.Equal(hour(2)) || to.After(hour(4)) {
		t.Errorf("opened %v to %v", from, to)
	}
	if n, errs := answers(t, rec, "a@h"); n != 120 || errs != nil {
		t.Errorf("%d answers, %v", n, errs)
	}
	read := map[string]bool{}
	for _, c := range srv.Calls() {
		if name, ok := strings.CutPrefix(c, "GET east/"); ok {
			read[strings.Split(filepath.Base(name), "_")[0]] = true
		}
	}
	if len(read) != 2 || !read["00000003"] || !read["00000004"] {
		t.Errorf("read were %v: %s", read, a.Fetched())
	}
	before := len(srv.Calls())
	rec, _ = opened(t, address, o)
	answers(t, rec, "a@h")
	if calls := srv.Calls()[before:]; len(calls) != 1 {
		t.Errorf("a second time it asks %q", calls)
	}
	if len(rec.NotRead()) != 0 {
		t.Errorf("not read: %q", rec.NotRead())
	}
	o.To = hour(3.95) // what was told of its end may lie in the next
	if rec, _ = opened(t, address, o); len(rec.NotRead()) != 0 {
		t.Errorf("not read: %q", rec.NotRead())
	}
	if n, errs := answers(t, rec, "a@h"); n != 180 || errs != nil {
		t.Errorf("%d answers, %v", n, errs)
	}
}

// What cannot be reached is damage of its own time: an object, its blocks, and one
// that is missing. Nothing at all is an error that says why.
func TestUnreachable(t *testing.T) {
	srv := shelftest.New(t)
	put(t, srv, 0, both, 4)
	names := srv.Names()
	refused := func(name string, from int) shelftest.Fault {
		seen := 0
		return func(r *http.Request) http.HandlerFunc {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, name) {
				return nil
			}
			if seen++; seen <= from {
				return nil
			}
			return shelftest.Status(http.MethodGet, http.StatusForbidden, "AccessDenied")(r)
		}
	}
	for _, c := range []struct {
		name string
		from int
		want int
	}{{"its index", 0, 180}, {"its blocks", 1, 180}} {
		srv.Fail(refused(names[1], c.from))
		rec, _ := opened(t, address, options(t, srv))
		n, errs := answers(t, rec, "a@h")
		if n != c.want || len(rec.NotRead())+len(errs) == 0 {
			t.Errorf("%s: %d answers, %q, %v", c.name, n, rec.NotRead(), errs)
		}
		for _, d := range rec.Damage() {
			if !d.From.IsZero() && (d.From.Before(hour(0.98)) || d.To.After(hour(2))) {
				t.Errorf("%s: damage of %v to %v", c.name, d.From, d.To)
			}
		}
	}
	srv.Fail(nil)
	srv.Change(names[1], nil)
	if rec, _ := opened(t, address, options(t, srv)); !slices.ContainsFunc(rec.NotRead(), func(s string) bool { return strings.Contains(s, "00000002") }) {
		t.Errorf("one is missing: %q", rec.NotRead())
	}
	o := options(t, srv)
	o.From = hour(100)
	if _, err := ask.Open(t.Context(), address, o); err == nil || !strings.Contains(err.Error(), "it holds 2026-03-01T10:00:00Z to") {
		t.Errorf("another time: %v", err)
	}
	srv.Fail(shelftest.Status(http.MethodGet, http.StatusForbidden, "InvalidAccessKeyId"))
	if _, err := ask.Open(t.Context(), address, options(t, srv)); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("refused: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask.Open(ctx, address, options(t, srv)); err == nil {
		t.Error("told to stop, and opened")
	}
}

// Several recorders are one timeline: what two saw once, what each saw alone as it lies
// there, and a clock that was off is said.
func TestSeveral(t *testing.T) {
	srv := shelftest.New(t)
	put(t, srv, 0, func(m int) []string { // it leaves b to the other in the second hour
		if m < 60 {
			return []string{"a@h", "b@h"}
		}
		return []string{"a@h"}
	}, 3)
	put(t, srv, 0, func(m int) []string {
		if m < 55 {
			return nil
		}
		return []string{"b@h"}
	}, 3)
	rec, a := opened(t, address, options(t, srv))
	for node, want := range map[string]int{"a@h": 180, "b@h": 180} {
		if n, errs := answers(t, rec, node); n != want || errs != nil {
			t.Errorf("%s: %d answers, want %d: %v", node, n, want, errs)
		}
	}
	gaps, err := rec.Gaps(t.Context())
	if err != nil || len(gaps) != 0 || len(a.Notes) != 0 {
		t.Errorf("gaps %v, %v; notes %q", gaps, err, a.Notes)
	}
	put(t, srv, 90*time.Second, func(m int) []string { return []string{"a@h"} }, 3)
	rec, a = opened(t, address, options(t, srv))
	if n, _ := answers(t, rec, "a@h"); n != 180 || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "moved by -90.000 s") {
		t.Errorf("with one whose clock is off: %d answers, notes %q", n, a.Notes)
	}
	o := options(t, srv)
	o.Apart = true
	if _, a = opened(t, address, o); len(a.Readers) != 3 {
		t.Errorf("apart there are %d", len(a.Readers))
	}
}

// What an hour costs does not grow with what lies beside it: a week of two nodes with
// 300 processes, asked every minute, in segments of an hour.
func TestWeek(t *testing.T) {
	hours := pace.Times(7*24, 8, 6)
	srv := shelftest.New(t)
	rng := rand.New(rand.NewPCG(1, 2))
	w, dir := archivetest.CreateDir(t, nil)
	schema := archive.Schema{Form: archive.FormTable, Key: []string{"PID"}, Columns: map[string]archive.ColumnKind{"MessagesIn": archive.Cumulative}}
	in := make([]int, 300)
	for m := range hours * 60 {
		for _, n := range []string{"a@h", "b@h"} {
			var b bytes.Buffer
			for i := range in {
				in[i] += rng.IntN(1000)
				fmt.Fprintf(&b, `,{"PID":"<A.0.%d>","MessagesIn":%d,"MailboxSize":%d,"RunningTime":%d}`, 1000+i, in[i], rng.IntN(4), rng.IntN(1e6))
			}
			text := append([]byte("["), append(b.Bytes()[1:], ']')...)
			rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: n, Name: "process_list"}, Schema: schema, At: began.Add(time.Duration(m) * time.Minute), Text: text}
			if _, err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		if m%60 == 59 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	sh, err := shelf.Open(address, srv.Options)
	if err == nil {
		err = shelf.NewFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	whole := int64(0)
	for _, n := range srv.Names() {
		whole += int64(len(srv.Body(n)))
	}
	for _, h := range []int{1, hours / 2, hours - 1} {
		rec, a := opened(t, address, ask.Options{Shelf: srv.Options, From: hour(float64(h)), To: hour(float64(h+1) - 0.001), Cache: options(t, srv).Cache})
		rows := 0
		for _, n := range []string{"a@h", "b@h"} {
			for f, err := range rec.Table(t.Context(), n, "process_list", hour(float64(h)), hour(float64(h+1)-0.001), []string{"MessagesIn"}) {
				if err != nil {
					t.Fatal(err)
				}
				rows += len(f.Live)
			}
		}
		t.Logf("hour %d of %d: %d rows, %s", h, hours, rows, a.Fetched())
		if fetched, _ := a.Bytes(); rows != 2*60*300 || fetched > 5*whole/int64(hours) {
			t.Errorf("hour %d: %d rows, %d bytes of %d", h, rows, fetched, whole)
		}
	}
}

// Of a recorder whose clock was set while it recorded that is said, whether its times were moved or not.
func TestClockSet(t *testing.T) {
	srv := shelftest.New(t)
	put(t, srv, 0, both, 3)
	sh, err := shelf.Open(address, srv.Options)
	if err != nil {
		t.Fatal(err)
	}
	fillMoving(t, sh, func(m int) time.Duration {
		if m < 120 {
			return 0
		}
		return 90 * time.Second
	}, func(int) []string { return []string{"a@h"} }, 3)
	rec, a := opened(t, address, options(t, srv))
	if len(a.Notes) == 0 || !strings.Contains(a.Notes[len(a.Notes)-1], "its clock was set while it recorded") {
		t.Errorf("notes %q", a.Notes)
	}
	if n, _ := answers(t, rec, "b@h"); n != 180 {
		t.Errorf("%d answers of the node that the other asked", n)
	}
}
