package scene

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// An Inspection is what process_inspect said of one supervisor or pool over
// the window.
type Inspection struct {
	Pid string

	// of a supervisor; period is in s
	Supervisor        bool
	Kind, Strategy    string // One For One, …; Permanent, …
	Intensity, Period int
	Restarts          series.Series // within the period, at each inspection
	Running, Disabled series.Series // children
	DisabledAs        string        // how it calls those that it goes on without
	noted             series.Series // restarts that its history holds, at each inspection
	History           []Noted       // these restarts, from 3.3 on, in order of time

	// of a pool
	pool      bool
	Size      int
	Mailbox   int           // of each worker; 0 is unlimited
	Unhandled series.Series // messages dropped so far
	Replaced  series.Series // workers that were spawned again so far

	// of a router
	Discarded     series.Series // messages for which it had no route, so far
	Shut, Pending series.Series // routes that are disabled, and that wait for a change
}

// A Noted restart is one that a supervisor keeps in its history: when a child
// ended, which, and why.
type Noted struct {
	At            time.Time
	Child, Reason string
}

// Why is the most common reason of restarts, and the first of them that is told.
func Why(noted []Noted) (reason string) {
	count := map[string]int{}
	for _, h := range noted {
		count[h.Reason]++
		if count[h.Reason] > count[reason] {
			reason = h.Reason
		}
	}
	return reason
}

// Of are the restarts of a child within a stretch of time that the supervisor
// noted.
func (in *Inspection) Of(child string, from, to time.Time) []Noted {
	var out []Noted
	if in == nil {
		return nil
	}
	for _, h := range in.History {
		if h.Child == child && !h.At.Before(from) && !h.At.After(to) {
			out = append(out, h)
		}
	}
	return out
}

// inspectColumns are the fields that are read. Versions differ in them; what is
// not there stays unknown.
func inspectColumns() []string {
	return []string{
		"strategy", "type", "intensity", "period", "restarts_count",
		"pool_size", "worker_mailbox_size", "messages_unhandled",
		"worker_restarts", "children_running", "children_disabled", "specs_disabled", "history:count",
		"discarded", "routes_disabled", "routes_pending",
	}
}

// mostHistory is how many restarts a supervisor keeps in its history.
const mostHistory = 50

// historyColumns are the fields of a history, three for each entry.
func historyColumns() []string {
	var names []string
	for i := range mostHistory {
		for _, part := range []string{"time", "child", "reason"} {
			names = append(names, historyField(i, part))
		}
	}
	return names
}

func historyField(i int, part string) string { return "history:" + strconv.Itoa(i) + ":" + part }

// readInspections reads what was inspected on a node, by PID.
func readInspections(ctx context.Context, s *Scene, n *Node) (map[string]*Inspection, error) {
	all := map[string]*Inspection{}
	noted := false
	err := eachInspection(ctx, s, n, inspectColumns(), func(pid string, at time.Time, field func(string) string) {
		in := all[pid]
		if in == nil {
			in = &Inspection{Pid: pid}
			all[pid] = in
		}
		in.take(at, field)
		noted = noted || in.noted.Len() > 0 && in.noted.V[in.noted.Len()-1] > 0
	})
	if err != nil || !noted {
		return all, err
	}
	// Only where there is one are the many fields of a history looked for.
	return all, eachInspection(ctx, s, n, historyColumns(), func(pid string, _ time.Time, field func(string) string) {
		for i := range mostHistory {
			said := field(historyField(i, "time"))
			if said == "" {
				break
			}
			if at, err := time.Parse(time.RFC3339Nano, said); err == nil {
				all[pid].note(Noted{n.Clock.Ours(at), field(historyField(i, "child")), field(historyField(i, "reason"))})
			}
		}
	})
}

// note adds a restart to the history, once.
func (in *Inspection) note(h Noted) {
	i, _ := slices.BinarySearchFunc(in.History, h, func(a, b Noted) int { return a.At.Compare(b.At) })
	for k := i; k < len(in.History) && in.History[k].At.Equal(h.At); k++ {
		if in.History[k] == h {
			return
		}
	}
	in.History = slices.Insert(in.History, i, h)
}

