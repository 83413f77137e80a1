package metamorph

import (
	"encoding/json"
	"sort"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
)

// counters are the columns that only grow, by tool.
var counters = map[string][]string{
	"process_list": {"MessagesIn", "MessagesOut", "Wakeups", "RunningTime"},
	"process_info": {"MessagesIn", "MessagesOut", "Wakeups", "RunningTime"},
	"node_info": {
		"UserTime", "SystemTime", "SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote",
		"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent", "ProcessesSpawned", "ProcessesTerminated", "ProcessesSpawnFailed",
	},
	"runtime_stats": {"total_alloc", "num_gc"},
	"network_nodes": {"MessagesIn", "MessagesOut", "BytesIn", "BytesOut"},
	"event_list":    {"MessagesPublished", "MessagesLocalSent", "MessagesRemoteSent"},
}

// countedTools are the tools with counters, in a fixed order.
var countedTools = []string{"event_list", "network_nodes", "node_info", "process_info", "process_list", "runtime_stats"}

// who is what a row is about.
func who(tool string, r row) string {
	key := map[string]string{"process_list": "PID", "process_info": "PID", "network_nodes": "Node", "event_list": "Event"}[tool]
	if tool == "process_info" {
		tool = "process_list" // the same counters
	}
	return tool + " " + text(r, key)
}

// since lets do change each counter of a node from an instant on; base is what
// it was at the last sample before, 0 for what began later.
func since(c *Case, mine func(l *capture.Line, r row) bool, at time.Time, do func(l *capture.Line, r row, key string, base float64)) {
	base := map[string]float64{}
	c.rows(countedTools, func(l *capture.Line, r row) {
		if !mine(l, r) {
			return
		}
		for _, k := range counters[l.Call.Tool] {
			v, ok := number(r[k])
			if !ok {
				continue
			}
			id := l.Call.Node + " " + who(l.Call.Tool, r) + " " + k
			if l.Answer.At.Before(at) {
				base[id] = max(base[id], v)
			} else {
				do(l, r, k, base[id])
			}
		}
	})
}

// scale multiplies the messages and what they cost, all along.
func scale(c *Case, f float64) {
	c.rows([]string{"process_list", "process_info", "network_nodes", "event_list"}, func(l *capture.Line, r row) {
		for _, k := range counters[l.Call.Tool] {
			if k != "RunningTime" {
				change(r, k, func(v float64) float64 { return f * v })
			}
		}
		change(r, "MessagesMailbox", func(v float64) float64 { return f * v })
		if q, ok := r["MailboxQueues"].(row); ok {
			change(q, "Main", func(v float64) float64 { return f * v })
		}
	})
	c.rows([]string{"node_info"}, func(_ *capture.Line, r row) {
		for _, k := range []string{"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent"} {
			change(r, k, func(v float64) float64 { return f * v })
		}
	})
}

