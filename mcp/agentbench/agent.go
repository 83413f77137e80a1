// Package agentbench measures what it costs an agent to find the cause of a
// recorded incident: scripted agents that decide by nothing but what answers say,
// with their calls and bytes counted.
package agentbench

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"ergorecorder/ergo"
)

// A Server is what an agent can reach: the instructions and the list of tools that
// it reads first, and calls.
type Server struct {
	Instructions string
	List         string // tools/list, as JSON
	Call         func(tool string, args ergo.Args) (answer string, err error)
}

// A Result is what an agent found, and what it cost.
type Result struct {
	Calls  int
	Bytes  int    // read and written: instructions, list, arguments, answers
	Says   string // the text on which the agent ends
	Healed bool   // it says that there is no fault
	Unsure bool   // it says that it cannot be told
}

// A meter counts what an agent reads and writes.
type meter struct {
	Server
	Result
}

func (m *meter) call(tool string, args ergo.Args) (string, error) {
	m.Calls++
	answer, err := m.Call(tool, args)
	m.Bytes += len(answer) + len(args.String()) + len(tool)
	if err != nil {
		return "", fmt.Errorf("%s: %w", tool, err)
	}
	return answer, nil
}

func start(s Server) *meter {
	m := &meter{Server: s}
	m.Bytes = len(s.Instructions) + len(s.List)
	return m
}

// mostCalls is after how many calls the greedy agent stops.
const mostCalls = 5

var (
	beginWith = regexp.MustCompile(`Begin with (\w+)`)
	nextLine  = regexp.MustCompile(`(?m)^next: (\w+) (\{.*\})$`)
)

// Greedy is an agent that does what the instructions and the answers tell it: it
// begins with the tool that they name, and makes the first call that an answer
// offers and that it has not made.
func Greedy(s Server) (Result, error) {
	m := start(s)
	first := beginWith.FindStringSubmatch(s.Instructions)
	if first == nil {
		return m.Result, fmt.Errorf("the instructions name no tool to begin with")
	}
	tool, args := first[1], ergo.Args{}
	made := map[string]bool{}
	for m.Calls < mostCalls {
		made[tool+args.String()] = true
		answer, err := m.call(tool, args)
		if err != nil {
			return m.Result, err
		}
		m.Says += answer
		if m.Calls == 1 {
			m.Healed, m.Unsure = strings.HasPrefix(answer, "No fault found"), strings.HasPrefix(answer, "It cannot be told")
		}
		if m.Healed {
			break
		}
		more := false
		for _, n := range nextLine.FindAllStringSubmatch(answer, -1) {
			next, err := ergo.ParseArgs([]byte(n[2]))
			if err == nil && n[1] != tool && !made[n[1]+next.String()] || err == nil && n[1] == "explain_finding" && !made[n[1]+next.String()] {
				tool, args, more = n[1], next, true
				break
			}
		}
		if !more {
			break
		}
	}
	return m.Result, nil
}

// Live is an agent that knows the cluster's own tools alone: it looks at each
// node at the end of the recording, and takes the process whose messages wait
// longest for the cause, or a node that is not there.
func Live(s Server) (Result, error) {
	m := start(s)
	answer, err := m.call("cluster_nodes", nil)
	if err != nil {
		return m.Result, err
	}
	var nodes []struct{ Name, Status string }
	if err := json.Unmarshal([]byte(answer), &nodes); err != nil {
		return m.Result, fmt.Errorf("cluster_nodes: %w", err)
	}
	worst, most := "", 0.0
	for _, n := range nodes {
		info, err := m.call("node_info", ergo.Args{"node": n.Name})
		if err != nil || !strings.Contains(info, "Uptime") {
			m.Says += "node_down " + n.Name + "\n"
			continue
		}
		list, err := m.call("process_list", ergo.Args{"node": n.Name, "sort_by": "mailbox_latency", "limit": 3})
		if err != nil {
			continue
		}
		var rows []struct {
			PID, Name, Behavior, State string
			MailboxLatency             float64
		}
		if json.Unmarshal([]byte(list), &rows) != nil {
			continue
		}
		for _, r := range rows {
			if r.MailboxLatency > most && r.MailboxLatency > 1e9 {
				most, worst = r.MailboxLatency, fmt.Sprintf("blocked_callback overloaded_process %s %s %s %s", n.Name, r.PID, r.Name, r.Behavior)
			}
		}
		for _, tool := range []string{"app_list", "network_nodes", "pprof_goroutines"} {
			if _, err := m.call(tool, ergo.Args{"node": n.Name}); err != nil {
				continue // it was not recorded
			}
		}
	}
	m.Says += worst
	m.Healed = m.Says == ""
	return m.Result, nil
}
