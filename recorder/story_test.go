package recorder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/sim"
	"ergorecorder/recorder"
	"ergorecorder/recorder/incident"
)

// A story is a recording of a simulated cluster, in a bubble.
type story struct {
	t      *testing.T
	c      *sim.Live
	r      *recorder.Recorder
	w      *archive.Writer
	path   string
	began  time.Time
	router *live.Router
	cancel context.CancelFunc
	ended  chan error
}

// tell begins to record the cluster over the entry points of the given nodes;
// change, if not nil, changes what is the default.
func tell(t *testing.T, c *sim.Live, entries []string, change func(*recorder.Options)) *story {
	t.Helper()
	var ways []live.Way
	for _, e := range entries {
		ways = append(ways, live.Way{Name: e, Caller: c.Endpoint(e)})
	}
	return tellOver(t, c, ways, change)
}

func tellOver(t *testing.T, c *sim.Live, ways []live.Way, change func(*recorder.Options)) *story {
	t.Helper()
	s := &story{t: t, c: c, path: t.TempDir() + "/a.erg", began: time.Now(), ended: make(chan error, 1)}
	s.router = live.NewRouter(ways, time.Now, nil)
	opts := recorder.Standard()
	opts.Routes = s.router
	opts.Jitter = func() float64 { return 0.5 }
	if change != nil {
		change(&opts)
	}
	var err error
	if s.w, err = archive.OpenWriter(s.path, &archive.Options{CommitEvery: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if s.r, err = recorder.New(s.router, s.w, opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() { s.ended <- s.r.Run(ctx) }()
	return s
}

// scattered lets no two things happen at one instant, so that what happens follows from the seed alone, however busy the
// machine is: each call waits for a time of its own before it is worked on, and each task is due at its own.
func scattered(c *sim.Live, seed uint64) func(*recorder.Options) {
	apart := func(node string, nth int) time.Duration {
		h := fnv.New64a()
		fmt.Fprintln(h, node, nth)
		return time.Duration(rand.New(rand.NewPCG(h.Sum64(), seed)).Uint64()%uint64(time.Millisecond)) + 1
	}
	c.Spread = apart
	return func(o *recorder.Options) {
		var mu sync.Mutex
		rng := rand.New(rand.NewPCG(seed, 1))
		o.Jitter = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return rng.Float64()
		}
	}
}

// end stops the recording and the cluster, and verifies what was recorded.
func (s *story) end() *told {
	s.t.Helper()
	s.cancel()
	if err := <-s.ended; err != nil {
		s.t.Errorf("run: %v", err)
	}
	out := &told{s.t, s.began, nil}
	for rec, err := range s.w.View().Records(context.Background(), archive.Query{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		out.recs = append(out.recs, rec)
	}
	if err := s.w.Close(); err != nil {
		s.t.Error(err)
	}
	s.c.Close()
	archivetest.Verify(s.t, s.path)
	return out
}

// told is what a story recorded.
type told struct {
	t     *testing.T
	began time.Time
	recs  []*archive.Record
}

// samples are those of one tool on one node, between two instants of the story.
func (o *told) samples(node, tool string, from, to time.Duration) []*archive.Record {
	return slices.DeleteFunc(slices.Clone(o.recs), func(r *archive.Record) bool {
		return r.Stream.Node != node || r.Stream.Name != tool || r.Stream.Kind != archive.Sample ||
			r.At.Before(o.began.Add(from)) || !r.At.Before(o.began.Add(to))
	})
}

// marks are those of one kind.
func (o *told) marks(kind string) []archive.Mark {
	var out []archive.Mark
	for _, r := range o.recs {
		if r.Stream.Kind != archive.MarkKind || r.Stream.Name != kind {
			continue
		}
		var m archive.Mark
		if err := json.Unmarshal(r.Text, &m); err != nil {
			o.t.Fatal(err)
		}
		m.At = r.At
		out = append(out, m)
	}
	return out
}

// asOften fails unless a node has, from one instant to another, as many samples
// of each tool as its interval asks for, but for a tenth.
func (o *told) asOften(node string, from, to time.Duration) {
	o.t.Helper()
	for _, s := range recorder.Standard().Samplers {
		if len(s.Targets) > 0 || s.Every > (to-from)/5 {
			continue
		}
		want := float64(to-from) / float64(s.Every)
		if got := len(o.samples(node, s.Tool, from, to)); float64(got) < want*0.9-1 || float64(got) > want*1.1+1 {
			o.t.Errorf("%s: %d samples of %s in %v, want about %.0f", node, got, s.Tool, to-from, want)
		}
	}
}

// TestHealthyIsNotStarved: ten minutes of a healthy cluster with the default
// options, over one entry point and over three: every stream has its samples,
// and nothing is stretched.
func TestHealthyIsNotStarved(t *testing.T) {
	for name, entries := range map[string][]string{"one": {"a@h"}, "three": {"a@h", "b@h", "c@h"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tell(t, sim.NewLive("a@h", "b@h", "c@h"), entries, nil)
				time.Sleep(10 * time.Minute)
				for _, n := range s.r.Status().Nodes {
					t.Logf("%s: our share %.2f %%", n.Node, n.Spent*100)
					if n.Stretch != 1 || n.Spent > 0.02 {
						t.Errorf("%s: stretched by %.1f, our share %.2f %%", n.Node, n.Stretch, n.Spent*100)
					}
				}
				o := s.end()
				for _, kind := range []string{"budget", "node_lost", archive.MarkGap, "trigger", "entry_lost"} {
					if m := o.marks(kind); len(m) != 0 {
						t.Errorf("%d marks %s: %+v", len(m), kind, m[0])
					}
				}
				for _, n := range []string{"a@h", "b@h", "c@h"} {
					o.asOften(n, 0, 10*time.Minute)
					if p := o.samples(n, "pprof_cpu", 0, 9*time.Minute); len(p) != 0 {
						t.Errorf("%s: %d CPU profiles without a reason, and each holds a worker", n, len(p))
					}
				}
			})
		})
	}
}