// stretch lets everything take so many times as long. What was older than the
// recording stays as old as it was when that began.
func stretch(c *Case, f float64) {
	from, _ := c.Span()
	to := func(at time.Time) time.Time { return from.Add(time.Duration(f * float64(at.Sub(from)))) }
	// An age in whole seconds tells when it began to a second: what began within
	// the recording, and its later answers, began at one moment; by a clock that
	// drifts it moves bit by bit.
	began, seen := map[string]time.Time{}, map[string]time.Time{}
	theirs := nodeClocks(c)
	up := func(l *capture.Line, r row, key string) {
		now := theirs(l) // an age is by the clock of who tells it
		change(r, key, func(v float64) float64 {
			start := now.Add(-time.Duration(v * float64(time.Second)))
			id := l.Call.Node + " " + who(l.Call.Tool, r) + " " + text(r, "name") + " " + key
			near := start.Sub(seen[id]).Abs() <= 2*time.Second
			seen[id] = start
			if b, ok := began[id]; ok && near {
				start = b
			} else {
				began[id] = start
			}
			if start.Before(from) {
				return to(now).Sub(start).Seconds()
			}
			return max(0, to(now).Sub(to(start)).Seconds())
		})
	}
	age := func(l *capture.Line, unit time.Duration) func(v float64) float64 {
		seen := float64(l.Answer.At.Sub(from)) / float64(unit)
		return func(v float64) float64 {
			if v <= seen {
				return f * v
			}
			return v + (f-1)*seen
		}
	}
	c.rows([]string{"process_list", "process_info"}, func(l *capture.Line, r row) {
		up(l, r, "Uptime")
		for _, k := range []string{"StateTime", "MailboxLatency"} {
			change(r, k, age(l, 1))
		}
		for _, k := range []string{"RunningTime", "InitTime"} {
			change(r, k, func(v float64) float64 { return f * v })
		}
	})
	c.rows([]string{"node_info"}, func(_ *capture.Line, r row) {
		for _, k := range []string{"UserTime", "SystemTime"} {
			change(r, k, func(v float64) float64 { return f * v })
		}
	})
	c.rows([]string{"node_info", "app_list", "network_nodes"}, func(l *capture.Line, r row) {
		for _, k := range []string{"Uptime", "uptime", "ConnectionUptime"} {
			up(l, r, k)
		}
	})
	nodeTimes(c, "", to)
	for _, l := range c.Lines {
		l.Answer.At = to(l.Answer.At)
	}
	for _, r := range c.Profiles {
		r.At = to(r.At)
	}
	moveFaults(c, to)
	for i := range c.Faults {
		c.Faults[i].loose = time.Duration(f*float64(c.Faults[i].loose)) + 2*time.Second
	}
}

// nodeClocks tells what the clock of a node said when a line of it arrived: by what the
// node said last, or says first.
func nodeClocks(c *Case) func(l *capture.Line) time.Time {
	type said struct {
		at  time.Time
		off time.Duration
	}
	all := map[string][]said{}
	c.clone().rows([]string{"node_info"}, func(l *capture.Line, r row) {
		if t, err := time.Parse(time.RFC3339Nano, text(r, "ServerTime")); err == nil {
			all[l.Call.Node] = append(all[l.Call.Node], said{l.Answer.At, t.Sub(l.Answer.At)})
		}
	})
	return func(l *capture.Line) time.Time {
		of := all[l.Call.Node]
		i := sort.Search(len(of), func(i int) bool { return of[i].at.After(l.Answer.At) })
		switch {
		case len(of) == 0:
			return l.Answer.At
		case i > 0:
			i--
		}
		return l.Answer.At.Add(of[i].off)
	}
}

// deploy restarts a healthy node with a new release: for three seconds it does
// not answer, then a life begins whose counters and ages begin with it.
func deploy(c *Case) {
	node := c.Bystander()
	_, end := c.Span()
	down := end.Add(-30 * time.Second)
	up := down.Add(3 * time.Second)
	mine := func(l *capture.Line, r row) bool {
		return l.Call.Node == node || l.Call.Tool == "network_nodes" && text(r, "Node") == node
	}
	since(c, mine, up, func(_ *capture.Line, r row, k string, base float64) {
		change(r, k, func(v float64) float64 { return max(0, v-base) })
	})
	young := func(l *capture.Line) func(v float64) float64 {
		return func(v float64) float64 { return min(v, max(0, l.Answer.At.Sub(up).Seconds())) }
	}
	c.rows([]string{"process_list", "process_info", "node_info", "app_list", "network_nodes", "event_list"}, func(l *capture.Line, r row) {
		if l.Answer.At.Before(up) || !mine(l, r) {
			return
		}
		for _, k := range []string{"Uptime", "ConnectionUptime", "uptime"} {
			if k != "Uptime" || l.Call.Tool != "network_nodes" || text(r, "Node") == node {
				change(r, k, young(l))
			}
		}
		if l.Call.Tool == "process_list" || l.Call.Tool == "process_info" {
			change(r, "StateTime", func(v float64) float64 { return min(v, float64(max(0, l.Answer.At.Sub(up)))) })
		}
		change(r, "CreatedAt", func(v float64) float64 { return max(v, float64(up.UnixNano())) })
		if v, ok := r["Version"].(row); ok && (l.Call.Tool == "node_info" || text(r, "Node") == node) {
			v["Release"] = "9.9.0"
		}
		if logs, ok := r["LogMessages"].([]any); ok {
			for i := range logs {
				logs[i] = 0
			}
		}
	})
	gone := func(l *capture.Line) bool { return !l.Answer.At.Before(down) && l.Answer.At.Before(up) }
	var kept []*capture.Line
	for _, l := range c.Lines {
		switch {
		case gone(l) && l.Call.Node == node:
			l.Answer.Text, l.Refused = nil, ergo.RemoteError(node, "no route")
		case gone(l) && l.Call.Tool == "network_ping" && l.Call.Args["name"] == node:
			l.Answer.Text, l.Refused = nil, &ergo.ToolError{Code: ergo.CodeInternal, Message: "ping " + node + " failed: no route"}
		case gone(l) && (l.Call.Tool == "network_nodes" || l.Call.Tool == "cluster_nodes" || l.Call.Tool == "network_info"):
			leaveOut(l, node)
		}
		kept = append(kept, l)
	}
	c.Lines = kept
}

