package analyze_test

import (
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"ergorecorder/internal/sim"
)

// Playbooks and nodes are looked at beside each other: on one core and on many
// the report is the same, byte for byte.
func TestSameOnAnyCores(t *testing.T) {
	c := sim.New(9, 6)
	for i, n := range c.Nodes {
		n.Actors[1].Blocks = []sim.Block{{From: minute}}
		n.Actors[2+i].Blocks = []sim.Block{{From: minute, To: 90 * time.Second, Waiting: true}}
	}
	records := c.Records()
	said := func(cores int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		text, err := json.Marshal(judgeRecords(t, records))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if one, many := said(1), said(8); one != many {
		t.Errorf("on one core:\n%s\non many:\n%s", one, many)
	}
}
