package roads

import (
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/surface"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/internal/pace"
	"ergorecorder/internal/watch"
	"ergorecorder/recorder"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
	"ergorecorder/replay/serve"
)

var (
	write = flag.String("doc", "", "write the table to this file")
	keep  = flag.String("keep", "", "keep the recordings in this folder")
)

// captures are those that are compared: of testdata, or of ERGO_CAPTURES.
func captures(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		dir = filepath.Join("..", "..", "testdata")
	}
	list, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no captures in %s: %v", dir, err)
	}
	if *write == "" { // the document has all
		list = list[:min(len(list), pace.Times(len(list), 2, 1))]
	}
	return list
}

// A verdict is what an analysis finds, as far as it is compared.
type verdict struct {
	kind, subject string
	node          string
	onset         time.Time
	caveat        string // the first
}

// instead reports whether a verdict is another's, but of the node as a whole and
// with the reason for that.
func (v verdict) instead(of verdict) bool {
	return v.kind == of.kind && v.node == of.node && v.subject == v.node && of.subject != of.node && v.caveat != ""
}

// verdictOf analyses a recording over a road: the findings that are causes, by
// rank.
func verdictOf(t *testing.T, rec *replay.Recording, road ergo.Road) (list []verdict, missing []string) {
	t.Helper()
	report, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rec.Streams() {
		if s.Name == "node_info" && s.Schema.Road != string(road) {
			t.Fatalf("it was recorded over %q", s.Schema.Road)
		}
	}
	for _, f := range report.Findings {
		if _, unseen, _ := strings.Cut(f.Weighed, "Not seen: "); strings.Contains(unseen, "its log") {
			t.Errorf("%s: over %s its log was recorded: %s", f.Title, road, f.Weighed)
		}
		if f.CausedBy == nil && f.Severity != finding.Info {
			v := verdict{kind: string(f.Kind), subject: subject(f.Subject), node: f.Subject.Node, onset: f.Onset}
			if len(f.Caveats) > 0 {
				v.caveat = f.Caveats[0]
			}
			list = append(list, v)
		}
	}
	for _, s := range report.Coverage.Shortfalls {
		missing = append(missing, s.Why)
	}
	return list, missing
}

