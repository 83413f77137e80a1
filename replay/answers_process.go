package replay

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay/spelled"
)

// latencyRefusal is what a node without -tags=latency says.
const latencyRefusal = "mailbox latency measurement is disabled. Rebuild the application with -tags=latency to enable it"

// latencyMissing refuses a question about mailbox latency to a node that does
// not measure it.
func (q *question) latencyMissing(t *table) error {
	min, _ := q.call.Args.Float("min_mailbox_latency_ms")
	if min <= 0 && q.call.Args.Text("sort_by") != "mailbox_latency" {
		return nil
	}
	if len(t.rows) > 0 && string(t.rows[0].Field("MailboxLatency")) == "-1" {
		return q.refuseBy(t.Reply, latencyRefusal)
	}
	return nil
}

func (q *question) processFilter() func(listing.Row) bool {
	var conds []func(listing.Row) bool
	if v := q.call.Args.Text("application"); v != "" {
		conds = append(conds, func(r listing.Row) bool { return r.Text("Application") == v })
	}
	conds = q.contains(conds, "behavior", textOf("Behavior"))
	conds = q.contains(conds, "name", textOf("Name"))
	if v := q.call.Args.Text("state"); v != "" {
		if !q.m.faithful {
			v = strings.ReplaceAll(v, "_", " ")
		}
		conds = append(conds, func(r listing.Row) bool { return strings.EqualFold(r.Text("State"), v) })
	}
	for _, c := range []struct {
		arg, field string
		unit       float64
	}{
		{"min_messages_in", "MessagesIn", 1},
		{"min_messages_out", "MessagesOut", 1},
		{"min_mailbox", "MessagesMailbox", 1},
		{"min_mailbox_latency_ms", "MailboxLatency", 1e6},
		{"min_running_time_ms", "RunningTime", 1e6},
		{"min_init_time_ms", "InitTime", 1e6},
		{"min_wakeups", "Wakeups", 1},
		{"min_uptime", "Uptime", 1},
	} {
		conds = q.atLeast(conds, c.arg, c.field, c.unit)
	}
	if v, ok := q.call.Args.Int("max_uptime"); ok && v > 0 {
		conds = append(conds, func(r listing.Row) bool { return r.Number("Uptime") <= float64(v) })
	}
	return all(conds)
}

// processOrder is the figure to sort by, nil where none is asked for. A figure
// that is not known is 0 for all.
func (q *question) processOrder() func(listing.Row) float64 {
	switch by := q.call.Args.Text("sort_by"); by {
	case "":
		return nil
	case "drain":
		return func(r listing.Row) float64 {
			w := r.Number("Wakeups")
			if w == 0 {
				return 0
			}
			return r.Number("MessagesIn") / w
		}
	default:
		fields := map[string]string{
			"mailbox": "MessagesMailbox", "mailbox_latency": "MailboxLatency", "running_time": "RunningTime",
			"init_time": "InitTime", "wakeups": "Wakeups", "uptime": "Uptime",
			"messages_in": "MessagesIn", "messages_out": "MessagesOut",
		}
		return numberOf(fields[by])
	}
}

// processChildren walks the tree of parents in the process list.
func (q *question) processChildren() (Reply, error) {
	t, err := q.table(ergo.Processes)
	if err != nil {
		return Reply{}, err
	}
	parent := q.call.Args.Text("parent")
	root := ergo.PID(parent)
	if _, _, _, err := root.Parts(); err != nil {
		i := slices.IndexFunc(t.rows, func(r listing.Row) bool { return parent != "" && r.Text("Name") == parent })
		switch {
		case i >= 0:
			root = ergo.PID(t.rows[i].Text("PID"))
		case t.whole:
			return Reply{}, q.refuseBy(t.Reply, "cannot resolve parent \""+parent+"\": unknown process")
		default:
			return Reply{}, q.notRecorded(time.Time{})
		}
	}
	children := map[string][]listing.Row{}
	for _, r := range t.rows {
		k := ergo.PID(r.Text("Parent")).Key()
		children[k] = append(children[k], r)
	}
	found := children[root.Key()]
	if deep, _ := q.call.Args.Bool("recursive"); deep {
		found = slices.Clone(found)
		for i := 0; i < len(found) && len(found) <= len(t.rows); i++ {
			found = append(found, children[ergo.PID(found[i].Text("PID")).Key()]...)
		}
	}
	return t.derived(listing.Join(found)), nil
}

