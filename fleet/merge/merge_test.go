package merge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/merge"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

// copied is a recording of those records of another that a recorder would have
// seen.
func copied(t *testing.T, path string, see func(*archive.Record) bool) *archive.Reader {
	t.Helper()
	r := archivetest.Open(t, path)
	schemas := map[archive.StreamKey]archive.Schema{}
	for _, s := range r.Streams() {
		schemas[s.StreamKey] = s.Schema
	}
	w, out := archivetest.Create(t, nil)
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		rec.Schema = schemas[rec.Stream]
		if !see(rec) {
			continue
		}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archivetest.Open(t, out)
}

// merged merges recordings, and opens what comes of it.
func merged(t *testing.T, readers ...*archive.Reader) (*replay.Recording, *merge.Result) {
	t.Helper()
	var inputs []merge.Input
	for i, r := range readers {
		inputs = append(inputs, merge.Input{Name: fmt.Sprint("recorder ", i+1), Reader: r})
	}
	path := filepath.Join(t.TempDir(), "merged.erg")
	w := archivetest.Writer(t, path, nil)
	res, err := merge.Merge(t.Context(), inputs, w, merge.Options{})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, path)
	return fixture.Open(t, path), res
}

// verdict is what is found in a recording, as the report has it.
func verdict(t *testing.T, rec *replay.Recording) string {
	t.Helper()
	rep, err := analyze.Run(t.Context(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(rep.Findings, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// kinds are the findings without their figures.
func kinds(t *testing.T, rec *replay.Recording) (list []string) {
	t.Helper()
	rep, err := analyze.Run(t.Context(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		list = append(list, fmt.Sprint(f.Kind, " ", f.Severity, " ", f.Subject))
	}
	return list
}

// The verdict on two halves of a cluster is that on the whole, to the letter.
func TestHalves(t *testing.T) {
	for _, capture := range fixture.Captures(t, 2) {
		whole := fixture.Archive(t, capture)
		half := func(first bool) *archive.Reader {
			return copied(t, whole, func(rec *archive.Record) bool { return strings.HasPrefix(rec.Stream.Node, "alpha") == first })
		}
		rec, res := merged(t, half(true), half(false))
		want := fixture.Open(t, whole)
		if n := want.Archives()[0].Records + 1; res.Records != n { // and the mark that says so
			t.Errorf("%s: %d records of %d", capture, res.Records, n)
		}
		if got, want := verdict(t, rec), verdict(t, want); got != want {
			t.Errorf("%s: the verdict on the halves is\n%s\non the whole\n%s", capture, got, want)
		}
	}
}

// Two recorders of one cluster, one of which is 90 s ahead and sees all a little
// later: the same is found, and nothing is told twice.
func TestWitnesses(t *testing.T) {
	if testing.Short() {
		t.Skip("a capture recorded twice")
	}
	for _, capture := range fixture.Captures(t, 2) {
		whole := fixture.Archive(t, capture)
		n := 0
		second := copied(t, whole, func(rec *archive.Record) bool {
			n++
			rec.At = rec.At.Add(90*time.Second + time.Duration(n%7)*3*time.Millisecond)
			return true
		})
		first := archivetest.Open(t, whole)
		rec, res := merged(t, first, second)
		p := res.Parts[1]
		if d := (p.Shift + 90*time.Second).Abs(); d > 50*time.Millisecond {
			t.Errorf("%s: moved by %v: %s", capture, p.Shift, p.Clock)
		}
		if got, want := kinds(t, rec), kinds(t, fixture.Open(t, whole)); !slices.Equal(got, want) {
			t.Errorf("%s: found %q, want %q", capture, got, want)
		}
		lines := func(r *replay.Recording) (n int) {
			for _, err := range r.Logs(t.Context(), "", time.Time{}, time.Time{}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			return n
		}
		if got, want := lines(rec), lines(fixture.Open(t, whole)); got != want {
			t.Errorf("%s: %d log lines, want %d", capture, got, want)
		}
	}
}

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// at is so many seconds after the beginning.
func at(s float64) time.Time { return began.Add(time.Duration(s * float64(time.Second))) }

// A recorder of a test: its clock is ahead by off.
type recorder struct {
	t    *testing.T
	w    *archive.Writer
	path string
	off  time.Duration
}

func newRecorder(t *testing.T, off time.Duration) *recorder {
	w, path := archivetest.Create(t, nil)
	return &recorder{t, w, path, off}
}

func (r *recorder) put(kind archive.Kind, node, name string, s float64, text string) {
	r.t.Helper()
	form := archive.FormObject
	if strings.HasPrefix(text, "[") {
		form = archive.FormTable
	}
	rec := &archive.Record{
		Stream: archive.StreamKey{Kind: kind, Node: node, Name: name}, Schema: archive.Schema{Form: form},
		At: at(s).Add(r.off), Text: []byte(text),
	}
	if _, err := r.w.Append(rec); err != nil {
		r.t.Fatal(err)
	}
}

// asks asks nodes about themselves, every 5 s. They began an hour before.
func (r *recorder) asks(from, to float64, nodes ...string) {
	for s := from; s <= to; s += 5 {
		for _, n := range nodes {
			r.put(archive.Sample, n, "node_info", s, fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 3600+int(s), at(s).Format(time.RFC3339Nano)))
			r.put(archive.Sample, n, "cluster_nodes", s, `[{"name":"a@h"},{"name":"b@h"}]`)
		}
	}
}

func (r *recorder) mark(m archive.Mark) {
	r.t.Helper()
	m.From, m.To, m.At = m.From.Add(r.off), m.To.Add(r.off), m.To.Add(r.off)
	if _, err := r.w.Mark(m); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) done() *archive.Reader {
	r.t.Helper()
	if err := r.w.Close(); err != nil {
		r.t.Fatal(err)
	}
	return archivetest.Open(r.t, r.path)
}

// marksOf are the marks of a recording in short: kind, node, seconds.
func marksOf(t *testing.T, rec *replay.Recording) (list []string) {
	t.Helper()
	marks, err := rec.Marks(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		if m.Kind != "merge" {
			list = append(list, fmt.Sprintf("%s %.0f-%.0f", strings.TrimSpace(m.Kind+" "+m.Node), m.From.Sub(began).Seconds(), m.To.Sub(began).Seconds()))
		}
	}
	return list
}

// A gap stands only where nobody saw: of the nodes, and of the time, that
// no other recorder had. Both recorders' own nodes are known.
func TestGaps(t *testing.T) {
	first, second := newRecorder(t, 0), newRecorder(t, 90*time.Second)
	first.mark(archive.Mark{Kind: archive.MarkStart, From: at(0), To: at(0), More: map[string]any{archive.MoreOwnNode: "one@x"}})
	first.asks(0, 20, "a@h", "b@h")
	first.asks(60, 100, "a@h", "b@h")
	first.mark(archive.Mark{Kind: archive.MarkGap, From: at(20), To: at(60), Note: "the recorder was not running"})
	first.mark(archive.Mark{Kind: "node_lost", Node: "a@h", From: at(60), To: at(64)})
	first.mark(archive.Mark{Kind: archive.MarkGap, Node: "a@h", From: at(60), To: at(80), Note: "the node did not answer"})
	first.mark(archive.Mark{Kind: archive.MarkGap, Node: "b@h", From: at(90), To: at(95), Note: "the node did not answer"})
	second.mark(archive.Mark{Kind: archive.MarkStart, From: at(0), To: at(0), More: map[string]any{archive.MoreOwnNode: "two@x"}})
	second.asks(31, 101, "a@h")
	rec, res := merged(t, first.done(), second.done())
	got := marksOf(t, rec)
	want := []string{
		"start 0-0", "start 0-0", "covered 20-60", "gap a@h 20-31", "gap b@h 20-60",
		"covered a@h 60-64", "covered a@h 60-80", "gap b@h 90-95",
	}
	if !slices.Equal(got, want) {
		t.Errorf("marks\n%q, want\n%q", got, want)
	}
	own, err := rec.OwnNodes(t.Context())
	if err != nil || !slices.Equal(own, []string{"one@x", "two@x"}) {
		t.Errorf("own nodes %q, %v", own, err)
	}
	if p := res.Parts; p[0].Shift != 0 || p[1].Shift != -90*time.Second || p[0].Covered != 3 {
		t.Errorf("%+v %+v", p[0], p[1])
	}
}

// The times of the recorder whose clock is right count, wherever it stands.
func TestRightClock(t *testing.T) {
	first, second := newRecorder(t, -90*time.Second), newRecorder(t, 0)
	first.asks(0, 100, "a@h")
	second.asks(2, 102, "a@h")
	rec, res := merged(t, first.done(), second.done())
	if from, to := rec.Window(); !from.Equal(at(0)) || !to.Equal(at(102)) {
		t.Errorf("from %v to %v: %s", from, to, res.Parts[0].Clock)
	}
}

// Lines are told once: those that say the same at the same time by the node's
// clock. Of a message that says no time, what comes within a moment is the same.
func TestLines(t *testing.T) {
	line := func(s float64, message string) string {
		return fmt.Sprintf(`{"level":"info","message":%q,"time":%q}`, message, at(s).Format(time.RFC3339Nano))
	}
	first, second := newRecorder(t, 0), newRecorder(t, 0)
	for i, r := range []*recorder{first, second} {
		late := 0.2 * float64(i)
		r.asks(0, 20, "a@h")
		r.put(archive.Log, "a@h", "log", 1+late, line(1, "both"))
		r.put(archive.Log, "a@h", "log", 2+late, line(2, "twice"))
		r.put(archive.Log, "a@h", "log", 2+late, line(2, "twice"))
		r.put(archive.Log, "a@h", "log", 3+late, line(3, fmt.Sprint("only ", i)))
		r.put(archive.Event, "a@h", "tick", 4+late, `{"n":1}`)
		r.put(archive.Event, "a@h", "tick", 9+10*late, `{"n":1}`)
	}
	rec, _ := merged(t, first.done(), second.done())
	got := map[string]int{}
	for x, err := range rec.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Stream.Kind != archive.Sample && x.Stream.Kind != archive.MarkKind {
			var w struct{ Message string }
			_ = json.Unmarshal(x.Text, &w)
			got[x.Stream.Name+" "+w.Message]++
		}
	}
	want := map[string]int{"log both": 1, "log twice": 2, "log only 0": 1, "log only 1": 1, "tick ": 2}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Recordings of two clusters are refused: neither knows the other's nodes, or
// both have a node of one name at one time.
func TestApart(t *testing.T) {
	one := newRecorder(t, 0)
	one.asks(0, 600, "a@h")
	other := newRecorder(t, 0)
	for s := 0.0; s <= 600; s += 5 {
		other.put(archive.Sample, "z@h", "node_info", s, `{"Uptime":5}`)
	}
	twin := newRecorder(t, 0)
	for s := 0.0; s <= 600; s += 5 {
		twin.put(archive.Sample, "a@h", "node_info", s, fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 900+int(s), at(s).Format(time.RFC3339Nano)))
	}
	a := merge.Input{Name: "one", Reader: one.done()}
	for _, r := range []*recorder{other, twin} {
		plan, err := merge.Look(t.Context(), []merge.Input{a, {Name: "other", Reader: r.done()}})
		if err != nil {
			t.Fatal(err)
		}
		if plan.Apart() == "" || len(plan.Clusters) != 2 {
			t.Errorf("%q: %v", plan.Apart(), plan.Clusters)
		}
		w, _ := archivetest.Create(t, nil)
		if _, err := merge.Merge(t.Context(), plan.Inputs, w, merge.Options{}); !errors.As(err, new(*merge.ApartError)) {
			t.Errorf("merged: %v", err)
		}
	}
}
