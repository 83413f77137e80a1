package coverage

import "slices"

// A need is what a detector must have of each node before it may say that
// nothing is wrong there.
type need struct {
	detector string
	reading  string
	least    int      // answers
	whole    bool     // with every row
	peers    bool     // only where there is another node
	columns  []string // that it cannot do without
}

// needs are those of the playbooks. The least numbers are those below which
// the playbooks themselves decline.
func needs() []need {
	return []need{
		{"health", "node_info", 2, false, false, []string{
			"Uptime", "ProcessesTotal", "ProcessesZombee", "SendErrorsRemote", "CallErrorsRemote", "LogMessages",
		}},
		{"health", "app_list", 2, false, false, []string{"name", "state"}},
		{"bottleneck", "process_list", 3, true, false, []string{"PID", "State", "MessagesIn", "MessagesMailbox", "RunningTime", "Wakeups"}},
		{"restart-loop", "process_list", 3, true, false, []string{"PID", "Name", "Behavior", "Parent"}},
		{"process-leak", "process_list", 3, true, false, []string{"PID", "Behavior", "Application", "Parent"}},
		{"zombies", "process_list", 3, true, false, []string{"PID", "State"}},
		{"cpu", "node_info", 9, false, false, []string{"UserTime", "SystemTime"}},
		{"memory", "runtime_stats", 8, false, false, []string{"heap_alloc", "num_gc", "total_alloc"}},
		{"network", "network_nodes", 2, false, true, []string{"Node", "MessagesIn", "MessagesOut", "ConnectionUptime"}},
		{"goroutines", "runtime_stats", 8, false, false, []string{"goroutines"}},
		{"events", "event_list", 3, false, false, nil},
	}
}

// columnsOf are all columns of a reading that are needed.
func columnsOf(list []need, reading string) []string {
	columns := []string{}
	for _, n := range list {
		if n.reading == reading {
			columns = append(columns, n.columns...)
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// chosen are the needs of the named detectors, of all where none is named.
func chosen(names []string) []need {
	all := needs()
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(n need) bool { return !slices.Contains(names, n.detector) })
}

// readings are the readings that are looked at: the needed ones, and others
// that verdicts use where they are there.
func readings(list []need) []string {
	names := []string{"node_info", "network_ping", "process_inspect", "sample_read"}
	for _, n := range list {
		names = append(names, n.reading)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