// TestOneBadNodeBlindsNobody: a node that is forwarded to and that answers
// nothing, because it stands still, lacks the application, or is behind a link that
// loses most of what is sent, costs the others no sample and the entry point next to nothing of its workers' time.
func TestOneBadNodeBlindsNobody(t *testing.T) {
	bad := map[string]func(n *sim.LiveNode){
		"stands still":        (*sim.LiveNode).Freeze,
		"has no application":  func(n *sim.LiveNode) { n.NoApp = true },
		"died without a word": (*sim.LiveNode).Kill,
		"loses most calls":    func(n *sim.LiveNode) { n.Drops = 4 },
	}
	for name, turn := range bad {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sim.NewLive("a@h", "b@h", "c@h")
				s := tell(t, c, []string{"a@h"}, scattered(c, 1))
				time.Sleep(time.Minute)
				var held time.Duration
				c.Node("c@h", turn)
				c.Node("a@h", func(n *sim.LiveNode) { held = n.Held })
				time.Sleep(3 * time.Minute)
				c.Node("a@h", func(n *sim.LiveNode) { held = n.Held - held })
				most := time.Minute // a third of one of five workers
				if name == "loses most calls" {
					most = 3 * time.Minute // it is not lost and is asked again: which calls arrive is chance, one of five workers is the most
				}
				if held > most {
					t.Errorf("workers of the entry point were held for %v of three minutes", held)
				}
				o := s.end()
				lost := o.marks("node_lost")
				if name != "loses most calls" && (len(lost) != 1 || lost[0].Node != "c@h" || lost[0].To.Sub(o.began) > 70*time.Second) {
					t.Errorf("lost: %+v, want one of c@h within ten seconds", lost)
				}
				for _, n := range []string{"a@h", "b@h"} {
					o.asOften(n, 80*time.Second, 4*time.Minute)
				}
			})
		})
	}
}

