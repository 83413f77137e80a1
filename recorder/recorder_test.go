package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/identity"
)

// A testRun is one recording of a fake cluster in a bubble.
type testRun struct {
	t      *testing.T
	c      *fakeCluster
	w      *archive.Writer
	r      *Recorder
	cancel func()
	ended  chan error
}

// quick samples little and often.
func quick() Options {
	o := Standard()
	o.Samplers = []Sampler{
		{Tool: "node_info", Every: 2 * time.Second},
		{Tool: "process_list", Args: ergo.Args{"limit": maxProcesses}, Every: 2 * time.Second},
	}
	o.Jitter = func() float64 { return 0.5 }
	return o
}

// seldom commits twice a minute: a bubble's hours pass in seconds, and the disk
// need not keep up with them.
func seldom() *archive.Options { return &archive.Options{CommitEvery: 30 * time.Second} }

// record begins to record a cluster; it is called within a bubble.
func record(t *testing.T, c *fakeCluster, opts Options) *testRun {
	t.Helper()
	return recordBy(t, c, c, opts)
}

// recordBy is record by a caller that stands before the cluster.
func recordBy(t *testing.T, c *fakeCluster, caller ergo.Caller, opts Options) *testRun {
	t.Helper()
	w := archivetest.Writer(t, t.TempDir()+"/a.erg", seldom())
	r, err := New(caller, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	tr := &testRun{t: t, c: c, w: w, r: r, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	tr.cancel = cancel
	go func() { tr.ended <- r.Run(ctx) }()
	return tr
}

// stop ends the recording and returns all of its records.
func (tr *testRun) stop() []*archive.Record {
	tr.t.Helper()
	tr.cancel()
	if err := <-tr.ended; err != nil {
		tr.t.Errorf("run: %v", err)
	}
	var recs []*archive.Record
	for rec, err := range tr.w.View().Records(context.Background(), archive.Query{}) {
		if err != nil {
			tr.t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	if err := tr.w.Close(); err != nil {
		tr.t.Error(err)
	}
	return recs
}

// of picks the records of one tool on one node.
func of(recs []*archive.Record, node, tool string) []*archive.Record {
	return slices.DeleteFunc(slices.Clone(recs), func(r *archive.Record) bool {
		return r.Stream.Node != node || r.Stream.Name != tool || r.Stream.Kind != archive.Sample
	})
}

// marks picks the marks of one kind, in words.
func marks(recs []*archive.Record, kind string) []archive.Mark {
	var out []archive.Mark
	for _, r := range recs {
		if r.Stream.Kind != archive.MarkKind || r.Stream.Name != kind {
			continue
		}
		var m archive.Mark
		if err := json.Unmarshal(r.Text, &m); err != nil {
			panic(err)
		}
		m.At = r.At
		out = append(out, m)
	}
	return out
}

// steady fails unless samples come as often as they should, within slack.
func steady(t *testing.T, recs []*archive.Record, every, slack time.Duration) {
	t.Helper()
	for i := 1; i < len(recs); i++ {
		if d := recs[i].At.Sub(recs[i-1].At); d > every+slack {
			t.Errorf("%v: %v between two samples, want at most %v", recs[i].Stream, d, every+slack)
			return
		}
	}
}

func TestRecordsEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := record(t, newFakeCluster("a@h", "b@h", "c@h"), quick())
		time.Sleep(time.Minute)
		recs := tr.stop()
		for _, n := range []string{"a@h", "b@h", "c@h"} {
			for _, tool := range []string{"node_info", "process_list"} {
				got := of(recs, n, tool)
				if len(got) < 29 || len(got) > 31 {
					t.Errorf("%d samples of %s on %s in a minute, every 2 s", len(got), tool, n)
				}
				steady(t, got, 2*time.Second, 150*time.Millisecond)
			}
		}
		if got := len(marks(recs, "node_seen")); got != 3 {
			t.Errorf("%d nodes seen, want 3", got)
		}
		if len(marks(recs, "start")) != 1 || len(marks(recs, "stop")) != 1 {
			t.Error("the recording is not marked at both ends")
		}
	})
}

// TestNodeLostAndBack: a node that dies and comes back as a new incarnation is
// told by marks, and costs the others no sample.
func TestNodeLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h")
		tr := record(t, c, quick())
		time.Sleep(30 * time.Second)
		died := time.Now()
		c.node("b@h", func(n *fakeNode) { n.down = true })
		time.Sleep(time.Minute)
		back := time.Now()
		c.node("b@h", func(n *fakeNode) { n.down = false; n.began = time.Now(); n.reset(5) })
		time.Sleep(30 * time.Second)
		recs := tr.stop()

		steady(t, of(recs, "a@h", "process_list"), 2*time.Second, 150*time.Millisecond)
		lost, returned, restarted := marks(recs, "node_lost"), marks(recs, "node_back"), marks(recs, "node_restarted")
		if len(lost) != 1 || lost[0].Node != "b@h" || lost[0].To.Sub(died).Abs() > 3*time.Second || lost[0].Note != "no route" {
			t.Errorf("lost: %v, want one of b@h at %v", lost, died)
		}
		if len(returned) != 1 || returned[0].To.Sub(back).Abs() > 3*time.Second {
			t.Errorf("back: %v, want one at %v", returned, back)
		}
		if len(restarted) != 1 || restarted[0].More["incarnation"] != back.UTC().Truncate(time.Second).Format(time.RFC3339) {
			t.Errorf("restarted: %v, want one, started %v", restarted, back)
		}
		if gaps := marks(recs, archive.MarkGap); !slices.ContainsFunc(gaps, func(m archive.Mark) bool {
			return m.Node == "b@h" && !m.From.After(died.Add(3*time.Second)) && !m.To.Before(back)
		}) {
			t.Errorf("gaps %v: none covers the loss", gaps)
		}
		// While it was lost only a probe went to it: a third of the calls at most.
		if got := len(of(recs, "b@h", "process_list")); got > 35 {
			t.Errorf("%d samples of a node that was away for half the time", got)
		}
	})
}

