package replay

import (
	"context"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// Rows are some fields of the processes of a node at the moment, as columns: the
// text of a listing of many rows is never put together. The reply says whence
// they are, and how many of how many were seen, as that of a call would. ok is
// false where only a call tells: there is no answer, it is old, or several
// listings that were cut have to be joined.
func (m *Moment) Rows(ctx context.Context, node string, fields []string) (f *archive.Frame, r Reply, ok bool) {
	q, err := m.newQuestion(ctx, ergo.Call{Node: node, Tool: "process_list"})
	if err != nil {
		return nil, r, false
	}
	streams := q.tells(ergo.Processes)
	if len(streams) != 1 {
		return nil, r, false
	}
	s := streams[0]
	columns, t := fields, newTranslation(s, fields)
	if t != nil {
		columns = t.own
	}
	f, err = s.reader.LastFrame(s.StreamKey, m.at, columns, 0)
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
		f = t.frame(f)
	}
	return f, r, true
}
