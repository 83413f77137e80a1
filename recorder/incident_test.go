package recorder

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/dump"
	"ergorecorder/recorder/incident"
)

// detectorFunc makes a function a Detector.
type detectorFunc func(ctx context.Context, view *archive.Reader, now time.Time) ([]Trigger, error)

func (f detectorFunc) Detect(ctx context.Context, view *archive.Reader, now time.Time) ([]Trigger, error) {
	return f(ctx, view, now)
}

// TestIncident: a detector fires; the goroutine stacks are taken, the window
// from before the onset is pinned, samples come faster until it is over, and
// it is handed on.
func TestIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		onset := began.Add(40 * time.Second)
		opts := quick()
		opts.Incidents.Detectors = []Detector{detectorFunc(func(_ context.Context, view *archive.Reader, now time.Time) ([]Trigger, error) {
			if len(view.Streams()) == 0 {
				t.Error("the detector sees nothing of what is recorded")
			}
			if now.Before(onset) {
				return nil, nil
			}
			return []Trigger{{Kind: "blocked_callback", Node: "a@h", PID: "<A.0.1003>", Behavior: "app.Worker3", Onset: onset, Note: "runs nothing", Fetch: []incident.Fetch{incident.FetchStacks, incident.FetchOwnStack, incident.FetchRawGoroutine}}}, nil
		})}
		var mu sync.Mutex
		var done []Incident
		opts.Incidents.Done = func(_ context.Context, i Incident, view *archive.Reader) {
			mu.Lock()
			defer mu.Unlock()
			done = append(done, i)
			if view.Info().To.Before(i.To.Add(-5 * time.Second)) {
				t.Errorf("handed on before its window was over")
			}
		}
		tr := record(t, newFakeCluster("a@h", "b@h"), opts)
		time.Sleep(5 * time.Minute)
		recs := tr.stop()
		pins := marks(recs, archive.MarkIncident)
		if len(pins) != 1 {
			t.Fatalf("incidents %v, want one and then a cooldown", pins)
		}
		if !pins[0].From.Equal(onset.Add(-5*time.Minute)) || pins[0].To.Sub(onset) < time.Minute {
			t.Errorf("pinned %v to %v", pins[0].From, pins[0].To)
		}
		stacks := of(recs, "a@h", "pprof_goroutines")
		if !slices.ContainsFunc(stacks, func(r *archive.Record) bool { return strings.Contains(string(r.Args), `"filter":"Worker3"`) }) {
			t.Error("no goroutine stacks of the process were taken")
		}
		if len(stacks) > 0 && (stacks[0].At.Before(pins[0].From) || stacks[0].At.After(pins[0].To)) {
			t.Error("the stacks lie outside the pinned window")
		}
		if len(of(recs, "a@h", "process_inspect")) != 0 {
			t.Error("a blocked process was inspected")
		}
		within := func(from, to time.Time) (n int) {
			for _, r := range of(recs, "a@h", "process_list") {
				if r.At.After(from) && r.At.Before(to) {
					n++
				}
			}
			return n
		}
		if calm, fast := within(began, began.Add(40*time.Second)), within(pins[0].At.Add(2*time.Second), pins[0].At.Add(42*time.Second)); fast < calm*3/2 {
			t.Errorf("%d samples in 40 s of the incident, %d before", fast, calm)
		}
		if after := within(began.Add(200*time.Second), began.Add(240*time.Second)); after > 21 {
			t.Errorf("%d samples in 40 s after the incident: still in a hurry", after)
		}
		if len(done) != 1 || done[0].PID != "<A.0.1003>" {
			t.Errorf("handed on: %v", done)
		}
	})
}

