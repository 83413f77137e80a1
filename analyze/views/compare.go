package views

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// A Span is a window, from its first to its last instant.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// A Comparison is what differs between two windows.
type Comparison struct {
	Before Span `json:"before"`
	After  Span `json:"after"`
	// Changes of nodes and of processes, the largest relative change first.
	Nodes          []Change  `json:"nodes"`
	Processes      []Change  `json:"processes"`
	ProcessesTotal int       `json:"processes_total"` // changes, listed or not
	Appeared       []Process `json:"appeared"`        // processes that are only in the later window
	AppearedTotal  int       `json:"appeared_total"`
	Gone           []Process `json:"gone"` // only in the earlier one
	GoneTotal      int       `json:"gone_total"`
	OwnErrors      int       `json:"own_errors"` // of the recorder's own calls, which no change counts
}

// OwnLeftOut says what the call errors are without; "" where that is nothing.
func (c *Comparison) OwnLeftOut() string { return WithoutOwn("call errors", int64(c.OwnErrors)) }

// A Change is one field in both windows: of a cumulative counter its rate per
// second, of a gauge its median.
type Change struct {
	Node     string `json:"node"`
	PID      string `json:"pid,omitempty"`
	Name     string `json:"name,omitempty"`
	Behavior string `json:"behavior,omitempty"`
	// Alike is how many processes of the behavior without a name are meant where
	// they changed alike: the figures are those in the middle, and there is no PID.
	Alike  int       `json:"alike,omitempty"`
	Field  string    `json:"field"`
	Unit   ergo.Unit `json:"unit,omitempty"`
	Rate   bool      `json:"rate_per_second"`
	Before float64   `json:"before"`
	After  float64   `json:"after"`
}

// A Process names one.
type Process struct {
	Node     string `json:"node"`
	PID      string `json:"pid"`
	Name     string `json:"name,omitempty"`
	Behavior string `json:"behavior,omitempty"`
	Alike    int    `json:"alike,omitempty"` // so many of the behavior without a name, instead of one
}

// comparedFields are what is compared, by tool.
var comparedFields = [...]struct {
	tool   string
	fields []string
}{
	{"node_info", []string{
		"ProcessesTotal", "ProcessesRunning", "ProcessesZombee", "ProcessesSpawned", "ProcessesTerminated",
		"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote", "MemoryUsed", "MemoryAlloc",
	}},
	{"runtime_stats", []string{"goroutines", "heap_alloc", "heap_objects", "total_alloc", "num_gc", "gc_cpu_percent"}},
	{"network_info", []string{"ConnectionsEstablished", "ConnectionsLost"}},
}

var comparedOfProcesses = [...]string{"MessagesMailbox", "MailboxLatency", "MessagesIn", "MessagesOut", "RunningTime", "Wakeups"}

// Compare returns what differs between two windows on a node ("" for all):
// fields that changed by a tenth or more, at most limit of each list.
func Compare(ctx context.Context, rec *replay.Recording, node string, before, after Span, limit int) (*Comparison, error) {
	c := &Comparison{Before: before, After: after, Nodes: []Change{}, Processes: []Change{}, Appeared: []Process{}, Gone: []Process{}}
	if err := rec.HasNode(node); err != nil {
		return nil, err
	}
	own := rec.Own()
	for _, n := range rec.Nodes() {
		if node != "" && n.Name != node {
			continue
		}
		for _, t := range comparedFields {
			a, err := summarize(ctx, rec, n.Name, t.tool, t.fields, before)
			if err != nil {
				return nil, err
			}
			b, err := summarize(ctx, rec, n.Name, t.tool, t.fields, after)
			if err != nil {
				return nil, err
			}
			if err := c.leaveOutOwn(ctx, own, n.Name, t.fields, a[""], b[""]); err != nil {
				return nil, err
			}
			c.Nodes = append(c.Nodes, changes(Process{Node: n.Name}, t.tool, t.fields, a[""], b[""])...)
		}
		if err := c.processes(ctx, rec, n.Name); err != nil {
			return nil, err
		}
	}
	c.Processes = foldAlike(c.Processes)
	c.cut(limit)
	return c, nil
}

