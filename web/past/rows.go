package past

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// texts and numbers are the fields of a process, by their columns.
func texts(p *Process) []*string {
	return []*string{
		(*string)(&p.PID), &p.Name, &p.Behavior, &p.Application, &p.Kind, (*string)(&p.Parent), (*string)(&p.Leader), &p.State, &p.LogLevel,
	}
}

func numbers(p *Process) []*int64 {
	return []*int64{
		&p.StateTime, &p.MessagesIn, &p.MessagesOut, &p.MessagesMailbox, &p.MailboxLatency, &p.RunningTime, &p.Wakeups, &p.InitTime, &p.Uptime,
	}
}

// processColumns are the columns of texts, then those of numbers.
func processColumns() []string {
	return []string{
		"PID", "Name", "Behavior", "Application", "Kind", "Parent", "Leader", "State", "LogLevel",
		"StateTime", "MessagesIn", "MessagesOut", "MessagesMailbox", "MailboxLatency", "RunningTime", "Wakeups", "InitTime", "Uptime",
	}
}

func fill(p *Process, f *archive.Frame, slot int32) {
	said := texts(p)
	for i, to := range said {
		*to = f.Columns[i].Text(slot)
	}
	for i, to := range numbers(p) {
		*to, _ = f.Columns[len(said)+i].Int(slot)
	}
}

// briefColumns are the columns of brief: by what processes are ranked, and what
// their rates are made of.
func briefColumns() []string {
	return []string{"PID", "MessagesIn", "MessagesOut", "RunningTime", "Uptime", "MessagesMailbox", "MailboxLatency"}
}

// rateColumns are those of them that rates are made of.
func rateColumns() []string { return briefColumns()[:5] }

// brief fills in what the columns of a frame say, of briefColumns or the first of them.
func brief(p *Process, f *archive.Frame, slot int32) {
	p.PID = ergo.PID(f.Columns[0].Text(slot))
	to := [...]*int64{&p.MessagesIn, &p.MessagesOut, &p.RunningTime, &p.Uptime, &p.MessagesMailbox, &p.MailboxLatency}
	for i := range f.Columns[1:] {
		*to[i], _ = f.Columns[1+i].Int(slot)
	}
}

// A listing is the processes of one node, by PID.
type listing struct {
	rows  []Process
	slots []int32 // in which the rows are in the frames of their listing; nil where only the answer told
}

// listing reads the processes of a node: out of the columns of its listing, where
// many rows are had without their text, or else out of the answer.
func (m *Moment) listing(ctx context.Context, node string) listing {
	f, r, ok := m.caller.Rows(ctx, node, processColumns())
	return m.listed(ctx, node, f, r, ok)
}

// listed is a listing of columns that were read, if they were.
func (m *Moment) listed(ctx context.Context, node string, f *archive.Frame, r replay.Reply, ok bool) listing {
	if !ok {
		var rows []Process
		at, told := m.Ask(ctx, node, "process_list", Everything(), &rows)
		if !told {
			return listing{} // of an answer that cannot be read some rows may be there
		}
		for i := range rows {
			rows[i].Node, rows[i].Observed = node, at
		}
		slices.SortFunc(rows, func(a, b Process) int { return ComparePIDs(a.PID, b.PID) })
		return listing{rows: rows}
	}
	m.cut(node, "process_list", r)
	pid := &f.Columns[0]
	l := listing{make([]Process, len(f.Live)), slices.Clone(f.Live)}
	slices.SortFunc(l.slots, func(a, b int32) int { return ComparePIDs(ergo.PID(pid.Text(a)), ergo.PID(pid.Text(b))) })
	for i, slot := range l.slots {
		p := &l.rows[i]
		fill(p, f, slot)
		p.Node, p.Observed = node, f.At
	}
	return l
}

// Processes are the processes of the nodes, by node and PID.
func (m *Moment) Processes(ctx context.Context, nodes ...string) (all []Process) {
	for _, n := range sorted(nodes) {
		all = joined(all, m.listing(ctx, n).rows)
	}
	return all
}

// Rated are the processes with their rates over the given time before.
func (m *Moment) Rated(ctx context.Context, over time.Duration, nodes ...string) (all []Process) {
	for _, n := range sorted(nodes) {
		f, old, r, ok := m.caller.RowsSince(ctx, n, processColumns(), m.at.Add(-over), rateColumns())
		l := m.listed(ctx, n, f, r, ok)
		before := m.earlier(ctx, n, over, old)
		for i := range l.rows {
			slot := int32(-1)
			if l.slots != nil {
				slot = l.slots[i]
			}
			before.rate(&l.rows[i], slot)
		}
		all = joined(all, l.rows)
	}
	return all
}

func sorted(nodes []string) []string { return slices.Sorted(slices.Values(nodes)) }

// joined are both; of one node alone nothing is copied.
func joined(all, more []Process) []Process {
	if len(all) == 0 {
		return more
	}
	return append(all, more...)
}

