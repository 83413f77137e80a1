package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
)

// TestErrorsOfEveryEntryPoint: calls that cannot be forwarded are made through two entry points in turn; each counts those
// that it had, and one of them errors of the cluster's own besides.
func TestErrorsOfEveryEntryPoint(t *testing.T) {
	var records []*archive.Record
	begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	keep := func(node, tool string, at time.Duration, text string, refused *ergo.ToolError) {
		answer := ergo.Answer{At: begin.Add(at)}
		if refused == nil {
			answer.Text = []byte(text)
		}
		records = append(records, ingest.Record(ergo.Call{Node: node, Tool: tool}, nil, answer, refused, ingest.Options{}))
	}
	count := map[string]int{"a@h": 7, "b@h": 0}
	var want [2][]time.Time
	for i := range 60 {
		now := time.Duration(i) * 2 * time.Second
		if i >= 20 && i%5 == 0 {
			turn := i / 5 % 2
			entry := []string{"a@h", "b@h"}[turn]
			count[entry]++
			want[turn] = append(want[turn], begin.Add(now-time.Second))
			keep("c@h", "node_info", now-time.Second, "", ergo.RemoteError("c@h", "no route"))
		}
		if i >= 30 && i%5 == 2 {
			count["a@h"] += 3 // by calls of the application
		}
		for j, entry := range []string{"a@h", "b@h"} {
			at := now + time.Duration(j)*300*time.Millisecond
			keep(entry, "cluster_nodes", at, fmt.Sprintf(`[{"name":%q,"status":"self"}]`, entry), nil)
			keep(entry, "node_info", at, fmt.Sprintf(`{"Name":%q,"Uptime":%d,"CallErrorsRemote":%d}`, entry, 100+2*i, count[entry]), nil)
		}
	}
	rec := fixture.Recorded(t, records)
	for i, entry := range []string{"a@h", "b@h"} {
		got, err := rec.OwnErrors(context.Background(), entry, begin, begin.Add(2*time.Minute))
		if err != nil || !slices.Equal(got, want[i]) {
			t.Errorf("%s: %v (%v), want %v", entry, got, err, want[i])
		}
	}
}
