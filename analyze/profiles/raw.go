package profiles

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/google/pprof/profile"
)

// A Raw is a raw pprof profile (protobuf, gzipped or not).
type Raw struct{ p *profile.Profile }

// ParseRaw reads a raw profile.
func ParseRaw(data []byte) (*Raw, error) {
	p, err := profile.ParseData(data)
	if err != nil {
		return nil, fmt.Errorf("read raw profile: %w", err)
	}
	return &Raw{p: p}, nil
}

// Measures are the names of what each sample was measured in: cpu, samples;
// inuse_space, alloc_space, …; goroutine.
func (r *Raw) Measures() []string {
	names := make([]string, len(r.p.SampleType))
	for i, t := range r.p.SampleType {
		names[i] = t.Type
	}
	return names
}

// measure is the index of a measure; "" is the profile's own default.
func (r *Raw) measure(name string) (int, error) {
	if name == "" {
		name = r.p.DefaultSampleType
	}
	if name == "" && len(r.p.SampleType) > 0 {
		return len(r.p.SampleType) - 1, nil
	}
	for i, t := range r.p.SampleType {
		if t.Type == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("profile has no measure %q; it has %q", name, r.Measures())
}

// Top is the profile by function, over the samples of one process ("" for
// all; see [Raw.ByPID]). The empty measure is the profile's default: cpu,
// inuse_space or goroutine.
func (r *Raw) Top(measure, pid string) (Table, error) {
	at, err := r.measure(measure)
	if err != nil {
		return Table{}, err
	}
	t := Table{Unit: r.p.SampleType[at].Unit, Seconds: float64(r.p.DurationNanos) / 1e9}
	rows := map[string]*Row{}
	for _, s := range r.p.Sample {
		if pid != "" && label(s, "pid") != pid {
			continue
		}
		v := s.Value[at]
		t.Total = sum(t.Total, v)
		seen := map[string]bool{}
		for i, function := range stack(s) {
			row := rows[function]
			if row == nil {
				row = &Row{Function: function}
				rows[function] = row
			}
			if i == 0 {
				row.Flat = sum(row.Flat, v)
			}
			if !seen[function] {
				seen[function] = true
				row.Cum = sum(row.Cum, v)
			}
		}
	}
	for _, row := range rows {
		t.Rows = append(t.Rows, *row)
	}
	slices.SortFunc(t.Rows, byFlat)
	t.Notes = r.notes(at)
	return t, nil
}

// notes say what is wrong with the profile itself.
func (r *Raw) notes(at int) (notes []string) {
	bare, total := 0, int64(0)
	for _, s := range r.p.Sample {
		total = sum(total, s.Value[at])
		if len(s.Location) > 0 && len(s.Location[0].Line) == 0 {
			bare++
		}
	}
	if bare > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d samples have no symbol: the profile holds addresses only, of a binary that was stripped; whose code they are cannot be told", bare, len(r.p.Sample)))
	}
	if total == math.MaxInt64 || total == math.MinInt64 {
		notes = append(notes, "the samples add up to more than 64 bits hold: the profile is damaged, and its totals stand at the limit")
	}
	return notes
}

// Attributed is the profile by the innermost application function of each
// sample, which is to whom it is owed whatever library did the work; samples
// without one are under their leaf. Cum is Flat.
func (r *Raw) Attributed(measure string) (Table, error) {
	at, err := r.measure(measure)
	if err != nil {
		return Table{}, err
	}
	t := Table{Unit: r.p.SampleType[at].Unit, Seconds: float64(r.p.DurationNanos) / 1e9}
	owed := map[string]int64{}
	for _, s := range r.p.Sample {
		t.Total = sum(t.Total, s.Value[at])
		frames := stack(s)
		if len(frames) == 0 {
			continue
		}
		i := max(0, slices.IndexFunc(frames, func(f string) bool { return OriginOf(f) == Application }))
		owed[frames[i]] = sum(owed[frames[i]], s.Value[at])
	}
	for function, v := range owed {
		t.Rows = append(t.Rows, Row{Function: function, Flat: v, Cum: v})
	}
	slices.SortFunc(t.Rows, byFlat)
	return t, nil
}

// ByPID is what the samples labelled with each process measure (nodes built
// with -tags=pprof label what runs for a process). What belongs to none is
// under "".
func (r *Raw) ByPID(measure string) (map[string]int64, error) {
	at, err := r.measure(measure)
	if err != nil {
		return nil, err
	}
	byPID := map[string]int64{}
	for _, s := range r.p.Sample {
		byPID[label(s, "pid")] = sum(byPID[label(s, "pid")], s.Value[at])
	}
	return byPID, nil
}

// A View is a function with those that called it and those that it called:
// in Cum, how much of the profile passed from one to the other.
type View struct {
	Row
	Callers []Row
	Callees []Row
}

// Peek looks around one function.
func (r *Raw) Peek(measure, function string) (View, error) {
	at, err := r.measure(measure)
	if err != nil {
		return View{}, err
	}
	view := View{Row: Row{Function: function}}
	callers, callees := map[string]int64{}, map[string]int64{}
	found := false
	for _, s := range r.p.Sample {
		frames, v := stack(s), s.Value[at]
		met, from, to := false, map[string]bool{}, map[string]bool{}
		for i, f := range frames {
			if f != function {
				continue
			}
			met = true
			if i == 0 {
				view.Flat = sum(view.Flat, v)
			} else if !to[frames[i-1]] {
				to[frames[i-1]] = true
				callees[frames[i-1]] = sum(callees[frames[i-1]], v)
			}
			if i+1 < len(frames) && !from[frames[i+1]] {
				from[frames[i+1]] = true
				callers[frames[i+1]] = sum(callers[frames[i+1]], v)
			}
		}
		if met {
			found = true
			view.Cum = sum(view.Cum, v)
		}
	}
	if !found {
		return View{}, fmt.Errorf("profile has no function %q", function)
	}
	view.Callers, view.Callees = sortedRows(callers), sortedRows(callees)
	return view, nil
}

func sortedRows(m map[string]int64) []Row {
	var rows []Row
	for function, v := range m {
		rows = append(rows, Row{Function: function, Cum: v})
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Cum, a.Cum), cmp.Compare(a.Function, b.Function))
	})
	return rows
}

// stack is the functions of a sample, the leaf first, inlined ones too.
func stack(s *profile.Sample) []string {
	var names []string
	for _, l := range s.Location {
		if len(l.Line) == 0 {
			names = append(names, fmt.Sprintf("%#x", l.Address))
		}
		for _, line := range l.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

func label(s *profile.Sample, name string) string {
	if v := s.Label[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