// eachInspection walks what was inspected on a node, with the texts of the
// columns by their names.
func eachInspection(ctx context.Context, s *Scene, n *Node, columns []string, hear func(pid string, at time.Time, field func(string) string)) error {
	slots := map[string]int32{} // by subject
	place := make(map[string]int, len(columns))
	for i, name := range columns {
		place[name] = i
	}
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Inspection, From: s.From, To: s.To, Fields: columns}) {
		if err != nil {
			return err
		}
		var who struct {
			PID string `json:"pid"`
		}
		if f.Failure != nil || json.Unmarshal([]byte(f.Subject), &who) != nil {
			continue
		}
		if f.Reset {
			clear(slots)
		}
		if len(f.Changed) == 1 {
			slots[who.PID] = f.Changed[0] // each frame changes one subject, or says the same again
		}
		if slot, ok := slots[who.PID]; ok {
			hear(who.PID, f.At, func(name string) string { return f.Columns[place[name]].Text(slot) })
		}
	}
	return nil
}

// take reads one inspection; field is the text of one of inspectColumns.
func (in *Inspection) take(at time.Time, field func(string) string) {
	number := func(name string) (int, bool) {
		v, err := strconv.Atoi(field(name))
		return v, err == nil
	}
	add := func(s *series.Series, name string) {
		if v, ok := number(name); ok {
			s.Add(at, float64(v))
		}
	}
	if v := field("strategy"); v != "" {
		in.Supervisor, in.Strategy, in.Kind = true, v, field("type")
		in.Intensity, _ = number("intensity")
		in.Period, _ = number("period")
		add(&in.Restarts, "restarts_count")
		add(&in.Running, "children_running")
		if in.DisabledAs = "children_disabled"; field(in.DisabledAs) == "" {
			in.DisabledAs = "specs_disabled" // of one whose children are made when they are asked for
		}
		add(&in.Disabled, in.DisabledAs)
		add(&in.noted, "history:count")
	}
	if v, ok := number("pool_size"); ok {
		in.pool, in.Size = true, v
		in.Mailbox, _ = number("worker_mailbox_size")
		add(&in.Unhandled, "messages_unhandled")
		add(&in.Replaced, "worker_restarts")
	}
	add(&in.Discarded, "discarded")
	add(&in.Shut, "routes_disabled")
	add(&in.Pending, "routes_pending")
}

// FirstDrop is the first inspection that shows more messages dropped than the
// one before, and how many were dropped in all. A pool that is restarted
// begins again from 0.
func (in *Inspection) FirstDrop() (k int, dropped float64) {
	for i := 1; i < in.Unhandled.Len(); i++ {
		if d := in.Unhandled.V[i] - in.Unhandled.V[i-1]; d > 0 {
			if k == 0 {
				k = i
			}
			dropped += d
		}
	}
	return k, dropped
}

func (n *Node) IsPool(a *Actor) bool {
	in := n.Inspected[a.Pid]
	return a.Kind == "pool" || in != nil && in.pool
}

// A Mailbox is what one answer about a process says of its mailbox.
type Mailbox struct {
	At     time.Time
	Size   int64 // messages that it holds at most; -1 or 0 where it is not bounded
	Queues Queues
}

// Queues are the four queues of a mailbox: messages, and the age of the oldest in ns.
// The urgent and the system queue go before the main one.
type Queues struct {
	Main, System, Urgent, Log                             int64
	LatencyMain, LatencySystem, LatencyUrgent, LatencyLog int64
}

// Mailboxes is what was asked about the mailbox of a process within a stretch.
func (s *Scene) Mailboxes(ctx context.Context, a *Actor, from, to time.Time) ([]Mailbox, error) {
	var all []Mailbox
	var ask replay.Fields
	pid, size, queues := ask.Of("PID"), ask.Of("MailboxSize"), ask.Of("MailboxQueues")
	for f, err := range s.answers(ctx, replay.Query{Node: a.Node.Name, Reading: ergo.Process, From: from, To: to, Fields: ask}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			if f.Columns[pid].Text(slot) != a.Pid {
				continue
			}
			m := Mailbox{At: f.At}
			m.Size, _ = f.Columns[size].Int(slot)
			if json.Unmarshal([]byte(f.Columns[queues].Text(slot)), &m.Queues) == nil || m.Size > 0 {
				all = append(all, m)
			}
		}
	}
	return all, nil
}
