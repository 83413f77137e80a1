package views

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/profiles"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Wait is a process that does not get on at a moment.
type Wait struct {
	Node      string  `json:"node"`
	PID       string  `json:"pid"`
	Name      string  `json:"name,omitempty"`
	Behavior  string  `json:"behavior"`
	State     string  `json:"state"`
	StateS    float64 `json:"state_s"`   // for how long in that state; 0 where the node does not say
	Mailbox   int64   `json:"mailbox"`   // messages that wait for it
	LatencyS  float64 `json:"latency_s"` // the age of the oldest; -1 without -tags=latency
	BlockedOn string  `json:"blocked_on,omitempty"`
	Function  string  `json:"function,omitempty"` // the innermost application function, where a stack was recorded
	// Finding is the finding about this process, and Root the one at the
	// bottom of its chain of causes, with whom that accuses.
	Finding string           `json:"finding,omitempty"`
	Root    string           `json:"root,omitempty"`
	RootOf  *finding.Subject `json:"root_subject,omitempty"`
}

// A WaitView is who waits at a moment, the longest first.
type WaitView struct {
	At    time.Time `json:"at"`
	Waits []Wait    `json:"waits"`
	Total int       `json:"total"`
	// Notes say what could not be told.
	Notes []string `json:"notes"`
}

// heldUp is from when on a message that waits makes its process worth showing:
// well above what a process caught in a callback has.
const heldUp = time.Second

// Waits returns the processes that wait for a reply, or whose messages wait for
// them, at a moment, on one node ("" for all), with what they are blocked on
// as far as stacks were recorded, and with the findings about them. At most
// limit are listed.
func Waits(ctx context.Context, rec *replay.Recording, rep *analyze.Report, node string, at time.Time, limit int) (*WaitView, error) {
	if err := rec.HasNode(node); err != nil {
		return nil, err
	}
	v := &WaitView{At: at, Waits: []Wait{}, Notes: []string{}}
	caller := rec.At(at)
	for _, n := range rec.Nodes() {
		if node != "" && n.Name != node {
			continue
		}
		if err := v.node(ctx, caller, n.Name); err != nil {
			return nil, fmt.Errorf("who waits on %s: %w", n.Name, err)
		}
	}
	for i := range v.Waits {
		v.Waits[i].blame(rep, at)
	}
	slices.SortStableFunc(v.Waits, func(a, b Wait) int {
		return cmp.Or(cmp.Compare(b.longest(), a.longest()), cmp.Compare(a.Node+a.PID, b.Node+b.PID))
	})
	v.Total = len(v.Waits)
	v.Waits = first(v.Waits, limit)
	return v, nil
}

// Stack is what its stack shows, in words: what was recorded of it, or nothing.
func (w *Wait) Stack() string {
	switch {
	case w.BlockedOn != "" && w.Function != "":
		return "; blocked on " + w.BlockedOn + " in " + w.Function
	case w.BlockedOn != "":
		return "; blocked on " + w.BlockedOn
	case w.Function != "":
		return "; in " + w.Function
	}
	return ""
}

func (w *Wait) longest() float64 { return max(w.StateS, w.LatencyS) }

func (v *WaitView) node(ctx context.Context, caller ergo.Caller, node string) error {
	a, err := caller.Call(ctx, ergo.Call{Node: node, Tool: "process_list", Args: ergo.Args{"limit": 1 << 30}})
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		v.Notes = append(v.Notes, node+": "+err.Error())
		return nil
	}
	var rows []struct {
		PID, Name, Behavior, Application, State    string
		StateTime, MailboxLatency, MessagesMailbox int64
	}
	if err := ergo.Decode(a.Text, &rows); err != nil {
		return fmt.Errorf("decode process_list: %w", err)
	}
	var dump *profiles.Dump
	inspectors, ageless := 0, 0
	for _, r := range rows {
		waits := r.State == "wait response" || r.State == "zombee"
		old := time.Duration(r.MailboxLatency) >= heldUp
		if r.MailboxLatency < 0 && r.MessagesMailbox > 0 { // the node does not measure ages
			old = r.State == "running" && time.Duration(r.StateTime) >= heldUp
			if !waits && !old {
				ageless++
			}
		}
		if !waits && !old {
			continue
		}
		if r.Application == inspection {
			inspectors++
			continue
		}
		if dump == nil {
			dump = v.dump(ctx, caller, node)
		}
		w := Wait{
			Node: node, PID: r.PID, Name: r.Name, Behavior: r.Behavior, State: r.State,
			StateS: seconds(r.StateTime), Mailbox: r.MessagesMailbox, LatencyS: seconds(r.MailboxLatency),
		}
		for _, g := range dump.ByPID(r.PID) {
			w.BlockedOn = g.Blocked()
			if f, ok := g.TopApplication(); ok {
				w.Function = f.Function
			}
		}
		v.Waits = append(v.Waits, w)
	}
	if ageless > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("%s: built without -tags=latency: of %d more processes with messages before them it is not known for how long these wait", node, ageless))
	}
	if inspectors > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("%s: %d processes of %s that answered the recorder at that moment are left out", node, inspectors, inspection))
	}
	return nil
}

// inspection is the application that answers tool calls. Its processes wait
// because of who asks, not because of what is asked about.
const inspection = "mcp_app"

func seconds(ns int64) float64 {
	if ns < 0 {
		return -1
	}
	return time.Duration(ns).Seconds()
}

// dump is the newest recorded goroutines of the node, every one of them if
// possible, else counted by stack.
func (v *WaitView) dump(ctx context.Context, caller ergo.Caller, node string) *profiles.Dump {
	why := "no stacks were recorded"
	for _, debug := range []int{2, 1} {
		a, err := caller.Call(ctx, ergo.Call{Node: node, Tool: "pprof_goroutines", Args: ergo.Args{"debug": debug, "limit": 100000}})
		if err != nil {
			why = err.Error()
			continue
		}
		d, err := profiles.ParseGoroutines(string(a.Text))
		if err != nil {
			why = err.Error()
			continue
		}
		return &d
	}
	v.Notes = append(v.Notes, fmt.Sprintf("%s: what its processes are blocked on is not known: %s", node, why))
	return &profiles.Dump{}
}

// blame names the finding about the process at that time, and follows its
// causes to the root.
func (w *Wait) blame(rep *analyze.Report, at time.Time) {
	by := map[string]*finding.Finding{}
	var own *finding.Finding
	for _, f := range rep.Findings {
		by[f.ID] = f
		over := f.End != nil && f.End.Before(at)
		if own == nil && f.Subject.Node == w.Node && f.Subject.PID == w.PID && !over {
			own = f
		}
	}
	if own == nil {
		return
	}
	root := own
	for range rep.Findings { // causes cannot be longer, even if they ran in a circle
		if root.CausedBy == nil || by[*root.CausedBy] == nil {
			break
		}
		root = by[*root.CausedBy]
	}
	w.Finding = own.ID
	w.Root, w.RootOf = root.ID, &root.Subject
}
