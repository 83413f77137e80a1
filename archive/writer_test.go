package archive_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

var ctx = context.Background()

var start = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

// story appends records of every kind and shape to a writer and remembers
// them.
type story struct {
	t    testing.TB
	w    *archive.Writer
	rng  *rand.Rand
	at   time.Time
	mono time.Duration
	want []*archive.Record
}

func newStory(t testing.TB, w *archive.Writer, seed uint64) *story {
	return &story{t: t, w: w, rng: rand.New(rand.NewPCG(seed, 1)), at: start}
}

func (s *story) tell(n int) {
	s.t.Helper()
	for range n {
		if err := s.append(s.next()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *story) append(r *archive.Record) error {
	kept := *r
	_, err := s.w.Append(r)
	if err == nil {
		kept.Seq = r.Seq
		s.want = append(s.want, &kept)
	}
	return err
}

func (s *story) next() *archive.Record {
	s.at = s.at.Add(time.Duration(s.rng.Int64N(2e9)) - 1e8) // now and then a step back
	r := &archive.Record{At: s.at, Took: time.Duration(s.rng.Int64N(1e7)), Stream: archive.StreamKey{Kind: archive.Sample, Node: fmt.Sprintf("n%d@h", s.rng.IntN(2))}}
	if s.rng.IntN(8) > 0 { // the recorder's clock knows nothing of steps back
		s.mono += time.Duration(s.rng.Int64N(2e9))
		r.Mono = s.mono
	}
	switch k := s.rng.IntN(12); k {
	case 0:
		r.Stream.Name, r.Text = "ping", fmt.Appendf(nil, "pong %d", s.rng.IntN(5))
	case 1:
		r.Stream.Kind, r.Stream.Name, r.Text = archive.Log, "log", fmt.Appendf(nil, "line %d\x00\xff", len(s.want))
	case 2:
		r.Stream.Name, r.Failure = "table", &archive.Failure{Code: -32603, Text: "remote call to 'x' failed: no route"}
		r.Schema = tableSchema
	case 3, 4, 5:
		r.Stream.Name, r.Schema = "inspect", archive.Schema{Form: archive.FormObject, Columns: map[string]archive.ColumnKind{"up": archive.AgeS}, Road: "tools", Reading: "inspection"}
		r.Subject = fmt.Sprint("<A.0.", s.rng.IntN(5), ">")
		r.Args = fmt.Appendf(nil, `{"pid":%q}`, r.Subject)
		r.Text = fmt.Appendf(nil, `{"up":%d,"load":%d.50,"list":%s,"o":{"a":[1,-0,1e5]}}`, s.at.Unix(), s.rng.IntN(3), []string{"null", "[]", "[1.0,2]"}[s.rng.IntN(3)])
	case 6:
		r.Stream.Name, r.Schema, r.Text = "table", tableSchema, []byte([]string{"null", "[]", "[{\"PID\":\"a\"},{\"PID\":\"a\"}]", "broken"}[s.rng.IntN(4)])
	default:
		r.Stream.Name, r.Schema, r.Text = "table", tableSchema, s.table()
		r.Seen, r.Total = s.rng.IntN(2)*7, s.rng.IntN(2)*9
	}
	return r
}

var tableSchema = archive.Schema{Form: archive.FormTable, Key: []string{"PID"}, Columns: map[string]archive.ColumnKind{
	"In": archive.Cumulative, "Age": archive.AgeNS, "State": archive.Text,
}, Road: "tools", Reading: "processes"}

func (s *story) table() []byte {
	var rows []string
	for i := range 30 {
		if s.rng.IntN(20) == 0 {
			continue
		}
		row := fmt.Sprintf(`{"PID":"\u003cA.0.%d\u003e","In":%d,"Age":%d,"State":%q`, i, s.at.Unix()*int64(i%3), s.at.Sub(start)+time.Duration(s.rng.IntN(1000)), []string{"sleep", "running"}[s.rng.IntN(2)])
		if s.rng.IntN(5) == 0 {
			row += fmt.Sprintf(`,"Extra":%v`, s.rng.Float64())
		}
		rows = append(rows, row+"}")
	}
	s.rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return []byte("[" + strings.Join(rows, ",") + "]")
}

// check reads all back, forwards and backwards.
func (s *story) check(r *archive.Reader) {
	s.t.Helper()
	want := slices.Clone(s.want)
	slices.SortStableFunc(want, func(a, b *archive.Record) int { return a.At.Compare(b.At) })
	for _, reverse := range []bool{false, true} {
		i := 0
		for got, err := range r.Records(ctx, archive.Query{Reverse: reverse}) {
			if err != nil {
				s.t.Fatal(err)
			}
			if i >= len(want) {
				s.t.Fatalf("more than %d records", len(want))
			}
			same(s.t, got, want[i])
			i++
		}
		if i != len(want) {
			s.t.Fatalf("reverse %v: %d records of %d", reverse, i, len(want))
		}
		slices.Reverse(want)
	}
}

// checkLast asks for the newest record at random instants.
func (s *story) checkLast(r *archive.Reader, n int) {
	s.t.Helper()
	for range n {
		w := s.want[s.rng.IntN(len(s.want))]
		at := w.At.Add(time.Duration(s.rng.IntN(3)-1) * time.Second)
		var want *archive.Record
		for _, x := range s.want {
			if x.Stream == w.Stream && x.Subject == w.Subject && !x.At.After(at) && (want == nil || !x.At.Before(want.At)) {
				want = x
			}
		}
		got, err := r.Last(w.Stream, w.Subject, at)
		if want == nil {
			if !errors.Is(err, archive.ErrNotFound) {
				s.t.Fatalf("last of nothing: %v", err)
			}
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		same(s.t, got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	s := newStory(t, w, 1)
	view := w.View()
	for range 4 {
		s.tell(150)
		s.check(view) // not committed yet
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		s.check(view)
		s.checkLast(view, 50)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := archivetest.Open(t, path)
		s.check(r)
		s.checkLast(r, 50)
		r.Close()
		var err error
		if s.w, err = archive.OpenWriter(path, nil); err != nil {
			t.Fatal(err)
		}
		w, view = s.w, s.w.View()
		s.check(view)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPacking makes one long stream, so that runs end and are packed while
// readers look on.
func TestPacking(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	s := newStory(t, w, 2)
	view := w.View()
	for i := range 2500 {
		r := &archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Name: "x"}, Schema: archive.Schema{Form: archive.FormObject},
			At: start.Add(time.Duration(i) * time.Second), Text: fmt.Appendf(nil, `{"i":%d}`, i*i),
		}
		if err := s.append(r); err != nil {
			t.Fatal(err)
		}
		if i%97 == 0 {
			if err := w.Sync(); err != nil {
				t.Fatal(err)
			}
			s.checkLast(view, 3)
		}
	}
	s.check(view)
	before, _ := os.Stat(path)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(path)
	if after.Size() >= before.Size() {
		t.Errorf("closing made %d bytes of %d", after.Size(), before.Size())
	}
	s.check(archivetest.Open(t, path))
}

func TestScan(t *testing.T) {
	w, _ := archivetest.Create(t, nil)
	s := newStory(t, w, 3)
	s.tell(1200)
	key := archive.StreamKey{Kind: archive.Sample, Node: "n0@h", Name: "table"}
	var want []*archive.Record
	for _, r := range s.want {
		if r.Stream == key {
			want = append(want, r)
		}
	}
	from, to := want[len(want)/3].At, want[len(want)*2/3].At
	for _, win := range [][2]time.Time{{}, {from, to}} {
		expect := slices.DeleteFunc(slices.Clone(want), func(r *archive.Record) bool {
			return !win[0].IsZero() && (r.At.Before(win[0]) || r.At.After(win[1]))
		})
		checkFrames(t, w.View(), key, win[0], win[1], expect)
	}
}

// checkFrames compares the frames of a scan with the texts, following slots as
// a user does.
func checkFrames(t *testing.T, r *archive.Reader, key archive.StreamKey, from, to time.Time, want []*archive.Record) {
	t.Helper()
	i := 0
	rows := map[int32]string{} // as Changed and Gone tell
	for f, err := range r.Scan(ctx, key, from, to, []string{"PID", "In", "Extra", "none"}) {
		if err != nil {
			t.Fatal(err)
		}
		w := want[i]
		i++
		if !f.At.Equal(w.At) || i == 1 && f.Failure == nil && !f.Reset {
			t.Fatalf("frame %d: at %v, want %v, reset %v", i, f.At, w.At, f.Reset)
		}
		if f.Failure != nil {
			continue
		}
		if f.Reset {
			clear(rows)
		}
		for _, slot := range f.Gone {
			delete(rows, slot)
		}
		for _, slot := range f.Changed {
			rows[slot] = frameRow(f, slot)
		}
		var got, told []string
		for _, slot := range f.Live {
			got = append(got, frameRow(f, slot))
		}
		for _, row := range rows {
			told = append(told, row)
		}
		slices.Sort(got)
		slices.Sort(told)
		if expect := textRows(w.Text); !slices.Equal(got, expect) || !slices.Equal(told, expect) {
			t.Fatalf("frame %d: rows\n%v, told\n%v, want\n%v", i, got, told, expect)
		}
	}
	if i != len(want) {
		t.Fatalf("%d frames of %d", i, len(want))
	}
}

func frameRow(f *archive.Frame, slot int32) string {
	c := f.Columns
	in, _ := c[1].Int(slot)
	if c[3].Kinds[slot] != archive.Absent {
		return "a column that nobody has"
	}
	return fmt.Sprint(c[0].Text(slot), in, c[2].Text(slot))
}

func textRows(text []byte) []string {
	var out []string
	rows, _ := normal(text).([]any)
	for _, r := range rows {
		m := r.(map[string]any)
		extra, in := "", "0"
		if v, ok := m["Extra"]; ok {
			extra = fmt.Sprint(v)
		}
		if v, ok := m["In"]; ok {
			in = fmt.Sprint(v)
		}
		out = append(out, fmt.Sprint(m["PID"], in, extra))
	}
	slices.Sort(out)
	return out
}

func TestRotateRetain(t *testing.T) {
	now := start
	opts := &archive.Options{Now: func() time.Time { return now }, KeepAge: 80 * time.Minute}
	w, path := archivetest.CreateDir(t, opts)
	s := newStory(t, w, 4)
	pin := archive.Mark{Kind: archive.MarkIncident, From: start.Add(5 * time.Minute), To: start.Add(6 * time.Minute)}
	if _, err := w.Mark(pin); err != nil {
		t.Fatal(err)
	}
	s.want = nil
	for s.at.Before(start.Add(5 * time.Hour)) {
		s.tell(100)
		now = s.at
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	oldest := now.Add(-opts.KeepAge)
	r := w.View()
	pinned, marks := 0, 0
	for rec, err := range r.Records(ctx, archive.Query{}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case rec.Stream.Kind == archive.MarkKind:
			marks++
		case !rec.At.Before(pin.From) && !rec.At.After(pin.To):
			pinned++
		case rec.At.After(start.Add(time.Hour)) && rec.At.Before(oldest.Add(-opts.KeepAge/4)):
			t.Fatalf("%v was kept, %v is the limit", rec.At, oldest)
		}
	}
	wantPinned, wantNew, gotNew := 0, 0, 0
	for _, x := range s.want {
		if !x.At.Before(pin.From) && !x.At.After(pin.To) {
			wantPinned++
		}
		if x.At.After(oldest) {
			wantNew++
		}
	}
	for range r.Records(ctx, archive.Query{From: oldest.Add(1)}) {
		gotNew++
	}
	if pinned != wantPinned || wantPinned == 0 || marks != 1 || gotNew != wantNew {
		t.Fatalf("pinned %d of %d, %d marks, %d of %d new ones", pinned, wantPinned, marks, gotNew, wantNew)
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	// A closed segment is opened by anyone, the one being written by nobody.
	closed := archivetest.Open(t, path)
	if in := closed.Info(); in.Recording == "" || in.Segments != w.Stats().Segments-1 {
		t.Fatalf("info %+v", in)
	}
	n := 0
	for _, err := range closed.Records(ctx, archive.Query{From: oldest.Add(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != wantNew {
		t.Fatalf("%d records in closed segments, want %d", n, wantNew)
	}
}

// TestKeepBytes holds a directory to its size while a reader is open.
func TestKeepBytes(t *testing.T) {
	const limit = 3 << 20
	w, path := archivetest.CreateDir(t, &archive.Options{KeepBytes: limit})
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 60_000)
	var open []*archive.Reader
	for i := range 200 {
		for j := range text {
			text[j] = byte(rng.Uint32())
		}
		if _, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Profile, Name: "p"}, At: start.Add(time.Duration(i) * time.Second), Text: slices.Clone(text)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		if i%50 == 49 {
			r, err := archive.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, r)
		}
		if got := w.Stats().Bytes; got > limit+limit/4 {
			t.Fatalf("after %d: %d bytes, limit %d", i, got, limit)
		}
	}
	for _, r := range open {
		r.Close()
	}
	n := 0
	for _, err := range w.View().Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 20 {
		t.Fatalf("%d records are left", n)
	}
}

func TestLocks(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	if _, err := archive.OpenWriter(path, nil); !errors.Is(err, archive.ErrLocked) || !strings.Contains(err.Error(), "this process is writing") {
		t.Errorf("second writer: %v", err)
	}
	if _, err := archive.Open(path); !errors.Is(err, archive.ErrLocked) || !strings.Contains(err.Error(), "this process is writing") {
		t.Errorf("reader: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archivetest.Open(t, path)
	if r2, err := archive.Open(path); err != nil {
		t.Errorf("second reader: %v", err)
	} else {
		r2.Close()
	}
	if _, err := archive.OpenWriter(path, nil); !errors.Is(err, archive.ErrLocked) || !strings.Contains(err.Error(), "this process is reading") {
		t.Errorf("writer beside a reader: %v", err)
	}
	if _, err := w.Append(&archive.Record{}); !errors.Is(err, archive.ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if err := w.Rotate(); err == nil || !strings.Contains(err.Error(), "-o DIR/") {
		t.Errorf("rotate a file: %v", err)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"text": "hello", "zeros": string(make([]byte, 1<<16)), "long": strings.Repeat("no archive ", 10000)} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.OpenWriter(path, nil); !errors.Is(err, archive.ErrNotArchive) {
			t.Errorf("write to %s: %v", name, err)
		}
		if _, err := archive.Open(path); !errors.Is(err, archive.ErrNotArchive) {
			t.Errorf("read %s: %v", name, err)
		}
		if b, _ := os.ReadFile(path); string(b) != content {
			t.Errorf("%s was changed", name)
		}
	}
	if _, err := archive.Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read what is not there: %v", err)
	}
}

// TestRound holds ages that were rounded to a millisecond.
func TestRound(t *testing.T) {
	w, _ := archivetest.Create(t, &archive.Options{RoundStateTime: true})
	load := archivetest.NewWorkload(1, 300, 1)
	var ages []map[string]int64
	for range 50 {
		r := load.Next(0)
		r.Text = slices.Clone(r.Text)
		m := map[string]int64{}
		for _, row := range normal(r.Text).([]any) {
			row := row.(map[string]any)
			var v int64
			fmt.Sscan(fmt.Sprint(row["StateTime"]), &v)
			m[fmt.Sprint(row["PID"])] = v
		}
		ages = append(ages, m)
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	for f, err := range w.View().Scan(ctx, load.Stream(0), time.Time{}, time.Time{}, []string{"PID", "StateTime"}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range f.Live {
			got, _ := f.Columns[1].Int(slot)
			want := ages[i][f.Columns[0].Text(slot)]
			if d := got - want; d > 1e6 || d < -1e6 {
				t.Fatalf("sample %d: %d, was %d", i, got, want)
			}
		}
		i++
	}
	if !w.View().Info().Rounded {
		t.Error("info does not say that ages are rounded")
	}
}
