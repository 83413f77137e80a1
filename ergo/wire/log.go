package wire

import (
	"fmt"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/message"
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
	return line, own || line.about(self), true
}

// pidText is a PID as nodes print it.
func pidText(p edf.PID) string { return string(ergo.PIDOf(string(p.Node), p.ID)) }

// aliasText is an alias as nodes print it.
func aliasText(a edf.Alias) string { return ergo.AliasOf(string(a.Node), a.ID) }
