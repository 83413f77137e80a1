package member_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/archive"
	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/shape"
)

// marksOf are the marks of a kind that a recorder wrote.
func (l *life) marksOf(t *testing.T, kind string) (out []archive.Mark) {
	t.Helper()
	for m, err := range l.writer.View().Marks(t.Context(), time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == kind {
			out = append(out, m)
		}
	}
	return out
}

// TestThreeEngines: of three engines in processes of their own, the one that leads the stream is killed
// with -9 while two recorders record, and started again:
// recording goes on, and all of it is shipped, once.
func TestThreeEngines(t *testing.T) {
	if testing.Short() {
		t.Skip("three engines take their seconds")
	}
	t.Parallel()
	e := startEngines(t, 3)
	a := begin(t, &life{Name: "a", Hosts: e.hosts(), Token: e.token})
	b := begin(t, &life{Name: "b", Hosts: e.hosts(), Token: e.token, Skew: 90 * time.Second})
	within(t, 20*time.Second, "the share of each", func() bool {
		return len(a.nodes())+len(b.nodes()) == 4 && len(a.recorder.Status().Nodes) == len(a.nodes())
	})
	within(t, 30*time.Second, "something shipped", func() bool { return a.member.Standing().Shipped+b.member.Standing().Shipped > 0 })
	l := e.link()
	s, err := l.JetStream().Stream(t.Context(), shape.Stream("f", "c"))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.CachedInfo().Config.Replicas; r != 3 {
		t.Errorf("the stream has %d replicas", r)
	}
	before := a.recorder.Status().Records + b.recorder.Status().Records
	leader := slices.IndexFunc(e.opts, func(o engine.Options) bool { return o.Name == s.CachedInfo().Cluster.Leader })
	e.kill(leader)
	within(t, 5*time.Second, "more records", func() bool { return a.recorder.Status().Records+b.recorder.Status().Records > before+20 })
	shipped := a.member.Standing().Shipped + b.member.Standing().Shipped
	within(t, 30*time.Second, "more shipped by two of three", func() bool { return a.member.Standing().Shipped+b.member.Standing().Shipped > shipped })
	e.start(leader)
	a.end(t)
	b.end(t)
	got := read(t, e.link())
	checkShipped(t, got, a.Path)
	checkShipped(t, got, b.Path)
}

// TestDeath: a recorder that is cut off from the engine, its clock 90 s off, goes on with its
// nodes; others take them over in time, and no two are sure of one. When it is back, what it
// has is shipped, the gap that was told begins when it last told that it heard the node, and each node is recorded once.
func TestDeath(t *testing.T) {
	if testing.Short() {
		t.Skip("an engine that is full or gone takes its seconds")
	}
	t.Parallel()
	e := startEngines(t, 1)
	p := newProxy(t, e.opts[0].Listen)
	a := begin(t, &life{Name: "a", Hosts: []string{"nats://" + p.address()}, Token: e.token, Skew: -90 * time.Second})
	b := begin(t, &life{Name: "b", Hosts: e.hosts(), Token: e.token})
	within(t, 15*time.Second, "the share of each", func() bool { return len(a.nodes()) == 2 && len(b.nodes()) == 2 })
	had := a.nodes()
	within(t, 5*time.Second, "its nodes' answers", func() bool { return len(a.recorder.Status().Nodes) == len(had) })
	told := e.link().Bucket(shape.Recorders("f"))
	within(t, 10*time.Second, "a heartbeat that tells of them", func() bool {
		var r shape.Recorder
		entry, err := told.Get(t.Context(), shape.RecorderKey("c", "a"))
		return err == nil && json.Unmarshal(entry.Value, &r) == nil && len(r.HeardAgo) == len(had)
	})
	p.cut()
	cut := time.Now()
	records := a.recorder.Status().Records
	within(t, takeover+time.Second, "the takeover", func() bool {
		for _, n := range a.Nodes {
			if a.member.Alone(n) && b.member.Alone(n) {
				t.Fatalf("two are sure of %s", n)
			}
		}
		return len(b.nodes()) == 4
	})
	t.Logf("%d nodes were taken over after %v, of at most %v", len(had), time.Since(cut).Round(time.Millisecond), takeover)
	if took := time.Since(cut); took > takeover {
		t.Errorf("the takeover took %v", took)
	}
	within(t, 5*time.Second, "a backlog", func() bool {
		s := a.member.Standing()
		return s.Blocks > 0 && s.Backlog > 0 && s.Age > 0 && !s.Away.IsZero()
	})
	if !slices.Equal(a.nodes(), had) || a.recorder.Status().Records <= records {
		t.Errorf("without the engine it records %v, had %v, and %d records more", a.nodes(), had, a.recorder.Status().Records-records)
	}
	within(t, 5*time.Second, "the gaps", func() bool { return len(b.marksOf(t, archive.MarkGap)) == len(had) })
	for _, g := range b.marksOf(t, archive.MarkGap) {
		if early := cut.Sub(g.From); early < -500*time.Millisecond || early > takeover || g.To.Before(cut) || time.Since(g.To) < 0 {
			t.Errorf("the gap of %s is from %v to %v after the recorder was cut off", g.Node, -early, g.To.Sub(cut))
		}
	}
	p.heal()
	within(t, 20*time.Second, "each node recorded once", func() bool { return slices.Equal(a.nodes(), had) && len(b.nodes()) == 4-len(had) })
	within(t, 20*time.Second, "the backlog shipped", func() bool { return a.member.Standing().Blocks == 0 })
	a.end(t)
	b.end(t)
	got := read(t, e.link())
	checkShipped(t, got, a.Path)
	checkShipped(t, got, b.Path)
}

