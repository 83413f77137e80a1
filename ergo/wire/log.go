package wire

import (
	"fmt"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// levels are Ergo's numbers of log levels.
var levels = map[int]string{-2: "trace", -1: "debug", 1: "info", 2: "warning", 3: "error", 4: "panic"}

// levelNumbers are the numbers of levels by name.
func levelNumbers(names []string) ([]int, error) {
	var numbers []int
	for _, name := range names {
		found := false
		for n, l := range levels {
			if l == name {
				numbers, found = append(numbers, n), true
			}
		}
		if !found {
			return nil, fmt.Errorf("log level %q: trace, debug, info, warning, error and panic are known", name)
		}
	}
	return numbers, nil
}

// linesPerSecond is how many lines a second a node of 3.3 is asked to push: it
// counts those above and drops them.
const linesPerSecond = 100_000

// logRequest asks a node for its log, in the layout of its release.
func logRequest(peer handshake.Peer, levels []int) any {
	if planOf(peer) == system.Plan33 {
		return system.InspectLog{Levels: levels, Limit: linesPerSecond}
	}
	return message.RequestInspectLog{Levels: levels}
}

// logBatch hands on the lines that a node of 3.3 pushes in batches, and that it
// dropped some.
func (m *member) logBatch(b system.LogMessage, now time.Time) {
	for _, e := range b.Entries {
		line := entryLine(e, string(b.Node))
		if line.about(m.c.opts.Node) || line.ofInspectors() {
			m.mu.Lock()
			m.own++
			m.mu.Unlock()
			continue
		}
		m.c.push(Message{Node: m.target.Node, Received: now, Log: &line})
	}
	if b.Suppressed > 0 {
		m.c.push(Message{Node: m.target.Node, Received: now, Dropped: int(b.Suppressed)})
	}
}

// ofInspectors reports whether a line tells of the processes that our own
// questions make.
func (l LogLine) ofInspectors() bool {
	return strings.HasPrefix(l.Message, "registered event inspect_")
}

// logLine reads a pushed log line; ok is false for any other value. own says
// that the line is about our node's own comings and goings.
func logLine(v edf.Named, self string) (line LogLine, own, ok bool) {
	var at message.LogLine
	switch m := v.Value.(type) {
	case message.LogNode:
		at, line.Type, line.Source = m.LogLine, "node", string(m.Node)
	case message.LogNetwork:
		at, line.Type, line.Source = m.LogLine, "network", fmt.Sprintf("%s-%s", m.Node, m.Peer)
		own = string(m.Peer) == self
	case message.LogProcess:
		at, line.Type, line.Source = m.LogLine, "process", pidText(m.PID)
		if m.Name != "" {
			line.Source += fmt.Sprintf(" ('%s')", m.Name)
		}
	case message.LogMeta:
		at, line.Type, line.Source = m.LogLine, "meta", aliasText(m.Meta)
	default:
		return LogLine{}, false, false
	}
	line.Message, line.Time = at.Message, time.Unix(0, at.Timestamp).UTC()
	if line.Level, ok = levels[at.Level]; !ok {
		line.Level = fmt.Sprintf("level(%d)", at.Level)
	}
	return line, own || line.about(self) || line.ofInspectors(), true
}

// pidText is a PID as nodes print it.
func pidText(p edf.PID) string { return string(ergo.PIDOf(string(p.Node), p.ID)) }

// aliasText is an alias as nodes print it.
func aliasText(a edf.Alias) string { return ergo.AliasOf(string(a.Node), a.ID) }

// entryLine is a line of a batch as the 48 tools print one.
func entryLine(e system.LogEntry, node string) LogLine {
	line := LogLine{Level: system.LevelWord(e.Level), Message: e.Message, Type: e.Source, Time: time.Unix(0, e.Timestamp).UTC(), Source: node}
	if line.Level == "" {
		line.Level = fmt.Sprintf("level(%d)", e.Level)
	}
	switch e.Source {
	case "process":
		line.Source = pidText(edf.PID(e.PID))
		if e.Name != "" {
			line.Source += fmt.Sprintf(" ('%s')", e.Name)
		}
		if e.Behavior != "" {
			line.Source += " " + e.Behavior
		}
	case "meta":
		line.Source = aliasText(edf.Alias(e.Meta))
		if e.Behavior != "" {
			line.Source += " " + e.Behavior
		}
	case "network":
		line.Source = fmt.Sprintf("%s-%s", node, e.Peer)
	case "application":
		line.Source = string(e.Name)
	}
	for _, f := range e.Fields {
		if line.Fields == nil {
			line.Fields = map[string]any{}
		}
		line.Fields[f.Name] = system.Any{Value: f.Value}
	}
	return line
}
