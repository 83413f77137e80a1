package scene

import (
	"context"
	"encoding/json"
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

	// of a pool
	pool      bool
	Size      int
	Mailbox   int           // of each worker; 0 is unlimited
	Unhandled series.Series // messages dropped so far
	Replaced  series.Series // workers that were spawned again so far
}

// inspectColumns are the fields that are read. Versions differ in them; what is
// not there stays unknown.
func inspectColumns() []string {
	return []string{
		"strategy", "type", "intensity", "period", "restarts_count",
		"pool_size", "worker_mailbox_size", "messages_unhandled",
		"worker_restarts", "children_running", "children_disabled",
	}
}

// readInspections reads what was inspected on a node, by PID.
func readInspections(ctx context.Context, s *Scene, n *Node) (map[string]*Inspection, error) {
	all := map[string]*Inspection{}
	slots := map[string]int32{} // by subject
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Inspection, From: s.From, To: s.To, Fields: inspectColumns()}) {
		if err != nil {
			return nil, err
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
		slot, ok := slots[who.PID]
		if !ok {
			continue
		}
		in := all[who.PID]
		if in == nil {
			in = &Inspection{Pid: who.PID}
			all[who.PID] = in
		}
		in.take(f.At, func(i int) string { return f.Columns[i].Text(slot) })
	}
	return all, nil
}

// take reads one inspection; field is the text of a field by its place in
// inspectColumns.
func (in *Inspection) take(at time.Time, field func(int) string) {
	number := func(i int) (int, bool) {
		v, err := strconv.Atoi(field(i))
		return v, err == nil
	}
	add := func(s *series.Series, i int) {
		if v, ok := number(i); ok {
			s.Add(at, float64(v))
		}
	}
	if v := field(0); v != "" {
		in.Supervisor, in.Strategy, in.Kind = true, v, field(1)
		in.Intensity, _ = number(2)
		in.Period, _ = number(3)
		add(&in.Restarts, 4)
		add(&in.Running, 9)
		add(&in.Disabled, 10)
	}
	if v, ok := number(5); ok {
		in.pool, in.Size = true, v
		in.Mailbox, _ = number(6)
		add(&in.Unhandled, 7)
		add(&in.Replaced, 8)
	}
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