// TestProfileBlindsNobody: while a CPU profile is taken because something is
// wrong, which holds a worker of the node and of the entry point, it is sampled
// all the same who is there and what processes do, and no node is doubted.
func TestProfileBlindsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tell(t, sim.NewLive("a@h", "b@h"), []string{"a@h"}, nil)
		time.Sleep(time.Minute)
		s.r.Trigger(recorder.Trigger{Kind: "cpu_hotspot", Node: "b@h", Fetch: []incident.Fetch{incident.FetchCPU}})
		time.Sleep(time.Minute)
		o := s.end()
		profile := o.samples("b@h", "pprof_cpu", 0, time.Hour)
		if len(profile) != 1 {
			t.Fatalf("%d CPU profiles", len(profile))
		}
		to := profile[0].At.Sub(o.began)
		said := 0 // one call in five waits behind the profile, and with it the next ones of its tool
		for _, node := range []string{"a@h", "b@h"} {
			for _, tool := range []string{"node_info", "process_list"} {
				said += len(o.samples(node, tool, to-5*time.Second, to))
			}
		}
		if said < 2 {
			t.Errorf("%d samples of who is there and what processes do in the 5 s of the profile", said)
		}
		if m := o.marks("node_lost"); len(m) != 0 {
			t.Errorf("lost: %+v", m)
		}
	})
}

// TestNodeStandsStill: a node that stands still for 35 s is found within three
// intervals, told from one that died, and is back as soon as it goes on.
func TestNodeStandsStill(t *testing.T) {
	for name, entries := range map[string][]string{"direct": {"a@h", "b@h"}, "forwarded": {"a@h"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sim.NewLive("a@h", "b@h")
				s := tell(t, c, entries, nil)
				time.Sleep(time.Minute)
				stopped := time.Now()
				c.Node("b@h", (*sim.LiveNode).Freeze)
				time.Sleep(35 * time.Second)
				thawed := time.Now()
				c.Node("b@h", (*sim.LiveNode).Thaw)
				time.Sleep(time.Minute)
				o := s.end()
				lost, back := o.marks("node_lost"), o.marks("node_back")
				if len(lost) != 1 || len(back) != 1 {
					t.Fatalf("lost %+v, back %+v: want one each", lost, back)
				}
				if late := lost[0].To.Sub(stopped); lost[0].More["how"] != "still" || late > 12*time.Second || lost[0].From.Sub(stopped).Abs() > 3*time.Second {
					t.Errorf("lost %+v, %v after it stopped", lost[0], late)
				}
				within := 5 * time.Second
				if name == "forwarded" {
					within = 32 * time.Second // it may not hold up the entry point
				}
				if late := back[0].From.Sub(thawed); late < 0 || late > within || !back[0].From.Equal(back[0].To) {
					t.Errorf("back %+v, %v after it went on", back[0], late)
				}
				if m := o.marks("node_restarted"); len(m) != 0 {
					t.Errorf("it is said to have restarted: %+v", m)
				}
				if m := o.marks(archive.MarkIncident); len(m) != 1 || m[0].Node != "b@h" {
					t.Errorf("incidents %+v, want one on the node itself", m)
				}
				o.asOften("a@h", time.Minute, 2*time.Minute)
			})
		})
	}
}

// TestDeadIsToldFromStill: a node that died and came back is said to have been
// down, with the moments at which that happened.
func TestDeadIsToldFromStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h", "b@h")
		s := tell(t, c, []string{"a@h", "b@h"}, nil)
		time.Sleep(time.Minute)
		died := time.Now()
		c.Node("b@h", (*sim.LiveNode).Kill)
		time.Sleep(40 * time.Second)
		returned := time.Now()
		c.Node("b@h", (*sim.LiveNode).Start)
		time.Sleep(30 * time.Second)
		o := s.end()
		lost, back := o.marks("node_lost"), o.marks("node_back")
		if len(lost) != 1 || lost[0].More["how"] != "down" || lost[0].To.Sub(died) > 3*time.Second {
			t.Errorf("lost %+v", lost)
		}
		if len(back) != 1 || back[0].From.Before(returned) || back[0].From.Sub(returned) > 5*time.Second {
			t.Errorf("back %+v, want one soon after %v", back, returned)
		}
		if m := o.marks("node_restarted"); len(m) != 1 {
			t.Errorf("restarted: %+v", m)
		}
	})
}

