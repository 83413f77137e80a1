package lease

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// bucket is a bucket in memory that can be cut off from each of its clients.
type bucket struct {
	mu       sync.Mutex
	entries  map[string]link.Entry
	rev      uint64
	watchers map[*watcher]bool
}

type watcher struct{ entries chan link.Entry }

func newBucket() *bucket {
	return &bucket{entries: map[string]link.Entry{}, watchers: map[*watcher]bool{}}
}

// client is the way of one recorder to a bucket.
type client struct {
	b    *bucket
	way  *way
	skew time.Duration
}

// way is what lies between a recorder and the engine.
type way struct {
	mu   sync.Mutex
	cut  bool
	dead bool          // nobody waits for an answer
	deaf bool          // requests arrive, answers do not
	slow time.Duration // of what a watch tells
}

func (w *way) set(f func(*way)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

func (w *way) get() (cut, deaf bool, slow time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut, w.deaf, w.slow
}

func (c client) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	c.way.mu.Lock()
	dead := c.way.dead
	c.way.mu.Unlock()
	if dead {
		return 0, errors.New("it is dead")
	}
	cut, deaf, _ := c.way.get()
	if cut {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	rev, err := c.b.put(key, value, revision)
	if deaf {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return rev, err
}

func (b *bucket) put(key string, value []byte, revision uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries[key].Revision != revision {
		return 0, link.ErrStale
	}
	b.rev++
	e := link.Entry{Key: key, Value: value, Revision: b.rev, Created: time.Now()}
	b.entries[key] = e
	for w := range b.watchers {
		w.entries <- e
	}
	return b.rev, nil
}

func (c client) Get(ctx context.Context, key string) (link.Entry, error) {
	if cut, deaf, _ := c.way.get(); cut || deaf {
		<-ctx.Done()
		return link.Entry{}, ctx.Err()
	}
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	return c.b.entries[key], nil
}

func (c client) Watch(ctx context.Context, each func(link.Entry), all func()) error {
	w := &watcher{make(chan link.Entry, 10000)}
	c.b.mu.Lock()
	for _, key := range slices.Sorted(maps.Keys(c.b.entries)) {
		w.entries <- c.b.entries[key]
	}
	c.b.watchers[w] = true
	c.b.mu.Unlock()
	defer func() {
		c.b.mu.Lock()
		delete(c.b.watchers, w)
		c.b.mu.Unlock()
	}()
	all()
	for {
		cut, deaf, slow := c.way.get()
		if cut || deaf {
			return errors.New("cut off")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		case e := <-w.entries:
			time.Sleep(slow)
			if cut, deaf, _ := c.way.get(); cut || deaf {
				return errors.New("cut off")
			}
			each(e)
		}
	}
}

// A member is one recorder of a fleet.
type member struct {
	*Keeper
	name  string
	way   *way
	mu    sync.Mutex
	heard []Event
	stop  context.CancelFunc
	done  chan struct{}
	set   atomic.Int64 // how far its clock was set since it began
}

func (m *member) events() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.heard)
}

// A fleet is recorders that share an engine in memory.
type fleet struct {
	noEngine          bool // for who joins
	t                 *testing.T
	recorders, leases *bucket
	nodes             []string
	members           []*member
	lives             int
}

func newFleet(t *testing.T, nodes int) *fleet {
	f := &fleet{t: t, recorders: newBucket(), leases: newBucket()}
	for i := range nodes {
		f.nodes = append(f.nodes, fmt.Sprintf("n%d@host.x", i))
	}
	return f
}

