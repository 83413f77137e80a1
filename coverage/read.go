package coverage

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// Options select what is looked at. The zero value looks at everything.
type Options struct {
	From, To time.Time // zero: the recording's own
	Node     string    // glob over node names
	Needs    []Need    // of the detectors that are asked
	Path     string    // what commands that would settle a doubt call the recording
}

// Of says what a recording shows. What cannot be read is part of the answer,
// not an error; an error is for ctx and for a glob that is none.
func Of(ctx context.Context, rec *replay.Recording, opt Options) (*Coverage, error) {
	c := &Coverage{
		Nodes: []Node{}, NotSeen: []NotSeen{}, Strangers: []Stranger{}, Damage: []Damage{}, Mixed: []string{}, Unread: []Unread{},
		Detectors: []Detector{}, Shortfalls: []Shortfall{}, Caveats: []string{},
	}
	c.From, c.To = rec.Window()
	if !opt.From.IsZero() {
		c.From = opt.From
	}
	if !opt.To.IsZero() {
		c.To = opt.To
	}
	l := &look{ctx: ctx, rec: rec, c: c, streams: map[string][]archive.Stream{}, lost: map[string]int{}, needs: opt.Needs, bad: map[string]bool{}}
	for _, s := range rec.Streams() {
		l.streams[s.Node] = append(l.streams[s.Node], s)
	}
	for _, d := range rec.Damage() {
		l.damaged(d)
	}
	if err := l.readLost(); err != nil {
		return nil, err
	}
	for _, a := range rec.Archives() {
		if a.Recording != "" {
			c.Unread = append(c.Unread, Unread{"the newest segment is being written: " + a.Recording})
		}
	}
	for _, n := range rec.Nodes() {
		if ok, err := path.Match(cmp.Or(opt.Node, "*"), n.Name); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		if err := l.node(n); err != nil {
			return nil, err
		}
	}
	if opt.Node == "" {
		if err := errors.Join(l.notSeen(), l.strangers()); err != nil {
			return nil, err
		}
	}
	mixed, err := Mixed(ctx, rec)
	if err != nil {
		return nil, err
	}
	c.Mixed = append(c.Mixed, mixed...)
	c.judge(l.needs, opt)
	return c, nil
}

// A look is a coverage being made.
type look struct {
	ctx context.Context
	rec *replay.Recording
	c   *Coverage
	// streams are those that there were when it began, by node.
	streams map[string][]archive.Stream
	lost    map[string]int // log lines, by node
	needs   []Need
	bad     map[string]bool // the damage that was noted
}

// damaged notes a place that cannot be read. It reports false for an error of
// another kind.
func (l *look) damaged(err error) bool {
	var e *archive.CorruptionError
	if !errors.As(err, &e) {
		return false
	}
	if l.bad[e.Error()] {
		return true
	}
	l.bad[e.Error()] = true
	d := Damage{Segment: e.Segment, Stream: e.Stream, Why: e.Err.Error()}
	if !e.From.IsZero() {
		if e.To.Before(l.c.From) || e.From.After(l.c.To) {
			return true // outside of the window
		}
		d.From, d.To = &e.From, &e.To
	}
	l.c.Damage = append(l.c.Damage, d)
	return true
}

// node looks at one node.
func (l *look) node(n replay.Node) error {
	out := Node{Name: n.Name, Latency: n.Latency.String(), Pprof: n.Pprof.String(), Readings: []Reading{}}
	from := l.c.From
	if len(n.Lives) > 0 && n.Lives[0].Started.After(from) && n.Lives[0].Started.Before(l.c.To) {
		from = n.Lives[0].Started // it was not there before
	}
	var totals series
	for _, name := range append([]string{"node_info"}, readings(l.needs)...) {
		if slices.ContainsFunc(out.Readings, func(r Reading) bool { return r.Reading == name }) {
			continue
		}
		r, err := l.reading(n.Name, name, from, &totals)
		if err != nil {
			return err
		}
		out.Readings = append(out.Readings, r)
	}
	slices.SortFunc(out.Readings, func(a, b Reading) int { return cmp.Compare(a.Reading, b.Reading) })
	for _, s := range l.streams[n.Name] {
		profile := s.Kind == archive.Profile || s.Kind == archive.Sample && (s.Name == "pprof_cpu" || s.Name == "pprof_heap")
		if profile && !s.To.Before(l.c.From) && !s.From.After(l.c.To) {
			out.Profiles += s.Records - s.Failures
		}
	}
	out.LostLogs = l.lost[n.Name]
	l.c.Nodes = append(l.c.Nodes, out)
	return nil
}