// TestNodeForgotten: a node that is gone for good is asked no more, and is
// found again should it come back after all.
func TestNodeForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h")
		tr := record(t, c, quick())
		time.Sleep(10 * time.Second)
		c.node("b@h", func(n *fakeNode) { n.down = true })
		time.Sleep(2 * forgetAfter)
		if s := tr.r.Status(); len(s.Nodes) != 1 {
			t.Errorf("nodes %+v, want the one that is there", s.Nodes)
		}
		c.node("b@h", func(n *fakeNode) { n.down = false; n.began = time.Now(); n.reset(5) })
		time.Sleep(time.Minute)
		recs := tr.stop()
		if len(marks(recs, "node_forgotten")) != 1 || len(marks(recs, "node_seen")) != 3 {
			t.Errorf("forgotten: %v, seen: %v", marks(recs, "node_forgotten"), marks(recs, "node_seen"))
		}
		if last := of(recs, "b@h", "process_list"); len(last) < 25 {
			t.Errorf("%d samples of a node that was there for a minute and ten seconds", len(last))
		}
	})
}

// TestSlowNodeDelaysNoOther: a node whose calls hang costs the others nothing,
// has at most two calls under way, and is left alone more and more.
func TestSlowNodeDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h")
		c.nodes["b@h"].fault = func(call ergo.Call) (ergo.Answer, error, bool) {
			time.Sleep(10 * time.Second)
			return ergo.Answer{}, ergo.RemoteError("b@h", "timed out"), true
		}
		tr := record(t, c, quick())
		time.Sleep(2 * time.Minute)
		recs := tr.stop()
		steady(t, of(recs, "a@h", "process_list"), 2*time.Second, 150*time.Millisecond)
		if c.nodes["b@h"].maxBusy > 4+probesPassed.each*probesPassed.waves { // some ask whether it is there
			t.Errorf("%d calls under way on one node", c.nodes["b@h"].maxBusy)
		}
		if len(marks(recs, "node_lost")) != 1 {
			t.Error("a node that never answers is not marked as lost")
		}
	})
}

func TestNoClusterAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		c.down = errors.New("connection refused")
		opts := quick()
		var notices []string
		opts.Notice = func(s string) { notices = append(notices, s) }
		tr := record(t, c, opts)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(notices) < 3 || !strings.Contains(notices[0], "connection refused") {
			t.Errorf("notices %q", notices)
		}
		c.mu.Lock()
		c.down = nil
		c.mu.Unlock()
		time.Sleep(40 * time.Second)
		if recs := tr.stop(); len(of(recs, "a@h", "node_info")) == 0 {
			t.Error("the cluster came up and was not recorded")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		c.down = errors.New("connection refused")
		opts := quick()
		opts.FailFast = true
		tr := record(t, c, opts)
		if err := <-tr.ended; err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v", err)
		}
		_ = tr.w.Close()
	})
}

