package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/watch"
	"ergorecorder/recorder"
	"ergorecorder/replay"
	"ergorecorder/replay/serve"
)

// capturePath is a capture in testdata, or in the folder of all captures.
func capturePath(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "testdata", name+".jsonl.gz")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	all := os.Getenv("ERGO_CAPTURES")
	if all == "" {
		t.Skip("set ERGO_CAPTURES to the folder of captures to run this with " + name)
	}
	return filepath.Join(all, name+".jsonl.gz")
}

// imported is a capture as a recording.
func imported(t *testing.T, capture string) *replay.Recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "original.erg")
	var stderr bytes.Buffer
	if code := run(t.Context(), "record", []string{"import", capture, "-o", path}, nil, io.Discard, &stderr); code != exit.OK {
		t.Fatalf("import: exit %d: %s", code, stderr.String())
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec
}

// A handlerTransport answers requests by a handler, without a network, so that
// a replay and its recorder can live in a bubble of testing/synctest: there,
// how busy the machine is changes nothing.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() == http.ErrAbortHandler {
			err = errors.New("connection reset")
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}

// recordFrom records a cluster, reached by the given entry points, until the
// replay is at its end.
func recordFrom(t *testing.T, opts recorder.Options, entries ...http.Handler) *replay.Recording {
	t.Helper()
	var ways []live.Way
	for _, h := range entries {
		e, err := live.NewEndpoint("node", live.Options{Transport: handlerTransport{h}})
		if err != nil {
			t.Fatal(err)
		}
		ways = append(ways, live.Way{Name: "entry", Caller: e})
	}
	router := live.NewRouter(ways, time.Now, nil)
	opts.Routes = router
	path := filepath.Join(t.TempDir(), "recorded.erg")
	w := archivetest.Writer(t, path, nil)
	r, err := recorder.New(router, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Run(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	recorded, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recorded.Close() })
	return recorded
}

