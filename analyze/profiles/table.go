package profiles

import (
	"bufio"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Table is functions and what each holds or spent, heaviest first.
type Table struct {
	Unit    string  // "nanoseconds", "bytes" or "count"
	Total   int64   // of the whole profile, also of what the rows leave out
	Seconds float64 // for how long was measured; 0 for a state (heap in use, goroutines)
	Rows    []Row
	Notes   []string // what is wrong with the profile itself
}

// A Row is one function: Flat in itself, Cum with what it called. Where the
// source knows leaf frames only, Cum is Flat.
type Row struct {
	Function string
	Flat     int64
	Cum      int64
}

// Of is the table's rows of one origin.
func (t Table) Of(o Origin) []Row {
	var rows []Row
	for _, r := range t.Rows {
		if OriginOf(r.Function) == o {
			rows = append(rows, r)
		}
	}
	return rows
}

// Row is the row of a function; ok is false where the table does not show it.
func (t Table) Row(function string) (r Row, ok bool) {
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Function == function })
	if i < 0 {
		return Row{Function: function}, false
	}
	return t.Rows[i], true
}

// Diff is what each function has in t beyond what it has in base, largest
// change first; negative where it has less. Where both were measured for a
// time, base is scaled to t's. A function that one of the tables does not show
// counts as 0 there.
func Diff(base, t Table) Table {
	scale := 1.0
	if base.Seconds > 0 && t.Seconds > 0 {
		scale = t.Seconds / base.Seconds
	}
	less := func(v int64) int64 {
		f := math.Round(float64(v) * scale)
		return int64(min(max(f, -(1<<63-1024)), 1<<63-1024)) // the floats next to the limits
	}
	rows := map[string]*Row{}
	of := func(function string) *Row {
		if rows[function] == nil {
			rows[function] = &Row{Function: function}
		}
		return rows[function]
	}
	for _, r := range t.Rows {
		d := of(r.Function)
		d.Flat, d.Cum = sum(d.Flat, r.Flat), sum(d.Cum, r.Cum)
	}
	for _, r := range base.Rows {
		d := of(r.Function)
		d.Flat, d.Cum = sum(d.Flat, -less(r.Flat)), sum(d.Cum, -less(r.Cum))
	}
	diff := Table{Unit: t.Unit, Seconds: t.Seconds, Total: sum(t.Total, -less(base.Total)), Notes: slices.Compact(slices.Concat(base.Notes, t.Notes))}
	for _, r := range rows {
		if r.Flat != 0 || r.Cum != 0 {
			diff.Rows = append(diff.Rows, *r)
		}
	}
	slices.SortFunc(diff.Rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(magnitude(b.Flat), magnitude(a.Flat)),
			cmp.Compare(magnitude(b.Cum), magnitude(a.Cum)),
			cmp.Compare(a.Function, b.Function))
	})
	return diff
}

func magnitude(v int64) int64 { return max(v, -v) }

// byFlat orders rows heaviest first, ties by name.
func byFlat(a, b Row) int {
	return cmp.Or(cmp.Compare(b.Flat, a.Flat), cmp.Compare(b.Cum, a.Cum), cmp.Compare(a.Function, b.Function))
}

// ParseCPU reads the text of pprof_cpu. Its percentages become nanoseconds of
// CPU, of which Total were spent in Seconds of wall time.
func ParseCPU(text string) (Table, error) {
	head, body, _ := strings.Cut(text, "\n")
	t := Table{Unit: "nanoseconds"}
	var showing int
	if _, err := fmt.Sscanf(head, "CPU profile: %g seconds, %d total samples, showing %d", &t.Seconds, &t.Total, &showing); err != nil {
		return Table{}, fmt.Errorf("read cpu profile: first line %.60q: %w", head, err)
	}
	for fields := range rows(body) {
		flat, err1 := strconv.ParseFloat(fields[0], 64)
		cum, err2 := strconv.ParseFloat(fields[1], 64)
		if err1 != nil || err2 != nil {
			continue // the heading
		}
		share := func(percent float64) int64 { return int64(math.Round(percent / 100 * float64(t.Total))) }
		t.Rows = append(t.Rows, Row{Function: fields[2], Flat: share(flat), Cum: share(cum)})
	}
	slices.SortStableFunc(t.Rows, byFlat)
	return t, nil
}

// ParseHeap reads the text of pprof_heap: what the last completed collection
// left in use, and what was allocated since the node's start, by leaf function.
// The total of what was allocated is not told: that table's Total is the sum
// of the rows.
func ParseHeap(text string) (inUse, allocated Table, err error) {
	head, body, _ := strings.Cut(text, "\n")
	rest, ok := strings.CutPrefix(head, "heap profile: total inuse ")
	total, _, _ := strings.Cut(rest, ",")
	inUse, allocated = Table{Unit: "bytes"}, Table{Unit: "bytes"}
	if inUse.Total, err = parseSize(total); !ok || err != nil {
		return Table{}, Table{}, fmt.Errorf("read heap profile: first line %.60q is not its heading", head)
	}
	for fields := range rows(body) {
		used, err1 := parseSize(fields[0])
		made, err2 := parseSize(fields[1])
		if err1 != nil || err2 != nil {
			continue // the heading
		}
		inUse.Rows = append(inUse.Rows, Row{Function: fields[2], Flat: used, Cum: used})
		allocated.Rows = append(allocated.Rows, Row{Function: fields[2], Flat: made, Cum: made})
		allocated.Total += made
	}
	slices.SortStableFunc(inUse.Rows, byFlat)
	slices.SortStableFunc(allocated.Rows, byFlat)
	return inUse, allocated, nil
}

// rows yields the lines of at least three columns, the third being the rest
// of the line (function names hold spaces).
func rows(body string) func(yield func([3]string) bool) {
	return func(yield func([3]string) bool) {
		lines := bufio.NewScanner(strings.NewReader(body))
		lines.Buffer(nil, len(body)+1)
		for lines.Scan() {
			first, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
			second, third, ok := strings.Cut(strings.TrimSpace(rest), " ")
			if ok && !yield([3]string{first, second, strings.TrimSpace(third)}) {
				return
			}
		}
	}
}

// parseSize reads a size as the tool prints it: 0B, 512.1KB, 2.0MB.
func parseSize(text string) (int64, error) {
	scale := 1.0
	for _, unit := range []struct {
		suffix string
		bytes  float64
	}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}} {
		if number, ok := strings.CutSuffix(text, unit.suffix); ok {
			text, scale = number, unit.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v*scale) >= math.MaxInt64 {
		return 0, fmt.Errorf("size %.20q is not a number of bytes", text)
	}
	return int64(math.Round(v * scale)), nil
}

// sum adds; what does not fit stays at the limit.
func sum(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
