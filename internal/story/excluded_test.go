package story_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/measure"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/story"
	"ergorecorder/replay"
)

// excluded is how the report of a story says what was excluded of a finding.
func excluded(f *finding.Finding) bool { return strings.Contains(f.Weighed, "Excluded: ") }

// otherwise are, for each kind that says what was excluded, stories in which just
// that is so: there the sentence must not be said.
func otherwise() map[finding.Kind][]string {
	return map[finding.Kind][]string{
		finding.OverloadedProcess: {"blocked-at-the-end"},
		finding.BlockedCallback:   {"overloaded-by-a-slow-callback", "overloaded-by-arrivals", "busy-but-keeping-up"},
		finding.StuckCall:         {"overloaded-by-a-slow-callback", "rare-work", "hot-function"},
		finding.CallCycle:         {"call-chain-over-three-nodes", "callers-of-a-slow-remote-process"},
		finding.SlowDependency:    {"two-blocked-for-their-own-reasons"},
		finding.BusyLoop:          {"visitors-double", "batch", "double-load-allocates-more", "relays-get-more", "overloaded-by-arrivals"},
		finding.TrafficStopped:    {"blocked-at-the-end"},
		finding.PoolOverflow:      {"pool-busy-and-keeping-up"},
		finding.RestartLoop:       {"one-restart", "two-workers-die-once"},
		finding.SupervisorLimit:   {"application-redeployed", "rolling-restart", "node-replaced", "node-stopped-without-successor"},
		finding.ProcessLeak:       {"visitors-come-and-go", "visitors-double"},
		finding.RegistrationLeak:  {"process-leak", "scale-up"},
		finding.ZombieProcesses:   {"killed-and-gone-at-once"},
		finding.NodeDown:          {"partition", "link-down", "recorder-misses-a-stretch"},
		finding.NodeRestarted:     {"clock-of-a-node-steps", "clock-of-a-node-steps-thrice", "clock-drifts", "link-flaps"},
		finding.NodeFrozen:        {"node-crash-and-back", "rolling-restart"},
		finding.NodePauses:        {"node-crash-and-back", "rolling-restart"},
		finding.NodeSlow:          {"double-load-allocates-more", "ramp", "batch"},
		finding.ClockSkew:         {"clock-of-the-recorder-steps", "clock-of-the-recorder-steps-twice", "clock-of-the-recorder-steps-before-one-node", "clock-of-the-recorder-steps-without-a-steady-clock", "clock-of-the-recorder-drifts-for-30-hours"},
		finding.RecorderClock:     {"clock-of-a-node-steps", "clock-of-a-node-steps-thrice", "clock-drifts", "clocks-of-all-nodes-step"},
		finding.ErrorBurst:        {"errors-as-ever"},
		finding.DeliveryErrors:    {"recorder-loses-answers", "recorder-misses-a-stretch"},
		finding.DeadLetters:       {"one-restart"},
		finding.ShutdownStuck:     {"rolling-restart", "node-stopped-without-successor", "node-replaced"},
		finding.LinkFlap:          {"recorder-misses-a-stretch", "recorder-loses-answers", "clock-of-a-node-steps"},
		finding.LinkDown:          {"node-crash", "node-stopped-without-successor", "node-replaced"},
		finding.Partition:         {"node-crash", "node-crash-and-back"},
		finding.MessageLoss:       {"link-slow", "link-a-little-slower"},
		finding.SlowLink:          {"link-a-little-slower"},
		finding.CPUHotspot:        {"node-throttled"},
		finding.MemoryLeak:        {"churn", "double-load-allocates-more", "churn-for-a-while"},
		finding.GoroutineGrowth:   {"visitors-come-and-go", "churn"},
	}
}

func TestEveryExcludedHasAStory(t *testing.T) {
	all, others := stories(t), otherwise()
	for _, row := range finding.Kinds() {
		if (row.Excludes != "") != (len(others[row.Kind]) > 0) {
			t.Errorf("%s says %q was excluded; stories in which it is so: %v", row.Kind, row.Excludes, others[row.Kind])
		}
		for _, name := range others[row.Kind] {
			if all[name] == "" {
				t.Errorf("%s: there is no story %s", row.Kind, name)
			}
		}
	}
}