// TestOwnPauseIsNotTheirs: the recorder stood still, and the clock was set: both
// are marks of their own, no node is blamed, and spacing goes on as it was.
func TestOwnPauseIsNotTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var steady, wall time.Duration // by which our clocks are ahead of the bubble's
		began := time.Now()
		s := tell(t, sim.NewLive("a@h", "b@h"), []string{"a@h"}, func(o *recorder.Options) {
			o.Now = func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Round(0).Add(steady + wall)
			}
			o.Elapsed = func() time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Since(began) + steady
			}
		})
		time.Sleep(time.Minute)
		mu.Lock()
		steady = 35 * time.Second
		mu.Unlock()
		time.Sleep(time.Minute)
		mu.Lock()
		wall = -7 * time.Second
		mu.Unlock()
		time.Sleep(time.Minute)
		o := s.end()
		steps := o.marks("clock_step")
		if len(steps) != 1 || steps[0].More["step_s"] != float64(-7) {
			t.Errorf("clock steps %+v, want one of -7 s", steps)
		}
		gaps := o.marks(archive.MarkGap)
		if len(gaps) != 1 || gaps[0].More["how"] != "own_pause" || gaps[0].Node != "" {
			t.Errorf("gaps %+v, want one of our own", gaps)
		}
		if m := o.marks("node_lost"); len(m) != 0 {
			t.Errorf("lost: %+v", m)
		}
		if n := len(o.samples("a@h", "node_info", 0, 10*time.Minute)); n < 85 {
			t.Errorf("%d samples in three minutes, every 2 s", n)
		}
	})
}

// TestForCountsFromTheStart: where nobody answers, the time to record is over
// all the same, and the recording fails with what was tried.
func TestForCountsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h")
		c.Node("a@h", (*sim.LiveNode).Kill)
		s := tell(t, c, []string{"a@h"}, func(o *recorder.Options) { o.For = 3 * time.Second })
		err := <-s.ended
		if took := time.Since(s.began); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("ended after %v", took)
		}
		if err == nil || !strings.Contains(err.Error(), "no cluster answered in the time to record (3s)") || !strings.Contains(err.Error(), "refused") {
			t.Errorf("error %v", err)
		}
		if err := s.w.Close(); err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// logged is how many of a node's lines were stored, and how many the gaps say
// were lost.
func (o *told) logged(node string) (stored, lost, gaps int) {
	for _, r := range o.samples(node, "sample_read", 0, 24*time.Hour) {
		var said struct{ Samples []json.RawMessage }
		if r.Failure == nil && json.Unmarshal(r.Text, &said) == nil {
			stored += len(said.Samples)
		}
	}
	for _, m := range o.marks(archive.MarkGap) {
		if n, ok := m.More["lost"].(float64); ok && m.Node == node {
			lost += int(n)
			gaps++
		}
	}
	return stored, lost, gaps
}