// leaveOutOwn takes what the recorder's own calls added off the counters in which they are.
func (c *Comparison) leaveOutOwn(ctx context.Context, own *replay.Own, node string, fields []string, before, after *summary) error {
	for i, field := range fields {
		if _, ours := ergo.Observes(ergo.TraceCounter, field); !ours {
			continue
		}
		for _, s := range []struct {
			*summary
			Span
		}{{before, c.Before}, {after, c.After}} {
			if s.summary == nil {
				continue
			}
			whole := s.series[i]
			if whole.Len() < 2 || whole.V[whole.Len()-1] == 0 {
				continue // nothing was added
			}
			at, err := own.Errors(ctx, node, whole.T[0].Add(1), s.To)
			if err != nil {
				return fmt.Errorf("read the recorder's own calls that failed: %w", err)
			}
			s.series[i] = series.Without(whole, at)
			c.OwnErrors += int(whole.V[whole.Len()-1] - s.series[i].V[whole.Len()-1])
		}
	}
	return nil
}

func (c *Comparison) processes(ctx context.Context, rec *replay.Recording, node string) error {
	fields := comparedOfProcesses[:]
	a, err := summarize(ctx, rec, node, "process_list", fields, c.Before)
	if err != nil {
		return err
	}
	b, err := summarize(ctx, rec, node, "process_list", fields, c.After)
	if err != nil {
		return err
	}
	for _, pid := range slices.Sorted(maps.Keys(b)) {
		s := b[pid]
		if o := a[pid]; o != nil {
			c.Processes = append(c.Processes, changes(s.who, "process_list", fields, o, s)...)
		} else {
			c.Appeared = append(c.Appeared, s.who)
		}
	}
	for _, pid := range slices.Sorted(maps.Keys(a)) {
		if b[pid] == nil {
			c.Gone = append(c.Gone, a[pid].who)
		}
	}
	return nil
}

// fewAlike is from how many on processes that changed alike are one row.
const fewAlike = 3

// foldAlike puts changes of one field in one direction, of processes of a node
// and behavior that have no name, into one.
func foldAlike(all []Change) []Change {
	type key struct {
		node, behavior, field string
		more                  bool
	}
	families := map[key][]Change{}
	of := func(c Change) key { return key{c.Node, c.Behavior, c.Field, c.After > c.Before} }
	for _, c := range all {
		if c.Name == "" {
			families[of(c)] = append(families[of(c)], c)
		}
	}
	out := slices.DeleteFunc(all, func(c Change) bool { return c.Name == "" && len(families[of(c)]) >= fewAlike })
	for _, k := range slices.SortedFunc(maps.Keys(families), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.behavior, b.behavior), cmp.Compare(a.field, b.field))
	}) {
		f := families[k]
		if len(f) < fewAlike {
			continue
		}
		one := Change{Node: k.node, Behavior: k.behavior, Alike: len(f), Field: k.field, Unit: f[0].Unit, Rate: f[0].Rate}
		one.Before = middle(f, func(c Change) float64 { return c.Before })
		one.After = middle(f, func(c Change) float64 { return c.After })
		out = append(out, one)
	}
	return out
}

// foldProcesses puts processes of a node and behavior that have no name into one
// row.
func foldProcesses(all []Process) []Process {
	type key struct{ node, behavior string }
	count := map[key]int{}
	for _, p := range all {
		if p.Name == "" {
			count[key{p.Node, p.Behavior}]++
		}
	}
	out := []Process{}
	for _, p := range all {
		k := key{p.Node, p.Behavior}
		switch n := count[k]; {
		case p.Name != "" || n > 0 && n < fewAlike:
			out = append(out, p)
		case n >= fewAlike:
			out = append(out, Process{Node: p.Node, Behavior: p.Behavior, Alike: n})
			count[k] = 0 // its row is there
		}
	}
	return out
}

// middle is the median of what is read off changes.
func middle(of []Change, read func(Change) float64) float64 {
	values := make([]float64, len(of))
	for i, c := range of {
		values[i] = read(c)
	}
	return series.Median(values)
}

// cut orders the lists and takes the first of each.
func (c *Comparison) cut(limit int) {
	for _, list := range []*[]Change{&c.Nodes, &c.Processes} {
		slices.SortFunc(*list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.Node+a.PID+a.Field, b.Node+b.PID+b.Field))
		})
	}
	c.ProcessesTotal, c.AppearedTotal, c.GoneTotal = len(c.Processes), len(c.Appeared), len(c.Gone)
	c.Appeared, c.Gone = foldProcesses(c.Appeared), foldProcesses(c.Gone)
	c.Nodes, c.Processes = first(c.Nodes, limit), first(c.Processes, limit)
	for _, list := range []*[]Process{&c.Appeared, &c.Gone} {
		slices.SortFunc(*list, func(a, b Process) int { return cmp.Compare(a.Node+a.PID, b.Node+b.PID) })
		*list = first(*list, limit)
	}
}

