package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

// A ProcessQuery selects processes at an instant.
type ProcessQuery struct {
	At    time.Time
	Node  string // glob; "" is all
	Like  string // glob over name, behavior, application or PID; "" is all
	State string // "" is all
	Sort  string // one of ProcessSorts; "" is mailbox
	Limit int    // 0 is all
	// Own lists also those that are there because somebody observes (ergo.Footprint);
	// those that Like names are listed in any case.
	Own bool
}

// ProcessSorts are the fields by which processes can be sorted, greatest first.
func ProcessSorts() []string {
	return []string{"mailbox", "latency", "running", "in", "out", "wakeups", "uptime", "state-time", "name"}
}

// A ProcessRow is one process at an instant, as its node listed it.
type ProcessRow struct {
	Node            string    `json:"node"`
	At              time.Time `json:"at"` // of the listing
	PID             string
	Name            string
	Behavior        string
	Application     string
	Kind            string `json:",omitempty"`
	State           string
	StateTime       int64 `json:",omitempty"` // ns
	MessagesIn      int64
	MessagesOut     int64
	MessagesMailbox int64
	MailboxLatency  int64 // ns; -1 is not known
	RunningTime     int64 // ns
	Wakeups         int64
	Uptime          int64 // s
	Parent          string
	// Odd are the cells that are no such numbers, as they were said. They count
	// for nothing.
	Odd map[string]string `json:"odd,omitempty"`
}

// A ProcessView is the processes at an instant.
type ProcessView struct {
	At       time.Time    `json:"at"`
	Rows     []ProcessRow `json:"processes"`
	Total    int          `json:"total"`     // that match, listed or not
	Own      int          `json:"own"`       // that are there because somebody observes, left out
	Unlisted []string     `json:"not_known"` // nodes without a listing, and why
	Cut      []string     `json:"cut"`       // nodes of whose processes only some were seen
}

// Processes lists processes as they were at an instant.
func Processes(ctx context.Context, rec *replay.Recording, q ProcessQuery) (*ProcessView, error) {
	less, ok := processOrders()[cmp.Or(q.Sort, "mailbox")]
	if !ok {
		return nil, fmt.Errorf("sort %q: there are %s", q.Sort, strings.Join(ProcessSorts(), ", "))
	}
	if q.State != "" && !slices.Contains(ergo.ProcessStates(), strings.ReplaceAll(q.State, "_", " ")) {
		return nil, fmt.Errorf("state %q: there is none of that name%s", q.State, nearest.Hint(q.State, ergo.ProcessStates()))
	}
	nodes, err := rec.NodesLike(q.Node)
	if err != nil {
		return nil, err
	}
	v := &ProcessView{At: q.At, Rows: []ProcessRow{}, Unlisted: []string{}, Cut: []string{}}
	caller := rec.Moment(q.At)
	var called []string // what processes there are, for a name that matches none
	liked := false
	for _, node := range nodes {
		rows, at, cut, err := processRows(ctx, caller, node)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			v.Unlisted = append(v.Unlisted, node+": "+err.Error())
			continue
		}
		if cut != "" {
			v.Cut = append(v.Cut, node+": "+cut)
		}
		v.Rows = slices.Grow(v.Rows, len(rows))
		for _, r := range rows {
			r.Node, r.At = node, at
			ok, err := q.like(r)
			if err != nil {
				return nil, err
			}
			if q.Like != "" {
				called = append(called, r.Name, r.Behavior, r.Application, r.PID)
			}
			liked = liked || ok
			if ok && (q.State == "" || strings.ReplaceAll(q.State, "_", " ") == r.State) {
				if !q.Own && q.Like == "" && ergo.ObservesProcess(r.Application, r.Behavior) {
					v.Own++
					continue
				}
				v.Rows = append(v.Rows, r)
			}
		}
	}
	if !liked && q.Like != "" && len(v.Unlisted)+len(v.Cut) == 0 {
		return nil, fmt.Errorf("process %q: none is called that at %s%s", q.Like, q.At.UTC().Format(time.RFC3339), nearest.Hint(q.Like, nonEmpty(called)))
	}
	v.Total = len(v.Rows)
	v.Rows = inOrder(v.Rows, q.Limit, less)
	return v, nil
}

