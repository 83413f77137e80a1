package analyze_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// An observed is a cluster of two nodes over four minutes. Somebody comes who looks: processes that grow in number, an event that
// is published for one subscriber and falls silent, a node that leaves, and calls that fail.
type observed struct {
	behavior, application, event, peer string
	asked                              bool // the calls that fail are the recorder's
}

func (o observed) record(t *testing.T) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	start := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	keep := func(at time.Time, call ergo.Call, text string, refused *ergo.ToolError) {
		answer := ergo.Answer{At: at, Took: time.Millisecond}
		if refused == nil {
			answer.Text = []byte(text)
		}
		records = append(records, ingest.Record(call, nil, answer, refused, ingest.Options{}))
	}
	for s := 0; s <= 240; s += 2 {
		at := start.Add(time.Duration(s) * time.Second)
		failed := 0
		if s >= 120 {
			failed = (s-120)/4 + 1
			if o.asked && s%4 == 0 {
				keep(at.Add(-time.Millisecond), ergo.Call{Node: "c@h", Tool: "node_info"}, "", ergo.RemoteError("c@h", "no route"))
			}
		}
		keep(at, ergo.Call{Node: "a@h", Tool: "cluster_nodes"}, `[{"name":"a@h","status":"self"},{"name":"b@h","status":"connected"}]`, nil)
		for _, node := range []string{"a@h", "b@h"} {
			errs := 0
			if node == "a@h" {
				errs = failed
			}
			keep(at, ergo.Call{Node: node, Tool: "node_info"}, fmt.Sprintf(`{"Name":%q,"Uptime":%d,"ServerTime":%q,"ProcessesTotal":%d,"SendErrorsLocal":0,"SendErrorsRemote":0,"CallErrorsLocal":0,"CallErrorsRemote":%d,"LogMessages":[0,0,0,0,0,0]}`,
				node, 1000+s, at.Format(time.RFC3339Nano), 2+s/2, errs), nil)
			keep(at, ergo.Call{Node: node, Tool: "process_list", Args: ergo.Args{"limit": 100000}}, o.rows(s), nil)
			keep(at, ergo.Call{Node: node, Tool: "event_list", Args: ergo.Args{"limit": 100000}},
				fmt.Sprintf(`[{"Event":"Event#<A:%s>","Producer":"<A.0.1>","Subscribers":1,"Notify":false,"BufferSize":0,"MessagesPublished":%d,"MessagesLocalSent":%d,"MessagesRemoteSent":0,"CreatedAt":1}]`, o.event, 10*min(s, 120), 10*min(s, 120)), nil)
			keep(at, ergo.Call{Node: node, Tool: "network_nodes"}, o.links(node, s), nil)
		}
	}
	return fixture.Recorded(t, records)
}

// rows are one process of the cluster's own, and more and more of those that came.
func (o observed) rows(s int) string {
	row := `{"PID":"<A.0.%d>","Name":%q,"Behavior":%q,"Application":%q,"Kind":"actor","State":"sleep","MessagesIn":%d,"MessagesOut":%d,"MessagesMailbox":0,"MailboxLatency":0,"RunningTime":%d,"Wakeups":%d,"Uptime":%d,"Parent":"<A.0.1>"}`
	rows := []string{fmt.Sprintf(row, 1, "clerk", "shop.Clerk", "shop", 10*s, 10*s, 1000*s, 10*s, 1000+s)}
	for i := range 1 + s/2 {
		rows = append(rows, fmt.Sprintf(row, 100+i, "", o.behavior, o.application, s, s, 1000*s, s, s-2*i))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// links are those between both nodes, and to the one that leaves.
func (o observed) links(node string, s int) string {
	row := `{"Node":%q,"Uptime":5000,"ConnectionUptime":%d,"MessagesIn":%d,"MessagesOut":%d,"Reconnections":0,"PoolSize":3}`
	peer := map[string]string{"a@h": "b@h", "b@h": "a@h"}[node]
	rows := []string{fmt.Sprintf(row, peer, 900+s, 10*s, 10*s)}
	if s < 120 {
		rows = append(rows, fmt.Sprintf(row, o.peer, 900+s, 10*s, 10*s))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// TestWhatObservesIsNotJudged: what is there because somebody observes is in no finding, and is said once; the same under
// the cluster's own names is found.
func TestWhatObservesIsNotJudged(t *testing.T) {
	ours := observed{"inspect.inspect_log", "system_app", "inspect_log_7", "recorder@h", true}
	for _, c := range []struct {
		name string
		observed
		found bool
	}{
		{"ours", ours, false},
		{"processes of the cluster's own", observed{"shop.Visitor", "shop", ours.event, ours.peer, true}, true},
		{"an event of the cluster's own", observed{ours.behavior, ours.application, "prices", ours.peer, true}, true},
		{"a node of the cluster's own", observed{ours.behavior, ours.application, ours.event, "ledger@h", true}, true},
		{"calls of the cluster's own", observed{ours.behavior, ours.application, ours.event, ours.peer, false}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := analyze.Run(context.Background(), c.record(t), analyze.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, f := range r.Findings {
				if f.Subject.Node != "c@h" { // it never answered, which is said
					kinds = append(kinds, string(f.Kind)+": "+f.Title)
				}
			}
			if (len(kinds) > 0) != c.found {
				t.Errorf("found %q", kinds)
			}
			said := strings.Join(r.LeftOut, "; ")
			if !c.found && (!strings.Contains(said, "inspect.inspect_log") || !strings.Contains(said, "failed calls of the recorder's own")) {
				t.Errorf("left out is said to be %q", said)
			}
		})
	}
}
