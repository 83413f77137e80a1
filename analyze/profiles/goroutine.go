package profiles

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Dump is the goroutines of a node, as pprof_goroutines listed them.
type Dump struct {
	Total      int // goroutines of the node, also those not listed
	Goroutines []Goroutine
}

// A Goroutine is one goroutine (debug=2), or several with the same stack and
// labels (debug=1, which has neither ID, State nor Waiting).
type Goroutine struct {
	Count   int
	ID      int64
	State   string        // "chan receive", "sync.Mutex.Lock", …
	Waiting time.Duration // to the minute; 0 for less than one
	Labels  map[string]string
	Stack   []Frame // the leaf first
	Created string  // the function that started it, where told
}

// A Frame is one call on a stack.
type Frame struct {
	Function string
	File     string
	Line     int
}

// PID is the process that the goroutine runs for, "" where it has no label
// (no -tags=pprof, or none of a process).
func (g Goroutine) PID() string { return g.Labels["pid"] }

// TopApplication is the innermost frame of application code; ok is false
// where there is none.
func (g Goroutine) TopApplication() (f Frame, ok bool) {
	i := slices.IndexFunc(g.Stack, func(f Frame) bool { return OriginOf(f.Function) == Application })
	if i < 0 {
		return Frame{}, false
	}
	return g.Stack[i], true
}

// Function is by what the goroutine is best known: its innermost application
// function, else the innermost of the framework, else the outermost of all.
func (g Goroutine) Function() string {
	if f, ok := g.TopApplication(); ok {
		return f.Function
	}
	for _, f := range g.Stack {
		if OriginOf(f.Function) == Framework {
			return f.Function
		}
	}
	if len(g.Stack) > 0 {
		return g.Stack[len(g.Stack)-1].Function
	}
	return g.Created
}

// Stands for what a goroutine waits for.
const (
	WaitNone     = ""              // it runs, or there is no telling
	WaitMutex    = "mutex"         // a lock that another holds
	WaitChannel  = "channel"       // a receive, send or select
	WaitResponse = "wait response" // a synchronous call to another process
	WaitIO       = "network I/O"
	WaitSleep    = "sleep"
	WaitGroup    = "wait group"
	WaitCond     = "condition"
	WaitSyscall  = "system call"
)

// Blocked is what the goroutine waits for. A synchronous call of a process
// counts as that, whatever it is built from.
func (g Goroutine) Blocked() string {
	for _, f := range g.Stack {
		if strings.HasSuffix(f.Function, "(*process).waitResponse") && OriginOf(f.Function) == Framework {
			return WaitResponse
		}
	}
	if wait := blockedByState(g.State); wait != WaitNone {
		return wait
	}
	for _, f := range g.Stack {
		if OriginOf(f.Function) != Runtime {
			break
		}
		if wait := blockedByFunction(f.Function); wait != WaitNone {
			return wait
		}
	}
	return WaitNone
}

func blockedByState(state string) string {
	switch {
	case strings.HasPrefix(state, "sync.Mutex") || strings.HasPrefix(state, "sync.RWMutex") || strings.HasPrefix(state, "semacquire"):
		return WaitMutex
	case strings.HasPrefix(state, "chan ") || strings.HasPrefix(state, "select"):
		return WaitChannel
	case state == "IO wait":
		return WaitIO
	case state == "sleep":
		return WaitSleep
	case state == "sync.WaitGroup.Wait":
		return WaitGroup
	case state == "sync.Cond.Wait":
		return WaitCond
	case state == "syscall":
		return WaitSyscall
	}
	return WaitNone
}

func blockedByFunction(function string) string {
	switch function {
	case "sync.(*Mutex).Lock", "internal/sync.(*Mutex).Lock", "internal/sync.(*Mutex).lockSlow",
		"sync.(*RWMutex).Lock", "sync.(*RWMutex).RLock",
		"internal/sync.runtime_SemacquireMutex", "sync.runtime_SemacquireRWMutexR", "sync.runtime_SemacquireRWMutex":
		return WaitMutex
	case "runtime.chanrecv", "runtime.chanrecv1", "runtime.chanrecv2", "runtime.chansend", "runtime.chansend1", "runtime.selectgo", "runtime.block":
		return WaitChannel
	case "internal/poll.runtime_pollWait":
		return WaitIO
	case "time.Sleep":
		return WaitSleep
	case "sync.(*WaitGroup).Wait":
		return WaitGroup
	case "sync.(*Cond).Wait":
		return WaitCond
	}
	return WaitNone
}

// A Group is the goroutines that share a stack.
type Group struct {
	Count    int
	Function string // see [Goroutine.Function]
	Blocked  string
	Stack    []Frame
	PIDs     []string // of those that are labelled, sorted
}

// Groups are the dump's goroutines by stack (functions, not lines), the
// largest group first.
func (d Dump) Groups() []Group {
	byStack := map[string]*Group{}
	for _, g := range d.Goroutines {
		var key strings.Builder
		for _, f := range g.Stack {
			key.WriteString(f.Function)
			key.WriteByte('\n')
		}
		group := byStack[key.String()]
		if group == nil {
			group = &Group{Function: g.Function(), Blocked: g.Blocked(), Stack: g.Stack}
			byStack[key.String()] = group
		}
		group.Count += g.Count
		if pid := g.PID(); pid != "" && !slices.Contains(group.PIDs, pid) {
			group.PIDs = append(group.PIDs, pid)
		}
	}
	groups := make([]Group, 0, len(byStack))
	for _, g := range byStack {
		slices.Sort(g.PIDs)
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Function, b.Function),
			slices.CompareFunc(a.Stack, b.Stack, func(a, b Frame) int { return cmp.Compare(a.Function, b.Function) }))
	})
	return groups
}