// readLost reads how many log lines of each node were lost.
func (l *look) readLost() error {
	marks, err := l.rec.Marks(l.ctx, l.c.From, l.c.To)
	if err != nil && !l.damaged(err) {
		return err
	}
	for _, m := range marks {
		if lost, ok := m.More["lost"].(float64); ok && m.Kind == archive.MarkGap {
			l.lost[m.Node] += int(lost)
		}
	}
	return nil
}

// strangers are the entry points that did not answer up to the end of the window, or of the run of the
// recorder: the next says anew which do not.
func (l *look) strangers() error {
	marks, err := l.rec.Marks(l.ctx, time.Time{}, l.c.To)
	if err != nil && !l.damaged(err) {
		return err
	}
	var ended time.Time // of the run before
	for _, m := range marks {
		entry, fault, _ := strings.Cut(m.Note, ": ")
		same := func(s Stranger) bool { return s.Entry == entry }
		switch {
		case m.Kind == "stop" || m.Kind == archive.MarkGap && m.Node == "":
			ended = m.From
		case m.Kind == archive.MarkStart:
			l.c.Strangers = slices.DeleteFunc(l.c.Strangers, func(s Stranger) bool { return !s.Since.After(ended) })
		case m.Kind == "entry_back":
			l.c.Strangers = slices.DeleteFunc(l.c.Strangers, same)
		case m.Kind == "entry_lost" && !slices.ContainsFunc(l.c.Strangers, same):
			l.c.Strangers = append(l.c.Strangers, Stranger{entry, m.From, fault})
		}
	}
	return nil
}

// A series is a number over time, ascending.
type series struct {
	t []time.Time
	v []int
}

// least is the smaller of the values before and after an instant, 0 where none
// is known.
func (s *series) least(t time.Time) int {
	i, _ := slices.BinarySearchFunc(s.t, t, time.Time.Compare)
	switch {
	case len(s.t) == 0:
		return 0
	case i == 0:
		return s.v[0]
	case i == len(s.t):
		return s.v[i-1]
	}
	return min(s.v[i-1], s.v[i])
}

// wholeShare is the share of the rows from which a listing counts as whole:
// processes come and go between two answers, and the total is another's.
const wholeShare = 0.95

// reading walks one reading of a node. Of node_info it keeps the number of
// processes, by which listings are found to be cut.
func (l *look) reading(node, name string, from time.Time, totals *series) (Reading, error) {
	r := Reading{Reading: name, Road: l.road(node, name), Holes: []Hole{}, Lacking: map[string]int{}}
	if name == "sample_read" || name == "network_ping" || name == "process_inspect" {
		l.counted(&r, node)
		return r, nil
	}
	columns := columnsOf(l.needs, name)
	if name == "node_info" && !slices.Contains(columns, "ProcessesTotal") {
		columns = append(columns, "ProcessesTotal")
	}
	limit := 0 // of rows; as many may be a part of more
	if whole(l.needs, name) {
		limit = l.limit(node, name)
	}
	var heard []time.Time // whole answers
	var rows, of []int
	for f, err := range l.rec.Table(l.ctx, node, name, l.c.From, l.c.To, columns) {
		if err != nil {
			if !l.damaged(err) {
				return r, err
			}
			r.Damaged++
			continue
		}
		if f.Failure != nil {
			r.Failures++
			r.Fault = f.Failure.Text
			continue
		}
		if name == "node_info" {
			if v, ok := total(f, columns); ok {
				totals.t, totals.v = append(totals.t, f.At), append(totals.v, v)
			}
		}
		if len(heard) == 0 || f.At.After(heard[len(heard)-1]) {
			heard = append(heard, f.At)
			lacking(f, columns, r.Lacking)
		}
		switch {
		case name == "process_list":
			there := f.Total
			if there == 0 {
				there = max(totals.least(f.At), len(f.Live))
			}
			rows, of = append(rows, len(f.Live)), append(of, there)
			if float64(len(f.Live)) < wholeShare*float64(there) {
				r.Cut++
			}
		case limit > 0 && len(f.Live) >= limit || f.Seen < f.Total:
			rows, of = append(rows, len(f.Live)), append(of, max(f.Total, len(f.Live)))
			r.Cut++
		}
	}
	if rows != nil {
		r.Rows, r.RowsOf = median(rows), median(of)
	}
	l.otherFailures(&r, node)
	r.Answers = len(heard)
	r.cover(heard, from, l.c.To)
	return r, l.ctx.Err()
}

