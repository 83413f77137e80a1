package ergo

import (
	"regexp"
	"strings"
)

// A Line is what a log line of the framework tells, whichever release wrote it.
type Line string

// What log lines tell.
const (
	LineDied        Line = "died"         // a process ended abnormally: its own last words
	LineGaveUp      Line = "gave up"      // a supervisor exceeded its intensity
	LineShutdown    Line = "shutdown"     // a node was told to stop
	LineWaits       Line = "waits"        // a node that stops says for whom it waits
	LineAppStopped  Line = "app stopped"  // an application stopped, or is about to: its name and the rest
	LineConnected   Line = "connected"    // a link is up: the peer
	LineConnectLost Line = "connect lost" // a link is down: the peer
)

// spelledLine is how releases write one: a pattern of the message, and of the
// type of the source where it matters. Its groups are what the line is about.
type spelledLine struct {
	tells   Line
	since   string // the release that began to write it so; "" is 3.0
	source  string // the type of the source: process, node, application; "" any
	message string
}

// spelledLines is the one table of the framework's log texts on which a judgement
// depends: old and new spelling.
var spelledLines = []spelledLine{
	{LineDied, "", "", `(?:terminated|initialization failed)\. Panic reason: `},
	{LineDied, "", "", `process terminated abnormally - `},
	{LineDied, "", "", `^process terminated - `},
	{LineGaveUp, "", "", `restart intensity is exceeded`},
	{LineGaveUp, "3.2", "", `restart intensity exceeded`},
	{LineShutdown, "", "", `is starting a graceful shutdown`},
	{LineWaits, "3.3", "", `is still waiting for process\(es\) to terminate`},
	{LineAppStopped, "", "node", `^application (\S+) .*stop`},
	{LineAppStopped, "3.3", "application", `^stopp(?:ed|ing) `},
	{LineConnected, "", "", `^new connection with '([^']+)'`},
	{LineConnectLost, "", "", `^connection with '([^']+)'.* terminated(?: with reason: .*)?$`},
	{LineConnectLost, "", "", `^connection with (\S+) \(\S+\) terminated abnormally: `},
}

// compiled are the patterns of the table. Nobody changes them.
var compiled = func() (list []*regexp.Regexp) {
	for _, s := range spelledLines {
		list = append(list, regexp.MustCompile(s.message))
	}
	return list
}()

// Tells reports whether a log line tells something, and about whom: a peer, an
// application, "" where that is who wrote it. The type of its source is that of
// the 48 tools.
func Tells(what Line, sourceType, source, message string) (about string, ok bool) {
	for i, s := range spelledLines {
		if s.tells != what || s.source != "" && s.source != sourceType {
			continue
		}
		m := compiled[i].FindStringSubmatch(message)
		if m == nil {
			continue
		}
		if len(m) > 1 {
			return strings.Trim(m[1], "'"), true
		}
		return source, true
	}
	return "", false
}