func (f *fleet) join(name string, witnesses int, skew time.Duration, before ...string) *member {
	f.lives++
	began, life := time.Now(), f.lives
	m := &member{name: name, way: &way{cut: f.noEngine}, done: make(chan struct{})}
	m.Keeper = New(Options{
		Cluster: "c", Name: name, Archive: "archive of " + name, Takeover: Takeover(5 * time.Second), Witnesses: witnesses, Before: before,
		Recorders: client{f.recorders, m.way, skew}, Leases: client{f.leases, m.way, skew},
		Session: func() string { life += 1000; return fmt.Sprint("life ", life) },
		Now:     func() time.Time { return time.Now().Add(skew + time.Duration(m.set.Load())) }, Elapsed: func() time.Duration { return time.Since(began) },
		Hear: func(e Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.heard = append(m.heard, e)
		},
		Self: func(r *shape.Recorder) {
			r.HeardAgo = map[string]float64{}
			for _, n := range f.nodes {
				r.HeardAgo[n] = 0.5
			}
		},
	})
	ctx, cancel := context.WithCancel(f.t.Context())
	m.stop = cancel
	m.There(f.nodes)
	go func() { defer close(m.done); m.Run(ctx) }()
	f.members = append(f.members, m)
	return m
}

// kill ends a member as kill -9 does: the engine hears nothing of it any more.
func (f *fleet) kill(m *member) {
	m.way.set(func(w *way) { w.dead = true })
	m.stop()
	<-m.done
	f.members = slices.DeleteFunc(f.members, func(x *member) bool { return x == m })
}

// cut takes the engine from all members.
func (f *fleet) cut() {
	for _, m := range f.members {
		m.way.set(func(w *way) { w.cut = true })
	}
}

// mend gives it back to all, at once.
func (f *fleet) mend() {
	for _, m := range f.members {
		m.way.set(func(w *way) { w.cut, w.deaf, w.slow = false, false, 0 })
	}
}

func (f *fleet) end() {
	f.mend()
	for _, m := range f.members {
		m.stop()
		<-m.done
	}
}

// pass lets time pass, and looks all the while whether two are sure of a node.
func (f *fleet) pass(d time.Duration, witnesses int) {
	f.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, n := range f.nodes {
			var sure []string
			for _, m := range f.members {
				m.There(f.nodes)
				if m.Alone(n) {
					sure = append(sure, m.name)
				}
			}
			if len(sure) > witnesses {
				f.t.Fatalf("%v are sure of %s", sure, n)
			}
		}
	}
}

// has are how many record each node.
func (f *fleet) has(node string) (n int) {
	for _, m := range f.members {
		if m.Ours(node) {
			n++
		}
	}
	return n
}

func (f *fleet) check(witnesses int) {
	f.t.Helper()
	for _, n := range f.nodes {
		if got := f.has(n); got != witnesses {
			f.t.Errorf("%s is recorded by %d, want %d", n, got, witnesses)
		}
	}
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// TestShare: nodes are divided; one more recorder takes few and nothing is unrecorded meanwhile;
// one that stops hands over at once; one that dies is taken over in time, with a gap of known length.
func TestShare(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 60)
		defer f.end()
		a, b := f.join("a", 1, 0), f.join("b", 1, 90*time.Second)
		f.pass(5*time.Second, 1)
		f.check(1)
		if n := len(a.Nodes()); n < 15 || n > 45 {
			t.Errorf("a has %d of 60 nodes", n)
		}
		c := f.join("c", 1, -90*time.Second)
		before := map[string]*member{}
		for _, n := range f.nodes {
			before[n] = a
			if b.Ours(n) {
				before[n] = b
			}
		}
		for range 100 {
			f.pass(100*time.Millisecond, 1)
			for _, n := range f.nodes {
				if f.has(n) == 0 {
					t.Fatalf("nobody records %s while it goes over", n)
				}
			}
		}
		f.check(1)
		for _, n := range f.nodes {
			if !before[n].Ours(n) && !c.Ours(n) {
				t.Errorf("%s went from %s to neither it nor the new one", n, before[n].name)
			}
		}
		if n := len(c.Nodes()); n < 8 || n > 35 {
			t.Errorf("the third has %d of 60 nodes", n)
		}
		had := b.Nodes()
		f.kill(b)
		at := time.Now()
		for took := 0; took < len(had); f.pass(100*time.Millisecond, 1) {
			took = 0
			for _, n := range had {
				took += f.has(n)
			}
			if time.Since(at) > Takeover(5*time.Second) {
				t.Fatalf("%d of %d nodes were taken over after %v", took, len(had), time.Since(at))
			}
		}
		t.Logf("%d nodes of a dead recorder were taken over after %v", len(had), time.Since(at))
		checkGaps(t, "b", had, at, a, c)
		c.stop()
		<-c.done
		f.members = []*member{a}
		f.pass(2*time.Second, 1)
		f.check(1)
	})
}