// TestLogsAreComplete: every line once, across renewals, in order.
func TestLogsAreComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		opts := quick()
		opts.Logs.Renew = 2 * time.Minute
		tr := record(t, c, opts)
		time.Sleep(5 * time.Second)
		n := 0
		for range 600 {
			for range 1 + n%3 {
				c.log("a@h", fmt.Sprint(n))
				n++
			}
			time.Sleep(time.Second + 7*time.Millisecond)
		}
		recs := tr.stop()
		lines := readLines(t, of(recs, "a@h", "sample_read"))
		for i := range n {
			if i >= len(lines) || lines[i] != fmt.Sprint(i) {
				t.Fatalf("line %d of %d: got %q", i, n, lines[min(i, len(lines)-1)])
			}
		}
		if len(lines) != n {
			t.Errorf("%d lines of %d", len(lines), n)
		}
		if got := len(of(recs, "a@h", "sample_listen")); got < 5 {
			t.Errorf("%d listeners in ten minutes, each of two", got)
		}
		if gaps := marks(recs, archive.MarkGap); len(gaps) != 0 {
			t.Errorf("gaps %v", gaps)
		}
		if left := len(c.nodes["a@h"].rings); left != 0 {
			t.Errorf("%d listeners were left on the node", left)
		}
	})
}

// TestLogsAcrossRestarts: a recorder that died leaves its listener behind; the
// next one goes on where it ended, and no line is lost or there twice.
func TestLogsAcrossRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		path := t.TempDir() + "/a.erg"
		var lines []string
		for life := range 3 {
			w := archivetest.Writer(t, path, nil)
			r, err := New(c, w, quick())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			time.Sleep(10 * time.Second)
			c.log("a@h", fmt.Sprint(life, " while recorded"))
			time.Sleep(10 * time.Second)
			c.mu.Lock()
			c.down = errors.New("as if the recorder had died without a word")
			c.mu.Unlock()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			c.mu.Lock()
			c.down = nil
			c.mu.Unlock()
			c.log("a@h", fmt.Sprint(life, " meanwhile"))
			if life == 2 {
				for rec := range w.View().Records(t.Context(), archive.Query{}) {
					if rec.Stream.Name == "sample_read" {
						lines = append(lines, readLines(t, []*archive.Record{rec})...)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
		}
		want := []string{"0 while recorded", "0 meanwhile", "1 while recorded", "1 meanwhile", "2 while recorded"}
		if !slices.Equal(lines, want) {
			t.Errorf("lines %q, want %q", lines, want)
		}
	})
}

// TestLogStorm: what a storm pushes out of the ring buffer is counted to the line.
func TestLogStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		opts := quick()
		opts.Logs.Buffer = 100
		tr := record(t, c, opts)
		time.Sleep(5 * time.Second)
		c.log("a@h", "before")
		time.Sleep(5 * time.Second)
		for i := range 1234 {
			c.log("a@h", fmt.Sprint("storm ", i))
		}
		time.Sleep(5 * time.Second)
		c.log("a@h", "after")
		time.Sleep(5 * time.Second)
		recs := tr.stop()
		gaps := marks(recs, archive.MarkGap)
		if len(gaps) != 1 || gaps[0].More["lost"] != float64(1134) || gaps[0].Node != "a@h" {
			t.Errorf("gaps %v, want one of 1134 lines", gaps)
		}
		if lines := readLines(t, of(recs, "a@h", "sample_read")); len(lines) != 102 {
			t.Errorf("%d lines, want before, after and the last hundred", len(lines))
		}
		if lost := tr.r.Status().Nodes[0].LinesLost; lost != 1134 {
			t.Errorf("status tells of %d lost lines", lost)
		}
	})
}

// readLines are the messages of all log readings, in order.
func readLines(t *testing.T, recs []*archive.Record) []string {
	t.Helper()
	var lines []string
	for _, rec := range recs {
		if rec.Failure != nil {
			continue
		}
		var said struct {
			Samples []struct{ Data struct{ Message string } }
		}
		if err := json.Unmarshal(rec.Text, &said); err != nil {
			t.Fatal(err)
		}
		for _, e := range said.Samples {
			lines = append(lines, e.Data.Message)
		}
	}
	return lines
}