// Deepest are the processes of the nodes with the deepest mailboxes, so many at most, with
// their rates over the given time before: of mailboxes as deep those whose oldest message
// waits longest, then who is busiest. seen is how many processes there are. Only what ranks
// them is read of all.
func (m *Moment) Deepest(ctx context.Context, most int, over time.Duration, nodes ...string) (top []Process, seen int) {
	best := foremost{most: most}
	for _, n := range nodes {
		f, old, r, ok := m.caller.RowsSince(ctx, n, briefColumns(), m.at.Add(-over), rateColumns())
		if !ok {
			all := m.Rated(ctx, over, n)
			seen += len(all)
			for i := range all {
				best.offer(&all[i], -1, nil)
			}
			continue
		}
		m.cut(n, "process_list", r)
		seen += len(f.Live)
		before := m.earlier(ctx, n, over, old)
		for _, slot := range f.Live {
			p := Process{Node: n, Observed: f.At}
			brief(&p, f, slot)
			best.offer(&p, slot, before)
		}
	}
	m.complete(ctx, best.ranked)
	for i := range best.ranked {
		top = append(top, best.ranked[i].Process)
	}
	return top, seen
}

// complete reads all fields of ranked processes of which only a few were read, out of the
// answer that told those: where a recording grows there may be a newer one by now.
func (m *Moment) complete(ctx context.Context, list []ranked) {
	type answer struct {
		node string
		at   time.Time
	}
	slots := map[answer][]int32{}
	for _, r := range list {
		if r.slot >= 0 {
			slots[answer{r.Node, r.Observed}] = append(slots[answer{r.Node, r.Observed}], r.slot)
		}
	}
	for a, some := range slots {
		f, ok := m.caller.RowsAt(ctx, a.node, processColumns(), some)
		if ok && !f.At.Equal(a.at) {
			f, ok = m.rec.Moment(a.at).RowsAt(ctx, a.node, processColumns(), some)
		}
		for i := range list {
			if r := &list[i]; ok && r.Node == a.node && r.slot >= 0 {
				fill(&r.Process, f, r.slot)
			}
		}
	}
}

// A ranked is a process, and in which slot its row is; -1 where it is known whole.
type ranked struct {
	Process
	slot int32
}

// foremost are the processes that rank first of those offered, in order.
type foremost struct {
	most   int
	ranked []ranked
}

// offer takes in a process if it ranks among the first. Its rates are reckoned where they
// count, unless before is nil: then they are known.
func (d *foremost) offer(p *Process, slot int32, before *earlier) {
	if d.most == 0 {
		return
	}
	full := len(d.ranked) == d.most
	if full && byMailbox(p, &d.ranked[d.most-1].Process) > 0 {
		return
	}
	if before != nil {
		before.rate(p, slot)
	}
	i, _ := slices.BinarySearchFunc(d.ranked, p, func(r ranked, p *Process) int { return byRank(&r.Process, p) })
	if i == d.most {
		return
	}
	if full {
		d.ranked = d.ranked[:d.most-1]
	}
	d.ranked = slices.Insert(d.ranked, i, ranked{*p, slot})
}

func byMailbox(a, b *Process) int {
	return cmp.Or(cmp.Compare(b.MessagesMailbox, a.MessagesMailbox), cmp.Compare(b.MailboxLatency, a.MailboxLatency))
}

func byRank(a, b *Process) int {
	return cmp.Or(byMailbox(a, b), cmp.Compare(b.Busy, a.Busy), OrderProcesses(a, b))
}

// An earlier is what rates at a moment are made of: the processes of a node at an
// earlier one.
type earlier struct {
	f    *archive.Frame // nil where only the answer told
	rows []Process      // that it told
	at   map[ergo.PID]int32
}

// earlier is the processes of a node a while before the moment; old are they, where they
// were read.
func (m *Moment) earlier(ctx context.Context, node string, over time.Duration, old *archive.Frame) *earlier {
	if old != nil {
		return &earlier{f: old}
	}
	before := MomentOf(m.rec, m.at.Add(-over))
	if f, _, ok := before.caller.Rows(ctx, node, rateColumns()); ok {
		return &earlier{f: f}
	}
	return &earlier{rows: before.listing(ctx, node).rows}
}

// rate reckons the rates of a process, whose row is in a slot of its own listing.
func (e *earlier) rate(p *Process, slot int32) {
	if e.f == nil {
		if i, ok := e.place(p.PID); ok {
			p.rate(&e.rows[i])
		}
		return
	}
	if slot < 0 || e.f.Columns[0].Text(slot) != string(p.PID) {
		if was := time.Duration(p.Uptime+1) * time.Second; p.Uptime > 0 && p.Observed.Add(-was).After(e.f.At) {
			return // it was not there
		}
		var ok bool
		if slot, ok = e.place(p.PID); !ok {
			return
		}
	}
	before := Process{Observed: e.f.At}
	brief(&before, e.f, slot)
	p.rate(&before)
}

// place is where a process stands among the rows, or in which slot of the frame.
func (e *earlier) place(pid ergo.PID) (i int32, ok bool) {
	if e.at == nil {
		e.at = map[ergo.PID]int32{}
		for i := range e.rows {
			e.at[e.rows[i].PID] = int32(i)
		}
		if e.f != nil {
			for _, slot := range e.f.Live {
				e.at[ergo.PID(e.f.Columns[0].Text(slot))] = slot
			}
		}
	}
	i, ok = e.at[pid]
	return i, ok
}
