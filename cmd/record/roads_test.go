package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/recorder"
)

// A spanning caller reaches every node by itself, and has no CPU profiles.
type spanning struct{ ergo.Caller }

func (spanning) Spans() bool         { return true }
func (spanning) Nodes() []string     { return []string{"a@h"} }
func (spanning) Whole(_ string) bool { return true }
func (spanning) Offers(_, tool string) ergo.Offer {
	if tool == "pprof_cpu" {
		return ergo.Withheld
	}
	return ergo.Offered
}

// TestRoadsFound: check says which roads to a node there are besides the one that
// is taken, through whom, and what each would add.
func TestRoadsFound(t *testing.T) {
	answers := func(road ergo.Road) ergo.CallerFunc {
		return func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
			name := call.Node
			if name == "" {
				name = "a@h"
			}
			text := fmt.Sprintf(`{"Name":%q}`, name)
			if call.Tool == "cluster_nodes" {
				text = `[{"name":"a@h","status":"self"},{"name":"b@h","status":"connected"}]`
			}
			return ergo.Answer{Text: []byte(text), At: time.Unix(1, 0), Took: time.Millisecond, Road: road}, nil
		}
	}
	router := live.NewRouter([]live.Way{
		{Name: "http://h:9922/mcp", Caller: answers(ergo.RoadMCP)},
		{Name: "http://h:9911/mcp", Caller: spanning{answers(ergo.RoadObserver)}},
	}, time.Now, nil)
	if err := router.Refresh(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	opts := recorder.Standard()
	roads := roadsOf(t.Context(), router, nil, opts, &recorder.Checkup{Nodes: []recorder.NodeCheckup{
		{Node: "a@h", Direct: true, Road: ergo.RoadMCP}, {Node: "b@h", Direct: true, Road: ergo.RoadObserver},
	}})
	var b bytes.Buffer
	printRoads(&b, "a@h", roads[0])
	printRoads(&b, "b@h", roads[1])
	for _, want := range []string{
		"a@h: also found through an Observer (http://h:9911/mcp): it would add nothing else that is sampled",
		"b@h: also found by the 48 tools over HTTP (http://h:9922/mcp, forwarded by a@h): it would add pprof_cpu",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 2 {
		t.Errorf("%d lines, not 2", n)
	}
}
