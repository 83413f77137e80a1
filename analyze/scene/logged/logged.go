// Package logged is what lines of a node's log tell: what its processes complained
// of, and who they missed.
package logged

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Log is what the log of a node tells, line by line: see [Log.Add].
type Log struct {
	Complaints
	Own []replay.LogLine // what the node and its applications logged about themselves, not its processes: the first of it

	missed map[[2]string]*Missed
}

// Add takes in a line.
func (w *Log) Add(l replay.LogLine) {
	if (l.Type == "node" || l.Type == "application") && len(w.Own) < Most {
		w.Own = append(w.Own, l)
	}
	src := logs.ParseSource(l.Source)
	w.complain(l, src)
	w.miss(l, src)
}

// Complaints are the lines that a node logged as errors and panics, by the
// name, the PID and the behavior of the process that wrote them.
type Complaints struct {
	Lines                     int // of any level, of processes
	ByName, ByPID, ByBehavior map[string][]Complaint
}

// A Complaint is one such line.
type Complaint struct {
	At       time.Time
	PID      string
	Level    string
	Message  string
	Function string // of a panic, application code only
	Died     bool   // it is the process's last word: it died of its own, and not because its supervisor gave up
	With     string // it is the process's last word too: the PID of who took it along, a supervisor that ends all of its children or who it is linked to
}

// Unanswered reports whether a process died of what may be a call to which no reply came, for the error that
// its callback returned ends as that of one, and what the line says that it called: each part of the error
// before that end, as Go's errors are put together, and the PIDs and quoted names in it.
func (c Complaint) Unanswered() (whom []string, ok bool) {
	if !c.Died || !tells(ergo.LineError, c.Message) || strings.HasSuffix(c.Message, "mailbox is full") {
		return nil, false
	}
	_, said, cut := strings.Cut(c.Message, "terminated abnormally - ")
	if !cut {
		said = c.Message
	}
	parts := strings.Split(said, ": ")
	for _, p := range parts[:len(parts)-1] {
		whom = append(whom, p)
		for _, m := range target.FindAllStringSubmatch(p, -1) {
			whom = append(whom, cmp.Or(m[1], m[0]))
		}
	}
	return whom, true
}

// Wrote reports whether who has a PID logged lines under a name, or of a behavior.
func (w Complaints) Wrote(pid, as string) bool {
	by := func(c Complaint) bool { return c.PID == pid }
	return slices.ContainsFunc(w.ByName[as], by) || slices.ContainsFunc(w.ByBehavior[as], by)
}

// GivesUp reports whether a line says that a supervisor exceeded its intensity:
// it is logged by the supervisor, and by the children that go with it.
func (c Complaint) GivesUp() bool { return tells(ergo.LineGaveUp, c.Message) }

// tells reports whether a line tells something, of whoever wrote it.
func tells(what ergo.Line, message string) bool {
	_, ok := ergo.Tells(what, "", "", message)
	return ok
}

// Deaths are those of all processes, in time.
func (w Complaints) Deaths() []Complaint {
	var out []Complaint
	for _, said := range w.ByPID {
		out = append(out, Deaths(said)...)
	}
	slices.SortFunc(out, func(a, b Complaint) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.PID, b.PID)) })
	return out
}

// Deaths are the first lines of each process that died, of those given.
func Deaths(of []Complaint) []Complaint {
	var out []Complaint
	seen := map[string]bool{}
	for _, c := range of {
		if c.Died && !seen[c.PID] {
			seen[c.PID] = true
			out = append(out, c)
		}
	}
	return out
}

// Most is how many lines are kept for one process.
const Most = 2000

// complain notes a line of level error or panic.
func (w *Complaints) complain(l replay.LogLine, src logs.Source) {
	if src.PID != "" {
		w.Lines++
	}
	if logs.Rank(l.Level) < logs.Rank("error") {
		return
	}
	c := Complaint{At: l.At, PID: src.PID, Level: l.Level, Message: l.Message}
	if p, ok := logs.ParsePanic(l.Message); ok {
		c.Function = p.Application
	}
	if with, taken := ergo.Tells(ergo.LineTaken, "", "", l.Message); !c.GivesUp() {
		c.Died, c.With = !taken && tells(ergo.LineDied, l.Message), with
	}
	keep(&w.ByName, src.Name, c)
	keep(&w.ByPID, src.PID, c)
	keep(&w.ByBehavior, src.Behavior, c)
}

func keep(by *map[string][]Complaint, key string, c Complaint) {
	if *by == nil {
		*by = map[string][]Complaint{}
	}
	if key != "" && len((*by)[key]) < Most {
		(*by)[key] = append((*by)[key], c)
	}
}

// A Missed is what one process logged of messages to somebody who does not exist.
type Missed struct {
	From   logs.Source
	To     string // a PID, an alias or a name; "" where the lines do not say
	Times  []time.Time
	Sample string // the first of the lines
}

// nobody are the words of a line that says that whom a message was for does not
// exist; target is whom it names: a PID or an alias, or a name in quotes; toward
// is a name that stands without them.
var (
	nobody = regexp.MustCompile(`(?i)\bunknown (process|name|alias|meta process)\b|\bno such process\b`)
	target = regexp.MustCompile(`(?:Alias#)?<[0-9A-Fa-f]+(?:\.\d+)+>|['"{]([\w@.:-]+)`)
	toward = regexp.MustCompile(`(?i)\b(?:to|for|towards) ([\w@.-]*\w)`)
)

// Words are those of the sample that say that somebody does not exist.
func (m *Missed) Words() string { return nobody.FindString(m.Sample) }

// miss notes a line that says that whom a message was for does not exist.
func (w *Log) miss(l replay.LogLine, from logs.Source) {
	if from.PID == "" || !nobody.MatchString(l.Message) {
		return
	}
	to := targetOf(l.Message)
	if to == from.PID {
		return
	}
	k := [2]string{from.PID, to}
	m := w.missed[k]
	if m == nil {
		m = &Missed{From: from, To: to, Sample: l.Message}
		if w.missed == nil {
			w.missed = map[[2]string]*Missed{}
		}
		w.missed[k] = m
	}
	m.Times = append(m.Times, l.At)
}

// Missed are those who were missed, by their first line.
func (w *Log) Missed() []*Missed {
	return slices.SortedFunc(maps.Values(w.missed), func(a, b *Missed) int {
		return cmp.Or(a.Times[0].Compare(b.Times[0]), cmp.Compare(a.From.PID+a.To, b.From.PID+b.To))
	})
}

// targetOf is whom a line says a message was for.
func targetOf(message string) string {
	m := target.FindStringSubmatch(message)
	if m == nil {
		m = toward.FindStringSubmatch(message)
	}
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return m[1]
	}
	return m[0]
}
