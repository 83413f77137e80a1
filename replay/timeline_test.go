package replay_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// inParts is a recording of lines that lie in several archives, each of which
// begins before the one before it ends.
func inParts(tb testing.TB, lines []*capture.Line, parts int) *replay.Recording {
	tb.Helper()
	var paths []string
	for i := range parts {
		path := filepath.Join(tb.TempDir(), "part.erg")
		w := archivetest.Writer(tb, path, nil)
		from, to := i*len(lines)/parts, (i+1)*len(lines)/parts
		for _, l := range lines[max(0, from-50):to] {
			if _, err := w.Append(ingest.Record(l.Call, l.Args, l.Answer, l.Refused, ingest.Options{KeepEnv: true})); err != nil {
				tb.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		paths = append(paths, path)
	}
	rec, err := replay.Open(paths...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { rec.Close() })
	return rec
}

// TestOneTimeline: several archives that overlap say what one with all of it
// says.
func TestOneTimeline(t *testing.T) {
	if testing.Short() {
		t.Skip("a capture by every way")
	}
	ctx := context.Background()
	whole, lines := load(t, fixture.Bundled(t, "stuck"))
	parts := inParts(t, lines, 3)
	f1, t1 := whole.Window()
	f2, t2 := parts.Window()
	if !f1.Equal(f2) || !t1.Equal(t2) || len(parts.Archives()) != 3 {
		t.Errorf("window %s to %s, want %s to %s", f2, t2, f1, t1)
	}
	for i, n := range whole.Nodes() {
		m := parts.Nodes()[i]
		if m.Name != n.Name || m.Entry != n.Entry || m.Latency != n.Latency || m.Pprof != n.Pprof || len(m.Lives) != len(n.Lives) {
			t.Errorf("node %+v, want %+v", m, n)
		}
		for _, tool := range []string{"node_info", "process_list"} {
			want, got := frames(t, whole, n.Name, tool), frames(t, parts, n.Name, tool)
			if len(got) != len(want) || len(want) == 0 {
				t.Errorf("%s of %s: %d answers, want %d", tool, n.Name, len(got), len(want))
			}
			for i := 1; i < len(got); i++ {
				if !got[i].After(got[i-1]) {
					t.Errorf("%s of %s: %s comes after %s", tool, n.Name, got[i], got[i-1])
				}
			}
		}
		call := ergo.Call{Node: n.Name, Tool: "process_list", Args: ergo.Args{"sort_by": "messages_in", "limit": json.Number("1000")}}
		// Right after an answer: for how long it stands is told by the intervals of
		// its own archive.
		for _, at := range frames(t, whole, n.Name, "process_list") {
			at = at.Add(100 * time.Millisecond)
			a, err1 := whole.At(at).Call(ctx, call)
			b, err2 := parts.At(at).Call(ctx, call)
			if (err1 == nil) != (err2 == nil) || canonical(t, a.Text) != canonical(t, b.Text) || !a.At.Equal(b.At) {
				t.Errorf("%s at %s: of %s and %s, %d and %d bytes, %v and %v", call, at, a.At, b.At, len(a.Text), len(b.Text), err1, err2)
			}
		}
	}
	if want, got := logLines(t, whole), logLines(t, parts); got != want || want == 0 {
		t.Errorf("%d log lines, want %d", got, want)
	}
}

func frames(t *testing.T, rec *replay.Recording, node, tool string) (at []time.Time) {
	t.Helper()
	for f, err := range rec.Table(context.Background(), node, tool, time.Time{}, time.Time{}, []string{"Uptime"}) {
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, f.At)
	}
	return at
}

func logLines(t *testing.T, rec *replay.Recording) (n int) {
	t.Helper()
	for l, err := range rec.Logs(context.Background(), "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Node == "" || l.Level == "" || l.Message == "" || l.At.IsZero() {
			t.Errorf("log line %+v", l)
		}
		n++
	}
	return n
}

// TestGrowing: a recording that is being written shows what was appended since
// it was opened.
func TestGrowing(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "x.erg"), nil)
	defer w.Close()
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		at := start.Add(time.Duration(i) * 2 * time.Second)
		for _, l := range []*capture.Line{
			said(at, "a@h", "cluster_nodes", nil, `[{"name":"a@h","status":"self"}]`),
			said(at, "a@h", "node_info", nil, `{"Uptime":`+string(rune('1'+2*i))+`}`),
		} {
			if _, err := w.Append(ingest.Record(l.Call, nil, l.Answer, nil, ingest.Options{})); err != nil {
				t.Fatal(err)
			}
		}
		text, err := ask(rec, float64(2*i)+0.5, ergo.Call{Tool: "node_info"})
		if want := `{"Uptime":` + string(rune('1'+2*i)) + `}`; err != nil || text != want {
			t.Errorf("after %d answers: %s, %v; want %s", i+1, text, err, want)
		}
	}
	if n := rec.Nodes(); len(n) != 1 || len(n[0].Lives) != 1 || !n[0].Entry {
		t.Errorf("nodes %+v", n)
	}
}
