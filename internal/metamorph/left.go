package metamorph

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/internal/story"
)

// What an edit leaves of a fault, said beforehand and by what the data hold: see lessLeft and
// [Case.hidden].
type left int

const (
	all      left = iota
	nameless      // that it is so; not who it is
	beside        // what stands beside it, and not who it is
	nothing       // nothing of it
)

// lessLeft are the faults of which an edit leaves less than its promise says, and why.
var lessLeft = []struct {
	edit  string
	kinds []string
	left  left
	as    []string // what may tell it then, besides what stands beside it
	why   string
}{
	{"no profiles", []string{"memory_leak", "goroutine_growth"}, nameless, nil, "a process has no memory of its own: the heap and the goroutines are the node's, and whose they are stands in profiles alone"},
	{"no logs", []string{"error_burst", "dead_letters"}, nameless, nil, "a node counts its lines and failed deliveries; who wrote them, and to whom they were, stands in the lines"},
	{"no logs", []string{"supervisor_limit"}, beside, nil, "its children live for less than the time between two listings, and the line that says that it gave up is not there: that the application stopped is"},
	{"no inspection", []string{"child_disabled"}, nothing, nil, "which children a supervisor goes on without stands in its inspection alone: one that ended and is gone may have been meant to"},
	{"no inspection", []string{"pool_overflow"}, beside, []string{"error_burst", "overloaded_process", "delivery_errors"}, "what a pool drops, and how many messages a worker takes, stands in its inspection alone: that its workers are full is listed"},
	{"no inspection", []string{"delivery_errors router"}, nothing, nil, "what a router discards stands in its inspection alone"},
	{"no inspection", []string{"restart_loop of fresh names without a log"}, beside, []string{"error_burst"}, "that one of these processes comes for another stands in their supervisor's history alone: visitors come and go as well"},
}

// leave marks the faults of which an edit leaves less.
func (c *Case) leave(edit string) {
	for i := range c.Faults {
		f := &c.Faults[i]
		for _, l := range lessLeft {
			if l.edit == edit && (slices.Contains(l.kinds, f.Kind) || slices.Contains(l.kinds, f.Kind+" "+f.of) || slices.Contains(l.kinds, c.unlogged(f))) {
				f.left = l.left
				if l.left == beside {
					f.Accept = slices.Concat(f.Accept, f.Also, l.as)
				}
			}
		}
	}
}

// unlogged is what a restart loop is of whose processes have another name each time, where no
// log was recorded.
func (c *Case) unlogged(f *Fault) string {
	if f.Kind != "restart_loop" {
		return ""
	}
	told := false
	c.clone().rows([]string{"process_list"}, func(_ *capture.Line, r row) { told = told || len(f.Names) > 0 && f.Names[0] == text(r, "Name") })
	if told || slices.ContainsFunc(c.Lines, func(l *capture.Line) bool { return l.Call.Tool == "sample_read" }) {
		return ""
	}
	return "restart_loop of fresh names without a log"
}

// fewest are the answers on each side from which on a level is known, and shown how long a
// fault must be: a call may take as long, so a process that is busy for less is in order.
const (
	fewest = 4
	shown  = 5 * time.Second
)

// reading is the tool whose answers show a kind of fault; "" where each may.
func reading(kind string) string {
	switch {
	case strings.HasPrefix(kind, "event_"):
		return "event_list"
	case kind == "message_loss":
		return "network_nodes"
	case slices.Contains([]string{"blocked_callback", "stuck_call", "overloaded_process", "slow_dependency", "call_cycle"}, kind):
		return "process_list"
	}
	return ""
}

// hidden reports whether the recording holds too little of a fault for anybody: it ends
// before the fault has lasted for as long as a call may take, no answer has its name, its
// node was back before the recording began, what shows it was answered too seldom, no peer
// was asked whether it lost the node that is down, or the child that dies over and over did
// so once or twice, by the listings and by the log.
func (c *Case) hidden(f *Fault) bool {
	return f.left == nothing || c.tooShort(f) || c.unnamed(f) || c.back(f) || c.tooFew(f) || c.unmissed(f) || c.once(f)
}