// checkGaps: the gaps begin when the dead one last said that it heard the node, by each one's own clock.
func checkGaps(t *testing.T, from string, nodes []string, died time.Time, members ...*member) {
	t.Helper()
	seen := 0
	for _, m := range members {
		for _, e := range m.events() {
			if e.What != Taken || e.From != from || e.Since.IsZero() || !slices.Contains(nodes, e.Node) {
				continue
			}
			seen++
			since := e.Since.Add(-time.Until(m.o.Now()))
			if early := died.Sub(since); early < 0 || early > 3500*time.Millisecond+time.Millisecond {
				t.Errorf("the gap of %s begins %v before the recorder died", e.Node, early)
			}
		}
	}
	if seen != len(nodes) {
		t.Errorf("%d gaps of %d nodes", seen, len(nodes))
	}
}

// TestWitnesses: each node has two, not twice the same; the death of one leaves no gap.
func TestWitnesses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 30)
		defer f.end()
		a, b := f.join("a", 2, 0), f.join("b", 2, 0)
		f.pass(4*time.Second, 2)
		f.check(2)
		c := f.join("c", 2, 0)
		f.pass(8*time.Second, 2)
		f.check(2)
		f.kill(b)
		f.pass(15*time.Second, 2)
		f.check(2)
		for _, m := range []*member{a, c} {
			for _, e := range m.events() {
				if e.What == Taken && !e.Since.IsZero() {
					t.Errorf("%s tells a gap of %s, which had another witness", m.name, e.Node)
				}
			}
		}
	})
}

// TestPartition: a recorder that is cut off goes on with its nodes and is not sure of
// any when others take them; when it is back it leaves those, and its share returns.
func TestPartition(t *testing.T) {
	for _, how := range []string{"cut", "deaf"} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				f := newFleet(t, 20)
				defer f.end()
				a, b := f.join("a", 1, 0), f.join("b", 1, 0)
				f.pass(4*time.Second, 1)
				had := a.Nodes()
				a.way.set(func(w *way) { w.cut, w.deaf = how == "cut", how == "deaf" })
				f.pass(20*time.Second, 1)
				if !slices.Equal(a.Nodes(), had) || a.Away().IsZero() {
					t.Errorf("without the engine it records %d of %d nodes, away since %v", len(a.Nodes()), len(had), a.Away())
				}
				if len(b.Nodes()) != 20 {
					t.Errorf("the other records %d of 20 nodes", len(b.Nodes()))
				}
				a.way.set(func(w *way) { w.cut, w.deaf = false, false })
				f.pass(10*time.Second, 1)
				f.check(1)
				if !slices.Equal(a.Nodes(), had) || !a.Away().IsZero() {
					t.Errorf("it is back and records %v, had %v", a.Nodes(), had)
				}
				var unsure, sure int
				for _, e := range a.events() {
					switch e.What {
					case Unsure:
						unsure++
					case Sure:
						if sure++; e.To.Sub(e.Since) < 5*time.Second || e.To.Sub(e.Since) > 20*time.Second {
							t.Errorf("the engine was away from %v to %v", e.Since, e.To)
						}
					}
				}
				if unsure != 1 || sure != 1 {
					t.Errorf("told %d times that the engine is away, and %d times that it is back", unsure, sure)
				}
			})
		})
	}
}

// TestNoEngine: without an engine a recorder records what it had, or all that is there.
func TestNoEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 4)
		defer f.end()
		f.noEngine = true
		a, b := f.join("a", 1, 0, f.nodes[1]), f.join("b", 1, 0)
		f.pass(20*time.Second, 1)
		if !slices.Equal(a.Nodes(), f.nodes[1:2]) || !slices.Equal(b.Nodes(), f.nodes) {
			t.Errorf("they record %v and %v", a.Nodes(), b.Nodes())
		}
		f.mend()
		f.pass(20*time.Second, 1)
		f.check(1)
	})
}

