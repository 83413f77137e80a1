package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/sim"
	"ergorecorder/recorder"
	"ergorecorder/recorder/identity"
)

// callTime is the time-out of a call.
const callTime = 10 * time.Second

// drips is an entry point that begins to answer and never ends.
func drips() ergo.CallerFunc {
	return func(ctx context.Context, _ ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{}, stall(ctx, callTime)
	}
}

// stall waits until a call must end.
func stall(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

// after is an entry point whose calls from the nth on, up to the last, wait before they are made.
func after(d time.Duration, nth, last int64, c ergo.Caller) ergo.CallerFunc {
	var calls atomic.Int64
	return func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		if n := calls.Add(1); n >= nth && n <= last {
			wait, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			if <-wait.Done(); ctx.Err() != nil {
				return ergo.Answer{}, ctx.Err()
			}
		}
		return c.Call(ctx, call)
	}
}

// TestSlowEntriesDelayNobody: a recording begins when the first entry point
// answers; one that drips, or stalls when it is asked for the nodes, costs it
// nothing, and one that answers late joins when it does.
func TestSlowEntriesDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h", "b@h", "c@h")
		began := time.Now()
		s := tellOver(t, c, []live.Way{
			{Name: "drips", Caller: drips()},
			{Name: "late", Caller: after(5*time.Second, 1, 1, c.Endpoint("c@h"))},
			{Name: "good", Caller: c.Endpoint("a@h")},
			{Name: "stalls", Caller: after(callTime, 2, 2, c.Endpoint("b@h"))},
		}, func(o *recorder.Options) { o.For = 8 * time.Second })
		time.Sleep(4900 * time.Millisecond)
		if s.router.Direct("c@h") {
			t.Fatal("who is late has joined already")
		}
		time.Sleep(200 * time.Millisecond)
		if !s.router.Direct("c@h") {
			t.Error("who was late has not joined when it answered")
		}
		if err := <-s.ended; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 8*time.Second || took > 8500*time.Millisecond {
			t.Errorf("8 s took %v", took)
		}
		s.ended <- nil
		told := s.end()
		for _, node := range []string{"a@h", "b@h", "c@h"} {
			of := slices.DeleteFunc(slices.Clone(told.recs), func(r *archive.Record) bool {
				return r.Stream.Node != node || r.Stream.Name != "process_list"
			})
			if len(of) == 0 || of[0].At.Sub(began) > 6*time.Second {
				t.Errorf("%s was listed %d times, first at %v", node, len(of), first(of).Sub(began))
			}
		}
		if at := first(told.recs); at.Sub(began) > time.Second {
			t.Errorf("the recording began after %v", at.Sub(began))
		}
	})
}

func first(recs []*archive.Record) time.Time {
	if len(recs) == 0 {
		return time.Time{}
	}
	return recs[0].At
}

// TestStopEndsTheLooking: who is told to stop while entry points stall does not
// wait for them.
func TestStopEndsTheLooking(t *testing.T) {
	for _, good := range []bool{false, true} {
		t.Run(fmt.Sprint(good), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sim.NewLive("a@h")
				ways := []live.Way{{Name: "drips", Caller: drips()}}
				if good {
					ways = append(ways, live.Way{Name: "good", Caller: c.Endpoint("a@h")})
				}
				s := tellOver(t, c, ways, nil)
				time.Sleep(3 * time.Second)
				told := time.Now()
				s.cancel()
				if err := <-s.ended; err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if took := time.Since(told); took > 500*time.Millisecond {
					t.Errorf("it took %v to stop", took)
				}
				s.ended <- nil
				s.end()
			})
		})
	}
}