// entry is the entry point of a replayed node, "" for the recorded one.
func entry(t *testing.T, c *serve.Cluster, node string) http.Handler {
	t.Helper()
	h, err := c.Node(node)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// replayed serves a recording from its entry point, ten times as fast.
func replayed(t *testing.T, rec *replay.Recording) *serve.Cluster {
	t.Helper()
	c, err := serve.New(rec, serve.Options{Speed: 10, Prompt: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A series is what was said in one stream about one subject.
type series struct{ node, tool, args, subject string }

// answers are all samples of a recording, but for those of the capturer's own
// listeners, by series and time.
func answers(t *testing.T, rec *replay.Recording) map[series]map[time.Time]replay.Sample {
	t.Helper()
	out := map[series]map[time.Time]replay.Sample{}
	for s, err := range rec.Samples(t.Context(), "", "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(s.Tool, "sample_") {
			continue
		}
		args, err := ergo.ParseArgs(s.Args)
		if err != nil {
			t.Fatal(err)
		}
		key := series{s.Node, s.Tool, tools48.Schema(s.Tool).StreamArgs(args).String(), s.Subject}
		if out[key] == nil {
			out[key] = map[time.Time]replay.Sample{}
		}
		out[key][s.At] = s
	}
	return out
}

// ownSamplers is the capture's own list, at half its intervals.
func ownSamplers(t *testing.T, original map[series]map[time.Time]replay.Sample) []recorder.Sampler {
	t.Helper()
	var list []recorder.Sampler
	for key, samples := range original {
		times := make([]time.Time, 0, len(samples))
		var args ergo.Args
		for at, s := range samples {
			times = append(times, at)
			var err error
			if args, err = ergo.ParseArgs(s.Args); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(times, time.Time.Compare)
		every := 30 * time.Second
		for i := 1; i < len(times); i++ {
			every = min(every, max(times[i].Sub(times[i-1]), time.Second))
		}
		list = append(list, recorder.Sampler{Tool: key.tool, Args: args.Without("timeout"), Every: every / 2, Nodes: []string{key.node}})
	}
	return list
}

// same reports whether two samples say the same, up to the order of rows.
func same(t *testing.T, a, b replay.Sample) bool {
	t.Helper()
	if !reflect.DeepEqual(a.Failure, b.Failure) {
		return false
	}
	if tools48.Schema(a.Tool).Form == ergo.FormText {
		return bytes.Equal(a.Text, b.Text)
	}
	return reflect.DeepEqual(parsed(t, a.Text), parsed(t, b.Text))
}

// parsed is a JSON text with the rows of a table in the order of their text.
func parsed(t *testing.T, text []byte) any {
	t.Helper()
	if text == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(text)
	}
	if rows, ok := v.([]any); ok {
		slices.SortFunc(rows, func(x, y any) int {
			a, _ := json.Marshal(x)
			b, _ := json.Marshal(y)
			return bytes.Compare(a, b)
		})
	}
	return v
}

// TestRecordingAReplayAgrees is the main test of the whole system: what is
// recorded from a replayed recording, with the original's samplers at half
// their intervals, is the original: every sample equals the one of that time,
// and at least 99 of 100 are there. The same holds for log lines.
func TestRecordingAReplayAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("a recording of a whole replay")
	}
	for _, name := range []string{"stuck", "restart_loop", "node_crash"} {
		t.Run(name, func(t *testing.T) {
			rec := imported(t, capturePath(t, name))
			original := answers(t, rec)
			synctest.Test(t, func(t *testing.T) {
				opts := recorder.Standard()
				opts.Samplers = ownSamplers(t, original)
				opts.Logs.Every = time.Second
				c := replayed(t, rec)
				from := c.Clock().Now()
				recorded := recordFrom(t, opts, entry(t, c, ""))
				agree(t, original, answers(t, recorded), from)
				sameLogs(t, rec, recorded)
			})
		})
	}
}

// derivable reports whether the original asked the same tool at that time,
// with other arguments: an answer can be taken from a wider one.
func derivable(original map[series]map[time.Time]replay.Sample, want series, at time.Time) bool {
	for key, samples := range original {
		if _, ok := samples[at]; ok && key.node == want.node && key.tool == want.tool && key.subject == want.subject {
			return true
		}
	}
	return false
}

// agree fails unless every sample equals the original of its time and 99 of
// 100 originals are there, of those that the replay's window holds.
func agree(t *testing.T, original, got map[series]map[time.Time]replay.Sample, from time.Time) {
	t.Helper()
	total, missing, more := 0, 0, map[string]int{}
	for key, samples := range got {
		for at, s := range samples {
			o, ok := original[key][at]
			if !ok && !derivable(original, key, at) {
				t.Errorf("%v at %v: the original has none", key, at)
				return
			}
			if ok && !same(t, s, o) {
				t.Errorf("%v at %v differs:\n%.300s\nwas\n%.300s", key, at, s.Text, o.Text)
				return
			}
		}
	}
	for key, samples := range original {
		for at := range samples {
			if at.Before(from) {
				continue
			}
			total++
			if _, ok := got[key][at]; !ok {
				missing++
				more[key.tool]++
			}
		}
	}
	if missing*100 > total {
		t.Errorf("%d of %d samples are missing: %v", missing, total, more)
	}
	t.Logf("%d of %d samples are missing: %v", missing, total, more)
}

func sameLogs(t *testing.T, original, got *replay.Recording) {
	t.Helper()
	lines := func(rec *replay.Recording) map[string]bool {
		out := map[string]bool{}
		for l, err := range rec.Logs(t.Context(), "", time.Time{}, time.Time{}) {
			if err != nil {
				t.Fatal(err)
			}
			key := l.Node + " " + l.At.String() + " " + l.Message
			if out[key] {
				t.Errorf("twice: %s", key)
			}
			out[key] = true
		}
		return out
	}
	want, have := lines(original), lines(got)
	for l := range have {
		if !want[l] {
			t.Errorf("a log line that never was: %s", l)
		}
	}
	if missing := len(want) - len(have); missing*100 > len(want) {
		t.Errorf("%d of %d log lines are missing", missing, len(want))
	}
}

// shares is which share of the original's samples of a tool on each node is
// there again.
func shares(t *testing.T, original, got *replay.Recording, tool string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	have := answers(t, got)
	for key, samples := range answers(t, original) {
		if key.tool == tool {
			out[key.node] = float64(len(have[key])) / float64(len(samples))
		}
	}
	return out
}

// TestNodeCrash: recorded through a replay, the loss and the return of a node
// are marked, as a new incarnation, and none of the others' samples is missing.
func TestNodeCrash(t *testing.T) {
	rec := imported(t, capturePath(t, "node_crash"))
	synctest.Test(t, func(t *testing.T) {
		opts := recorder.Standard()
		opts.Scale(2 * time.Second)
		recorded := recordFrom(t, opts, entry(t, replayed(t, rec), ""))
		all, err := recorded.Marks(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, m := range all {
			if m.Node == "gamma@localhost" {
				kinds[m.Kind]++
			}
		}
		for _, k := range []string{"node_lost", "node_back", "node_restarted"} {
			if kinds[k] != 1 {
				t.Errorf("%d marks %s, want one: %v", kinds[k], k, kinds)
			}
		}
		if kinds[archive.MarkGap] == 0 {
			t.Errorf("no gap is marked: %v", kinds)
		}
		for node, share := range shares(t, rec, recorded, "node_info") {
			if share < 0.98 {
				t.Errorf("%s: %.0f %% of its samples", node, share*100)
			}
		}
	})
}

// TestEntryPointKilled: the entry point is killed in the middle; the recording
// goes on through the second one.
func TestEntryPointKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("processes of their own")
	}
	rec := imported(t, capturePath(t, "stuck"))
	synctest.Test(t, func(t *testing.T) {
		c := replayed(t, rec)
		from, to := rec.Window()
		first := entry(t, c, "")
		killed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.Clock().Now().After(from.Add(to.Sub(from) / 2)) {
				panic(http.ErrAbortHandler)
			}
			first.ServeHTTP(w, r)
		})
		opts := recorder.Standard()
		opts.Scale(2 * time.Second)
		recorded := recordFrom(t, opts, killed, entry(t, c, "gamma@localhost"))
		for node, share := range shares(t, rec, recorded, "node_info") {
			if share < 0.95 {
				t.Errorf("%s: %.0f %% of its samples, the first entry point having died half way", node, share*100)
			}
		}
	})
}