// TestFull: an engine that takes no more thins nothing, and gets all of it when it has room.
func TestFull(t *testing.T) {
	if testing.Short() {
		t.Skip("an engine that is full or gone takes its seconds")
	}
	t.Parallel()
	e := startEngines(t, 1)
	a := begin(t, &life{Name: "a", Hosts: e.hosts(), Token: e.token, MaxBytes: 20_000})
	within(t, 30*time.Second, "a full engine", func() bool { return strings.Contains(a.member.Standing().Why, "maximum bytes") })
	records, back := a.recorder.Status().Records, a.member.Standing().Backlog
	within(t, 10*time.Second, "a growing backlog", func() bool { return a.member.Standing().Backlog > back && a.recorder.Status().Records > records+10 })
	l := e.link()
	s, err := l.JetStream().Stream(t.Context(), shape.Stream("f", "c"))
	if err != nil {
		t.Fatal(err)
	}
	conf := s.CachedInfo().Config
	conf.MaxBytes = -1
	if _, err := l.JetStream().UpdateStream(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the backlog shipped", func() bool { return a.member.Standing().Why == "" && a.member.Standing().Blocks == 0 })
	a.end(t)
	checkShipped(t, read(t, l), a.Path)
}

// TestTwice: an engine that forgot what it was sent stores it again; a reader drops it.
func TestTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("an engine that is full or gone takes its seconds")
	}
	t.Parallel()
	e := startEngines(t, 1)
	l := e.link()
	_, err := l.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: shape.Stream("f", "c"), Subjects: []string{shape.All("f", "c")}, Duplicates: 100 * time.Millisecond, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	a := begin(t, &life{Name: "a", Hosts: e.hosts(), Token: e.token})
	within(t, 15*time.Second, "something shipped", func() bool { return a.member.Standing().Shipped > 1000 })
	a.end(t)
	first := read(t, l)
	again := begin(t, &life{Name: "a", Hosts: e.hosts(), Token: e.token, Path: forgetful(t, a.Path)})
	within(t, 15*time.Second, "all shipped again", func() bool {
		return again.member.Standing().Blocks == 0 && again.member.Standing().Shipped > a.member.Standing().Shipped
	})
	again.end(t)
	got := read(t, l)
	if got.messages < 2*first.messages {
		t.Errorf("%d messages, and %d when all was sent again: then this test proves nothing", first.messages, got.messages)
	}
	checkShipped(t, got, a.Path)
}