// What a report says was excluded is held against the recording: of a healthy cluster
// none of these can be said, whatever a detector says.
func TestWronglyExcluded(t *testing.T) {
	s, err := story.Read(stories(t)["healthy"], 0, cluster)
	if err != nil {
		t.Fatal(err)
	}
	rec := fixture.Recorded(t, s.World.Records())
	defer rec.Close()
	from, to := rec.Window()
	node := rec.Nodes()[0].Name
	var pid string
	for f, err := range rec.Answers(t.Context(), replay.Query{Node: node, Reading: ergo.Processes, Fields: replay.Fields{"PID", "Name"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range f.Live {
			if strings.Contains(f.Columns[1].Text(slot), "clerk") {
				pid = f.Columns[0].Text(slot)
			}
		}
	}
	for _, k := range []finding.Kind{
		finding.BlockedCallback, finding.StuckCall, finding.CallCycle, finding.ZombieProcesses, finding.ProcessLeak,
		finding.NodeRestarted, finding.RestartLoop,
	} {
		f := &finding.Finding{
			Kind: k, Title: string(k), Onset: from, End: &to, Weighed: "Excluded: all.",
			Subject: finding.Subject{Node: node, PID: pid, Behavior: "shop.Clerk"},
		}
		if len(wrongly(t, "healthy", rec, &analyze.Report{Findings: []*finding.Finding{f}})) == 0 {
			t.Errorf("%s of %s: that its opposite was excluded passes on a healthy cluster", k, pid)
		}
	}
}

// wrongly are the sentences of what was excluded that the report of a story must not
// have: of kinds of which just that is so, and those that the recording, asked another
// way, does not carry.
func wrongly(t testing.TB, name string, rec *replay.Recording, r *analyze.Report) (lacks []string) {
	t.Helper()
	for _, f := range r.Findings {
		if !excluded(f) {
			continue
		}
		row, _ := finding.RowOf(f.Kind)
		if slices.Contains(otherwise()[f.Kind], name) {
			lacks = append(lacks, fmt.Sprintf("%s: %q is said to be excluded, and is so", f.Title, row.Excludes))
		}
		if why := recounted(t, rec, f); why != "" {
			lacks = append(lacks, fmt.Sprintf("%s: %q is said to be excluded, but %s", f.Title, row.Excludes, why))
		}
	}
	return lacks
}

// recounted asks the recording for what a finding excluded, of the kinds of which a
// count can tell it, and returns what speaks against it.
func recounted(t testing.TB, rec *replay.Recording, f *finding.Finding) string {
	t.Helper()
	_, end := rec.Window()
	if f.End != nil {
		end = *f.End
	}
	s := f.Subject
	ask := func(of, tool, node, row string, where map[string]string, from, to time.Time) float64 {
		a, err := measure.Of(context.Background(), rec, measure.Question{Of: of, Tool: tool, Node: node, Row: row, Where: where, From: from, To: to})
		if err != nil {
			t.Logf("%s: %v", f.Title, err)
		}
		v, _ := a.Value.(float64)
		return v
	}
	handled := "MessagesIn - MessagesMailbox"
	switch f.Kind {
	case finding.OverloadedProcess:
		if s.PID != "" && ask("increase("+handled+")", "process_list", s.Node, s.PID, nil, f.Onset, end) == 0 {
			return "it handled nothing"
		}
	case finding.BlockedCallback:
		if s.PID != "" && ask("min(abs(steps("+handled+")))", "process_list", s.Node, s.PID, nil, f.Onset, end) > 0 {
			return "it handled messages all the time"
		}
	case finding.StuckCall, finding.CallCycle:
		if ask("max(is(State, 'wait response'))", "process_list", s.Node, s.PID, nil, f.Onset, end) == 0 {
			return "it was never listed waiting for a response"
		}
	case finding.ZombieProcesses:
		if ask("max(rows)", "process_list", s.Node, "", map[string]string{"Behavior": s.Behavior, "State": "zombee"}, f.Onset, end) == 0 {
			return "none was listed as killed"
		}
	case finding.ProcessLeak:
		first, last := "first(rows)", "last(rows)"
		of := map[string]string{"Behavior": s.Behavior}
		if ask(last, "process_list", s.Node, "", of, f.Onset, end) <= ask(first, "process_list", s.Node, "", of, f.Onset, end) {
			return "they are as many as before"
		}
	case finding.MemoryLeak:
		if ask("slope(low(heap_alloc, num_gc))", "runtime_stats", s.Node, "", nil, f.Onset, end) <= 0 {
			return "what collections leave does not grow"
		}
	case finding.GoroutineGrowth:
		if ask("slope(goroutines)", "runtime_stats", s.Node, "", nil, f.Onset, end) <= 0 {
			return "their number does not grow"
		}
	case finding.NodeFrozen, finding.NodePauses:
		if begun(rec, s.Node, f.Onset, end) {
			return "it began a new life"
		}
	case finding.RestartLoop:
		of := map[string]string{"Behavior": s.Behavior}
		if s.Behavior != "" && ask("sum(born) - first(born)", "process_list", s.Node, "", of, time.Time{}, time.Time{}) < 2 && died(t, rec, s) < 2 {
			return "no two were born of its behavior, and no two wrote that they ended"
		}
	case finding.NodeRestarted:
		if ask("falls(Uptime)", "node_info", s.Node, "", nil, time.Time{}, time.Time{}) == 0 {
			return "its uptime never began again"
		}
	case finding.LinkDown:
		for _, n := range []string{s.Node, s.Peer} {
			if ask("count(Uptime)", "node_info", n, "", nil, f.Onset, end) == 0 {
				return n + " was not heard of since"
			}
		}
	}
	return ""
}

// died counts the log lines of a node by which processes of the subject's behavior ended.
func died(t testing.TB, rec *replay.Recording, s finding.Subject) (n int) {
	t.Helper()
	for l, err := range rec.Logs(t.Context(), s.Node, time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(l.Source, s.Behavior) && strings.Contains(l.Message, "terminated") {
			n++
		}
	}
	return n
}

// begun reports whether a life of a node began within a stretch.
func begun(rec *replay.Recording, node string, from, to time.Time) bool {
	for _, n := range rec.Nodes() {
		for _, l := range n.Lives {
			if n.Name == node && l.Started.After(from) && l.Started.Before(to) {
				return true
			}
		}
	}
	return false
}