// TestIncidentsAreBounded: by cooldown for each subject, by number for all.
func TestIncidentsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := quick()
		opts.Incidents.PerHour = 3
		tr := record(t, newFakeCluster("a@h"), opts)
		time.Sleep(5 * time.Second)
		for range 3 {
			for _, name := range []string{"pa", "pb", "pc", "pd", "pe"} {
				tr.r.Trigger(Trigger{Kind: "overloaded_process", Node: "a@h", Name: name})
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		tr.r.Trigger(Trigger{Kind: "overloaded_process", Node: "a@h", Name: "pd"})
		time.Sleep(time.Minute)
		recs := tr.stop()
		if n := len(marks(recs, archive.MarkIncident)); n != 4 {
			t.Errorf("%d incidents, want three in the first hour and one later", n)
		}
		if n := len(marks(recs, "trigger")); n != 6 {
			t.Errorf("%d triggers are marked, want pa to pe once and pd again", n)
		}
	})
}

// TestLogPattern: a log line that fits the pattern is a trigger.
func TestLogPattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		opts := quick()
		opts.Incidents.LogMatch = regexp.MustCompile(`(?i)out of \w+`)
		tr := record(t, c, opts)
		time.Sleep(10 * time.Second)
		c.log("a@h", "all is well", "Out of orders")
		time.Sleep(10 * time.Second)
		pins := marks(tr.stop(), archive.MarkIncident)
		if len(pins) != 1 || !strings.Contains(pins[0].Note, "Out of orders") {
			t.Errorf("incidents %v", pins)
		}
	})
}

// TestDump: a window of the live archive becomes an archive of its own.
func TestDump(t *testing.T) {
	path := t.TempDir() + "/dump.erg"
	synctest.Test(t, func(t *testing.T) {
		tr := record(t, newFakeCluster("a@h"), quick())
		time.Sleep(time.Minute)
		to := time.Now().Add(-10 * time.Second)
		from := to.Add(-20 * time.Second)
		n, err := dump.Window(t.Context(), tr.w.View(), from, to, path)
		if err != nil {
			t.Fatal(err)
		}
		recs := slices.DeleteFunc(tr.stop(), func(r *archive.Record) bool { return r.At.Before(from) || r.At.After(to) })
		if n != len(recs) || n < 20 {
			t.Errorf("%d records in the dump, %d in the window", n, len(recs))
		}
		a, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		i := 0
		for rec, err := range a.Records(t.Context(), archive.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if string(rec.Text) != string(recs[i].Text) || !rec.At.Equal(recs[i].At) || rec.Stream != recs[i].Stream {
				t.Errorf("record %d differs: %v at %v, want %v at %v", i, rec.Stream, rec.At, recs[i].Stream, recs[i].At)
			}
			i++
		}
	})
}

// rare is a road to nodes that give some tools on suspicion only.
type rare []string

func (r rare) Refresh(context.Context, func()) error { return nil }
func (r rare) Entries() []string                     { return nil }
func (r rare) Direct(string) bool                    { return true }

func (r rare) Offers(_, tool string) ergo.Offer {
	if slices.Contains(r, tool) {
		return ergo.Suspicion
	}
	return ergo.Offered
}

// TestHeapTwice: what is in use of a heap tells most by its change. Where it is
// never sampled, an incident fetches it twice, with the rest between that the
// node is left, and lasts long enough for that.
func TestHeapTwice(t *testing.T) {
	for _, tt := range []struct {
		road rare
		want int
	}{{rare{"pprof_heap"}, 2}, {nil, 1}} {
		synctest.Test(t, func(t *testing.T) {
			opts := quick()
			opts.Routes = tt.road
			tr := record(t, newFakeCluster("a@h"), opts)
			time.Sleep(10 * time.Second)
			tr.r.Trigger(Trigger{Kind: "memory_leak", Node: "a@h", Fetch: []incident.Fetch{incident.FetchHeap}})
			time.Sleep(5 * time.Minute)
			recs := tr.stop()
			heaps, pins := of(recs, "a@h", "pprof_heap"), marks(recs, archive.MarkIncident)
			if len(heaps) != tt.want || len(pins) != 1 {
				t.Fatalf("%v: %d heaps and %d incidents", tt.road, len(heaps), len(pins))
			}
			if last := heaps[len(heaps)-1]; last.At.After(pins[0].To) || tt.want == 2 && last.At.Sub(heaps[0].At) < ergo.SuspicionRest {
				t.Errorf("heaps at %v and %v of an incident to %v", heaps[0].At, last.At, pins[0].To)
			}
		})
	}
}
