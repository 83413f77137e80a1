package system

import (
	"fmt"
	"reflect"
	"strings"

	"ergorecorder/ergo/wire/internal/edf"
)

// Process is the process that answers.
const Process = "system_inspect"

// prefix begins the registered names of all messages.
const prefix = "#ergo.services/ergo/app/system/inspect/"

// A Plan is what a node can be asked for, by the types that it announced.
type Plan int

// The plans.
const (
	None   Plan = iota // it knows none of the messages
	Plan30             // 3.0
	Plan31             // 3.1 and 3.2 as of November 2025
	Plan33             // 3.3
)

// PlanOf is the plan for a node that announced types.
func PlanOf(knows func(typ string) bool) Plan {
	switch {
	case knows(prefix + "RequestGetNode"):
		return Plan33
	case knows(prefix + "RequestInspectApplicationList"):
		return Plan31
	case knows(prefix + "RequestInspectProcessList"):
		return Plan30
	}
	return None
}

func (p Plan) String() string {
	switch p {
	case Plan30:
		return "3.0"
	case Plan31:
		return "3.1 to 3.2"
	case Plan33:
		return "3.3"
	}
	return "none"
}

// Name is the registered name of a message.
func Name(message string) string { return prefix + message }

// Ours reports whether a registered name is that of a message of the system
// application: such answers must be understood to the last byte.
func Ours(name string) bool { return strings.HasPrefix(name, prefix) }

// A layout is the Go type of a message.
type layout struct {
	message string
	value   any
}

func old() []layout {
	return []layout{
		{"RequestInspectNode", InspectEmpty{}},
		{"ResponseInspectNode", InspectNodeAnswer{}},
		{"RequestInspectNetwork", InspectEmpty{}},
		{"ResponseInspectNetwork", InspectNetworkAnswer{}},
		{"MessageInspectNetwork", NetworkMessageOld{}},
		{"RequestInspectConnection", InspectConnection{}},
		{"ResponseInspectConnection", InspectConnectionAnswer{}},
		{"MessageInspectConnection", ConnectionMessageOld{}},
		{"RequestInspectProcessList", InspectProcessList{}},
		{"ResponseInspectProcessList", InspectAnswer{}},
		{"MessageInspectProcessList", ProcessListMessageOld{}},
		{"RequestInspectProcess", InspectByPID{}},
		{"ResponseInspectProcess", InspectAnswer{}},
		{"MessageInspectProcess", ProcessMessageOld{}},
		{"RequestInspectProcessState", InspectByPID{}},
		{"ResponseInspectProcessState", InspectAnswer{}},
		{"MessageInspectProcessState", StateMessage{}},
		{"RequestInspectMetaState", InspectByAlias{}},
		{"ResponseInspectMetaState", InspectAnswer{}},
		{"MessageInspectMetaState", MetaStateMessage{}},
	}
}

func newer() []layout {
	return []layout{
		{"RequestGetCapabilities", GetEmpty{}},
		{"ResponseGetCapabilities", CapabilitiesAnswer{}},
		{"RequestGetNode", GetEmpty{}},
		{"ResponseGetNode", NodeAnswer{}},
		{"RequestGetNetwork", GetEmpty{}},
		{"ResponseGetNetwork", NetworkAnswer{}},
		{"RequestGetConnection", GetConnection{}},
		{"ResponseGetConnection", ConnectionAnswer{}},
		{"RequestGetConnectionList", GetConnectionList{}},
		{"ResponseGetConnectionList", ConnectionListAnswer{}},
		{"RequestGetProcessList", GetProcessList{}},
		{"ResponseGetProcessList", ProcessesAnswer{}},
		{"RequestGetProcessRange", GetProcessRange{}},
		{"ResponseGetProcessRange", ProcessesAnswer{}},
		{"RequestGetProcess", GetProcess{}},
		{"ResponseGetProcess", ProcessAnswer{}},
		{"RequestGetProcessState", GetProcessState{}},
		{"ResponseGetProcessState", StateAnswer{}},
		{"RequestGetProcessLookup", GetProcessLookup{}},
		{"ResponseGetProcessLookup", LookupAnswer{}},
		{"RequestGetMetaState", GetMetaState{}},
		{"ResponseGetMetaState", StateAnswer{}},
		{"RequestGetApplicationList", GetEmpty{}},
		{"ResponseGetApplicationList", ApplicationsAnswer{}},
		{"RequestGetAppTree", GetAppTree{}},
		{"ResponseGetAppTree", AppTreeAnswer{}},
		{"RequestGetSubtree", GetSubtree{}},
		{"ResponseGetSubtree", SubtreeAnswer{}},
		{"RequestGetEventList", GetEventList{}},
		{"ResponseGetEventList", EventListAnswer{}},
		{"RequestGetEvent", GetEvent{}},
		{"ResponseGetEvent", EventAnswer{}},
		{"RequestGetGoroutines", GetGoroutines{}},
		{"ResponseGetGoroutines", GoroutinesAnswer{}},
		{"RequestGetHeapProfile", GetHeapProfile{}},
		{"ResponseGetHeapProfile", HeapAnswer{}},
		{"RequestGetTypes", GetTypes{}},
		{"ResponseGetTypes", TypesAnswer{}},
		{"RequestInspectLog", InspectLog{}},
		{"ResponseInspectLog", InspectAnswer{}},
		{"MessageInspectLog", LogMessage{}},
	}
}

// Layouts are the messages of a plan, by their names without prefix.
func (p Plan) layouts() []layout {
	switch p {
	case Plan30:
		return append(old(), layout{"MessageInspectNode", NodeMessage30{}})
	case Plan31:
		return append(old(), layout{"MessageInspectNode", NodeMessageOld{}},
			layout{"RequestInspectApplicationList", InspectEmpty{}},
			layout{"ResponseInspectApplicationList", InspectAnswer{}}, layout{"MessageInspectApplicationList", ApplicationsMessageOld{}})
	case Plan33:
		return newer()
	}
	return nil
}

// Types are the layouts that a plan reads.
func (p Plan) Types() edf.Types {
	t := edf.Types{}
	for _, l := range p.layouts() {
		t[prefix+l.message] = reflect.TypeOf(l.value)
	}
	return t
}

// Check finds what an answer says that cannot be: another node's name, a
// process with a state that there is not, or one of another node. It is a sign
// that the node's layout is another than ours.
func Check(answer any, node string, creation int64) error {
	return check(reflect.ValueOf(answer), node, creation, 0)
}

func check(v reflect.Value, node string, creation int64, depth int) error {
	if depth > 4 {
		return nil
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := check(v.Index(i), node, creation, depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := check(it.Value(), node, creation, depth+1); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkStruct(v, node, creation, depth)
	}
	return nil
}

func checkStruct(v reflect.Value, node string, creation int64, depth int) error {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue // of a time
		}
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch x := f.Interface().(type) {
		case State:
			if !x.Known() {
				return fmt.Errorf("a process in state %d", int32(x))
			}
		case PID:
			if name == "PID" && x.ID != 0 && (string(x.Node) != node || x.Creation != creation) {
				return fmt.Errorf("a process of node %q", x.Node)
			}
		case edf.Atom:
			if name == "Node" && depth == 0 && string(x) != node {
				return fmt.Errorf("an answer of node %q", x)
			}
		default:
			if err := check(f, node, creation, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