// TestLinesAreCounted: what a node writes is stored or counted as lost, to the
// line, whatever the way to it; a storm is one gap. A steady stream that the
// ring would lose between two readings is read in time.
func TestLinesAreCounted(t *testing.T) {
	for _, way := range []string{"a@h", "b@h"} { // itself, and forwarded by b@h
		t.Run("over "+way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sim.NewLive("a@h", "b@h")
				s := tell(t, c, []string{way}, nil)
				time.Sleep(30 * time.Second)
				written := 0
				write := func(n int) { c.Node("a@h", func(a *sim.LiveNode) { a.Log(n); written = a.Logged() }) }
				for range 200 { // 400 a second
					write(20)
					time.Sleep(50 * time.Millisecond)
				}
				steady := written
				time.Sleep(10 * time.Second)
				write(20_000)
				time.Sleep(30 * time.Second)
				for range 60 {
					write(1000)
					time.Sleep(20 * time.Millisecond)
				}
				o := s.end() // in the midst of it
				stored, lost, gaps := o.logged("a@h")
				if stored+lost != written {
					t.Errorf("%d lines stored and %d lost of %d written", stored, lost, written)
				}
				if gaps > 3 {
					t.Errorf("%d gaps for a burst and a storm", gaps)
				}
				if stored < steady*9/10 {
					t.Errorf("%d lines stored; of the steady stream alone there were %d", stored, steady)
				}
			})
		})
	}
}

// TestUncountedLinesAreCounted: what a node wrote while nothing listened has no sequence
// numbers; the node's own count tells how much it was, or that it was nothing.
func TestUncountedLinesAreCounted(t *testing.T) {
	for _, lines := range []int{17, 0} {
		synctest.Test(t, func(t *testing.T) {
			c := sim.NewLive("a@h", "b@h")
			s := tell(t, c, []string{"a@h"}, nil)
			write := func(n int) { c.Node("b@h", func(b *sim.LiveNode) { b.Log(n) }) }
			time.Sleep(3*time.Second + 37*time.Millisecond) // not at the instants at which it is asked
			for range 20 {
				write(3)
				time.Sleep(time.Second)
			}
			time.Sleep(5 * time.Second) // all are read
			c.Node("b@h", func(b *sim.LiveNode) { b.Deafen(); b.Log(lines) })
			time.Sleep(10 * time.Second)
			write(5)
			time.Sleep(time.Minute)
			o := s.end()
			stored, lost, gaps := o.logged("b@h")
			if stored != 65 || lost != lines || gaps != min(lines, 1) {
				t.Errorf("%d lines stored, %d lost in %d gaps, want 65 and %d", stored, lost, gaps, lines)
			}
		})
	}
}

// TestSuccession: a recorder that is replaced leaves a gap that is marked, and
// the archive says which version went on, also that it was rolled back.
func TestSuccession(t *testing.T) {
	path := t.TempDir() + "/d/"
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h")
		versions := []string{"v1.9.0", "v1.10.0", "v1.9.0", "v1.9.0"}
		for _, v := range versions {
			w := archivetest.Writer(t, path, &archive.Options{CommitEvery: 30 * time.Second})
			router := live.NewRouter([]live.Way{{Name: "a", Caller: c.Endpoint("a@h")}}, time.Now, nil)
			opts := recorder.Standard()
			opts.Routes, opts.Version, opts.For = router, v, 10*time.Second
			r, err := recorder.New(router, w, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(r.Run(t.Context()), w.Close()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second)
		}
		c.Close()
		a, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		var starts []string
		gaps := 0
		for rec, err := range a.Records(t.Context(), archive.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			var m archive.Mark
			switch {
			case rec.Stream.Kind != archive.MarkKind:
			case json.Unmarshal(rec.Text, &m) != nil:
				t.Errorf("mark %s", rec.Text)
			case rec.Stream.Name == "start":
				_, says, _ := strings.Cut(m.Note, "; ")
				starts = append(starts, says)
			case rec.Stream.Name == archive.MarkGap && m.Note == "the recorder was not running":
				gaps++
				if took := m.To.Sub(m.From); took < 7*time.Second || took > 8*time.Second {
					t.Errorf("a gap of %v, want 7 s", took)
				}
			}
		}
		want := []string{"", "version v1.10.0 goes on with what v1.9.0 recorded", "version v1.9.0 goes on with what v1.10.0 recorded: it was rolled back", ""}
		if !slices.Equal(starts, want) || gaps != len(versions)-1 {
			t.Errorf("starts say %q with %d gaps", starts, gaps)
		}
	})
}
