package coverage

import "slices"

// A Need is what a detector must have of each node before it may say that
// nothing is wrong there.
type Need struct {
	Detector string
	Reading  string   // the tool that gives it
	Least    int      // answers
	Whole    bool     // with every row
	Peers    bool     // only where there is another node
	Columns  []string // that it cannot do without
}

// columnsOf are all columns of a reading that are needed.
func columnsOf(list []Need, reading string) []string {
	columns := []string{}
	for _, n := range list {
		if n.Reading == reading {
			columns = append(columns, n.Columns...)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// whole reports whether every row of a reading is needed.
func whole(list []Need, reading string) bool {
	return slices.ContainsFunc(list, func(n Need) bool { return n.Reading == reading && n.Whole })
}

// readings are the readings that are looked at: the needed ones, and others
// that verdicts use where they are there.
func readings(list []Need) []string {
	names := []string{"node_info", "network_ping", "process_inspect", "sample_read"}
	for _, n := range list {
		names = append(names, n.Reading)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
