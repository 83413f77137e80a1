package member_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/member"
	"ergorecorder/fleet/shape"
	"ergorecorder/internal/sim"
	"ergorecorder/recorder"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(child(text))
	}
	if text := os.Getenv(engineEnv); text != "" {
		os.Exit(engineChild(text))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // they wait, most of the time
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// takeover is short, so that tests are.
const takeover = 3 * time.Second

// engines are some that form a cluster, each in a process of its own, or one in this.
type engines struct {
	t         *testing.T
	opts      []engine.Options
	processes []*exec.Cmd
	token     string
}

// startEngines starts so many.
func startEngines(t *testing.T, n int) *engines {
	t.Helper()
	dir := t.TempDir()
	e := &engines{t: t, token: filepath.Join(dir, "token")}
	if n == 1 {
		e.opts = []engine.Options{{Dir: filepath.Join(dir, "0"), Listen: "127.0.0.1:0", TokenFile: e.token}}
		e.opts[0].Listen = strings.TrimPrefix(enginetest.Start(t, e.opts[0]).URL(), "nats://")
		return e
	}
	_, err := engine.Token(e.token)
	must(t, err)
	free := enginetest.Free(t, 2*n)
	clients, others := free[:n], free[n:]
	e.processes = make([]*exec.Cmd, n)
	for i := range n {
		o := engine.Options{
			Dir: filepath.Join(dir, fmt.Sprint(i)), Listen: clients[i], TokenFile: e.token,
			Cluster: "test", Name: fmt.Sprint("e", i), ClusterListen: others[i],
		}
		for j := range n {
			if j != i {
				o.Routes = append(o.Routes, "nats://"+others[j])
			}
		}
		e.opts = append(e.opts, o)
		e.start(i)
	}
	return e
}

// start starts the so many-th, again where it was there before.
func (e *engines) start(i int) {
	e.t.Helper()
	o := e.opts[i]
	e.processes[i] = reborn(e.t, engineEnv, enginePlace{o.Dir, o.Listen, o.TokenFile, o.Cluster, o.Name, o.ClusterListen, o.Routes})
}

// kill kills the so many-th with -9.
func (e *engines) kill(i int) {
	e.t.Helper()
	must(e.t, e.processes[i].Process.Kill())
	_ = e.processes[i].Wait() // it was killed
}

func (e *engines) hosts() (out []string) {
	for i := range e.opts {
		out = append(out, "nats://"+e.opts[i].Listen)
	}
	return out
}

// link is a way of our own to the engines.
func (e *engines) link() *link.Link {
	e.t.Helper()
	l, err := link.Dial(link.Options{Hosts: e.hosts(), TokenFile: e.token, Fleet: "f", Name: "test"})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(l.Close)
	ctx, cancel := context.WithTimeout(e.t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Wait(ctx); err != nil {
		e.t.Fatal(err)
	}
	return l
}

// A life is a recorder that runs, in this process or in one of its own.
type life struct {
	Name, Path string
	Hosts      []string
	Token      string
	Creds      string
	Nodes      []string
	Skew       time.Duration
	Witnesses  int
	MaxBytes   int64
	Takeover   time.Duration

	member   *member.Member
	writer   *archive.Writer
	recorder *recorder.Recorder
	stop     context.CancelFunc
	running  sync.WaitGroup
	err      error
	mu       sync.Mutex
	told     []string
}

func (l *life) say(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, s)
}

// start begins to record a simulated cluster.
func (l *life) start(ctx context.Context) error {
	now := func() time.Time { return time.Now().Add(l.Skew) }
	w, err := archive.OpenWriter(l.Path, &archive.Options{CommitEvery: 100 * time.Millisecond, Now: now})
	if err != nil {
		return err
	}
	m, err := member.New(member.Options{
		Engine: link.Options{Hosts: l.Hosts, TokenFile: l.Token, CredsFile: l.Creds, Fleet: "f", MaxBytes: l.MaxBytes}, Cluster: "c", Name: l.Name,
		Witnesses: max(l.Witnesses, 1), Takeover: l.Takeover, Within: time.Second, State: strings.TrimRight(l.Path, "/") + ".fleet", Now: now, Notice: l.say,
	}, w)
	if err != nil {
		return err
	}
	cluster := sim.NewLive(l.Nodes...)
	for _, n := range l.Nodes {
		cluster.Node(n, func(n *sim.LiveNode) { n.Processes = 5 })
	}
	ways := ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		to := call.Node
		if to == "" {
			to = l.Nodes[0]
		}
		call.Node = ""
		a, err := cluster.Endpoint(to).Call(ctx, call)
		a.At = a.At.Add(l.Skew)
		return a, err
	})
	r, err := recorder.New(ways, w, recorder.Options{
		Samplers: []recorder.Sampler{{Tool: "node_info", Every: 200 * time.Millisecond}, {Tool: "process_list", Every: 500 * time.Millisecond}},
		Discover: 500 * time.Millisecond, Timeout: time.Second, Now: now, Notice: l.say, Fleet: m, Append: true,
	})
	if err != nil {
		return err
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.member, l.writer, l.recorder = m, w, r
	m.Start(ctx, r)
	l.running.Go(func() {
		if l.err = r.Run(ctx); errors.Is(l.err, context.Canceled) { // told to stop before it found the cluster
			l.err = nil
		}
		if err := m.Close(); err != nil && l.err == nil {
			l.err = err
		}
		if err := w.Close(); err != nil && l.err == nil {
			l.err = err
		}
		cluster.Close()
	})
	return nil
}