// TestBlockedCallbackIsPinned: a callback that blocks in a replayed incident
// leads, with nobody watching, to a pinned window that holds the goroutine
// stacks.
func TestBlockedCallbackIsPinned(t *testing.T) {
	if testing.Short() {
		t.Skip("a recording of a whole replay")
	}
	rec := imported(t, capturePath(t, "stuck"))
	synctest.Test(t, func(t *testing.T) {
		opts := recorder.Standard()
		opts.Scale(2 * time.Second)
		opts.Incidents.Detectors = []recorder.Detector{&watch.Detector{}}
		recorded := recordFrom(t, opts, entry(t, replayed(t, rec), ""))
		all, err := recorded.Marks(t.Context(), time.Time{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if m.Kind != archive.MarkIncident || m.More["kind"] != "blocked_callback" {
				continue
			}
			if m.More["name"] != "book_eth" || m.Node != "gamma@localhost" {
				t.Errorf("the window is pinned for %v on %s", m.More["name"], m.Node)
			}
			for s, err := range recorded.Samples(t.Context(), m.Node, "pprof_goroutines", m.From, m.To) {
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(s.Text, []byte("OrderBook")) {
					return
				}
			}
			t.Error("the pinned window holds no stack of the blocked process")
			return
		}
		t.Errorf("no window is pinned for a blocked callback: %v", all)
	})
}
