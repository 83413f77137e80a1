package recorder

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
)

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h", "dead@h", "mute@h", "bare@h")
		c.nodes["b@h"].reset(400)
		c.nodes["b@h"].took = 40 * time.Millisecond
		c.nodes["mute@h"].fault = func(call ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{}, &ergo.ToolError{Code: ergo.CodeInternal, Message: "unknown tool: " + call.Tool}, call.Tool == "process_list" || call.Tool == "app_list"
		}
		c.nodes["bare@h"].procs[0].MailboxLatency = -1
		c.nodes["bare@h"].fault = func(call ergo.Call) (ergo.Answer, error, bool) {
			return ergo.Answer{}, &ergo.ToolError{Code: ergo.CodeInternal, Message: "looking up goroutine by process PID requires building with -tags=pprof. …"}, call.Args["pid"] != nil
		}
		got, err := Check(t.Context(), c, Standard())
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]NodeCheckup{}
		for _, n := range got.Nodes {
			by[n.Node] = n
		}
		if !got.Blind || by["mute@h"].Blind == "" || by["a@h"].Blind != "" {
			t.Errorf("blind: %v; %+v", got.Blind, got.Nodes)
		}
		if m := strings.Join(by["mute@h"].Missing, " "); m != "app_list process_list" {
			t.Errorf("missing tools %q", m)
		}
		if b := by["b@h"]; b.Processes != 400 || b.Answers != 40*time.Millisecond || b.Share < 0.05 || !strings.Contains(strings.Join(b.Remarks, "; "), "pieces") || !strings.Contains(strings.Join(b.Remarks, "; "), "budget") {
			t.Errorf("b: %+v", b)
		}
		if r := strings.Join(by["bare@h"].Remarks, "; "); !strings.Contains(r, "-tags=latency") || !strings.Contains(r, "-tags=pprof") {
			t.Errorf("bare: %q", r)
		}
		if r := by["a@h"].Remarks; len(r) != 0 {
			t.Errorf("a: %q", r)
		}
		if a, b := by["a@h"].BytesPerDay, by["b@h"].BytesPerDay; b < a || a <= 0 {
			t.Errorf("bytes a day: %d with 10 processes, %d with 400", a, b)
		}
		c.down = errors.New("refused")
		if _, err := Check(t.Context(), c, Standard()); err == nil {
			t.Error("nobody answers, and that is fine")
		}
	})
}