// first is the first n of a list, none where n is negative.
func first[T any](list []T, n int) []T { return list[:min(max(n, 0), len(list))] }

// weight orders changes: by how many times the value is another one, counts
// near 0 damped, since from 1 to 3 is less of a change than from 1,000 to 3,000.
func (c *Change) weight() float64 {
	a, b := math.Abs(c.Before), math.Abs(c.After)
	damp := 10.0
	if c.Field == "MailboxLatency" || c.Field == "RunningTime" {
		damp = 1e8 // a tenth of a second, these being in nanoseconds
	}
	return math.Abs(math.Log((b + damp) / (a + damp)))
}

// A summary is what a row's fields were in a window.
type summary struct {
	who    Process
	series []series.Series
	grown  []follower // of counters
}

// A follower is how far one counter has come.
type follower struct {
	series.Counter
	total float64
}

// summarize reads the fields of each row of a tool in a window, by PID.
func summarize(ctx context.Context, rec *replay.Recording, node, tool string, fields []string, w Span) (map[string]*summary, error) {
	q := replay.Query{Node: node, Reading: tools48.Reading(tool), From: w.From, To: w.To}
	q.Fields = append([]string{"PID", "Name", "Behavior", "Application"}, fields...)
	rates := make([]bool, len(fields))
	for i, field := range fields {
		rates[i] = isRate(tool, field)
	}
	out := map[string]*summary{}
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("compare %s of %s: %w", tool, node, err)
		}
		for _, slot := range f.Live {
			pid := f.Columns[0].Text(slot)
			s, known := out[pid]
			switch {
			case known:
			case ergo.ObservesProcess(f.Columns[3].Text(slot), f.Columns[2].Text(slot)):
				out[pid] = nil // it is there because somebody observes
			default:
				s = &summary{Process{Node: node, PID: pid, Name: f.Columns[1].Text(slot), Behavior: f.Columns[2].Text(slot)}, make([]series.Series, len(fields)), make([]follower, len(fields))}
				out[pid] = s
			}
			if s == nil {
				continue
			}
			for i := range fields {
				c := &f.Columns[4+i]
				if !rates[i] {
					if v := c.Float(slot); math.Abs(v) < 1<<63 {
						s.series[i].Add(f.At, v)
					}
				} else if n, ok := counted(c, slot); ok {
					grown, _ := s.grown[i].Step(n)
					s.grown[i].total += grown
					s.series[i].Add(f.At, s.grown[i].total)
				}
			}
		}
	}
	maps.DeleteFunc(out, func(_ string, s *summary) bool { return s == nil })
	return out, nil
}

// changes are the fields that differ by a tenth or more.
func changes(who Process, tool string, fields []string, a, b *summary) []Change {
	if a == nil || b == nil {
		return nil
	}
	var out []Change
	for i, field := range fields {
		known, _ := ergo.Define(tools48.Reading(tool)).Field(field)
		c := Change{Node: who.Node, PID: who.PID, Name: who.Name, Behavior: who.Behavior, Field: field, Unit: known.Unit, Rate: known.Kind == ergo.Cumulative}
		c.Before, c.After = level(a.series[i], c.Rate), level(b.series[i], c.Rate)
		if math.IsNaN(c.Before) || math.IsNaN(c.After) {
			continue
		}
		if math.Abs(c.After-c.Before) >= 0.1*max(math.Abs(c.Before), math.Abs(c.After)) && c.After != c.Before {
			out = append(out, c)
		}
	}
	return out
}

// isRate reports whether a field counts something up.
func isRate(tool, field string) bool {
	known, _ := ergo.Define(tools48.Reading(tool)).Field(field)
	return known.Kind == ergo.Cumulative
}

// level is the rate of a counter, or the median of a gauge; NaN where the
// window holds too little to tell.
func level(s series.Series, rate bool) float64 {
	if !rate {
		return series.Median(s.V)
	}
	grown, seconds := series.Increase(s)
	if seconds == 0 {
		return math.NaN()
	}
	return grown / seconds
}