// leaveOut takes a node off a list of peers.
func leaveOut(l *capture.Line, node string) {
	var list []map[string]json.RawMessage
	if json.Unmarshal(l.Answer.Text, &list) != nil {
		return
	}
	var kept []map[string]json.RawMessage
	for _, r := range list {
		if !strings.Contains(string(r["Node"])+string(r["name"]), node) {
			kept = append(kept, r)
		}
	}
	if text, err := json.Marshal(kept); err == nil {
		l.Answer.Text = text
	}
}

// batch lets one named process of a healthy node handle 40 messages a second
// more for 30 s from the middle of the time before the fault, 2 ms each.
func batch(c *Case) {
	node := c.Bystander()
	from, to := c.Span()
	begin := from.Add(to.Sub(from) / 3)
	const rate, lasts, cost = 40.0, 30.0, 2e-3
	done := func(at time.Time) float64 { return rate * min(max(at.Sub(begin).Seconds(), 0), lasts) }
	chosen := ""
	c.rows([]string{"process_list"}, func(l *capture.Line, r row) {
		if l.Call.Node != node {
			return
		}
		in, _ := number(r["MessagesIn"])
		if app := text(r, "Application"); chosen == "" && text(r, "Name") != "" && in > 0 && app != "system_app" && app != "mcp_app" && text(r, "State") == "sleep" {
			chosen = text(r, "PID")
		}
		if text(r, "PID") != chosen {
			return
		}
		n := done(l.Answer.At)
		for _, k := range []string{"MessagesIn", "Wakeups"} {
			change(r, k, func(v float64) float64 { return v + float64(int(n)) })
		}
		change(r, "RunningTime", func(v float64) float64 { return v + n*cost*1e9 })
	})
	c.rows([]string{"node_info"}, func(l *capture.Line, r row) {
		if l.Call.Node == node {
			change(r, "UserTime", func(v float64) float64 { return v + done(l.Answer.At)*cost*1e9 })
		}
	})
}

// moreLoad doubles the rates of all counters of a healthy node from the middle
// on; errors stay what they are.
func moreLoad(c *Case) {
	node := c.Bystander()
	from, to := c.Span()
	since(c, func(l *capture.Line, _ row) bool { return l.Call.Node == node && l.Call.Tool != "network_nodes" }, from.Add(to.Sub(from)/2),
		func(_ *capture.Line, r row, k string, base float64) {
			if base > 0 && !strings.Contains(k, "Errors") && !strings.HasPrefix(k, "Processes") {
				change(r, k, func(v float64) float64 { return v + max(0, v-base) })
			}
		})
}