// limit is how many rows the widest listing of a node shows at most.
func (l *look) limit(node, name string) int {
	most := 0
	for _, s := range l.streams[node] {
		if s.Kind == archive.Sample && s.Name == name {
			args, _ := ergo.ParseArgs([]byte(s.Args)) // the archive's own text; empty where there are none
			most = max(most, int(tools48.Limit(args)))
		}
	}
	return most
}

// road is over which surfaces of a node a reading came. Recordings that do not
// say are of the 48 tools.
func (l *look) road(node, name string) string {
	var roads []string
	for _, s := range l.streams[node] {
		road := cmp.Or(s.Schema.Road, tools48.Spelling().Name())
		if s.Kind == archive.Sample && s.Name == name && !slices.Contains(roads, road) {
			roads = append(roads, road)
		}
	}
	return strings.Join(roads, ", ")
}

// total is the number of processes that an answer of node_info says.
func total(f *archive.Frame, columns []string) (int, bool) {
	i := slices.Index(columns, "ProcessesTotal")
	if i < 0 || i >= len(f.Columns) || len(f.Live) == 0 {
		return 0, false
	}
	v, ok := f.Columns[i].Int(f.Live[0])
	return int(v), ok
}

// enoughRows is how many rows are looked at for a column: one that none of them
// has is missing.
const enoughRows = 64

// lacking counts the columns that an answer's rows do not have. An answer
// without rows lacks none.
func lacking(f *archive.Frame, columns []string, into map[string]int) {
	if len(f.Live) == 0 {
		return
	}
	for i, name := range columns {
		c := &f.Columns[i]
		has := slices.ContainsFunc(f.Live[:min(len(f.Live), enoughRows)], func(slot int32) bool {
			return int(slot) < len(c.Kinds) && c.Kinds[slot] != archive.Absent
		})
		if !has {
			into[name]++
		}
	}
}

// counted takes a reading that is about many subjects from the catalog: when
// it was asked first and last, and how often.
func (l *look) counted(r *Reading, node string) {
	for _, s := range l.streams[node] {
		if s.Kind != archive.Sample || s.Name != r.Reading || s.To.Before(l.c.From) || s.From.After(l.c.To) {
			continue
		}
		r.Answers += s.Records - s.Failures
		r.Failures += s.Failures
		if r.First == nil || s.From.Before(*r.First) {
			r.First = &s.From
		}
		if r.Last == nil || s.To.After(*r.Last) {
			r.Last = &s.To
		}
	}
	if window := l.c.To.Sub(l.c.From); r.First != nil && window > 0 {
		first, last := *r.First, *r.Last
		if first.Before(l.c.From) {
			first = l.c.From
		}
		if last.After(l.c.To) {
			last = l.c.To
		}
		r.Covered = last.Sub(first).Seconds() / window.Seconds()
	}
}

// otherFailures adds the failures of the same tool with other arguments: a
// listing that never arrived is a stream of its own.
func (l *look) otherFailures(r *Reading, node string) {
	all := 0
	for _, s := range l.streams[node] {
		if s.Kind == archive.Sample && s.Name == r.Reading && !s.From.Before(l.c.From) && !s.To.After(l.c.To) {
			all += s.Failures
		}
	}
	r.Failures = max(r.Failures, all)
}

// notSeen finds the nodes that the recorded ones know.
func (l *look) notSeen() error {
	recorded := map[string]bool{}
	for _, n := range l.rec.Nodes() {
		recorded[n.Name] = true
	}
	own, err := l.rec.OwnNodes(l.ctx)
	if err != nil && !l.damaged(err) {
		return err
	}
	known := map[string][]string{}
	add := func(node, by string) {
		_, observes := ergo.Observes(ergo.TraceNode, node)
		if observes || slices.Contains(own, node) {
			return // nobody looks at who looks
		}
		if node != "" && !recorded[node] && !slices.Contains(known[node], by) {
			known[node] = append(known[node], by)
		}
	}
	for _, n := range l.c.Nodes {
		for tool, column := range map[string]string{"cluster_nodes": "name", "network_nodes": "Node"} {
			for f, err := range l.rec.Table(l.ctx, n.Name, tool, l.c.From, l.c.To, []string{column}) {
				if err != nil {
					if !l.damaged(err) {
						return err
					}
					continue
				}
				for _, slot := range f.Changed {
					add(f.Columns[0].Text(slot), n.Name)
				}
			}
		}
	}
	for node, by := range known {
		slices.Sort(by)
		l.c.NotSeen = append(l.c.NotSeen, NotSeen{node, by})
	}
	slices.SortFunc(l.c.NotSeen, func(a, b NotSeen) int { return cmp.Compare(a.Node, b.Node) })
	return nil
}

func median(v []int) int {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
