package tools48

import "ergorecorder/ergo"

// table is the contract, in the order in which nodes list the tools.
func table() []ergo.Tool {
	return []ergo.Tool{
		{Name: "node_info", Says: says(ergo.Node), Help: "The node itself: uptime, version, process counts by state, error counters, log counts, memory, CPU time"},
		{Name: "node_env", Says: says(ergo.Environment), Help: "The environment variables of the node"},
		{Name: "process_list", Says: says(ergo.Processes), Lenient: true, Help: "The processes of the node, filtered, sorted by one figure (largest first), cut at limit", Params: []ergo.Param{
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
		{Name: "process_children", Says: says(ergo.Children), Help: "The processes that a process has spawned, or with recursive its whole subtree", Params: []ergo.Param{
			{Name: "parent", Type: "string", Required: true},
			{Name: "recursive", Type: "boolean"},
		}},
		{Name: "process_info", Says: says(ergo.Process), Help: "All about one process: mailbox queues, links, monitors, aliases, events, meta processes", Params: []ergo.Param{
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "process_state", Says: says(ergo.ProcessState), Help: "The state of one process, in words", Params: []ergo.Param{
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "process_lookup", Says: says(ergo.ProcessLookup), Help: "The PID of a registered name, or the name of a PID", Params: []ergo.Param{
			{Name: "name", Type: "string"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "process_inspect", Says: inspection(), Help: "What a process says about itself (its inspection callback)", Params: []ergo.Param{
			{Name: "items", Type: "array", Items: "string"},
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "meta_inspect", Says: says(ergo.MetaInspection), Help: "What a meta process says about itself", Params: []ergo.Param{
			{Name: "alias", Type: "string", Required: true},
			{Name: "items", Type: "array", Items: "string"},
		}},
		{Name: "app_list", Says: says(ergo.Applications), Lenient: true, Help: "The applications of the node: state, mode, uptime, size", Params: []ergo.Param{
			{Name: "min_uptime", Type: "integer"},
			{Name: "mode", Type: "string"},
			{Name: "name", Type: "string"},
			{Name: "state", Type: "string"},
		}},
		{Name: "app_info", Says: says(ergo.Application), Help: "All about one application: mode, dependencies, environment, group", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "app_processes", Says: says(ergo.ApplicationProcesses), Help: "The processes of one application", Params: []ergo.Param{
			{Name: "limit", Type: "integer"},
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "event_list", Says: says(ergo.Events), Lenient: true, Help: "The events of the node: producer, subscribers, what was published and delivered", Params: []ergo.Param{
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
		{Name: "event_info", Says: says(ergo.Event), Help: "All about one event", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_info", Says: says(ergo.Network), Help: "The network of the node: mode, registrar, acceptors, connections made and lost"},
		{Name: "network_nodes", Says: says(ergo.Links), Lenient: true, Help: "The connections of the node: uptimes, messages and bytes in both directions", Params: []ergo.Param{
			{Name: "min_bytes_in", Type: "integer"},
			{Name: "min_bytes_out", Type: "integer"},
			{Name: "min_connection_uptime", Type: "integer"},
			{Name: "min_messages_in", Type: "integer"},
			{Name: "min_messages_out", Type: "integer"},
			{Name: "min_uptime", Type: "integer"},
			{Name: "name", Type: "string"},
		}},
		{Name: "network_node_info", Says: says(ergo.Link), Help: "All about the connection to one node", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_acceptors", Says: says(ergo.Acceptors), Help: "The listeners of the node, with their handshake errors"},
		{Name: "network_connect", Kind: ergo.Action, Help: "Connect the node to another by its name", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_connect_route", Kind: ergo.Action, Help: "Connect the node to another at a given address", Params: []ergo.Param{
			{Name: "cookie", Type: "string"},
			{Name: "host", Type: "string", Required: true},
			{Name: "insecure_skip_verify", Type: "boolean"},
			{Name: "name", Type: "string", Required: true},
			{Name: "port", Type: "integer", Required: true},
			{Name: "tls", Type: "boolean"},
		}},
		{Name: "network_disconnect", Kind: ergo.Action, Help: "Cut the connection to another node", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "network_ping", Says: says(ergo.Ping), Help: "The round trip from the node to another, through its tool application", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cron_info", Says: says(ergo.Cron), Help: "The scheduler of the node and all its jobs"},
		{Name: "cron_job", Says: says(ergo.CronJob), Help: "All about one scheduled job", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cron_schedule", Says: says(ergo.CronSchedule), Lenient: true, Help: "Which jobs run within the next seconds", Params: []ergo.Param{
			{Name: "duration_seconds", Type: "integer"},
		}},
		{Name: "registrar_info", Says: says(ergo.Registrar), Help: "The registrar of the node and what it can do"},
		{Name: "registrar_resolve", Says: says(ergo.Routes), Help: "The addresses of a node, as the registrar knows them", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "registrar_resolve_proxy", Says: says(ergo.ProxyRoutes), Help: "The proxies to a node, as the registrar knows them", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "registrar_resolve_app", Says: says(ergo.ApplicationRoutes), Help: "The nodes that run an application, as the registrar knows them", Params: []ergo.Param{
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "cluster_nodes", Says: says(ergo.Cluster), Help: "All nodes that are known: itself, connected ones, discovered ones"},
		{Name: "pprof_goroutines", Says: says(ergo.Goroutines), Lenient: true, Help: "The goroutines of the node by stack (debug 1) or one by one (debug 2), or that of one process", Params: []ergo.Param{
			{Name: "debug", Type: "integer"},
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "pprof_cpu", Says: says(ergo.CPUProfile), Lenient: true, Help: "The functions that burn most CPU, over some seconds in which a worker is blocked", Params: []ergo.Param{
			{Name: "duration", Type: "integer"},
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "pprof_heap", Says: says(ergo.Heap), Lenient: true, Help: "The functions that hold most heap, as of the last collection", Params: []ergo.Param{
			{Name: "exclude", Type: "string"},
			{Name: "filter", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "runtime_stats", Says: says(ergo.Runtime), Help: "Figures of the Go runtime: goroutines, heap, collections"},
		{Name: "sample_start", Kind: ergo.Sampler, Form: ergo.FormObject, Help: "Start a sampler that calls a tool at an interval and keeps the answers", Params: []ergo.Param{
			{Name: "arguments", Type: "object"},
			{Name: "buffer_size", Type: "integer"},
			{Name: "count", Type: "integer"},
			{Name: "duration_sec", Type: "integer"},
			{Name: "interval_ms", Type: "integer"},
			{Name: "linger_sec", Type: "integer"},
			{Name: "max_errors", Type: "integer"},
			{Name: "tool", Type: "string", Required: true},
		}},
		{Name: "sample_listen", Kind: ergo.Sampler, Form: ergo.FormObject, Help: "Start a sampler that keeps log lines and the messages of an event", Params: []ergo.Param{
			{Name: "buffer_size", Type: "integer"},
			{Name: "duration_sec", Type: "integer"},
			{Name: "event", Type: "string"},
			{Name: "event_node", Type: "string"},
			{Name: "linger_sec", Type: "integer"},
			{Name: "log_levels", Type: "array", Items: "string"},
			{Name: "log_source", Type: "string", Enum: []string{"", "process", "meta", "node", "network"}},
		}},
		{Name: "sample_read", Kind: ergo.Sampler, Says: says(ergo.Logs), Help: "What a sampler has kept, behind the entry with the number since", Params: []ergo.Param{
			{Name: "sampler_id", Type: "string", Required: true},
			{Name: "since", Type: "integer"},
		}},
		{Name: "sample_stop", Kind: ergo.Sampler, Help: "End a sampler", Params: []ergo.Param{
			{Name: "sampler_id", Type: "string", Required: true},
		}},
		{Name: "sample_list", Kind: ergo.Sampler, Says: says(ergo.Samplers), Help: "The samplers of the node"},
		{Name: "log_level_get", Says: says(ergo.LogLevel), Lenient: true, Help: "The log level of the node, a process or a meta process", Params: []ergo.Param{
			{Name: "target", Type: "string"},
		}},
		{Name: "log_level_set", Kind: ergo.Action, Help: "Set the log level of the node, a process or a meta process", Params: []ergo.Param{
			{Name: "level", Type: "string", Enum: []string{"trace", "debug", "info", "warning", "error", "panic", "disabled"}, Required: true},
			{Name: "target", Type: "string"},
		}},
		{Name: "loggers_list", Says: says(ergo.Loggers), Help: "The loggers of the node and their levels"},
		{Name: "message_types", Says: says(ergo.MessageTypes), Lenient: true, Help: "The message types that the node knows", Params: []ergo.Param{
			{Name: "filter", Type: "string"},
		}},
		{Name: "message_type_info", Says: says(ergo.MessageType), Help: "The fields of a message type", Params: []ergo.Param{
			{Name: "type_name", Type: "string", Required: true},
		}},
		{Name: "send_message", Kind: ergo.Action, Help: "Send a message to a process", Params: []ergo.Param{
			{Name: "important", Type: "boolean"},
			{Name: "message", Type: "object", Required: true},
			{Name: "to", Type: "string", Required: true},
			{Name: "type_name", Type: "string"},
		}},
		{Name: "call_process", Kind: ergo.Action, Help: "Call a process and wait for its answer", Params: []ergo.Param{
			{Name: "important", Type: "boolean"},
			{Name: "request", Type: "object", Required: true},
			{Name: "to", Type: "string", Required: true},
			{Name: "type_name", Type: "string"},
		}},
		{Name: "send_exit", Kind: ergo.Action, Help: "Send an exit signal to a process", Params: []ergo.Param{
			{Name: "pid", Type: "string", Required: true},
			{Name: "reason", Type: "string"},
		}},
		{Name: "process_kill", Kind: ergo.Action, Help: "Kill a process", Params: []ergo.Param{
			{Name: "pid", Type: "string", Required: true},
		}},
	}
}

// DefaultLimit is how many rows a listing shows unless it is told otherwise.
const DefaultLimit = 100

// Limit is how many rows a listing with such arguments shows at most.
func Limit(args ergo.Args) int64 {
	if limit, _ := args.Int("limit"); limit > 0 {
		return limit
	}
	return DefaultLimit
}