// inOrder are the rows in order, so many at most; 0 is all.
func inOrder(rows []ProcessRow, most int, less func(a, b *ProcessRow) int) []ProcessRow {
	order := make([]*ProcessRow, len(rows))
	for i := range rows {
		order[i] = &rows[i]
	}
	slices.SortFunc(order, func(a, b *ProcessRow) int {
		return cmp.Or(less(a, b), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Name, b.Name), cmp.Compare(a.PID, b.PID))
	})
	if most > 0 && len(order) > most {
		order = order[:most]
	}
	out := make([]ProcessRow, len(order))
	for i, r := range order {
		out[i] = *r
	}
	return out
}

// OwnLeftOut says once of a list what it is without; "" where that is nothing.
func (v *ProcessView) OwnLeftOut() string {
	if v.Own == 0 {
		return ""
	}
	return fmt.Sprintf("without %d that are there because somebody observes", v.Own)
}

// processRows is a node's process listing at an instant; cut says how many of how
// many processes it shows, "" where all.
func processRows(ctx context.Context, m *replay.Moment, node string) (all []ProcessRow, at time.Time, cut string, err error) {
	if f, reply, ok := m.Rows(ctx, node, processFields()); ok {
		if all, ok = plainRows(f); ok {
			return all, f.At, cutOf(reply), nil
		}
	}
	return readRows(ctx, m, node)
}

// readRows are the same out of the text of the answer.
func readRows(ctx context.Context, m *replay.Moment, node string) (all []ProcessRow, at time.Time, cut string, err error) {
	call := ergo.Call{Node: node, Tool: "process_list", Args: ergo.Args{"limit": 1_000_000}}
	reply, err := m.Ask(ctx, call)
	if err != nil {
		return nil, reply.At, "", err
	}
	words := map[string]string{} // that many rows say
	_, ok := listing.Read(reply.Text, func(row int, name, literal []byte) {
		if row == len(all) {
			all = append(all, ProcessRow{MailboxLatency: -1})
		}
		all[row].set(string(name), literal, words)
	})
	if !ok {
		return nil, reply.At, "", fmt.Errorf("decode %s: it is no listing", call)
	}
	return all, reply.At, cutOf(reply), nil
}

func cutOf(r replay.Reply) string {
	switch {
	case r.Seen < r.Total:
		return fmt.Sprintf("%d of %d processes were seen", r.Seen, r.Total)
	case r.Seen > 0:
		return fmt.Sprintf("%d processes were seen, and perhaps there are more", r.Seen)
	}
	return ""
}

// processFields are the fields of a row that are texts, then those that are numbers.
func processFields() []string {
	return []string{
		"PID", "Name", "Behavior", "Application", "Kind", "State", "Parent",
		"StateTime", "MessagesIn", "MessagesOut", "MessagesMailbox", "MailboxLatency", "RunningTime", "Wakeups", "Uptime",
	}
}

// plainRows are the rows of a listing out of its columns; ok is false where a cell is not what
// it should be: how it was said only the answer tells.
func plainRows(f *archive.Frame) (all []ProcessRow, ok bool) {
	all = make([]ProcessRow, len(f.Live))
	for i := range all {
		all[i].MailboxLatency = -1
	}
	for c := range f.Columns {
		col := &f.Columns[c]
		for i, slot := range f.Live {
			if int(slot) >= len(col.Kinds) || col.Kinds[slot] == archive.Absent {
				continue
			}
			text, number := all[i].text(col.Name), all[i].number(col.Name)
			switch kind := col.Kinds[slot]; {
			case text != nil && kind == archive.String:
				*text = col.Texts[slot]
			case number != nil && kind == archive.Int:
				*number = col.Ints[slot]
			default:
				return nil, false
			}
		}
	}
	return all, true
}

// set notes a field of the row. What is no text stays empty.
func (r *ProcessRow) set(name string, literal []byte, words map[string]string) {
	if s := r.text(name); s != nil {
		word, known := words[string(literal)]
		if !known {
			if word = listing.Text(literal); name != "PID" && name != "Name" {
				words[string(literal)] = word
			}
		}
		*s = word
	} else if n := r.number(name); n != nil {
		v, ok := ergo.Whole(string(literal))
		if ok {
			*n = v
			return
		}
		if r.Odd == nil {
			r.Odd = map[string]string{}
		}
		r.Odd[name] = string(literal)
	}
}

// text is the field of that name, nil where it is no text.
func (r *ProcessRow) text(name string) *string {
	switch name {
	case "PID":
		return &r.PID
	case "Name":
		return &r.Name
	case "Behavior":
		return &r.Behavior
	case "Application":
		return &r.Application
	case "Kind":
		return &r.Kind
	case "State":
		return &r.State
	case "Parent":
		return &r.Parent
	}
	return nil
}