// marked reports whether a recorder marked something of a node.
func marked(t *testing.T, rec *replay.Recording, kind, node string) bool {
	t.Helper()
	marks, err := rec.Marks(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(marks, func(m archive.Mark) bool { return m.Kind == kind && m.Node == node })
}

func subject(s finding.Subject) string {
	parts := []string{s.Node, s.Name, s.Peer, s.Event, s.Application, s.Behavior}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}

// opened is an archive as a recording.
func opened(t *testing.T, path string) *replay.Recording {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec
}

// imported is a capture as a recording.
func imported(t *testing.T, capture string) *replay.Recording {
	t.Helper()
	f, err := os.Open(capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "original.erg")
	w := archivetest.Writer(t, path, nil)
	var into ingest.Imported
	if err := errors.Join(ingest.Capture(t.Context(), text, w, ingest.Options{}, &into), w.Close()); err != nil {
		t.Fatal(err)
	}
	return opened(t, path)
}

// A handlerTransport answers requests by a handler, without a network, so that
// a replay and its recorder can live in a bubble of testing/synctest.
type handlerTransport struct{ http.Handler }

func (h handlerTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() == http.ErrAbortHandler {
			err = errors.New("connection reset")
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// speed is how many times faster than it was a replay runs.
const speed = 10

// recorded is a recording of a replay, made over a road. It runs in a bubble.
func recorded(t *testing.T, original *replay.Recording, road ergo.Road, path string) {
	c, err := serve.New(original, serve.Options{Speed: speed})
	if err != nil {
		t.Fatal(err)
	}
	opts := recorder.Standard()
	opts.Scale(2 * time.Second)
	opts.Jitter = func() float64 { return 0.5 }
	opts.Incidents.Detectors = []recorder.Detector{&watch.Detector{}} // as record run has
	var way live.Way
	if road == ergo.RoadLink || road == ergo.RoadSystem {
		way = joined(t, c, road, &opts)
	} else {
		way = entered(t, c, road)
	}
	router := live.NewRouter([]live.Way{way}, time.Now, nil)
	opts.Routes = router
	w := archivetest.Writer(t, path, nil)
	r, err := recorder.New(router, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Run(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// entered is the way to the entry point of a replay, over HTTP.
func entered(t *testing.T, c *serve.Cluster, road ergo.Road) live.Way {
	h, err := c.Node("")
	if road == ergo.RoadObserver {
		h, err = c.Observer("")
	}
	if err != nil {
		t.Fatal(err)
	}
	entry, err := surface.Open("node:9922", live.Options{Transport: handlerTransport{h}})
	if err != nil {
		t.Fatal(err)
	}
	return live.Way{Name: "entry", Caller: entry}
}

// joined is the way to the nodes of a replay that are joined, over a network in
// memory.
func joined(t *testing.T, c *serve.Cluster, road ergo.Road, opts *recorder.Options) live.Way {
	cookie, err := wire.NewCookie("a cookie of some length")
	if err != nil {
		t.Fatal(err)
	}
	var network wiretest.Network
	ctx, cancel := context.WithCancel(context.Background())
	own := wire.Options{
		Node: "recorder@here", Cookie: cookie, Dial: network.Dial, Logs: opts.Logs.Levels,
		Jitter: func() float64 { return 0.5 },
	}
	var serving sync.WaitGroup
	for i, node := range c.Nodes() {
		m, err := c.Member(node, road, cookie)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(node, "@")
		port := uint16(15000 + i)
		own.Targets = append(own.Targets, wire.Target{Node: node, Port: port})
		address := net.JoinHostPort(name, strconv.Itoa(int(port)))
		first := network.Listen(address)
		serving.Go(func() {
			if err := m.Serve(ctx, first, func() (net.Listener, error) { return network.Listen(address), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	cluster, err := wire.Open(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close(); cancel(); serving.Wait(); network.Wait() })
	if err := cluster.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	opts.Pushes, opts.OwnNode = &pushes{cluster, cluster.Subscribe(1 << 16)}, cluster.Name()
	return live.Way{Name: "joined", Caller: cluster, Joined: true}
}

// pushes are what nodes push, as a recorder takes it.
type pushes struct {
	*wire.Cluster
	queue *wire.Subscription
}

func (p *pushes) Next(ctx context.Context) (recorder.Pushed, error) {
	select {
	case m := <-p.queue.C():
		event, text := m.Entry()
		return recorder.Pushed{Node: m.Node, Event: event, At: m.Received, Text: text, Lost: m.Dropped}, nil
	case <-ctx.Done():
		return recorder.Pushed{}, ctx.Err()
	}
}

// carried is how far an onset may be from that of the recording over the 48
// tools.
const carried = 4 * time.Second

// all are the roads; what the others find is held against what the first does.
func all() []ergo.Road {
	return []ergo.Road{ergo.RoadMCP, ergo.RoadObserver, ergo.RoadLink, ergo.RoadSystem}
}

// TestRoads: what a recording over the 48 tools finds, one over any other road
// finds too: kind, subject, rank and onset.
func TestRoads(t *testing.T) {
	if testing.Short() {
		t.Skip("captures over every road")
	}
	var rows []string
	for _, capture := range captures(t) {
		name := strings.TrimSuffix(filepath.Base(capture), ".jsonl.gz")
		t.Run(name, func(t *testing.T) {
			original := imported(t, capture)
			var want []verdict
			var cells []string
			for i, road := range all() {
				path := filepath.Join(folder(t, name), string(road)+".erg")
				synctest.Test(t, func(t *testing.T) { recorded(t, original, road, path) })
				rec := opened(t, path)
				got, missing := verdictOf(t, rec, road)
				for _, v := range got {
					if v.kind == "node_down" && !marked(t, rec, "node_lost", v.node) {
						t.Errorf("%s: the recorder did not notice that %s was away", road, v.node)
					}
				}
				if i == 0 {
					want, cells = got, append(cells, words(got))
					continue
				}
				said := compare(want, got, missing)
				cells = append(cells, cell(said))
				for _, d := range said {
					if !strings.Contains(d, saysWhy) {
						t.Errorf("%s: %s", road, d)
					}
				}
			}
			rows = append(rows, fmt.Sprintf("| %s | %s |", name, strings.Join(cells, " | ")))
		})
	}
	if *write != "" {
		table(t, *write, rows)
	}
}

// folder is where the recordings of a capture go.
func folder(t *testing.T, name string) string {
	if *keep == "" {
		return t.TempDir()
	}
	dir := filepath.Join(*keep, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// saysWhy stands before what the report itself says was missing.
const saysWhy = " (its report says what was missing: "

// compare says in what one verdict differs from another, and what the report says
// was missing for it.
func compare(want, got []verdict, missing []string) (said []string) {
	for i, w := range want {
		j := slices.IndexFunc(got, func(g verdict) bool { return g.kind == w.kind && g.subject == w.subject })
		switch {
		case j < 0:
			d := fmt.Sprintf("%s of %s is not found", w.kind, w.subject)
			if i := slices.IndexFunc(got, func(g verdict) bool { return g.instead(w) }); i >= 0 {
				said = append(said, fmt.Sprintf("%s is found of %s as a whole%s%s)", w.kind, w.node, saysWhy, got[i].caveat))
				continue
			}
			if i := slices.IndexFunc(missing, func(m string) bool { return strings.HasPrefix(m, w.node+": ") }); i >= 0 {
				d += saysWhy + missing[i] + ")"
			}
			said = append(said, d)
		case i == 0 && j != 0:
			said = append(said, fmt.Sprintf("%s of %s has rank %d", w.kind, w.subject, j+1))
		case got[j].onset.Sub(w.onset).Abs() > carried:
			said = append(said, fmt.Sprintf("%s of %s begins %v apart", w.kind, w.subject, got[j].onset.Sub(w.onset)))
		}
	}
	for _, g := range got {
		if !slices.ContainsFunc(want, func(w verdict) bool { return w.kind == g.kind && w.subject == g.subject }) {
			if slices.ContainsFunc(want, func(w verdict) bool { return g.instead(w) }) {
				continue // told already
			}
			said = append(said, fmt.Sprintf("%s of %s is found here only", g.kind, g.subject))
		}
	}
	return said
}

func words(list []verdict) string {
	if len(list) == 0 {
		return "nothing"
	}
	var s []string
	for _, v := range list {
		s = append(s, v.kind+" of "+v.subject)
	}
	return strings.Join(s, ", ")
}

func cell(said []string) string {
	if len(said) == 0 {
		return "the same"
	}
	return strings.Join(said, "; ")
}

// table writes the document.
func table(t *testing.T, path string, rows []string) {
	t.Helper()
	text := head + strings.Join(rows, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const head = `# One recording over several roads

Written by ` + "`make roads`" + `. Each capture of a real cluster (those of testdata, or of the folder ERGO_CAPTURES) is served by a replay
at ten times its speed over each of the four roads ([surfaces.md](surfaces.md)): as the 48 tools over HTTP, as an Observer (Ergo 3.3), as nodes to
join that have the 48 tools, and as nodes of 3.3 to join that have their system application alone. It is recorded from there with the
standard samplers and the playbooks watching, as record run does, and analysed. The second column is what the recording over the 48 tools finds: causes, the one to act on first. The
others say in what the recording over that road differs: in kind, subject, rank of the first, or onset (by more than 4 s).

| capture | found over the 48 tools (HTTP) | over an Observer | over a link, 48 tools | over a link, system application |
|---|---|---|---|---|
`
