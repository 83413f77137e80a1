package logs

import (
	"regexp"
	"strings"

	"ergorecorder/analyze/profiles"
)

// A Source is who wrote a line. A node's own lines have none of the fields but
// Text.
type Source struct {
	Text     string // as the framework prints it
	PID      string // a process, or the alias of a meta process
	Name     string // without quotes; "" for anonymous processes
	Behavior string
}

// sourceForm is <PID> ('name') behavior; the name is left out by processes
// that have none.
var sourceForm = regexp.MustCompile(`^((?:Alias#)?<[^>]+>)(?: \(?'([^']*)'\)?)?(?: (\S+))?$`)

// ParseSource reads the source of a line. Text of another form is kept whole.
func ParseSource(text string) Source {
	s := Source{Text: text}
	if m := sourceForm.FindStringSubmatch(text); m != nil {
		s.PID, s.Name, s.Behavior = m[1], m[2], m[3]
	}
	return s
}

// Levels, as the framework spells them, least severe first.
var levels = [...]string{"trace", "debug", "info", "warning", "error", "panic"}

// Rank orders levels: higher is worse. Unknown ones rank as info.
func Rank(level string) int {
	for i, l := range levels {
		if strings.EqualFold(l, level) {
			return i
		}
	}
	return 2
}

// A Panic is what the log says of one.
type Panic struct {
	Reason   string // the panic's value
	Function string // where it says it happened; "" if it does not
	Place    string // file:line of that
	// Application is Function where that is application code. A runtime panic
	// (index out of range, nil map) is logged with a frame of the runtime
	// only, and then nothing tells which code it was.
	Application string
}

var (
	panicForm = regexp.MustCompile(`(?s)[Pp]anic reason: (.*)$`)
	panicAt   = regexp.MustCompile(`(?s)^(.*?) at (\S+)\[([^\[\]]+:\d+)\]`)
	anyFrame  = regexp.MustCompile(`([\w./\-]+\.[\w.()*\[\]]+)\[([^\[\]]+:\d+)\]`)
)

// ParsePanic reads a line's message; ok is false where it reports no panic.
func ParsePanic(message string) (p Panic, ok bool) {
	m := panicForm.FindStringSubmatch(message)
	if m == nil {
		return Panic{}, false
	}
	p.Reason = strings.TrimSpace(m[1])
	if at := panicAt.FindStringSubmatch(p.Reason); at != nil {
		p.Reason, p.Function, p.Place = at[1], at[2], at[3]
	}
	for _, frame := range anyFrame.FindAllStringSubmatch(message, -1) {
		if profiles.OriginOf(frame[1]) == profiles.Application {
			p.Application = frame[1]
			break
		}
	}
	return p, true
}
