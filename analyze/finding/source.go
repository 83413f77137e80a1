package finding

import (
	"maps"
	"strings"
	"time"
)

// A Call is a question to the tools whose answer gives a value of a finding, so
// that whoever reads the value can ask for it again. docs/findings.md says how.
type Call struct {
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Gives     string         `json:"gives,omitempty"` // where in the answer's object the value stands: "value", "total"
}

// A Source is where the values of a piece of evidence come from: the answers of
// a tool, the rows of them that are meant, and the window. Make one, and give
// each value with the formula by which it follows from them:
//
//	rows := finding.Source{Tool: "process_list", Node: n.Name, Row: pid, From: from, To: to}
//	e.Value("handled", handled, rows.Of("change(MessagesIn - MessagesMailbox)"))
//
// The formula is that of the tool measure, which reckons by itself: what it
// gives and what the detector says must be the same to three figures.
type Source struct {
	Tool     string
	Node     string
	Row      string            // a PID, a name, a peer, an event; "" for all rows
	Where    map[string]string // fields that a row must have
	From, To time.Time         // both ends included; zero: those of the recording
}

// Of is the call that gives the value of a formula.
func (s Source) Of(formula string) Call {
	args := map[string]any{"of": formula, "tool": s.Tool, "node": s.Node}
	if s.Row != "" {
		args["row"] = s.Row
	}
	if len(s.Where) > 0 {
		where := map[string]any{}
		for k, v := range s.Where {
			where[k] = v
		}
		args["where"] = where
	}
	s.within(args)
	return Call{Tool: "measure", Arguments: args, Gives: "value"}
}

// Between is the same source over another window.
func (s Source) Between(from, to time.Time) Source {
	s.From, s.To = from, to
	return s
}

// For is the same source for one row.
func (s Source) For(row string) Source {
	s.Row = row
	return s
}

func (s Source) within(args map[string]any) {
	if !s.From.IsZero() {
		args["from"] = s.From.UTC().Format(time.RFC3339Nano)
	}
	if !s.To.IsZero() {
		args["to"] = s.To.UTC().Format(time.RFC3339Nano)
	}
}

// Lines is the call that counts the log lines of a window which hold a text:
// those of one process, or of all of the node.
func (s Source) Lines(text, process, level string) Call {
	args := map[string]any{"node": s.Node, "limit": 1}
	for name, v := range map[string]string{"text": text, "process": process, "level": level} {
		if v != "" {
			args[name] = v
		}
	}
	s.within(args)
	return Call{Tool: "search_logs", Arguments: args, Gives: "total"}
}

// Value adds a value and the call that gives it. A name with a point stands for
// a value within another: "mailbox.before". Numbers are kept to three figures.
func (e *Evidence) Value(name string, v any, ask Call) {
	if f, ok := v.(float64); ok {
		v = Round(f)
	}
	if e.Values == nil {
		e.Values = map[string]any{}
	}
	if e.Calls == nil {
		e.Calls = map[string]Call{}
	}
	into := e.Values
	if outer, inner, nested := strings.Cut(name, "."); nested {
		under, _ := into[outer].(map[string]any)
		if under = maps.Clone(under); under == nil {
			under = map[string]any{}
		}
		into[outer] = under
		under[inner] = v
	} else {
		into[name] = v
	}
	e.Calls[name] = ask
}

// Number is a value of the evidence that [Evidence.Value] was given under a name, if it is
// a number.
func (e *Evidence) Number(name string) (v float64, ok bool) {
	outer, inner, nested := strings.Cut(name, ".")
	if !nested {
		v, ok = e.Values[name].(float64)
		return v, ok
	}
	under, _ := e.Values[outer].(map[string]any)
	v, ok = under[inner].(float64)
	return v, ok
}

// Instant is a time as formulas write it.
func Instant(t time.Time) string { return "'" + t.UTC().Format(time.RFC3339Nano) + "'" }