func (c *Case) tooShort(f *Fault) bool {
	tool := reading(f.Kind)
	if tool == "" {
		return false // no call need be waited for to tell it
	}
	var last time.Time
	for _, l := range c.Lines {
		if (f.Node == "" || l.Call.Node == f.Node) && l.Call.Tool == tool && l.Answer.At.After(last) {
			last = l.Answer.At
		}
	}
	return !last.IsZero() && last.Sub(f.Start) < shown && f.began.IsZero()
}

func (c *Case) unnamed(f *Fault) bool {
	if f.began.IsZero() || len(f.Names) == 0 {
		return false
	}
	return !slices.ContainsFunc(c.Lines, func(l *capture.Line) bool {
		return slices.ContainsFunc(f.Names, func(name string) bool { return strings.Contains(string(l.Answer.Text), name) })
	})
}

func (c *Case) back(f *Fault) bool {
	if f.began.IsZero() || !slices.Contains(f.Accept, "node_down") {
		return false
	}
	born, seen := time.Time{}, false
	c.clone().rows([]string{"node_info"}, func(l *capture.Line, r row) {
		if up, ok := number(r["Uptime"]); ok && l.Call.Node == f.Node && !seen {
			born, seen = l.Answer.At.Add(-time.Duration(up*float64(time.Second))), true
		}
	})
	return seen && born.After(f.began) && !born.After(f.Start.Add(time.Second))
}

func (c *Case) tooFew(f *Fault) bool {
	tool := reading(f.Kind)
	if tool == "" || tool == "process_list" {
		return false // a process tells by itself since when
	}
	before, since := 0, 0
	for _, l := range c.Lines {
		switch {
		case l.Call.Tool != tool || l.Call.Node != f.Node || l.Refused != nil:
		case l.Answer.At.Before(f.Start):
			before++
		default:
			since++
		}
	}
	return before > 0 && before < fewest || since < fewest
}

func (c *Case) unmissed(f *Fault) bool {
	return f.Kind == "node_down" && f.began.IsZero() && !slices.ContainsFunc(c.Lines, func(l *capture.Line) bool {
		return l.Call.Tool == "network_nodes" && l.Call.Node != f.Node && l.Refused == nil && l.Answer.At.After(f.Start)
	})
}

func (c *Case) once(f *Fault) bool {
	if f.Kind != "restart_loop" {
		return false
	}
	const loop = 3
	before, since := map[string]bool{}, map[string]bool{}
	c.clone().rows([]string{"process_list"}, func(l *capture.Line, r row) {
		called := text(r, "Name") + " " + text(r, "Behavior")
		if l.Call.Node != f.Node || !slices.ContainsFunc(f.Names, func(name string) bool { return strings.Contains(called, name) }) {
			return
		}
		if pid := text(r, "PID"); l.Answer.At.Before(f.Start) {
			before[pid] = true
		} else if !before[pid] {
			since[pid] = true
		}
	})
	return len(since) < loop && c.diedInLog(f) < loop
}

// diedInLog is how many processes of a fault the log says to have died.
func (c *Case) diedInLog(f *Fault) int {
	died := map[string]bool{}
	c.clone().rows([]string{"sample_read"}, func(l *capture.Line, r row) {
		list, _ := r["samples"].([]any)
		for _, x := range list {
			s, _ := x.(row)
			line, ok := s["data"].(row)
			if !ok || l.Call.Node != f.Node {
				continue
			}
			said, _ := json.Marshal(line)
			about := slices.ContainsFunc(f.Names, func(name string) bool { return strings.Contains(string(said), name) })
			if _, dead := ergo.Tells(ergo.LineDied, "", "", text(line, "message")); dead && about {
				died[text(line, "source")] = true
			}
		}
	})
	return len(died)
}

// parted reports whether a finding says that two nodes were in different groups of a cluster
// that was split.
func parted(f *story.Finding, a, b string) bool {
	group := func(node string) int {
		return slices.IndexFunc(strings.Split(f.Title, "}"), func(g string) bool { return strings.Contains(g, node) })
	}
	x, y := group(a), group(b)
	return f.Kind == "partition" && x >= 0 && y >= 0 && x != y
}