// process is the row of a process; where the list is whole and has none, the
// tool's refusal.
func (q *question) process(pid, refusal string) (Reply, error) {
	if r, ok := q.listed(pid); ok {
		return r, nil
	}
	key := ergo.PID(pid).Key()
	return q.oneRow(ergo.Processes, refusal, func(r listing.Row) bool { return ergo.PID(r.Text("PID")).Key() == key })
}

// listed is the row of a process out of a listing that is known to be whole,
// found without reading the others. ok is false where that is not to be had.
func (q *question) listed(pid string) (r Reply, ok bool) {
	streams := q.x.widest(q.call.Node, ergo.Processes)
	if len(streams) != 1 {
		return r, false
	}
	s := streams[0]
	filters, limit := width(s.Args)
	for _, literal := range spelledPIDs(pid) {
		rec, most, err := s.reader.LastRow(s.StreamKey, "PID", literal, q.m.at)
		if err != nil || rec.Failure != nil || rec.At.Before(q.born) || !q.fresh(rec, s) {
			return r, false
		}
		if filters > 0 || rec.Seen != rec.Total || int64(most) >= limit {
			return r, false // rows of other listings may have to be looked at
		}
		if rec.Text != nil {
			r, err = q.reply(rec)
			return r, err == nil
		}
	}
	return r, false
}

// spelledPIDs are the literals that a PID may have in JSON.
func spelledPIDs(pid string) []string {
	plain, err := json.Marshal(pid) // <> are escaped for the sake of HTML
	if err != nil {
		return nil
	}
	return []string{string(plain), `"` + pid + `"`}
}

func (q *question) processState() (Reply, error) {
	r, err := q.process(q.call.Args.Text("pid"), "process_state: unknown process")
	if err != nil {
		return r, err
	}
	return r.derived([]byte(listing.Row(r.Text).Text("State"))), nil
}

func (q *question) processLookup() (Reply, error) {
	name, pid := q.call.Args.Text("name"), q.call.Args.Text("pid")
	switch {
	case name != "":
		r, err := q.oneRow(ergo.Processes, "process_lookup by name: unknown process", func(r listing.Row) bool { return r.Text("Name") == name })
		if err != nil {
			return r, err
		}
		return r.derived([]byte(listing.Row(r.Text).Text("PID"))), nil
	case pid != "":
		if _, _, _, err := ergo.PID(pid).Parts(); err != nil {
			return Reply{}, q.refuse("invalid pid: " + err.Error())
		}
		r, err := q.process(pid, "process_lookup by pid: unknown process")
		if err != nil {
			return r, err
		}
		return r.derived([]byte(listing.Row(r.Text).Text("Name"))), nil
	}
	return Reply{}, q.refuse("either 'name' or 'pid' parameter is required")
}

// processByPID answers for a PID whose CRC is not the node's own, with what
// was recorded under the right one; a process that was not there is refused.
func (q *question) processByPID() (Reply, error) {
	pid := q.call.Args.Text("pid")
	r, err := q.process(pid, q.call.Tool+": unknown process")
	if err != nil {
		return r, err
	}
	right := listing.Row(r.Text).Text("PID")
	if right == pid {
		return Reply{}, q.notRecorded(time.Time{})
	}
	again := *q
	again.call.Args = q.call.Args.With("pid", right)
	return again.recorded()
}

func (q *question) appProcesses() (Reply, error) {
	t, err := q.table(ergo.Processes)
	if err != nil {
		return Reply{}, err
	}
	name := q.call.Args.Text("name")
	var rows []listing.Row
	for _, r := range t.rows {
		if r.Text("Application") == name {
			rows = append(rows, r)
		}
	}
	if rows == nil && t.whole {
		known := func(r listing.Row) bool { return r.Text("name") == name }
		if _, err := q.oneRow(ergo.Applications, "app_processes: unknown application", known); ergo.AsToolError(err) != nil {
			return Reply{}, err
		}
	}
	limit := tools48.DefaultLimit
	if n, ok := q.call.Args.Int("limit"); ok && n > 0 {
		limit = int(n)
	}
	return t.derived(listing.Join(cut(rows, limit))), nil
}