// TestKnownBySlowEntries: that an archive is of this cluster is said by the entry
// point that answers; that it is of another one, by all of them.
func TestKnownBySlowEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h", "b@h")
		defer c.Close()
		path := t.TempDir() + "/a.erg"
		run := func(ways ...live.Way) (time.Duration, error) {
			t.Helper()
			w := archivetest.Writer(t, path, nil)
			opts := recorder.Standard()
			opts.Routes = live.NewRouter(ways, time.Now, nil)
			opts.For = 2 * time.Second
			r, err := recorder.New(opts.Routes.(*live.Router), w, opts)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = r.Run(t.Context())
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			return r.Status().Began.Sub(began), err
		}
		good := live.Way{Name: "good", Caller: c.Endpoint("a@h")}
		stalls := live.Way{Name: "stalls", Caller: after(callTime, 2, 99, c.Endpoint("b@h"))}
		if _, err := run(good); err != nil {
			t.Fatal(err)
		}
		if took, err := run(good, stalls); err != nil || took > time.Second {
			t.Errorf("the recording went on after %v: %v", took, err)
		}
		c.Node("a@h", func(n *sim.LiveNode) { n.Freeze() })
		if took, err := run(live.Way{Name: "b", Caller: c.Endpoint("b@h")}); err != nil || took > time.Second {
			t.Errorf("beside a node that stands still the recording went on after %v: %v", took, err)
		}
		c.Node("a@h", func(n *sim.LiveNode) { n.Thaw() })
		other := sim.NewLive("x@h", "y@h")
		defer other.Close()
		if _, err := run(live.Way{Name: "other", Caller: other.Endpoint("x@h")}); !errors.As(err, new(*identity.ForeignError)) {
			t.Errorf("another cluster: %v", err)
		}
	})
}

// TestNobodyAnswersInTime: the error names who has not answered.
func TestNobodyAnswersInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tellOver(t, sim.NewLive("a@h"), []live.Way{{Name: "http://drips:1", Caller: drips()}}, func(o *recorder.Options) { o.For = 3 * time.Second })
		err := <-s.ended
		if err == nil || !strings.Contains(err.Error(), "no cluster answered in the time to record (3s)") || !strings.Contains(err.Error(), "http://drips:1 has not answered yet") {
			t.Errorf("error %v", err)
		}
		s.ended <- nil
		s.end()
	})
}

// TestNobodyTurnsTheClock: an entry point that announces the clock of a replay does not
// turn that of the recorder, where another answers without one.
func TestNobodyTurnsTheClock(t *testing.T) {
	for name, announced := range map[string]ergo.Clock{
		"slow":       {Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Speed: 0.01, End: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)},
		"at its end": {Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Speed: 1, End: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		"year 9999":  {Now: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Speed: 1e300, End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		for _, late := range []bool{false, true} {
			clockIsNotTurned(t, fmt.Sprintf("%s, late: %v", name, late), announced, late)
		}
	}
}

func clockIsNotTurned(t *testing.T, name string, announced ergo.Clock, late bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := sim.NewLive("a@h", "b@h")
		began := time.Now()
		liar := ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
			answer, err := c.Endpoint("a@h").Call(ctx, call)
			if late && time.Since(began) < 5*time.Second { // it begins to lie when the recording has begun
				return answer, err
			}
			answer.Clock, answer.At, answer.Observed = &announced, announced.Now, true
			return answer, err
		})
		s := tellOver(t, c, []live.Way{{Name: "liar", Caller: liar}, {Name: "good", Caller: c.Endpoint("b@h")}}, func(o *recorder.Options) { o.For = 30 * time.Second })
		if err := <-s.ended; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 35*time.Second {
			t.Errorf("%s: 30 s took %v", name, took)
		}
		s.ended <- nil
		n := 0
		for _, r := range s.end().recs {
			if d := r.At.Sub(began); d < -time.Second || d > time.Minute {
				t.Fatalf("%s: %v is recorded at %v", name, r.Stream, r.At)
			}
			if r.Stream.Node == "b@h" && r.Stream.Name == "process_list" {
				n++
			}
		}
		if n < 5 {
			t.Errorf("%s: the other node was listed %d times", name, n)
		}
	})
}
