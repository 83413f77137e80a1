package views_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"ergorecorder/analyze/views"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// beside is a recording of the entry point of a cluster, whose calls to another node fail from second 30 on: one every
// five seconds of the recorder's own, and so many a second of the node's.
func beside(t *testing.T, theirs int) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	keep := func(call ergo.Call, n int, text string, refused *ergo.ToolError) {
		answer := ergo.Answer{At: second(n)}
		if refused == nil {
			answer.Text = []byte(text)
		}
		records = append(records, ingest.Record(call, nil, answer, refused, ingest.Options{}))
	}
	failed := 5 // before the recording
	for n := range 61 {
		if n >= 30 {
			failed += theirs
		}
		if n >= 30 && n%5 == 0 {
			failed++
			keep(ergo.Call{Node: "b@h", Tool: "node_info"}, n, "", ergo.RemoteError("b@h", "no route"))
		}
		keep(ergo.Call{Node: "a@h", Tool: "cluster_nodes"}, n, `[{"name":"a@h","status":"self"}]`, nil)
		keep(ergo.Call{Node: "a@h", Tool: "node_info"}, n, fmt.Sprintf(`{"Name":"a@h","Uptime":%d,"ProcessesTotal":3,"CallErrorsRemote":%d}`, 100+n, failed), nil)
		keep(ergo.Call{Node: "a@h", Tool: "process_list", Args: ergo.Args{"limit": 100000}}, n, fmt.Sprintf(`[{"PID":"<A.0.1>","Name":"clerk","Behavior":"shop.Clerk","Application":"shop","MessagesIn":%d},
			{"PID":"<A.0.2>","Name":"","Behavior":"mcp.MCPWorker","Application":"mcp_app","MessagesIn":%d},{"PID":"<A.0.%d>","Behavior":"inspect.inspect_log"}]`, 10*n, n*n, 3+n/30), nil)
	}
	return fixture.Recorded(t, records)
}

// TestOwnErrorsAreLeftOut: what the recorder's own calls add to a counter is in no table,
// and what the cluster's own add is.
func TestOwnErrorsAreLeftOut(t *testing.T) {
	ctx := context.Background()
	for _, theirs := range []int{0, 2} {
		rec := beside(t, theirs)
		rows, err := views.Nodes(ctx, rec, second(60), "a@*")
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(5 + 31*theirs); rows[0].Errors != want || rows[0].OwnErrors != 7 || views.OwnLeftOut(rows) == "" {
			t.Errorf("%d errors, %d of the recorder's own, want %d and 7", rows[0].Errors, rows[0].OwnErrors, want)
		}
		c, err := views.Compare(ctx, rec, "a@h", views.Span{From: second(0), To: second(29)}, views.Span{From: second(31), To: second(60)}, 50)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(c.Nodes, func(x views.Change) bool { return x.Field == "CallErrorsRemote" })
		switch {
		case theirs == 0 && i >= 0:
			t.Errorf("the difference of our own calls is shown: %+v", c.Nodes[i])
		case theirs > 0 && (i < 0 || c.Nodes[i].After != float64(theirs)):
			t.Errorf("the cluster's own are not: %+v", c.Nodes)
		case c.OwnErrors != 6:
			t.Errorf("%d of the recorder's own are said to be left out, want 6", c.OwnErrors)
		}
	}
}

// TestOwnProcessesAreLeftOut: processes that are there because somebody observes are in no list unless they are
// asked for, and it is said how many there are.
func TestOwnProcessesAreLeftOut(t *testing.T) {
	ctx := context.Background()
	rec := beside(t, 0)
	for _, c := range []struct {
		q       views.ProcessQuery
		listed  int
		leftOut int
	}{
		{views.ProcessQuery{}, 1, 2},
		{views.ProcessQuery{Own: true}, 3, 0},
		{views.ProcessQuery{Like: "mcp*"}, 1, 0},
	} {
		c.q.At = second(60)
		v, err := views.Processes(ctx, rec, c.q)
		if err != nil {
			t.Fatal(err)
		}
		if v.Total != c.listed || v.Own != c.leftOut || (v.OwnLeftOut() != "") != (c.leftOut > 0) {
			t.Errorf("%+v: %d listed, %d left out (%q), want %d and %d", c.q, v.Total, v.Own, v.OwnLeftOut(), c.listed, c.leftOut)
		}
	}
	d, err := views.Compare(ctx, rec, "", views.Span{From: second(0), To: second(29)}, views.Span{From: second(31), To: second(60)}, 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range d.Processes {
		if x.Name != "clerk" {
			t.Errorf("a change of what observes: %+v", x)
		}
	}
	if len(d.Appeared)+len(d.Gone) > 0 {
		t.Errorf("appeared %+v, gone %+v", d.Appeared, d.Gone)
	}
}
