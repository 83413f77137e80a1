package analyze

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"ergorecorder/analyze/series"
)

// An inspection is what process_inspect said of one supervisor or pool over
// the window.
type inspection struct {
	pid string

	// of a supervisor; period is in s
	supervisor        bool
	kind, strategy    string // One For One, …; Permanent, …
	intensity, period int
	restarts          series.Series // within the period, at each inspection

	// of a pool
	pool      bool
	size      int
	mailbox   int           // of each worker; 0 is unlimited
	unhandled series.Series // messages dropped so far
}

// inspectColumns are the fields that are read. Versions differ in them; what is
// not there stays unknown.
func inspectColumns() []string {
	return []string{
		"strategy", "type", "intensity", "period", "restarts_count",
		"pool_size", "worker_mailbox_size", "messages_unhandled",
	}
}

// readInspections reads what was inspected on a node, by PID.
func readInspections(ctx context.Context, s *scene, n *node) (map[string]*inspection, error) {
	all := map[string]*inspection{}
	slots := map[string]int32{} // by subject
	for f, err := range s.rec.Table(ctx, n.Name, "process_inspect", s.from, s.to, inspectColumns()) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
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
			in = &inspection{pid: who.PID}
			all[who.PID] = in
		}
		in.take(f.At, func(i int) string { return f.Columns[i].Text(slot) })
	}
	return all, nil
}

// take reads one inspection; field is the text of a field by its place in
// inspectColumns.
func (in *inspection) take(at time.Time, field func(int) string) {
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
		in.supervisor, in.strategy, in.kind = true, v, field(1)
		in.intensity, _ = number(2)
		in.period, _ = number(3)
		add(&in.restarts, 4)
	}
	if v, ok := number(5); ok {
		in.pool, in.size = true, v
		in.mailbox, _ = number(6)
		add(&in.unhandled, 7)
	}
}
