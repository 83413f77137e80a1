package ergo_test

import (
	"testing"

	"ergorecorder/ergo"
)

// TestFootprint: what exists because somebody observes is told from the
// cluster's own, by whichever name it has.
func TestFootprint(t *testing.T) {
	for _, c := range []struct {
		of   ergo.TraceOf
		name string
		want bool
	}{
		{ergo.TraceApplication, "mcp_app", true},
		{ergo.TraceApplication, "shop", false},
		{ergo.TraceBehavior, "inspect.inspect_log", true},
		{ergo.TraceBehavior, "mcp.MCPWorker", true},
		{ergo.TraceBehavior, "inspector.Clerk", false},
		{ergo.TraceEvent, ergo.EventName("Event#<2CF11B74:inspect_log_17>"), true},
		{ergo.TraceEvent, ergo.EventName("Event#<2CF11B74:md.GC>"), false},
		{ergo.TraceEvent, ergo.EventName("inspect_node"), true},
		{ergo.TraceNode, "recorder@east", true},
		{ergo.TraceNode, "recorders@east", false},
	} {
		if why, ok := ergo.Observes(c.of, c.name); ok != c.want || ok != (why != "") {
			t.Errorf("%s %s: %v %q", c.of, c.name, ok, why)
		}
	}
	for _, row := range ergo.Footprint() {
		if row.Why == "" {
			t.Errorf("%v does not say why it is there", row)
		}
	}
}
