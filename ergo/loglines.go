package ergo

import (
	"regexp"
	"strings"
)

// A Line is what a log line of the framework tells, whichever release wrote it.
type Line string

// What log lines tell.
const (
	LineGaveUp       Line = "gave up"           // a supervisor exceeded its intensity
	LineDied         Line = "died"              // a process ended abnormally: its own last words
	LineTaken        Line = "taken along"       // a process ended by the exit signal of another: its PID
	LineChildrenEnd  Line = "children ended"    // a supervisor ends its children
	LineExitLost     Line = "exit not taken"    // a child did not take its supervisor's exit signal, and is killed
	LineDropped      Line = "dropped"           // a pool dropped a message, for every worker was full
	LineNoWorker     Line = "no worker"         // a pool could not spawn a worker
	LineUnhandled    Line = "not handled"       // a behavior has no callback for what came
	LineUndecodable  Line = "not decodable"     // the network brought what the node cannot read
	LineError        Line = "error"             // ends in one of the framework's own errors
	LineAppStarted   Line = "app started"       // an application started: its name
	LineAppStopped   Line = "app stopped"       // an application stopped, or is about to: its name and the rest
	LineAppPanicked  Line = "app panicked"      // a callback of an application panicked
	LineAppSlow      Line = "app slow"          // a callback of an application took too long
	LineShutdown     Line = "shutdown"          // a node was told to stop
	LineWaits        Line = "waits"             // a node that stops says for whom it waits
	LineKills        Line = "kills"             // a node that stops waits no longer
	LineConnected    Line = "connected"         // a link is up: the peer
	LineConnectLost  Line = "connect lost"      // a link is down: the peer
	LinePeerSilent   Line = "peer silent"       // a peer said nothing for too long: its address
	LineHandshake    Line = "handshake failed"  // an incoming link was not made
	LineRegistrarOff Line = "registrar lost"    // the registrar is not reached any more
	LineRegistrarOn  Line = "registrar found"   // it is reached again
	LineNoRegistrar  Line = "registrar refuses" // the node cannot be registered
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
// depends: old and new spelling. Where a line tells two things, the first row
// says the nearer one.
var spelledLines = []spelledLine{
	{LineGaveUp, "", "", `restart intensity is exceeded`},
	{LineGaveUp, "3.2", "", `restart intensity exceeded`},
	{LineDied, "", "", `(?:terminated|initialization failed)\. Panic reason: `},
	{LineDied, "", "", `^Supervisor got panic\. Shutting down with reason: `},
	{LineTaken, "", "", `process terminated abnormally - (<[^> ]+>): `},
	{LineDied, "", "", `process terminated abnormally - `},
	{LineDied, "", "", `^process terminated - `},
	{LineChildrenEnd, "", "", `^Supervisor: terminate children `},
	{LineExitLost, "3.3", "", `^Supervisor: exit to (\S+) undelivered `},
	{LineDropped, "", "", `^no available worker process\. ignored message from `}, // 3.3 adds the last error
	{LineNoWorker, "", "", `^unable to spawn new worker process: `},
	{LineUnhandled, "", "", `^\w+\.Handle\w+: unhandled `},
	{LineUndecodable, "", "", `^unable to decode received message: `},
	{LineAppStarted, "", "node", `^application (\S+) .*started$`},
	{LineAppStarted, "3.2", "application", `^started$`},
	{LineAppStopped, "", "node", `^application (\S+) .*stop`},
	{LineAppStopped, "3.2", "application", `^stopp(?:ed|ing) `},
	{LineAppPanicked, "3.2", "application", `^(?:Init|Start|Stop|Terminate) panic: `},
	{LineAppSlow, "3.2", "application", `^\w+ callback exceeded deadline `},
	{LineShutdown, "", "", `is starting a graceful shutdown`},
	{LineWaits, "3.3", "", `is still waiting for process\(es\) to terminate`},
	{LineKills, "3.3", "", `^shutdown timeout \S+ expired, killing `},
	{LineKills, "3.3", "", `^processes still alive after force kill`},
	{LineConnected, "", "", `^new connection with '([^']+)'`},
	{LineConnectLost, "", "", `^connection with '([^']+)'.* terminated(?: with reason: .*)?$`},
	{LineConnectLost, "", "", `^connection with (\S+) \(\S+\) terminated abnormally: `},
	{LinePeerSilent, "3.3", "", `^software keepalive timeout on (\S+)`},
	{LineHandshake, "", "", `^unable to (?:finish )?handshake with (\S+): `},
	{LineHandshake, "", "", `^(\S+) is not introduced itself, close connection`},
	{LineHandshake, "", "", `^unable to (?:create|register) new connection`},
	{LineRegistrarOff, "", "", `^lost connection with the registrar`}, // 3.3 adds why
	{LineRegistrarOn, "", "", `^registered node on the (?:local )?registrar`},
	{LineNoRegistrar, "", "", `^unable to register node on the registrar: `},
	{LineError, "", "", `(?:^|: |terminated abnormally - )(?:(?:meta )?process mailbox is full|unknown process|process terminated|timed out|no connection|no route|not supported|` +
		`process ID belongs to the previous incarnation|network stack is stopped|target manager queue is full)$`},
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
		if s.tells != what {
			continue
		}
		if about, ok := s.reads(i, sourceType, source, message); ok {
			return about, true
		}
	}
	return "", false
}

// reads is the row, the i-th of the table, held against a line.
func (s spelledLine) reads(i int, sourceType, source, message string) (about string, ok bool) {
	if s.source != "" && s.source != sourceType {
		return "", false
	}
	m := compiled[i].FindStringSubmatch(message)
	switch {
	case m == nil:
		return "", false
	case len(m) > 1:
		return strings.Trim(m[1], "':"), true
	}
	return source, true
}

// TellsWhat is what a log line tells if it is the framework's, "" where it is
// a program's own, and about whom.
func TellsWhat(sourceType, source, message string) (what Line, about string) {
	for i, s := range spelledLines {
		if about, ok := s.reads(i, sourceType, source, message); ok {
			return s.tells, about
		}
	}
	return "", ""
}
