package compare

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
)

// TestOwnErrorsAreNoChange: calls of the recorder's own that the entry point could not forward are no deliveries that failed,
// and the cluster's own are.
func TestOwnErrorsAreNoChange(t *testing.T) {
	var records []*archive.Record
	start := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	keep := func(node, tool string, n int, text string, refused *ergo.ToolError) {
		answer := ergo.Answer{At: start.Add(time.Duration(n) * time.Second)}
		if refused == nil {
			answer.Text = []byte(text)
		}
		records = append(records, ingest.Record(ergo.Call{Node: node, Tool: tool}, nil, answer, refused, ingest.Options{}))
	}
	for n := range 61 {
		if n > 0 && n%5 == 0 {
			keep("b@h", "node_info", n, "", ergo.RemoteError("b@h", "no route"))
		}
		keep("a@h", "cluster_nodes", n, `[{"name":"a@h","status":"self"}]`, nil)
		keep("a@h", "node_info", n, fmt.Sprintf(`{"Name":"a@h","Uptime":%d,"UserTime":%d,"SystemTime":0,"SendErrorsLocal":%d,"SendErrorsRemote":0,"CallErrorsLocal":0,"CallErrorsRemote":%d}`, 100+n, n*1000000, n/20, n/5+n/30), nil)
	}
	rec := fixture.Recorded(t, records)
	sh, err := read(context.Background(), Side{Recording: rec}, &logs.Miner{})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0.0
	for k, all := range sh.tracks {
		if k.metric == FailedSends {
			for _, b := range all {
				failed += b.num
			}
		}
	}
	if want := 5.0; failed != want {
		t.Errorf("%v deliveries failed, want %v: 3 sends and 2 calls of the cluster's own, and none of the 12 of ours", failed, want)
	}
}
