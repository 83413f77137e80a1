package gate

// All are the tools of the Observer application, in its order.
func All() []Tool {
	return []Tool{
		{Name: "processes", Kind: Reads, Help: "The processes of a node, sorted by id: all living ones, or page by page in the order in which they were spawned", Lens: "processes", Capability: "inspect.process_list", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "app", Type: "string"},
			{Name: "name", Type: "string"},
			{Name: "behavior", Type: "string"},
			{Name: "state", Type: "string", Enum: []string{"init", "sleep", "running", "wait response", "terminated", "zombee"}},
			{Name: "minMailbox", Type: "integer"},
			{Name: "limit", Type: "integer"},
			{Name: "scan", Type: "string", Enum: []string{"all", "ordered"}},
			{Name: "start", Type: "integer"},
		}},
		{Name: "process_state", Kind: Reads, Help: "What a process says about itself (its inspection callback)", Capability: "inspect.process_state", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "pid", Type: "string", Required: true},
			{Name: "items", Type: "array", Items: "string"},
		}},
		{Name: "meta_state", Kind: Reads, Help: "What a meta process says about itself", Capability: "inspect.meta_state", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "alias", Type: "string", Required: true},
			{Name: "items", Type: "array", Items: "string"},
		}},
		{Name: "node", Kind: Reads, Help: "The node itself: counts, errors, log lines, memory, CPU time", Lens: "node", Capability: "inspect.node", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
		}},
		{Name: "network", Kind: Reads, Help: "The network of a node: acceptors, routes, registrar", Lens: "network", Capability: "inspect.network", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
		}},
		{Name: "connections", Kind: Reads, Help: "The connections of a node, with what went over them", Lens: "connections", Capability: "inspect.connection_list", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "peer", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "connection", Kind: Reads, Help: "One connection of a node", Lens: "connection", Capability: "inspect.connection", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "peer", Type: "string", Required: true},
		}},
		{Name: "applications", Kind: Reads, Help: "The applications of a node", Lens: "applications", Capability: "inspect.application_list", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
		}},
		{Name: "events", Kind: Reads, Help: "The events of a node: subscribers, what was published and delivered", Lens: "events", Capability: "inspect.event_list", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string"},
			{Name: "limit", Type: "integer"},
			{Name: "newestFirst", Type: "boolean"},
			{Name: "notify", Type: "boolean"},
			{Name: "buffered", Type: "boolean"},
			{Name: "open", Type: "boolean"},
			{Name: "minSubscribers", Type: "integer"},
		}},
		{Name: "event", Kind: Reads, Help: "One event of a node", Lens: "event", Capability: "inspect.event", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "process_lookup", Kind: Reads, Help: "The process of a registered name, or the name of a process", Capability: "inspect.process_lookup", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "app_tree", Kind: Reads, Help: "The processes of one application", Capability: "inspect.app_tree", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "app", Type: "string", Required: true},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "subtree", Kind: Reads, Help: "The processes below a process", Capability: "inspect.subtree", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "pid", Type: "string", Required: true},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "types", Kind: Reads, Help: "The registered message types of a node, with their layouts", Capability: "inspect.types", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string"},
			{Name: "kind", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "errors", Kind: Reads, Help: "The registered errors of a node", Capability: "inspect.errors", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "text", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "atoms", Kind: Reads, Help: "The registered atoms of a node", Capability: "inspect.atoms", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "goroutines", Kind: Reads, Help: "The goroutines of a node, grouped by state and stack. Stops the world", Capability: "inspect.goroutines", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "stack", Type: "string"},
			{Name: "state", Type: "string"},
			{Name: "minWait", Type: "integer"},
		}},
		{Name: "heap_profile", Kind: Reads, Help: "The memory profile of a node. Forces a collection and stops the world", Capability: "inspect.heap_profile", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "minBytes", Type: "integer"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "cluster_query", Kind: Jobs, Help: "One tool on many nodes, as a job", Args: []Arg{
			{Name: "key", Type: "string", Required: true},
			{Name: "tool", Type: "string", Enum: []string{"processes", "process_state", "meta_state", "process_lookup", "app_tree", "subtree", "types", "errors", "atoms", "goroutines", "heap_profile", "capabilities", "node", "network", "connections", "connection", "applications", "events", "event", "cron", "cron_schedule", "registrar_nodes", "registrar_routes", "registrar_proxy_routes", "registrar_application_routes"}, Required: true},
			{Name: "args", Type: "object"},
			{Name: "nodes", Type: "array", Items: "string"},
			{Name: "retain", Type: "integer"},
		}},
		{Name: "cluster_batch", Kind: Jobs, Help: "Many calls as a job", Args: []Arg{
			{Name: "key", Type: "string", Required: true},
			{Name: "steps", Type: "array", Items: "object", Required: true},
			{Name: "retain", Type: "integer"},
		}},
		{Name: "job_list", Kind: Jobs, Help: "The caller's jobs", ReadOnly: true},
		{Name: "job_cancel", Kind: Jobs, Help: "Ends a job", Args: []Arg{
			{Name: "key", Type: "string", Required: true},
			{Name: "force", Type: "boolean"},
		}},
		{Name: "cron", Kind: Reads, Help: "The cron jobs of a node", Capability: "inspect.cron_info", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "job", Type: "string"},
		}},
		{Name: "cron_schedule", Kind: Reads, Help: "When the cron jobs of a node run", Capability: "inspect.cron_schedule", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "job", Type: "string"},
			{Name: "since", Type: "string"},
			{Name: "hours", Type: "number"},
			{Name: "limit", Type: "integer"},
		}},
		{Name: "registrar_nodes", Kind: Reads, Help: "The nodes that the registrar knows", Capability: "inspect.registrar_nodes", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
		}},
		{Name: "registrar_routes", Kind: Reads, Help: "The routes to a node", Capability: "inspect.registrar_routes", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "peer", Type: "string", Required: true},
		}},
		{Name: "registrar_proxy_routes", Kind: Reads, Help: "The proxy routes to a node", Capability: "inspect.registrar_proxy_routes", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "peer", Type: "string", Required: true},
		}},
		{Name: "registrar_application_routes", Kind: Reads, Help: "Where an application runs", Capability: "inspect.registrar_application_routes", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string", Required: true},
		}},
		{Name: "capabilities", Kind: Reads, Help: "What a node answers, its creation, and the tags it was built with", Capability: "inspect.capabilities", ReadOnly: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
		}},
		{Name: "send", Kind: Writes, Repeats: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "pid", Type: "string"},
			{Name: "alias", Type: "string"},
			{Name: "type", Type: "string", Required: true},
			{Name: "value", Type: "string", Required: true},
			{Name: "priority", Type: "string", Enum: []string{"normal", "high", "max"}},
		}},
		{Name: "kill", Kind: Writes, Destructive: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "pid", Type: "string", Required: true},
		}},
		{Name: "send_exit", Kind: Writes, Destructive: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "pid", Type: "string"},
			{Name: "alias", Type: "string"},
			{Name: "reason", Type: "string"},
		}},
		{Name: "log_level_set", Kind: Writes, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "level", Type: "string", Enum: []string{"debug", "info", "warning", "error", "panic", "disabled"}, Required: true},
			{Name: "target", Type: "string", Enum: []string{"process", "meta"}},
			{Name: "pid", Type: "string"},
			{Name: "alias", Type: "string"},
		}},
		{Name: "tracing_sampler_set", Kind: Writes, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "type", Type: "string", Enum: []string{"always", "disable", "ratio", "rate_limit"}, Required: true},
			{Name: "rate", Type: "number"},
			{Name: "limit", Type: "integer"},
			{Name: "pid", Type: "string"},
		}},
		{Name: "process_tune", Kind: Writes, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "knob", Type: "string", Enum: []string{"send_priority", "compression", "compression_type", "compression_level", "compression_threshold", "keep_network_order", "important_delivery"}, Required: true},
			{Name: "pid", Type: "string"},
			{Name: "alias", Type: "string"},
			{Name: "enabled", Type: "boolean"},
			{Name: "priority", Type: "string", Enum: []string{"normal", "high", "max"}},
			{Name: "type", Type: "string", Enum: []string{"gzip", "zlib", "lzw"}},
			{Name: "level", Type: "string", Enum: []string{"best size", "best speed", "default"}},
			{Name: "threshold", Type: "integer"},
		}},
		{Name: "app_start", Kind: Writes, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string", Required: true},
			{Name: "mode", Type: "string", Enum: []string{"temporary", "transient", "permanent"}},
		}},
		{Name: "app_stop", Kind: Writes, Destructive: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string", Required: true},
			{Name: "force", Type: "boolean"},
		}},
		{Name: "app_unload", Kind: Writes, Destructive: true, Args: []Arg{
			{Name: "node", Type: "string", Required: true},
			{Name: "name", Type: "string", Required: true},
		}},
	}
}