// TestFollowsReplay: against a replay ten times as fast, times, intervals and
// the end are the replay's; an answer that is held is not stored again.
func TestFollowsReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		began := time.Now()
		const speed = 10
		replayed := ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
			a, err := c.Call(ctx, call)
			now := from.Add(time.Since(began) * speed)
			end := from.Add(time.Minute)
			if now.After(end) {
				now = end
			}
			a.Clock = &ergo.Clock{Now: now, Speed: speed, End: end}
			a.At, a.Observed = now.Truncate(4*time.Second), true
			return a, err
		})
		w := archivetest.Writer(t, t.TempDir()+"/a.erg", seldom())
		r, err := New(replayed, w, quick())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("a minute at ten times the speed took %v", took)
		}
		var recs []*archive.Record
		for rec := range w.View().Records(t.Context(), archive.Query{}) {
			recs = append(recs, rec)
		}
		got := of(recs, "a@h", "process_list")
		if len(got) != 16 {
			t.Errorf("%d samples, the original has 16", len(got))
		}
		for i, rec := range got {
			if want := from.Add(time.Duration(i) * 4 * time.Second); !rec.At.Equal(want) {
				t.Errorf("sample %d at %v, want %v", i, rec.At, want)
			}
		}
		if stop := marks(recs, "stop"); len(stop) != 1 || !stop[0].From.Equal(from.Add(time.Minute)) {
			t.Errorf("stop %v, want one at the replay's end", stop)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"it changes the cluster":  {Samplers: []Sampler{{Tool: "process_kill", Every: time.Second}}},
		"no tool of that name":    {Samplers: []Sampler{{Tool: "future_tool", Every: time.Second}}},
		"sample_start is not for": {Samplers: []Sampler{{Tool: "sample_start", Every: time.Second}}},
		"sample_read is not for":  {Samplers: []Sampler{{Tool: "sample_read", Every: time.Second}}},
		"no tool is named":        {Samplers: []Sampler{{Every: time.Second}}},
		"interval":                {Samplers: []Sampler{{Tool: "node_info"}}},
		"about nobody":            {Samplers: []Sampler{{Tool: "node_info", Every: time.Second, Targets: []string{"pools"}}}},
		"syntax error":            {Nodes: []string{"["}},
		"between 0 and 1":         {Budget: 2},
		"no event is named":       {Events: []EventListener{{}}},
		"syntax error in pa":      {Samplers: []Sampler{{Tool: "process_info", Every: 1, Targets: []string{"[a"}}}},
	} {
		if _, err := New(nil, nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
	for _, o := range []Options{Standard(), Light()} {
		if _, err := New(nil, nil, o); err != nil {
			t.Errorf("a preset is refused: %v", err)
		}
	}
}

// TestAnotherClusterIsRefused: a recorder goes on with its own archive, whatever
// became of the cluster meanwhile, and leaves that of another one as it is.
func TestAnotherClusterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir() + "/a.erg"
		run := func(c *fakeCluster, more bool) (records int, err error) {
			w := archivetest.Writer(t, path, nil)
			defer w.Close()
			o := quick()
			o.Append, o.For = more, 10*time.Second
			r, err := New(c, w, o)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Run(t.Context())
			return w.View().Info().Records, err
		}
		own := newFakeCluster("a@h", "b@h")
		had, err := run(own, false)
		if err != nil || had == 0 {
			t.Fatalf("%d records, %v", had, err)
		}
		time.Sleep(time.Hour)
		again, err := run(own, false)
		if err != nil || again <= had {
			t.Errorf("its own cluster: %d records after %d, %v", again, had, err)
		}
		time.Sleep(time.Hour)
		other := newFakeCluster("x@h")
		got, err := run(other, false)
		if !errors.As(err, new(*identity.ForeignError)) || !strings.Contains(err.Error(), "it is of a@h, b@h, and the cluster's nodes are x@h") || !strings.Contains(err.Error(), "--append") {
			t.Errorf("another cluster: %v", err)
		}
		if got != again {
			t.Errorf("%d records of another cluster were added", got-again)
		}
		if got, err = run(other, true); err != nil || got <= again {
			t.Errorf("another cluster with --append: %d records after %d, %v", got, again, err)
		}
	})
}
