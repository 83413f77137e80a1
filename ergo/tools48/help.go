package tools48

// help explains a parameter. A name means the same in every tool.
func help(name string) string {
	switch name {
	case "node":
		return "the node to ask; absent: the one that serves this endpoint"
	case "timeout":
		return "how long a forwarded call may take, in seconds (default 30)"
	case "limit":
		return "how many rows to show at most"
	case "sort_by":
		return "the figure to sort by, largest first"
	case "name":
		return "a name; in listings a part of it"
	case "pid":
		return "a PID, <CRC.hi.lo>; the CRC is ignored"
	case "alias":
		return "the alias of a meta process"
	case "parent":
		return "a PID or a registered name"
	case "recursive":
		return "the whole subtree, not only the children"
	case "application":
		return "the exact name of an application"
	case "behavior":
		return "a part of the name of the Go type"
	case "state":
		return "the state: of a process init, sleep, running, wait response, terminated or zombee"
	case "min_uptime", "min_connection_uptime":
		return "at least that many seconds"
	case "max_uptime":
		return "at most that many seconds"
	case "min_init_time_ms", "min_mailbox_latency_ms", "min_running_time_ms":
		return "at least that many milliseconds"
	case "min_mailbox", "min_messages_in", "min_messages_out", "min_wakeups", "min_subscribers",
		"min_published", "min_local_sent", "min_remote_sent", "min_bytes_in", "min_bytes_out":
		return "at least that many"
	case "max_published", "max_subscribers":
		return "at most that many"
	case "utilization_state":
		return "how the event is used: see the enumeration"
	case "producer":
		return "a part of the producer's PID or registered name"
	case "notify":
		return "whether the producer is told of subscribers"
	case "has_buffer":
		return "whether the event keeps its last messages"
	case "filter":
		return "only what contains this text"
	case "exclude":
		return "nothing that contains this text"
	case "debug":
		return "1: counts by stack; 2: every goroutine (default)"
	case "duration":
		return "for how many seconds (default 5, at most 30)"
	case "duration_sec", "duration_seconds":
		return "for how many seconds"
	case "interval_ms":
		return "milliseconds from call to call (default 5000)"
	case "count":
		return "how many samples; 0: until the duration ends"
	case "buffer_size":
		return "how many entries are kept (default 256)"
	case "max_errors":
		return "end after that many errors in a row; 0: never"
	case "linger_sec":
		return "for how many seconds it can still be read when it has ended (default 30)"
	case "tool":
		return "the tool to call"
	case "arguments":
		return "its arguments"
	case "log_levels":
		return "trace, debug, info, warning, error, panic (default: info and above)"
	case "log_source":
		return "process, meta, node or network; empty: all"
	case "event":
		return "the event to listen to"
	case "event_node":
		return "the node of the event (default: the one that is asked)"
	case "sampler_id":
		return "as sample_start and sample_listen gave it"
	case "since":
		return "the number of the last entry that is known"
	case "items":
		return "what to inspect, if the process knows items"
	case "mode":
		return "permanent, transient or temporary"
	case "target":
		return "node (default), a PID, a registered name or an alias"
	case "type_name":
		return "the name of a message type"
	case "host", "port":
		return "where the node listens"
	case "cookie":
		return "the cookie of this connection; absent: the node's own"
	case "tls":
		return "whether to speak TLS"
	case "insecure_skip_verify":
		return "whether to accept any certificate"
	case "level":
		return "the log level"
	case "to":
		return "a registered name or a PID"
	case "message", "request":
		return "the fields of the message"
	case "important":
		return "whether to ask for proof of delivery"
	case "reason":
		return "why: normal, shutdown, kill or other words"
	}
	return ""
}
