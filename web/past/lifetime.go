package past

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
)

// A StateSpan is a stretch in which samples showed the same state.
type StateSpan struct {
	chart.Box
	State string
	Class string
}

// A Fact is one field of an answer.
type Fact struct{ Key, Value string }

// A life is what process_list said of one process over time.
type life struct {
	mailbox, latency, in, out, running chart.Curve
	At                                 []time.Time
	state                              []string
}

// LifeOf walks a node's process table and keeps the rows of one process.
func LifeOf(ctx context.Context, rec *replay.Recording, node, pid string, from, to time.Time) (*life, error) {
	l := &life{}
	var ask replay.Fields
	who, state := ask.Of("PID"), ask.Of("State")
	curves := map[int]*chart.Curve{
		ask.Of("MessagesMailbox"): &l.mailbox, ask.Of("MailboxLatency"): &l.latency,
		ask.Of("MessagesIn"): &l.in, ask.Of("MessagesOut"): &l.out, ask.Of("RunningTime"): &l.running,
	}
	slot, has := int32(0), false
	q := replay.Query{Node: node, Reading: ergo.Processes, From: from, To: to, Fields: ask}
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return l, err
		}
		if f.Reset || slices.Contains(f.Gone, slot) {
			has = false
		}
		for _, c := range f.Changed {
			if f.Columns[who].Text(c) == pid {
				slot, has = c, true
			}
		}
		if !has {
			continue
		}
		for i, c := range curves {
			c.Add(f.At, f.Columns[i].Float(slot))
		}
		l.At = append(l.At, f.At)
		l.state = append(l.state, f.Columns[state].Text(slot))
	}
	return l, nil
}

// Charts are the life's metrics.
func (l *life) Charts(from, to, cursor time.Time) []chart.Chart {
	of := func(title, field, note string, u chart.Unit, c chart.Curve) chart.Chart {
		return chart.Chart{Title: title, Field: field, Note: note, Unit: u, Curves: []chart.Curve{c}, From: from, To: to, Cursor: cursor}
	}
	cs := []chart.Chart{
		of("Mailbox", "MessagesMailbox", "", chart.Count, l.mailbox),
		of("Messages in", "", "", chart.PerSecond, l.in.Rate()),
		of("Messages out", "", "", chart.PerSecond, l.out.Rate()),
		of("Handled", "", "received less what still waits", chart.PerSecond, l.handled()),
		of("Busy", "", "time in callbacks, added when the mailbox drains", chart.Percent, l.running.Rate().Times(1e-7)),
	}
	if slices.ContainsFunc(l.latency.Value, func(v float64) bool { return v > 0 }) {
		cs = slices.Insert(cs, 1, of("Latency", "MailboxLatency", "age of the oldest waiting message", chart.Nanoseconds, l.latency))
	}
	return cs
}

// handled is the rate of the work done: messages received less those that wait.
func (l *life) handled() chart.Curve {
	done := chart.Curve{At: l.in.At}
	for i := range l.in.At {
		done.Value = append(done.Value, l.in.Value[i]-l.mailbox.Value[i])
	}
	r := done.Rate()
	for i, v := range r.Value {
		if math.IsNaN(v) {
			r.Value[i] = 0 // a message counted late, not a counter that began anew
		}
	}
	return r
}

// States are the stretches of equal state.
func (l *life) States(from, to time.Time) []StateSpan {
	s := chart.Scale{From: from, To: to}
	var out []StateSpan
	for i := 0; i < len(l.At); {
		j := i
		for j+1 < len(l.At) && l.state[j+1] == l.state[i] {
			j++
		}
		end := l.At[min(j+1, len(l.At)-1)]
		x, w := s.Stretch(l.At[i], end)
		class := map[string]string{"sleep": "sleep", "running": "running", "wait response": "waiting", "zombee": "zombie"}[l.state[i]]
		out = append(out, StateSpan{chart.Box{X: x, W: w, Title: fmt.Sprintf("%s from %s to %s", l.state[i], chart.Clock(l.At[i]), chart.Clock(end))}, l.state[i], class})
		i = j + 1
	}
	return out
}

// Facts are the fields of a JSON object in their order, values as they stand.
func Facts(text string) []Fact {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []Fact
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return out
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return out
		}
		var b bytes.Buffer
		if json.Compact(&b, v) != nil {
			return out
		}
		value := b.String()
		var str string
		if json.Unmarshal(v, &str) == nil {
			value = str
		}
		if value == "" || value == "[]" || value == "{}" || value == "null" {
			continue
		}
		out = append(out, Fact{fmt.Sprint(k), unescapeAngles(value)})
	}
	return out
}

// unescapeAngles undoes the escapes of < and > in JSON that is shown as text.
func unescapeAngles(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

// frames are the functions and places of a goroutine as pprof prints it with
// debug=1, without addresses; a goroutine in another form stays as it is.
func frames(goroutine string) string {
	var b strings.Builder
	for line := range strings.Lines(goroutine) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] != "#" || len(f) < 4 {
			continue
		}
		name, _, _ := strings.Cut(f[2], "+0x")
		fmt.Fprintf(&b, "%s\n    %s\n", name, strings.TrimSpace(f[len(f)-1]))
	}
	if b.Len() == 0 {
		return strings.TrimSpace(goroutine)
	}
	return strings.TrimSpace(b.String())
}

// StackOf is the newest recorded goroutine that carries the process's label
// within two minutes before the moment; "" where none was recorded, which is
// how it is for a process that sleeps.
func StackOf(ctx context.Context, rec *replay.Recording, node, pid string, at time.Time) (stack string, seen time.Time, err error) {
	label := regexp.MustCompile(`"pid": ?"` + regexp.QuoteMeta(pid) + `"`)
	for smp, err := range replay.Readable(rec.Texts(ctx, node, ergo.Goroutines, at.Add(-2*time.Minute), at), nil) {
		if err != nil {
			return stack, seen, fmt.Errorf("read goroutines: %w", err)
		}
		for g := range strings.SplitSeq(string(smp.Text), "\n\n") {
			if label.MatchString(g) {
				stack, seen = frames(g), smp.At
			}
		}
	}
	return stack, seen, nil
}
