package system_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// An example is a message of the system application, to the byte.
type example struct{ Name, Versions, Hex string }

func examples(t *testing.T) (list []example) {
	t.Helper()
	f, err := os.Open("testdata/examples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e example
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	if len(list) != 17 {
		t.Fatalf("%d examples", len(list))
	}
	return list
}

// planFor is the plan whose layouts an example has.
func planFor(e example) system.Plan {
	if strings.HasSuffix(e.Name, "_3.3") || e.Versions == "3.3" {
		return system.Plan33
	}
	return system.Plan31
}

// TestExamples reads every example to its last byte with the layouts of its
// release, and writes it again as it was.
func TestExamples(t *testing.T) {
	seen := 0
	for _, e := range examples(t) {
		raw, err := hex.DecodeString(e.Hex)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(e.Name, "flags_"): // see package handshake
			continue
		case e.Name == "keepalive":
			if got := frame.AppendEmpty(nil, frame.KeepAlive); !bytes.Equal(got, raw) {
				t.Errorf("keep-alive is written %x", got)
			}
			if f, err := frame.NewReader(bytes.NewReader(raw), 1<<20).Next(); err != nil || f.Type != frame.KeepAlive {
				t.Errorf("keep-alive is read as type %d, %v", f.Type, err)
			}
			continue
		}
		seen++
		f, err := frame.NewReader(bytes.NewReader(raw), 1<<20).Next()
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		m, err := frame.Parse(f, nil)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		types := message.Types()
		maps.Copy(types, planFor(e).Types())
		v, rest, err := edf.Decoder{Types: types}.Decode(m.Payload)
		if err != nil || len(rest) != 0 {
			t.Errorf("%s: %d bytes left, %v", e.Name, len(rest), err)
			continue
		}
		if n, ok := v.(edf.Named); ok {
			if _, raw := n.Value.(edf.Raw); raw {
				t.Errorf("%s: the layout of %s is not known", e.Name, n.Type)
			}
			if err := system.Check(n.Value, "beta@demo.example", creationIn(n.Value)); err != nil {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
		m.Payload, err = edf.Append(nil, v)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s: written again\n%x\nnot\n%x\n%v", e.Name, again, raw, err)
		}
	}
	if seen != 14 {
		t.Errorf("%d messages", seen)
	}
}

// creationIn is the creation of the first row of a table.
func creationIn(v any) int64 {
	switch a := v.(type) {
	case system.ProcessesAnswer:
		return a.Processes[0].PID.Creation
	case system.ProcessListMessageOld:
		return a.Processes[0].PID.Creation
	}
	return 1788512345
}

// TestAnotherLayout: an answer of one release, read with the layout of another,
// is not taken for one.
func TestAnotherLayout(t *testing.T) {
	row := system.ProcessOld{
		PID: system.PID{Node: "a@h", ID: 1001, Creation: 7}, Name: "x", Behavior: "m.T", State: 2,
		Parent: system.PID{Node: "a@h", ID: 1, Creation: 7}, Leader: system.PID{Node: "a@h", ID: 1, Creation: 7},
	}
	name := system.Name("MessageInspectProcessList")
	payload, err := edf.Append(nil, edf.Named{Type: name, Value: system.ProcessListMessageOld{Node: "a@h", Processes: []system.ProcessOld{row, row}}})
	if err != nil {
		t.Fatal(err)
	}
	type wrong struct {
		Node      edf.Atom
		Processes []system.ProcessRow
	}
	v, rest, err := edf.Decoder{Types: edf.Types{name: reflect.TypeFor[wrong]()}}.Decode(payload)
	n, _ := v.(edf.Named)
	if err == nil && len(rest) == 0 && system.Check(n.Value, "a@h", 7) == nil {
		t.Errorf("read as %+v", n.Value)
	}
	scheduled := system.NodeMessageOld{Node: "a@h", Info: system.NodeOld{Cron: system.Cron{Next: time.Unix(1, 0), Jobs: []system.CronJob{{Name: "x"}}}}}
	if err := system.Check(scheduled, "a@h", 7); err != nil {
		t.Error(err)
	}
	good := system.ProcessListMessageOld{Node: "a@h", Processes: []system.ProcessOld{row}}
	if err := system.Check(good, "a@h", 7); err != nil {
		t.Error(err)
	}
	for what, edit := range map[string]func(*system.ProcessListMessageOld){
		"another node":  func(m *system.ProcessListMessageOld) { m.Node = "b@h" },
		"a state 3":     func(m *system.ProcessListMessageOld) { m.Processes[0].State = 3 },
		"a state 0":     func(m *system.ProcessListMessageOld) { m.Processes[0].State = 0 },
		"another's PID": func(m *system.ProcessListMessageOld) { m.Processes[0].PID.Node = "b@h" },
		"an old PID":    func(m *system.ProcessListMessageOld) { m.Processes[0].PID.Creation = 6 },
	} {
		bad := good
		bad.Processes = []system.ProcessOld{row}
		edit(&bad)
		if system.Check(bad, "a@h", 7) == nil {
			t.Errorf("%s passes", what)
		}
	}
}

func TestPlanOf(t *testing.T) {
	for want, types := range map[system.Plan][]string{
		system.None:   {"RequestInspectLog"},
		system.Plan30: {"RequestInspectProcessList", "RequestInspectNode"},
		system.Plan31: {"RequestInspectProcessList", "RequestInspectApplicationList"},
		system.Plan33: {"RequestInspectProcessList", "RequestInspectApplicationList", "RequestGetNode"},
	} {
		knows := func(name string) bool {
			for _, n := range types {
				if name == system.Name(n) {
					return true
				}
			}
			return false
		}
		if got := system.PlanOf(knows); got != want {
			t.Errorf("%v: plan %v, want %v", types, got, want)
		}
	}
}

// TestCompare: a node's own description of its types shows which messages are
// laid out as ours, which are not, and of which it does not tell.
func TestCompare(t *testing.T) {
	gen := "#ergo.services/ergo/gen/"
	c := system.Plan33.Compare([]system.Described{
		{Name: system.Name("RequestInspectLog"), Schema: "struct { Levels []gen.LogLevel; Limit int; MessagePattern string; MessageExclude bool }"},
		{Name: system.Name("RequestGetNode"), Schema: "struct {}"},
		{Name: system.Name("RequestGetProcess"), Schema: "struct { Ref gen.Ref; PID gen.PID }"},
		{Name: system.Name("RequestGetSubtree"), Schema: "struct { PID gen.PID; Limit int64 }"}, // another size on the wire
		{Name: system.Name("ResponseGetNode"), Schema: "(something else)"},
		{Name: system.Name("ResponseGetEvent"), Schema: "struct { Node gen.Atom; Info gen.EventInfo; Error error }"},
		{Name: gen + "EventInfo", Schema: "struct { CreatedAt int64; Event gen.Event; Producer gen.PID; BufferSize int; CurrentBuffer int; Notify bool; Open bool; Subscribers int64; MessagesPublished int64; MessagesLocalSent int64; MessagesRemoteSent int64; LastPublishedAt int64 }"},
		{Name: system.Name("ResponseGetProcess"), Schema: "struct { Node gen.Atom; Info gen.ProcessInfo; Error error }"},
		{Name: gen + "ProcessInfo", Schema: "struct { PID gen.PID; Name gen.Atom }"},
	})
	for _, message := range []string{"RequestInspectLog", "RequestGetNode", "ResponseGetEvent"} {
		if !slices.Contains(c.Compared, message) {
			t.Errorf("%s is not found the same: %v", message, c)
		}
	}
	if len(c.Compared) != 3 || len(c.Differ) != 3 || c.Differ["RequestGetProcess"] == "" || c.Differ["RequestGetSubtree"] == "" || !strings.HasPrefix(c.Differ["ResponseGetProcess"], "ProcessInfo struct") {
		t.Errorf("compared %v, differ %v", c.Compared, c.Differ)
	}
	if !slices.Contains(c.Undescribed, "ResponseGetNode") {
		t.Errorf("undescribed: %v", c.Undescribed)
	}
}
