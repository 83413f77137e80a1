package ergo

// Tools is the contract of the 48 tools, in the order in which nodes list them.
func Tools() []Tool {
	return []Tool{
		{Name: "node_info", Kind: Read, Help: "The node itself: uptime, version, process counts by state, error counters, log counts, memory, CPU time"},
		{Name: "node_env", Kind: Read, Help: "The environment variables of the node"},
		{Name: "process_list", Kind: Read, Help: "The processes of the node, filtered, sorted by one figure (largest first), cut at limit", Params: []Param{
			{Name: "application", Type: "string"},
			{Name: "behavior", Type: "string"},
			{Name: "limit", Type: "integer"},
			{Name: "max_uptime", Type: "integer"},
			{Name: "min_init_time_ms", Type: "number"},
			{Name: "min_mailbox", Type: "integer"},
			{Name: "min_mailbox_latency_ms", Type: "number"},
			{Name: "min_messages_in", Type: "integer"},
			{Name: "min_messages_out", Type: "integer"},
			{Name: "min_running_time_ms", Type: "number"},
			{Name: "min_uptime", Type: "integer"},
			{Name: "min_wakeups", Type: "integer"},
			{Name: "name", Type: "string"},
			{Name: "sort_by", Type: "string", Enum: []string{"mailbox", "mailbox_latency", "running_time", "init_time", "wakeups", "uptime", "messages_in", "messages_out", "drain"}},
			{Name: "state", Type: "string"},
		}},
		{Name: "process_children", Kind: Read, Help: "The processes that a process has spawned, or with recursive its whole subtree", Params: []Param{
			{Name: "parent", Type: "string", Required: true},
			{Name: "recursive", Type: "boolean"},
		}},
		{Name: "process_info", Kind: Read, Help: "All about one process: mailbox queues, links, monitors, aliases, events, meta processes", Params: []Param{
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "process_state", Kind: Read, Help: "The state of one process, in words", Params: []Param{
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "process_lookup", Kind: Read, Help: "The PID of a registered name, or the name of a PID", Params: []Param{
			{Name: "name", Type: "string"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "process_inspect", Kind: Read, Help: "What a process says about itself (its inspection callback)", Params: []Param{
			{Name: "items", Type: "array", Items: "string"},
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "meta_inspect", Kind: Read, Help: "What a meta process says about itself", Params: []Param{
			{Name: "alias", Type: "string", Required: true},
			{Name: "items", Type: "array", Items: "string"},
		}},
		{Name: "app_list", Kind: Read, Help: "The applications of the node: state, mode, uptime, size", Params: []Param{
			{Name: "min_uptime", Type: "integer"},
			{Name: "mode", Type: "string"},
			{Name: "name", Type: "string"},
			{Name: "state", Type: "string"},
		}},
		{Name: "app_info", Kind: Read, Help: "All about one application: mode, dependencies, environment, group", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "app_processes", Kind: Read, Help: "The processes of one application", Params: []Param{
			{Name: "limit", Type: "integer"},
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "event_list", Kind: Read, Help: "The events of the node: producer, subscribers, what was published and delivered", Params: []Param{
			{Name: "has_buffer", Type: "boolean"},
			{Name: "limit", Type: "integer"},
			{Name: "max_published", Type: "integer"},
			{Name: "max_subscribers", Type: "integer"},
			{Name: "min_local_sent", Type: "integer"},
			{Name: "min_published", Type: "integer"},
			{Name: "min_remote_sent", Type: "integer"},
			{Name: "min_subscribers", Type: "integer"},
			{Name: "name", Type: "string"},
			{Name: "notify", Type: "boolean"},
			{Name: "producer", Type: "string"},
			{Name: "sort_by", Type: "string", Enum: []string{"subscribers", "published", "local_sent", "remote_sent"}},
			{Name: "utilization_state", Type: "string", Enum: []string{"active", "on_demand", "idle", "no_subscribers", "no_publishing"}},
		}},
		{Name: "event_info", Kind: Read, Help: "All about one event", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_info", Kind: Read, Help: "The network of the node: mode, registrar, acceptors, connections made and lost"},
		{Name: "network_nodes", Kind: Read, Help: "The connections of the node: uptimes, messages and bytes in both directions", Params: []Param{
			{Name: "min_bytes_in", Type: "integer"},
			{Name: "min_bytes_out", Type: "integer"},
			{Name: "min_connection_uptime", Type: "integer"},
			{Name: "min_messages_in", Type: "integer"},
			{Name: "min_messages_out", Type: "integer"},
			{Name: "min_uptime", Type: "integer"},
			{Name: "name", Type: "string"},
		}},
		{Name: "network_node_info", Kind: Read, Help: "All about the connection to one node", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_acceptors", Kind: Read, Help: "The listeners of the node, with their handshake errors"},
		{Name: "network_connect", Kind: Action, Help: "Connect the node to another by its name", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_connect_route", Kind: Action, Help: "Connect the node to another at a given address", Params: []Param{
			{Name: "cookie", Type: "string"},
			{Name: "host", Type: "string", Required: true},
			{Name: "insecure_skip_verify", Type: "boolean"},
			{Name: "name", Type: "string", Required: true},
			{Name: "port", Type: "integer", Required: true},
			{Name: "tls", Type: "boolean"},
		}},
		{Name: "network_disconnect", Kind: Action, Help: "Cut the connection to another node", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_ping", Kind: Read, Help: "The round trip from the node to another, through its tool application", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cron_info", Kind: Read, Help: "The scheduler of the node and all its jobs"},
		{Name: "cron_job", Kind: Read, Help: "All about one scheduled job", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cron_schedule", Kind: Read, Help: "Which jobs run within the next seconds", Params: []Param{
			{Name: "duration_seconds", Type: "integer"},
		}},
		{Name: "registrar_info", Kind: Read, Help: "The registrar of the node and what it can do"},
		{Name: "registrar_resolve", Kind: Read, Help: "The addresses of a node, as the registrar knows them", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "registrar_resolve_proxy", Kind: Read, Help: "The proxies to a node, as the registrar knows them", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "registrar_resolve_app", Kind: Read, Help: "The nodes that run an application, as the registrar knows them", Params: []Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cluster_nodes", Kind: Read, Help: "All nodes that are known: itself, connected ones, discovered ones"},
		{Name: "pprof_goroutines", Kind: Read, Help: "The goroutines of the node by stack (debug 1) or one by one (debug 2), or that of one process", Params: []Param{
			{Name: "debug", Type: "integer"},
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "pprof_cpu", Kind: Read, Help: "The functions that burn most CPU, over some seconds in which a worker is blocked", Params: []Param{
			{Name: "duration", Type: "integer"},
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "pprof_heap", Kind: Read, Help: "The functions that hold most heap, as of the last collection", Params: []Param{
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "runtime_stats", Kind: Read, Help: "Figures of the Go runtime: goroutines, heap, collections"},
		{Name: "sample_start", Kind: Sampler, Help: "Start a sampler that calls a tool at an interval and keeps the answers", Params: []Param{
			{Name: "arguments", Type: "object"},
			{Name: "buffer_size", Type: "integer"},
			{Name: "count", Type: "integer"},
			{Name: "duration_sec", Type: "integer"},
			{Name: "interval_ms", Type: "integer"},
			{Name: "linger_sec", Type: "integer"},
			{Name: "max_errors", Type: "integer"},
			{Name: "tool", Type: "string", Required: true},
		}},
		{Name: "sample_listen", Kind: Sampler, Help: "Start a sampler that keeps log lines and the messages of an event", Params: []Param{
			{Name: "buffer_size", Type: "integer"},
			{Name: "duration_sec", Type: "integer"},
			{Name: "event", Type: "string"},
			{Name: "event_node", Type: "string"},
			{Name: "linger_sec", Type: "integer"},
			{Name: "log_levels", Type: "array", Items: "string"},
			{Name: "log_source", Type: "string", Enum: []string{"", "process", "meta", "node", "network"}},
		}},
		{Name: "sample_read", Kind: Sampler, Help: "What a sampler has kept, behind the entry with the number since", Params: []Param{
			{Name: "sampler_id", Type: "string", Required: true},
			{Name: "since", Type: "integer"},
		}},
		{Name: "sample_stop", Kind: Sampler, Help: "End a sampler", Params: []Param{
			{Name: "sampler_id", Type: "string", Required: true},
		}},
		{Name: "sample_list", Kind: Sampler, Help: "The samplers of the node"},
		{Name: "log_level_get", Kind: Read, Help: "The log level of the node, a process or a meta process", Params: []Param{
			{Name: "target", Type: "string"},
		}},
		{Name: "log_level_set", Kind: Action, Help: "Set the log level of the node, a process or a meta process", Params: []Param{
			{Name: "level", Type: "string", Enum: []string{"trace", "debug", "info", "warning", "error", "panic", "disabled"}, Required: true},
			{Name: "target", Type: "string"},
		}},
		{Name: "loggers_list", Kind: Read, Help: "The loggers of the node and their levels"},
		{Name: "message_types", Kind: Read, Help: "The message types that the node knows", Params: []Param{
			{Name: "filter", Type: "string"},
		}},
		{Name: "message_type_info", Kind: Read, Help: "The fields of a message type", Params: []Param{
			{Name: "type_name", Type: "string", Required: true},
		}},
		{Name: "send_message", Kind: Action, Help: "Send a message to a process", Params: []Param{
			{Name: "important", Type: "boolean"},
			{Name: "message", Type: "object", Required: true},
			{Name: "to", Type: "string", Required: true},
			{Name: "type_name", Type: "string"},
		}},
		{Name: "call_process", Kind: Action, Help: "Call a process and wait for its answer", Params: []Param{
			{Name: "important", Type: "boolean"},
			{Name: "request", Type: "object", Required: true},
			{Name: "to", Type: "string", Required: true},
			{Name: "type_name", Type: "string"},
		}},
		{Name: "send_exit", Kind: Action, Help: "Send an exit signal to a process", Params: []Param{
			{Name: "pid", Type: "string", Required: true},
			{Name: "reason", Type: "string"},
		}},
		{Name: "process_kill", Kind: Action, Help: "Kill a process", Params: []Param{
			{Name: "pid", Type: "string", Required: true},
		}},
	}
}