// ByPID are the goroutines that run for a process.
func (d Dump) ByPID(pid string) []Goroutine {
	var own []Goroutine
	for _, g := range d.Goroutines {
		if g.PID() == pid {
			own = append(own, g)
		}
	}
	return own
}

// ParseGoroutines reads the text of pprof_goroutines, of either form.
func ParseGoroutines(text string) (Dump, error) {
	rest, ok := strings.CutPrefix(text, "goroutine profile: total ")
	digits, _, _ := strings.Cut(rest, "\n")
	digits, _, _ = strings.Cut(digits, ",")
	total, err := strconv.Atoi(strings.TrimSpace(digits))
	if !ok || err != nil {
		head, _, _ := strings.Cut(text, "\n")
		return Dump{}, fmt.Errorf("read goroutines: first line %.60q is not their heading", head)
	}
	d := Dump{Total: total}
	var block []string
	flush := func() {
		if g, ok := parseBlock(block); ok {
			d.Goroutines = append(d.Goroutines, g)
		}
		block = block[:0]
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		_, _, grouped := cutGroup(line)
		if line == "" || grouped || strings.HasPrefix(line, "goroutine ") {
			flush()
		}
		block = append(block, line)
	}
	flush()
	return d, nil
}

// parseBlock reads the lines of one goroutine, which may begin with an empty
// one; ok is false for headings and the like.
func parseBlock(lines []string) (Goroutine, bool) {
	if len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return Goroutine{}, false
	}
	if count, _, ok := cutGroup(lines[0]); ok {
		return parseGrouped(count, lines[1:]), true
	}
	if m := single.FindStringSubmatch(lines[0]); m != nil {
		return parseSingle(m, lines[1:]), true
	}
	return Goroutine{}, false
}

// cutGroup reads "10 @ 0x48a72e 0x44c297", the first line of a debug=1 group.
func cutGroup(line string) (count int, addresses string, ok bool) {
	digits, addresses, ok := strings.Cut(line, " @ ")
	if !ok {
		return 0, "", false
	}
	count, err := strconv.Atoi(digits)
	return count, addresses, err == nil
}

// parseGrouped reads the lines of a debug=1 group:
//
//	# labels: {"pid":"<…>"}
//	#	0x489904	internal/poll.runtime_pollWait+0x84	/goroot/src/runtime/netpoll.go:351
func parseGrouped(count int, lines []string) Goroutine {
	g := Goroutine{Count: count}
	for _, line := range lines {
		if labels, ok := strings.CutPrefix(line, "# labels: "); ok {
			g.Labels = parseLabels(labels)
			continue
		}
		f := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
		if len(f) < 4 {
			continue
		}
		function := f[2]
		if i := strings.LastIndex(function, "+0x"); i >= 0 {
			function = function[:i]
		}
		file, number := cutLine(f[3])
		g.Stack = append(g.Stack, Frame{Function: function, File: file, Line: number})
	}
	return g
}

// single is the first line of a debug=2 goroutine:
//
//	goroutine 89511 [sync.Mutex.Lock, 3 minutes labels:{"pid": "<…>"}]:
var single = regexp.MustCompile(`^goroutine (\d+)(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.*)\]:$`)

// labelled is the labels within its brackets.
var labelled = regexp.MustCompile(`,? ?labels:(\{.*\})`)

// parseSingle reads a debug=2 goroutine: pairs of a call and its place.
func parseSingle(head, lines []string) Goroutine {
	g := Goroutine{Count: 1}
	g.ID, _ = strconv.ParseInt(head[1], 10, 64)
	state := head[2]
	if m := labelled.FindStringSubmatch(state); m != nil {
		g.Labels = parseLabels(m[1])
		state = strings.Replace(state, m[0], "", 1)
	}
	for i, part := range strings.Split(state, ", ") {
		if i == 0 {
			g.State = part
		} else if minutes, ok := strings.CutSuffix(part, " minutes"); ok {
			n, _ := strconv.Atoi(minutes)
			g.Waiting = time.Duration(n) * time.Minute
		}
	}
	for _, line := range lines {
		switch created, isCreated := strings.CutPrefix(line, "created by "); {
		case isCreated:
			g.Created, _, _ = strings.Cut(created, " in goroutine ")
		case strings.HasPrefix(line, "\t"):
			if n := len(g.Stack); n > 0 && g.Stack[n-1].File == "" {
				place, _, _ := strings.Cut(strings.TrimSpace(line), " +0x")
				g.Stack[n-1].File, g.Stack[n-1].Line = cutLine(place)
			}
		case line != "" && !strings.HasPrefix(line, "..."):
			g.Stack = append(g.Stack, Frame{Function: cutArguments(line)})
		}
	}
	return g
}

// cutArguments takes the argument list off a call: the last parenthesis that
// opens at the outer level.
func cutArguments(call string) string {
	depth := 0
	for i := len(call) - 1; i >= 0; i-- {
		switch call[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return call[:i]
			}
		}
	}
	return call
}

// cutLine splits "file.go:12".
func cutLine(place string) (file string, line int) {
	i := strings.LastIndexByte(place, ':')
	if i < 0 {
		return place, 0
	}
	line, err := strconv.Atoi(place[i+1:])
	if err != nil {
		return place, 0
	}
	return place[:i], line
}

// parseLabels reads {"pid":"<…>"}; what is no such object has no labels.
func parseLabels(text string) map[string]string {
	var labels map[string]string
	if json.Unmarshal([]byte(text), &labels) != nil {
		return nil
	}
	return labels
}
