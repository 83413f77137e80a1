package ergo_test

import (
	"fmt"
	"os"
	"strings"
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
		{ergo.TraceCounter, "CallErrorsRemote", true},
		{ergo.TraceCounter, "SendErrorsRemote", false},
	} {
		if why, ok := ergo.Observes(c.of, c.name); ok != c.want || ok != (why != "") {
			t.Errorf("%s %s: %v %q", c.of, c.name, ok, why)
		}
	}
	doc, err := os.ReadFile("../docs/recorder.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range ergo.Footprint() {
		if want := fmt.Sprintf("| %s | `%s` | %s |", row.Of, row.Pattern, row.Why); !strings.Contains(string(doc), want) {
			t.Errorf("docs/recorder.md lacks the row %s", want)
		}
		if row.Why == "" {
			t.Errorf("%v does not say why it is there", row)
		}
	}
}