func (l *life) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.running.Wait()
	if l.err != nil {
		t.Errorf("recorder %s: %v", l.Name, l.err)
	}
}

// begin starts a recorder in this process.
func begin(t *testing.T, l *life) *life {
	t.Helper()
	if l.Path == "" {
		l.Path = filepath.Join(t.TempDir(), l.Name) + "/"
	}
	if l.Nodes == nil {
		l.Nodes = []string{"n0@h.x", "n1@h.x", "n2@h.x", "n3@h.x"}
	}
	l.Takeover = takeover
	if err := l.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(); l.running.Wait() })
	return l
}

// nodes are those that the recorder has.
func (l *life) nodes() (out []string) {
	for _, n := range l.Nodes {
		if l.member.Ours(n) {
			out = append(out, n)
		}
	}
	return out
}

// within waits until something is so.
func within(t *testing.T, d time.Duration, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s was waited for in vain, for %v", what, d)
		}
	}
}

// A reading is what a reader has of an engine: blocks by archive, and marks.
type reading struct {
	messages int
	blocks   map[uint64][][]byte
	marks    map[uint64][]archive.Mark
}

// read takes all messages of the cluster, in any order, and drops what came twice.
func read(t *testing.T, l *link.Link) *reading {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := l.JetStream().Stream(ctx, shape.Stream("f", "c"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{blocks: map[uint64][][]byte{}, marks: map[uint64][]archive.Mark{}}
	total := s.CachedInfo().State.Msgs
	seen := map[string]bool{}
	for uint64(r.messages) < total {
		batch, err := c.Fetch(int(min(total-uint64(r.messages), 500)), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for m := range batch.Messages() {
			got++
			if id := m.Headers().Get(shape.HeaderID); !seen[id] {
				seen[id] = true
				r.add(t, m)
			}
		}
		if r.messages += got; got == 0 {
			t.Fatalf("%d of %d messages came: %v", r.messages, total, batch.Error())
		}
	}
	return r
}

func (r *reading) add(t *testing.T, m jetstream.Msg) {
	t.Helper()
	s, err := shape.ParseSubject(m.Subject())
	if err != nil {
		t.Fatal(err)
	}
	if !shape.IsBlock(s.Class) {
		var mark archive.Mark
		if err := json.Unmarshal(m.Data(), &mark); err != nil {
			t.Fatal(err)
		}
		r.marks[s.Archive] = append(r.marks[s.Archive], mark)
		return
	}
	if _, err := shape.ParseBlock(m.Subject(), m.Headers().Get); err != nil {
		t.Fatal(err)
	}
	r.blocks[s.Archive] = append(r.blocks[s.Archive], m.Data())
}

// archiveOf makes an archive of what was read of one, in some order.
func (r *reading) archiveOf(t *testing.T, id uint64) *archive.Reader {
	t.Helper()
	blocks := slices.Clone(r.blocks[id])
	rand.New(rand.NewPCG(id, 1)).Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	var file bytes.Buffer
	f := archive.NewFlat(&file, id, 1)
	for _, raw := range append(blocks, blocks...) { // and each twice
		b, err := archive.ParseBlock(raw)
		if err == nil {
			err = f.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := archive.OpenObjects(archive.Object{Name: "shipped", Src: bytes.NewReader(file.Bytes()), Size: int64(file.Len())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// texts are all records of an archive, by number.
func texts(t *testing.T, r *archive.Reader) map[uint64]string {
	t.Helper()
	out := map[uint64]string{}
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if out[rec.Seq] != "" {
			t.Errorf("record %d comes twice", rec.Seq)
		}
		out[rec.Seq] = fmt.Sprint(rec.Stream, rec.At.UnixNano(), rec.Subject, string(rec.Text))
	}
	return out
}

// checkShipped: what a recorder stored is with the engine, all of it, once, and nothing else.
func checkShipped(t *testing.T, got *reading, path string) {
	t.Helper()
	archivetest.Verify(t, path)
	own, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	var id uint64
	if _, err := fmt.Sscanf(own.Info().ID, "%x", &id); err != nil {
		t.Fatal(err)
	}
	want, have := texts(t, own), texts(t, got.archiveOf(t, id))
	lost := 0
	for seq, text := range want {
		if have[seq] != text {
			lost++
		}
	}
	if lost > 0 || len(have) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d of %d records are not shipped, %d are", path, lost, len(want), len(have))
	}
	marks := 0
	for _, err := range own.Marks(t.Context(), time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		marks++
	}
	if len(got.marks[id]) != marks {
		t.Errorf("%s: %d marks are shipped of %d", path, len(got.marks[id]), marks)
	}
}
