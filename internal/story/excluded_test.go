package story_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
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
		if (row.Excludes != "") != (secondPaths()[row.Kind] != nil) {
			t.Errorf("%s says %q was excluded; that is asked of the recording another way: %t", row.Kind, row.Excludes, secondPaths()[row.Kind] != nil)
		}
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

// What a report says was excluded is held against the recording: of these processes and
// nodes none of it can be said, whatever a detector says. With the healthy cluster, and
// one in which just the opposite is so, every second path is seen to speak against a finding.
func TestWronglyExcluded(t *testing.T) {
	seen := map[finding.Kind]bool{}
	for _, tt := range []struct {
		story, node, name, peer string
		from                    time.Duration
		kinds                   []finding.Kind
	}{
		{"healthy", "north@lab", "clerk_0", "east@lab", 90 * time.Second, []finding.Kind{
			finding.BlockedCallback, finding.StuckCall, finding.CallCycle, finding.ZombieProcesses, finding.ProcessLeak,
			finding.NodeRestarted, finding.RestartLoop, finding.SlowDependency, finding.PoolOverflow, finding.SupervisorLimit,
			finding.RegistrationLeak, finding.NodeDown, finding.ClockSkew, finding.RecorderClock, finding.ErrorBurst,
			finding.DeadLetters, finding.ShutdownStuck, finding.LinkFlap, finding.SlowLink, finding.CPUHotspot, finding.MessageLoss,
		}},
		{"healthy", "north@lab", "", "east@lab", 90 * time.Second, []finding.Kind{finding.DeliveryErrors, finding.GoroutineGrowth}},
		{"churn", "north@lab", "", "east@lab", 90 * time.Second, []finding.Kind{finding.MemoryLeak}},
		{"blocked-at-the-end", "north@lab", "clerk_4", "east@lab", 167 * time.Second, []finding.Kind{finding.OverloadedProcess, finding.TrafficStopped}},
		{"node-crash-and-back", "south@lab", "", "north@lab", 90 * time.Second, []finding.Kind{finding.NodeFrozen, finding.NodePauses}},
		{"node-crash", "south@lab", "", "north@lab", 92 * time.Second, []finding.Kind{finding.LinkDown, finding.Partition}},
		{"relays-get-more", "east@lab", "ledger", "north@lab", 120 * time.Second, []finding.Kind{finding.BusyLoop}},
		{"hot-function", "east@lab", "", "north@lab", 90 * time.Second, []finding.Kind{finding.NodeSlow}},
	} {
		s, err := story.Read(stories(t)[tt.story], 0, cluster)
		if err != nil {
			t.Fatal(err)
		}
		rec := fixture.Recorded(t, s.World.Records())
		defer rec.Close()
		from, _ := rec.Window()
		for _, k := range tt.kinds {
			f := &finding.Finding{Kind: k, Onset: from.Add(tt.from), Subject: finding.Subject{
				Node: tt.node, Peer: tt.peer, PID: pidOf(t, rec, tt.node, tt.name), Behavior: "shop.Clerk", Function: "labapp/shop.(*Clerk).book",
			}}
			seen[k] = true
			if secondPaths()[k](newRecount(t, rec, f)) == "" {
				t.Errorf("%s of %s on %s in the story %s: that its opposite was excluded passes", k, tt.name, tt.node, tt.story)
			}
		}
	}
	for k := range secondPaths() {
		if !seen[k] {
			t.Errorf("%s: its second path was never seen to speak against a finding", k)
		}
	}
}

// pidOf is the process of a name.
func pidOf(t *testing.T, rec *replay.Recording, node, name string) (pid string) {
	t.Helper()
	for f, err := range rec.Answers(t.Context(), replay.Query{Node: node, Reading: ergo.Processes, Fields: replay.Fields{"PID", "Name"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range f.Live {
			if name != "" && f.Columns[1].Text(slot) == name {
				pid = f.Columns[0].Text(slot)
			}
		}
	}
	return pid
}

// wrongly are the sentences of what was excluded that the report of a story must not
// have: of kinds of which just that is so, and those that the recording, asked another
// way, does not carry; and what is said to follow from another for no reason.
func wrongly(t testing.TB, name string, rec *replay.Recording, r *analyze.Report) (lacks []string) {
	t.Helper()
	paths := secondPaths()
	for _, f := range r.Findings {
		if f.CausedBy != nil && f.Because == "" {
			lacks = append(lacks, f.Title+" follows from another finding, and nothing says why")
		}
		if !excluded(f) {
			continue
		}
		row, _ := finding.RowOf(f.Kind)
		if slices.Contains(otherwise()[f.Kind], name) {
			lacks = append(lacks, fmt.Sprintf("%s: %q is said to be excluded, and is so", f.Title, row.Excludes))
		}
		if ask := paths[f.Kind]; ask == nil {
			lacks = append(lacks, fmt.Sprintf("%s: it is said that something was excluded, which the kind never says", f.Title))
		} else if why := ask(newRecount(t, rec, f)); why != "" {
			lacks = append(lacks, fmt.Sprintf("%s: %q is said to be excluded, but %s", f.Title, row.Excludes, why))
		}
	}
	return lacks
}