// TestNodeComesWithoutEngine: a node that comes while the engine is away is recorded,
// by all who see it, until the engine is back.
func TestNodeComesWithoutEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 4)
		defer f.end()
		a, b := f.join("a", 1, 0), f.join("b", 1, 0)
		f.pass(10*time.Second, 1)
		had := [][]string{a.Nodes(), b.Nodes()}
		f.cut()
		const late = "z9@host.x"
		f.nodes = append(f.nodes, late)
		for range 40 {
			a.There(f.nodes)
			b.There(f.nodes)
			f.pass(time.Second, 1)
		}
		for i, m := range f.members {
			if want := append(had[i], late); !slices.Equal(m.Nodes(), want) {
				t.Errorf("%s records %v without the engine, not %v", m.name, m.Nodes(), want)
			}
		}
		f.mend()
		f.pass(30*time.Second, 1)
		f.check(1)
	})
}

// TestOffsetOfSetClock: a recorder whose clock is set knows at once how far it is from the
// engine's, not with the next heartbeat: what it ships until then is else looked for in
// another time.
func TestOffsetOfSetClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 1)
		defer f.end()
		m := f.join("a", 1, 7*time.Second)
		f.pass(10*time.Second, 1)
		for _, set := range []time.Duration{0, 20 * time.Minute, -3 * time.Hour} {
			m.set.Store(int64(set))
			if off, known := m.Offset(); !known || (off+7*time.Second+set).Abs() > time.Second {
				t.Errorf("a clock that is 7 s ahead and was set by %v: the engine's is said to be %v before it (known: %v)", set, off, known)
			}
		}
		m.set.Store(0)
	})
}

// TestName: a name that lives is refused, until it is silent; a new life of the same archive takes it at once.
func TestName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t, 4)
		defer f.end()
		a := f.join("a", 1, 0)
		f.pass(2*time.Second, 1)
		f.kill(a)
		again := f.join("a", 1, 0)
		f.pass(2*time.Second, 1)
		f.check(1)
		other := f.join("x", 1, 0)
		other.o.Name, other.key = "a", shape.RecorderKey("c", "a")
		f.pass(5*time.Second, 1)
		if len(again.Nodes()) != 4 || len(other.events()) == 0 || other.events()[0].What != Refused {
			t.Errorf("%v, %+v", again.Nodes(), other.events())
		}
	})
}

// TestStorm: whatever is cut, slow or killed, no two are sure of a node, and when all
// is well again each node is recorded once.
func TestStorm(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 6
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 3))
				witnesses := 1 + int(seed%3)/2
				f := newFleet(t, 8)
				defer f.end()
				for i := range 4 {
					f.join(fmt.Sprint("r", i), witnesses, time.Duration(rng.IntN(180)-90)*time.Second)
				}
				for range 40 {
					m := f.members[rng.IntN(len(f.members))]
					switch rng.IntN(6) {
					case 0:
						m.way.set(func(w *way) { w.cut = true })
					case 1:
						m.way.set(func(w *way) { w.deaf = true })
					case 2:
						m.way.set(func(w *way) { w.slow = time.Duration(rng.IntN(3000)) * time.Millisecond })
					case 3:
						if len(f.members) > 2 {
							f.kill(m)
							f.join(m.name, witnesses, time.Duration(rng.IntN(180)-90)*time.Second)
						}
					default:
						f.mend()
					}
					f.pass(time.Duration(rng.IntN(6000))*time.Millisecond, witnesses)
				}
				f.mend()
				f.pass(time.Minute, witnesses)
				f.check(witnesses)
			})
		})
	}
}

func TestRank(t *testing.T) {
	names := strings.Fields("a b c d e")
	moved := 0
	for i := range 1000 {
		node := fmt.Sprint("n", i)
		five, four := ranked(node, names)[0], ranked(node, names[:4])[0]
		if five != four && five != "e" {
			t.Fatalf("%s goes from %s to %s though %s came", node, four, five, "e")
		}
		if five != four {
			moved++
		}
	}
	if moved < 140 || moved > 260 {
		t.Errorf("%d of 1000 nodes move where a fifth recorder comes", moved)
	}
}