// Rows are some fields of the processes of a node at the moment, as columns: the
// text of a listing of many rows is never put together. The reply says whence
// they are, and how many of how many were seen, as that of a call would. ok is
// false where only a call tells: there is no answer, it is old, or several
// listings that were cut have to be joined.
func (m *Moment) Rows(ctx context.Context, node string, fields []string) (f *archive.Frame, r Reply, ok bool) {
	return m.rows(ctx, node, fields, func(s stream, columns []string) (*archive.Frame, error) {
		return s.reader.LastFrame(s.StreamKey, m.at, columns, 0)
	})
}

// RowsAt is Rows for who has them of this moment, and wants more fields of those in some slots. The frame has these,
// and some others of many.
func (m *Moment) RowsAt(ctx context.Context, node string, fields []string, slots []int32) (f *archive.Frame, ok bool) {
	f, _, ok = m.rows(ctx, node, fields, func(s stream, columns []string) (*archive.Frame, error) {
		return s.reader.LastSlots(s.StreamKey, m.at, columns, slots)
	})
	return f, ok
}

// RowsSince is Rows, and of one walk some of the fields as they were at an earlier moment: old is nil where
// it cannot be had so, or no answer stood then.
func (m *Moment) RowsSince(ctx context.Context, node string, fields []string, then time.Time, some []string) (f, old *archive.Frame, r Reply, ok bool) {
	head := func(s stream, at time.Time) (*archive.Frame, error) {
		return s.reader.LastFrame(s.StreamKey, at, []string{}, 1)
	}
	was, _, stood := m.rec.Moment(then).rows(ctx, node, []string{}, func(s stream, _ []string) (*archive.Frame, error) { return head(s, then) })
	f, r, ok = m.rows(ctx, node, fields, func(s stream, columns []string) (*archive.Frame, error) {
		if now, err := head(s, m.at); err == nil && stood && spelled.New(s.Node, s.said, fields) == nil {
			var last *archive.Frame
			if old, last = s.between(ctx, was.At, now.At, columns, some); last != nil {
				return last, nil
			}
		}
		old = nil
		return s.reader.LastFrame(s.StreamKey, m.at, columns, 0)
	})
	return f, old, r, ok
}

// between walks the answers from one to another, and gives both: of the first some columns. last
// is nil where something cannot be read.
func (s stream) between(ctx context.Context, from, to time.Time, columns, some []string) (first, last *archive.Frame) {
	for f, err := range s.reader.Scan(ctx, s.StreamKey, from, to, columns) {
		if err != nil {
			return nil, nil
		}
		if f.At.Equal(from) && f.Failure == nil {
			first = copied(f, some)
		}
		if f.At.Equal(to) {
			last = copied(f, columns)
		}
	}
	return first, last
}

// copied is a frame with some of its columns that outlives the walk.
func copied(f *archive.Frame, columns []string) *archive.Frame {
	c := *f
	c.Live, c.Changed, c.Gone, c.Columns = slices.Clone(f.Live), nil, nil, nil
	for _, name := range columns {
		of := f.Column(name)
		c.Columns = append(c.Columns, archive.Column{Name: name, Kinds: slices.Clone(of.Kinds), Ints: slices.Clone(of.Ints), Texts: slices.Clone(of.Texts)})
	}
	return &c
}

func (m *Moment) rows(ctx context.Context, node string, fields []string, last func(stream, []string) (*archive.Frame, error)) (f *archive.Frame, r Reply, ok bool) {
	q, err := m.newQuestion(ctx, ergo.Call{Node: node, Tool: "process_list"})
	if err != nil {
		return nil, r, false
	}
	streams := q.tells(ergo.Processes)
	if len(streams) != 1 {
		return nil, r, false
	}
	s := streams[0]
	columns, t := fields, spelled.New(s.Node, s.said, fields)
	if t != nil {
		columns = t.Columns()
	}
	f, err = last(s, columns)
	if err != nil || f.Failure != nil || f.At.Before(q.born) || !q.fresh(&archive.Record{At: f.At}, s) {
		return nil, r, false
	}
	r = Reply{Answer: ergo.Answer{At: f.At, Took: f.Took}, From: s.Name}
	filters, limit := width(s.Args)
	if filters > 0 || f.Seen != f.Total || int64(len(f.Live)) >= limit { // rows may be missing
		if r.Seen, r.Total = len(f.Live), q.processesTotal(); r.Total > 0 && r.Seen >= r.Total {
			r.Seen, r.Total = 0, 0
		}
	}
	if t != nil {
		f = t.Frame(f)
	}
	return f, r, true
}
