package roundtrip

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder"
	"ergorecorder/replay"
	"ergorecorder/replay/serve"
)

// TestRecordedReplayAgrees records the replay of a capture, with the capture's
// own samplers at half their interval, and compares: every sample is that of
// the original at that time, and at least 99 % of the originals are there, from
// the first on that the recorder knew to ask for. One that the next superseded
// within half an interval, in the haste after a stall, could not be seen and is
// not counted; nor is a call that timed out, which a recorder does not repeat.
// Of a capture that stalled for over a tenth of its time only the first is asked.
func TestRecordedReplayAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("a recording of a whole replay")
	}
	for _, path := range fixture.Captures(t, 2) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			erg := fixture.Bare(t, path)
			rec := fixture.Open(t, erg)
			again := filepath.Join(t.TempDir(), "again.erg")
			originals := exported(t, erg)
			own := ownSamplers(originals)
			synctest.Test(t, func(t *testing.T) { recordReplay(t, rec, own, again) })
			missing, all := agrees(t, originals, exported(t, again), own)
			if holes(t, rec) > 0.1 {
				return // the replay itself had nothing to say most of the time
			}
			if all == 0 || missing*100 > all {
				t.Errorf("%d of %d answers are missing", missing, all)
			}
		})
	}
}

// recordReplay records a replay of rec, 10 times as fast as it was, in the
// bubble's time.
func recordReplay(t *testing.T, rec *replay.Recording, own []recorder.Sampler, path string) {
	t.Helper()
	cluster, err := serve.New(rec, serve.Options{Speed: 10, Prompt: true})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := cluster.Caller("")
	if err != nil {
		t.Fatal(err)
	}
	w := archivetest.Writer(t, path, nil)
	opts := recorder.Options{
		Samplers: own, Parallel: 8, KeepEnv: true,
		Jitter: func() float64 { return 0 },
	}
	r, err := recorder.New(entry, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// ownSamplers are the samplers that made the recording, at half their
// interval, as far as a call needs no subject that a recorder would not name.
func ownSamplers(originals []*capture.Line) []recorder.Sampler {
	var list []recorder.Sampler
	targets := map[string][]string{
		"network_ping":    {recorder.TargetPeers},
		"process_inspect": {recorder.TargetSupervisors, recorder.TargetPools},
	}
	seen := map[string]bool{}
	for _, l := range originals {
		s := tools48.Schema(l.Call.Tool)
		args := s.StreamArgs(l.Call.Args)
		if len(s.Subject) > 0 && targets[l.Call.Tool] == nil || strings.HasPrefix(l.Call.Tool, "sample_") || args.Text("pid") != "" ||
			seen[l.Call.Tool+args.String()] {
			continue
		}
		seen[l.Call.Tool+args.String()] = true
		if half := interval(originals, l.Call.Tool, args) / 2; half > 0 {
			list = append(list, recorder.Sampler{Tool: l.Call.Tool, Args: args, Every: half, Targets: targets[l.Call.Tool]})
		}
	}
	return list
}

// interval is the interval at which a sampler of the capture ran: the lower
// quartile of the times between two answers of one source, as stalls stretch
// some and are followed by haste.
func interval(originals []*capture.Line, tool string, args ergo.Args) time.Duration {
	last := map[string]time.Time{}
	var apart []time.Duration
	for _, l := range originals {
		if l.Call.Tool != tool || tools48.Schema(tool).StreamArgs(l.Call.Args).String() != args.String() {
			continue
		}
		if t, ok := last[keyOfSource(l)]; ok {
			apart = append(apart, l.Answer.At.Sub(t))
		}
		last[keyOfSource(l)] = l.Answer.At
	}
	if len(apart) == 0 {
		return 0
	}
	slices.Sort(apart)
	return apart[len(apart)/4]
}

// keyOf says which answer a line is: its stream, its subject and its time.
func keyOf(l *capture.Line) string {
	return keyOfSource(l) + " at " + l.Answer.At.Format(time.RFC3339Nano)
}

func keyOfSource(l *capture.Line) string {
	s := tools48.Schema(l.Call.Tool)
	return fmt.Sprintf("%s %s %s on %s", l.Call.Tool, s.StreamArgs(l.Call.Args), s.SubjectArgs(l.Call.Args), l.Call.Node)
}

// agrees compares what was recorded again with the originals.
func agrees(t *testing.T, originals, again []*capture.Line, own []recorder.Sampler) (missing, all int) {
	t.Helper()
	original := map[string]*capture.Line{}
	for _, l := range originals {
		original[keyOf(l)] = l
	}
	held, asked := map[string]bool{}, map[string]time.Time{}
	for _, l := range again {
		if strings.HasPrefix(l.Call.Tool, "sample_") {
			continue // the recorder has samplers of its own
		}
		if l.Call.Args.Text("sort_by") != "" && every(own, l) == 0 {
			continue // and takes what is most by one order beside a listing that it puts together
		}
		o := original[keyOf(l)]
		if o == nil {
			t.Errorf("%s was never said", keyOf(l))
			continue
		}
		same(t, o, l)
		held[keyOf(l)] = true
		if _, ok := asked[keyOfSource(l)]; !ok {
			asked[keyOfSource(l)] = l.Answer.At
		}
	}
	next := map[string]time.Time{}
	for _, l := range slices.Backward(originals) {
		after, seen := next[keyOfSource(l)]
		next[keyOfSource(l)] = l.Answer.At
		since, known := asked[keyOfSource(l)]
		if !known || l.Answer.At.Before(since) || seen && after.Sub(l.Answer.At) < every(own, l) || timedOut(l) {
			continue
		}
		if all++; !held[keyOf(l)] {
			missing++
			t.Logf("%s is missing", keyOf(l))
		}
	}
	t.Logf("%d of %d answers were recorded again", all-missing, all)
	return missing, all
}

// holes is the largest share of the recording that one node's gaps make up.
func holes(t *testing.T, rec *replay.Recording) (share float64) {
	t.Helper()
	gaps, err := rec.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	from, to := rec.Window()
	of := map[string]time.Duration{}
	for _, g := range gaps {
		if g.Tool == "" && !strings.Contains(g.Why, "no route") {
			of[g.Node] += g.To.Sub(g.From)
			share = max(share, float64(of[g.Node])/float64(to.Sub(from)))
		}
	}
	return share
}

// timedOut reports whether a call was not answered in time; a recorder leaves
// such a call alone for a while.
func timedOut(l *capture.Line) bool {
	return l.Refused != nil && strings.HasSuffix(l.Refused.Message, "timed out")
}

// every is the interval at which a line's source was asked.
func every(own []recorder.Sampler, l *capture.Line) time.Duration {
	args := tools48.Schema(l.Call.Tool).StreamArgs(l.Call.Args).String()
	for _, s := range own {
		if s.Tool == l.Call.Tool && s.Args.String() == args {
			return s.Every
		}
	}
	return 0
}

// same compares one answer with its original; the time-out is the recorder's
// own.
func same(t *testing.T, before, after *capture.Line) {
	t.Helper()
	if (before.Refused == nil) != (after.Refused == nil) || before.Refused != nil && *before.Refused != *after.Refused {
		t.Errorf("%s: error %v was recorded as %v", keyOf(before), before.Refused, after.Refused)
		return
	}
	a, b := decode(before.Answer.Text), decode(after.Answer.Text)
	if string(before.Answer.Text) != string(after.Answer.Text) && (a == nil || canonical(a) != canonical(b)) {
		t.Errorf("%s: recorded otherwise:\n%.300s\nnot\n%.300s", keyOf(before), after.Answer.Text, before.Answer.Text)
	}
}
