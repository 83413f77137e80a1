package ergo

import "strings"

// A Trace is one thing that exists on a cluster because somebody observes it: a
// recorder, an observer, or the applications that answer them. It is kept in a
// recording, and left out of what is counted and judged; of a counter only the
// part that is the observer's is.
type Trace struct {
	Of      TraceOf
	Pattern string // a name, or how it begins and *
	Why     string // it is there
}

// TraceOf says what a trace is the name of.
type TraceOf string

// What traces are the names of.
const (
	TraceApplication TraceOf = "application"
	TraceBehavior    TraceOf = "behavior"
	TraceEvent       TraceOf = "event"
	TraceNode        TraceOf = "node"
	TraceCounter     TraceOf = "counter"
)

// Footprint is the table of all traces.
func Footprint() []Trace {
	all := traces()
	return all[:]
}

// traces is the table by value: rows of listings are held against it.
func traces() [8]Trace {
	return [...]Trace{
		{TraceApplication, "mcp_app", "the application that answers the 48 tools"},
		{TraceApplication, "observer_app", "the application Observer"},
		{TraceBehavior, "mcp.*", "the application that answers the 48 tools, and samplers that it keeps for recorders"},
		{TraceBehavior, "observer.*", "the application Observer"},
		{TraceBehavior, "inspect.*", "an inspector that the node runs for somebody who looks"},
		{TraceEvent, "inspect_*", "what an inspector publishes to who looks"},
		{TraceNode, "recorder@*", "a recorder that joined the cluster"},
		{TraceCounter, "CallErrorsRemote", "calls of a recorder that a node could not forward, and pings that it could not complete, are in it"},
	}
}

// ObservesProcess reports whether processes of an application or of a behavior are
// there because somebody observes.
func ObservesProcess(application, behavior string) bool {
	_, byApplication := Observes(TraceApplication, application)
	_, byBehavior := Observes(TraceBehavior, behavior)
	return byApplication || byBehavior
}

// Observes reports whether something exists because somebody observes, and why.
func Observes(of TraceOf, name string) (why string, ok bool) {
	for _, t := range traces() {
		begin, open := strings.CutSuffix(t.Pattern, "*")
		if t.Of == of && (name == t.Pattern || open && strings.HasPrefix(name, begin)) {
			return t.Why, true
		}
	}
	return "", false
}