// number is the field of that name, nil where it is no number.
func (r *ProcessRow) number(name string) *int64 {
	switch name {
	case "StateTime":
		return &r.StateTime
	case "MessagesIn":
		return &r.MessagesIn
	case "MessagesOut":
		return &r.MessagesOut
	case "MessagesMailbox":
		return &r.MessagesMailbox
	case "MailboxLatency":
		return &r.MailboxLatency
	case "RunningTime":
		return &r.RunningTime
	case "Wakeups":
		return &r.Wakeups
	case "Uptime":
		return &r.Uptime
	}
	return nil
}

// nonEmpty leaves out what has no name.
func nonEmpty(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// like reports whether a process is one of those that are meant.
func (q ProcessQuery) like(r ProcessRow) (bool, error) {
	if q.Like == "" {
		return true, nil
	}
	for _, s := range []string{r.Name, r.Behavior, r.Application, r.PID} {
		if ok, err := matches(q.Like, s); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// matches reports whether a glob fits; an empty one fits all.
func matches(glob, s string) (bool, error) {
	if glob == "" {
		return true, nil
	}
	ok, err := path.Match(glob, s)
	if err != nil {
		return false, fmt.Errorf("glob %q: %w", glob, err)
	}
	return ok, nil
}

func processOrders() map[string]func(a, b *ProcessRow) int {
	by := func(field func(*ProcessRow) int64) func(a, b *ProcessRow) int {
		return func(a, b *ProcessRow) int { return cmp.Compare(field(b), field(a)) }
	}
	return map[string]func(a, b *ProcessRow) int{
		"mailbox":    by(func(r *ProcessRow) int64 { return r.MessagesMailbox }),
		"latency":    by(func(r *ProcessRow) int64 { return r.MailboxLatency }),
		"running":    by(func(r *ProcessRow) int64 { return r.RunningTime }),
		"in":         by(func(r *ProcessRow) int64 { return r.MessagesIn }),
		"out":        by(func(r *ProcessRow) int64 { return r.MessagesOut }),
		"wakeups":    by(func(r *ProcessRow) int64 { return r.Wakeups }),
		"uptime":     by(func(r *ProcessRow) int64 { return r.Uptime }),
		"state-time": by(func(r *ProcessRow) int64 { return r.StateTime }),
		"name":       func(a, b *ProcessRow) int { return cmp.Compare(a.Name, b.Name) },
	}
}

// ask decodes what a tool said, and tells from when that is.
func ask(ctx context.Context, c ergo.Caller, call ergo.Call, into any) (time.Time, error) {
	ans, err := c.Call(ctx, call)
	if err != nil {
		return ans.At, err
	}
	if err := ergo.Decode(ans.Text, into); err != nil {
		return ans.At, fmt.Errorf("decode %s: %w", call, err)
	}
	return ans.At, nil
}

// A NodeRow is one node at an instant.
type NodeRow struct {
	Node         string            `json:"node"`
	At           time.Time         `json:"at"`
	Incarnation  string            `json:"incarnation,omitempty"`
	Uptime       int64             `json:"uptime_s"`
	Processes    int64             `json:"processes"`
	Zombees      int64             `json:"zombees"`
	Waiting      int64             `json:"wait_response"`
	HeapAlloc    int64             `json:"heap_alloc"`
	Goroutines   int64             `json:"goroutines"`
	Errors       int64             `json:"errors"`      // send and call errors since its start, without the recorder's own
	OwnErrors    int64             `json:"own_errors"`  // those of the recorder's own calls that were recorded
	Logged       int64             `json:"log_errors"`  // lines of level error or panic since its start
	RoundTrips   map[string]string `json:"round_trips"` // to each peer, as the ping said
	Running      int               `json:"applications_running"`
	Applications int               `json:"applications"`
	Unknown      string            `json:"not_known,omitempty"` // why nothing is known of it
	Lacks        []string          `json:"lacks,omitempty"`     // tools whose figures are not known: those stand at 0

	callErrors int64 // to other nodes, the recorder's own among them
}

// Nodes puts the nodes side by side as they were at an instant. A node of which
// nothing was recorded then is a row that says so.
func Nodes(ctx context.Context, rec *replay.Recording, at time.Time, glob string) ([]NodeRow, error) {
	names, err := rec.NodesLike(glob)
	if err != nil {
		return nil, err
	}
	defer rec.Hold()()
	caller := rec.At(at)
	all, own := rec.Nodes(), rec.Own()
	rows := []NodeRow{}
	for _, n := range all {
		if !slices.Contains(names, n.Name) {
			continue
		}
		r := NodeRow{Node: n.Name, RoundTrips: map[string]string{}}
		for _, l := range n.Lives {
			if !l.Started.After(at) {
				r.Incarnation = l.Incarnation.String()
			}
		}
		if err := r.read(ctx, caller, all); err != nil {
			return nil, err
		}
		if err := r.leaveOutOwn(ctx, rec, own); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// leaveOutOwn takes off the errors that the recorder's own calls added in this life of the node.
func (r *NodeRow) leaveOutOwn(ctx context.Context, rec *replay.Recording, own *replay.Own) error {
	if r.callErrors == 0 {
		return nil
	}
	at, err := own.Errors(ctx, r.Node, rec.Life(r.Node, r.At), r.At)
	if err != nil {
		return fmt.Errorf("read the recorder's own calls that failed: %w", err)
	}
	r.OwnErrors = min(int64(len(at)), r.callErrors)
	r.Errors -= r.OwnErrors
	return nil
}

// OwnLeftOut says once of a table of nodes what its errors are without; "" where that is nothing.
func OwnLeftOut(rows []NodeRow) string {
	own := int64(0)
	for _, r := range rows {
		own += r.OwnErrors
	}
	return WithoutOwn("errors", own)
}

// WithoutOwn says that errors are without so many of the recorder's own calls; "" where that is nothing.
func WithoutOwn(errors string, own int64) string {
	switch own {
	case 0:
		return ""
	case 1:
		return errors + " are without the one of the recorder's own calls"
	}
	return fmt.Sprintf("%s are without the %d of the recorder's own calls", errors, own)
}

func (r *NodeRow) read(ctx context.Context, caller ergo.Caller, peers []replay.Node) error {
	var info struct {
		Uptime, ProcessesTotal, ProcessesZombee, ProcessesWaitResponse       int64
		SendErrorsLocal, SendErrorsRemote, CallErrorsLocal, CallErrorsRemote int64
		LogMessages                                                          []int64
	}
	var stats struct {
		HeapAlloc  int64 `json:"heap_alloc"`
		Goroutines int64 `json:"goroutines"`
	}
	var apps []struct{ State string }
	at, err := ask(ctx, caller, ergo.Call{Node: r.Node, Tool: "node_info"}, &info)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r.Unknown = err.Error()
		return nil
	}
	r.At, r.Uptime, r.Processes, r.Zombees, r.Waiting = at, info.Uptime, info.ProcessesTotal, info.ProcessesZombee, info.ProcessesWaitResponse
	r.callErrors = info.CallErrorsRemote
	r.Errors = info.SendErrorsLocal + info.SendErrorsRemote + info.CallErrorsLocal + info.CallErrorsRemote
	if len(info.LogMessages) == 6 {
		r.Logged = info.LogMessages[4] + info.LogMessages[5]
	}
	// What follows was perhaps not recorded: it stays empty then.
	if _, err := ask(ctx, caller, ergo.Call{Node: r.Node, Tool: "runtime_stats"}, &stats); err == nil {
		r.HeapAlloc, r.Goroutines = stats.HeapAlloc, stats.Goroutines
	} else {
		r.Lacks = append(r.Lacks, "runtime_stats")
	}
	if _, err := ask(ctx, caller, ergo.Call{Node: r.Node, Tool: "app_list"}, &apps); err == nil {
		r.Applications = len(apps)
		for _, a := range apps {
			if a.State == "running" {
				r.Running++
			}
		}
	} else {
		r.Lacks = append(r.Lacks, "app_list")
	}
	for _, p := range peers {
		if p.Name == r.Node {
			continue
		}
		ans, err := caller.Call(ctx, ergo.Call{Node: r.Node, Tool: "network_ping", Args: ergo.Args{"name": p.Name}})
		switch {
		case err == nil:
			_, rtt, _ := strings.Cut(string(ans.Text), ": ")
			r.RoundTrips[p.Name] = strings.TrimPrefix(rtt, "rtt ")
		case errors.Is(err, archive.ErrNotFound), ergo.AsToolError(err) == nil:
		default:
			why := err.Error()
			r.RoundTrips[p.Name] = strings.TrimSpace(why[strings.LastIndex(why, ":")+1:])
		}
	}
	return ctx.Err()
}
