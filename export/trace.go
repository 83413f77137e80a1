package export

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// An Instant is something that happened: a finding, a mark.
type Instant struct {
	At   time.Time
	Node string // "" where it is about all
	Name string
	Text string
}

// Trace writes a trace that ui.perfetto.dev opens: nodes are processes, actors
// are tracks, their states are slices, figures of nodes and the mailboxes of
// actors are counters.
func Trace(ctx context.Context, w io.Writer, rec *replay.Recording, instants []Instant, o Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	t := &tracer{w: bufio.NewWriterSize(w, 1<<16), begin: o.From}
	fmt.Fprintf(t.w, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"begin\":%q},\"traceEvents\":[", o.From.UTC().Format(time.RFC3339Nano))
	pids := map[string]int{}
	for i, n := range rec.Nodes() {
		if !fits(o.Node, n.Name) {
			continue
		}
		pid := i + 1
		pids[n.Name] = pid
		t.event(event{Phase: "M", Name: "process_name", PID: pid, Args: map[string]any{"name": n.Name}})
		if err := t.actors(ctx, rec, n.Name, pid, o); err != nil {
			return err
		}
		for _, c := range []struct{ tool, column string }{{"runtime_stats", "heap_alloc"}, {"runtime_stats", "goroutines"}, {"node_info", "ProcessesTotal"}} {
			if err := t.counter(ctx, rec, n.Name, pid, c.tool, c.column, o); err != nil {
				return err
			}
		}
	}
	for _, i := range instants {
		pid, ok := pids[i.Node]
		if i.Node != "" && !ok {
			continue
		}
		scope := "p"
		if i.Node == "" {
			scope = "g"
		}
		t.event(event{Phase: "i", Name: i.Name, PID: pid, Time: t.at(i.At), Scope: scope, Args: map[string]any{"text": i.Text}})
	}
	t.w.WriteString("\n]}\n")
	if t.err != nil {
		return t.err
	}
	return t.w.Flush()
}

// An event is one of the trace event format; times are in microseconds.
type event struct {
	Name     string         `json:"name"`
	Phase    string         `json:"ph"`
	PID      int            `json:"pid"`
	TID      int            `json:"tid,omitempty"`
	Time     float64        `json:"ts"`
	Duration float64        `json:"dur,omitempty"`
	Scope    string         `json:"s,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
}

type tracer struct {
	w     *bufio.Writer
	begin time.Time
	some  bool
	err   error
}

func (t *tracer) at(when time.Time) float64 { return float64(when.Sub(t.begin)) / 1e3 }

func (t *tracer) event(e event) {
	b, err := json.Marshal(e)
	if err != nil && t.err == nil {
		t.err = err
	}
	if t.some {
		t.w.WriteByte(',')
	}
	t.some = true
	t.w.WriteByte('\n')
	t.w.Write(escape.JSON(b)) // an error stays with the writer until Flush
}

// A slice is a state that an actor is in.
type slice struct {
	state       string
	since, last time.Time
	mailbox     int64
}

func (t *tracer) actors(ctx context.Context, rec *replay.Recording, node string, pid int, o Options) error {
	open, tids := map[string]*slice{}, map[string]int{}
	end := func(key string) {
		s := open[key]
		t.event(event{Phase: "X", Name: s.state, PID: pid, TID: tids[key], Time: t.at(s.since), Duration: float64(s.last.Sub(s.since)) / 1e3})
		delete(open, key)
	}
	err := o.frames(ctx, rec, node, "process_list", []string{"PID", "Name", "Behavior", "State", "MessagesMailbox"}, func(f *archive.Frame) error {
		seen := map[string]bool{}
		for _, slot := range f.Live {
			name := textAt(column(f, "Name"), slot)
			if !fits(o.Process, name) {
				continue
			}
			key, state := textAt(column(f, "PID"), slot), textAt(column(f, "State"), slot)
			seen[key] = true
			if tids[key] == 0 {
				tids[key] = len(tids) + 1
				if name == "" {
					name = textAt(column(f, "Behavior"), slot)
				}
				t.event(event{Phase: "M", Name: "thread_name", PID: pid, TID: tids[key], Args: map[string]any{"name": name + " " + key}})
			}
			var mailbox int64
			if c := column(f, "MessagesMailbox"); c != nil {
				mailbox, _ = c.Int(slot)
			}
			s := open[key]
			if s != nil && mailbox != s.mailbox || s == nil && mailbox > 0 {
				t.event(event{Phase: "C", Name: "mailbox " + name + " " + key, PID: pid, Time: t.at(f.At), Args: map[string]any{"messages": mailbox}})
			}
			if s != nil {
				if s.last = f.At; s.state == state {
					s.mailbox = mailbox
					continue
				}
				end(key)
			}
			open[key] = &slice{state: state, since: f.At, last: f.At, mailbox: mailbox}
		}
		for _, key := range slices.Sorted(maps.Keys(open)) {
			if !seen[key] {
				end(key)
			}
		}
		return nil
	})
	for _, key := range slices.Sorted(maps.Keys(open)) {
		end(key)
	}
	return err
}

func (t *tracer) counter(ctx context.Context, rec *replay.Recording, node string, pid int, tool, name string, o Options) error {
	return o.frames(ctx, rec, node, tool, []string{name}, func(f *archive.Frame) error {
		c := column(f, name)
		if c == nil {
			return nil
		}
		for _, slot := range f.Live {
			if v, ok := c.Int(slot); ok {
				t.event(event{Phase: "C", Name: name, PID: pid, Time: t.at(f.At), Args: map[string]any{"value": v}})
			}
		}
		return nil
	})
}
