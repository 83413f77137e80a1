package ergo

// definitions is the table of readings. Nobody changes it.
var definitions = []Definition{
	{Reading: Node, Form: FormObject, Fields: nodeFields()},
	{Reading: Environment, Form: FormObject, Constant: true},
	{Reading: Runtime, Form: FormObject, Fields: runtimeFields()},
	{Reading: Processes, Form: FormTable, Key: []string{"PID"}, Fields: processFields()},
	{Reading: Children, Form: FormTable, Key: []string{"PID"}, Subject: []string{"parent"}, Fields: processFields()},
	{Reading: ApplicationProcesses, Form: FormTable, Key: []string{"PID"}, Subject: []string{"name"}, Fields: processFields()},
	{Reading: Process, Form: FormObject, Subject: []string{"pid"}, Fields: oneProcessFields()},
	{Reading: ProcessState, Subject: []string{"pid"}},
	{Reading: ProcessLookup, Subject: []string{"name", "pid"}},
	{Reading: Inspection, Form: FormObject, Subject: []string{"pid"}, Fields: inspectionFields()},
	{Reading: MetaInspection, Form: FormObject, Subject: []string{"alias"}},
	{Reading: Meta, Form: FormObject, Subject: []string{"alias"}, Fields: metaFields()},
	{Reading: Applications, Form: FormTable, Key: []string{"name"}, Fields: []Field{
		{Name: "name", Kind: Text},
		{Name: "state", Kind: Text},
		{Name: "mode", Kind: Text},
		{Name: "uptime", Kind: AgeS, Unit: Seconds},
		{Name: "description", Kind: Text},
		{Name: "version", Kind: Text},
		{Name: "weight"},
		{Name: "tags", Kind: Text},
		{Name: "processes"},                           // the size of its group, not of its tree
		{Name: "processes_total", Since: "3.3.0"},     // all its processes
		{Name: "parent", Kind: Text, Since: "3.3.0"},  // the process that runs it
		{Name: "depends", Kind: Text, Since: "3.3.0"}, // the applications that it needs
		{Name: "map", Kind: Text, Since: "3.3.0"},     // its names for processes
		{Name: "group", Kind: Text, Since: "3.3.0"},   // the PIDs of its direct members
	}},
	{Reading: Application, Form: FormObject, Subject: []string{"name"}},
	{Reading: Events, Form: FormTable, Key: []string{"Event"}, Fields: eventFields()},
	{Reading: Event, Form: FormObject, Subject: []string{"name"}, Fields: eventFields()},
	{Reading: Network, Form: FormObject, Fields: []Field{
		{Name: "Mode", Kind: Text},
		{Name: "MaxMessageSize", Unit: Bytes, None: "0", Why: "unlimited"},
		{Name: "ConnectionsEstablished", Kind: Cumulative},
		{Name: "ConnectionsLost", Kind: Cumulative},
	}},
	{Reading: Links, Form: FormTable, Key: []string{"Node"}, Fields: linkFields()},
	{Reading: Link, Form: FormObject, Subject: []string{"name"}, Fields: linkFields()},
	{Reading: Acceptors, Form: FormTable, Key: []string{"Interface"}, Fields: []Field{
		{Name: "Interface", Kind: Text},
		{Name: "MaxMessageSize", Unit: Bytes, None: "0", Why: "unlimited"},
		{Name: "TLS", Kind: Text},
		{Name: "HandshakeErrors", Kind: Cumulative},
	}},
	{Reading: Ping, Subject: []string{"name"}},
	{Reading: Cluster, Form: FormTable, Key: []string{"name"}, Fields: []Field{{Name: "name", Kind: Text}, {Name: "status", Kind: Text}}},
	{Reading: Cron, Form: FormObject},
	{Reading: CronJob, Form: FormObject, Subject: []string{"name"}},
	{Reading: CronSchedule, Form: FormTable, Key: []string{"Time"}},
	{Reading: Registrar, Form: FormObject, Constant: true},
	{Reading: Routes, Form: FormTable, Key: []string{"Host", "Port"}, Subject: []string{"name"}},
	{Reading: ProxyRoutes, Form: FormTable, Key: []string{"Host", "Port"}, Subject: []string{"name"}},
	{Reading: ApplicationRoutes, Form: FormObject, Subject: []string{"name"}},
	{Reading: Logs, Form: FormObject, Subject: []string{"sampler_id"}, Cursor: []string{"since"}},
	{Reading: LogLevel},
	{Reading: Loggers, Form: FormTable, Key: []string{"name"}, Constant: true},
	{Reading: Samplers, Form: FormTable, Key: []string{"id"}},
	{Reading: Goroutines},
	{Reading: Heap},
	{Reading: CPUProfile},
	{Reading: MessageTypes, Constant: true},
	{Reading: MessageType, Form: FormObject, Subject: []string{"type_name"}, Constant: true},
	{Reading: Capabilities, Form: FormObject, Constant: true, Fields: []Field{
		{Name: "Creation", Kind: Constant, Unit: Seconds, Since: "3.3.0"},
		{Name: "Build", Kind: Text, Since: "3.3.0"},
		{Name: "Capabilities", Kind: Text, Since: "3.3.0"},
	}},
}

func processFields() []Field {
	return []Field{
		{Name: "PID", Kind: Text},
		{Name: "Name", Kind: Text},
		{Name: "Application", Kind: Text},
		{Name: "Behavior", Kind: Text}, // the Go type, for example myapp.Worker
		{Name: "Kind", Kind: Text, Since: "3.2.0"},
		{Name: "Parent", Kind: Text},
		{Name: "Leader", Kind: Text},
		{Name: "LogLevel", Kind: Text},
		{Name: "State", Kind: Text},
		{Name: "StateTime", Kind: AgeNS, Unit: Nanoseconds, Since: "3.2.0"}, // how long it is in its state
		{Name: "Uptime", Kind: AgeS, Unit: Seconds},
		{Name: "InitTime", Kind: Constant, Unit: Nanoseconds},
		{Name: "MessagesIn", Kind: Cumulative, Unit: Messages},
		{Name: "MessagesOut", Kind: Cumulative, Unit: Messages},
		{Name: "RunningTime", Kind: Cumulative, Unit: Nanoseconds}, // inside callbacks, waiting included
		{Name: "Wakeups", Kind: Cumulative},
		{Name: "MessagesMailbox", Unit: Messages}, // in its four queues together
		{Name: "MailboxLatency", Unit: Nanoseconds, None: "-1", Why: "the node was built without -tags=latency"},
	}
}

func oneProcessFields() []Field {
	return append(processFields(),
		Field{Name: "MailboxSize", Unit: Messages, None: "-1", Why: "unlimited"},
		Field{Name: "MailboxQueues", Kind: Text},
		Field{Name: "MessagePriority", Kind: Text},
		Field{Name: "KeepNetworkOrder", Kind: Text},
		Field{Name: "ImportantDelivery", Kind: Text},
		Field{Name: "Compression", Kind: Text},
		Field{Name: "Fallback", Kind: Text},
		Field{Name: "Env", Kind: Text},
		Field{Name: "Aliases", Kind: Text},
		Field{Name: "Events", Kind: Text},
		Field{Name: "Metas", Kind: Text},
	)
}

func metaFields() []Field {
	return []Field{
		{Name: "ID", Kind: Text},
		{Name: "Parent", Kind: Text},
		{Name: "Application", Kind: Text},
		{Name: "Behavior", Kind: Text},
		{Name: "State", Kind: Text},
		{Name: "LogLevel", Kind: Text},
		{Name: "Uptime", Kind: AgeS, Unit: Seconds},
		{Name: "MessagesIn", Kind: Cumulative, Unit: Messages},
		{Name: "MessagesOut", Kind: Cumulative, Unit: Messages},
		{Name: "MailboxSize", Unit: Messages, None: "-1", Why: "unlimited"},
		{Name: "MailboxQueues", Kind: Text},
	}
}

func eventFields() []Field {
	return []Field{
		{Name: "Event", Kind: Text}, // Event#<CRC:name>
		{Name: "Producer", Kind: Text},
		{Name: "CreatedAt", Kind: Constant, Unit: UnixNano},
		{Name: "LastPublishedAt", Kind: Cumulative, Unit: UnixNano, None: "0", Why: "it never published"},
		{Name: "Subscribers"},
		{Name: "Notify", Kind: Text},
		{Name: "Open", Kind: Text},
		{Name: "BufferSize", Unit: Messages},
		{Name: "CurrentBuffer", Unit: Messages},
		{Name: "MessagesPublished", Kind: Cumulative, Unit: Messages},
		{Name: "MessagesLocalSent", Kind: Cumulative, Unit: Messages},
		{Name: "MessagesRemoteSent", Kind: Cumulative, Unit: Messages},
	}
}

// linkFields are one side's view of a connection. Its counters start again
// with every connection.
func linkFields() []Field {
	fields := []Field{
		{Name: "Node", Kind: Text},
		{Name: "Uptime", Kind: AgeS, Unit: Seconds}, // of the peer
		{Name: "ConnectionUptime", Kind: AgeS, Unit: Seconds},
		{Name: "MessagesIn", Kind: Cumulative, Unit: Messages},
		{Name: "MessagesOut", Kind: Cumulative, Unit: Messages},
		{Name: "BytesIn", Kind: Cumulative, Unit: Bytes},
		{Name: "BytesOut", Kind: Cumulative, Unit: Bytes},
		{Name: "TransitBytesIn", Kind: Cumulative, Unit: Bytes},
		{Name: "TransitBytesOut", Kind: Cumulative, Unit: Bytes},
		{Name: "Reconnections", Kind: Cumulative},
		{Name: "PoolSize"},
		{Name: "PoolLen", Since: "3.3.0"}, // links that are up now
		{Name: "PoolDSN", Kind: Text},     // set on the side that dialled
		{Name: "MaxMessageSize", Unit: Bytes, None: "0", Why: "unlimited"},
		{Name: "TLS", Kind: Text, Since: "3.3.0"},
		{Name: "ClockSkew", Unit: Nanoseconds, Since: "3.3.0", None: "0", Why: "it was not measured"},
	}
	for _, name := range []string{
		"FragmentsSent", "FragmentMessagesSent", "FragmentsReceived", "FragmentMessagesRecv", "FragmentTimeouts",
		"TracedSent", "TracedReceived", "CompressedSent", "DecompressedRecv",
	} {
		fields = append(fields, Field{Name: name, Kind: Cumulative, Since: "3.2.0"})
	}
	for _, name := range []string{
		"CompressedBytesSent", "CompressedOrigBytesSent", "DecompressedBytesRecv", "DecompressedOrigRecv",
	} {
		fields = append(fields, Field{Name: name, Kind: Cumulative, Unit: Bytes, Since: "3.2.0"})
	}
	return fields
}

func nodeFields() []Field {
	fields := []Field{
		{Name: "Name", Kind: Text},
		{Name: "Uptime", Kind: AgeS, Unit: Seconds},
		{Name: "Creation", Kind: Constant, Unit: Seconds, Since: "3.3.0"}, // the node's start, since 1970
		{Name: "Version", Kind: Text},
		{Name: "Framework", Kind: Text},
		{Name: "LogLevel", Kind: Text},
		{Name: "ServerTime", Kind: Text, Unit: Timestamp},
		{Name: "ProcessesTotal"},
		{Name: "ProcessesRunning"},
		{Name: "ProcessesWaitResponse"},
		{Name: "ProcessesZombee"},
		{Name: "RegisteredNames"},
		{Name: "RegisteredAliases"},
		{Name: "RegisteredEvents"},
		{Name: "ApplicationsTotal"},
		{Name: "ApplicationsRunning"},
		{Name: "LogMessages"}, // by level: trace, debug, info, warning, error, panic; cumulative
		{Name: "MemoryUsed", Unit: Bytes},
		{Name: "MemoryAlloc", Unit: Bytes},
		{Name: "UserTime", Kind: Cumulative, Unit: Nanoseconds},
		{Name: "SystemTime", Kind: Cumulative, Unit: Nanoseconds},
	}
	for _, name := range []string{
		"ProcessesSpawned", "ProcessesSpawnFailed", "ProcessesTerminated",
		"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote",
		"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent",
	} {
		fields = append(fields, Field{Name: name, Kind: Cumulative})
	}
	return fields
}

func runtimeFields() []Field {
	return []Field{
		{Name: "goroutines"},
		{Name: "cpus", Kind: Constant},
		{Name: "heap_alloc", Unit: Bytes},
		{Name: "heap_sys", Unit: Bytes},
		{Name: "heap_inuse", Unit: Bytes},
		{Name: "heap_objects", Unit: Objects},
		{Name: "heap_live", Unit: Bytes, Since: "3.3.0"}, // left by the last collection
		{Name: "heap_goal", Unit: Bytes, Since: "3.3.0"}, // at which the next one begins
		{Name: "memory_limit", Unit: Bytes, Since: "3.3.0", None: "9223372036854775807", Why: "no limit"},
		{Name: "stack_inuse", Unit: Bytes},
		{Name: "total_alloc", Kind: Cumulative, Unit: Bytes},
		{Name: "total_alloc_objects", Kind: Cumulative, Unit: Objects, Since: "3.3.0"},
		{Name: "sys", Unit: Bytes},
		{Name: "num_gc", Kind: Cumulative},
		{Name: "last_gc_pause_ns", Unit: Nanoseconds},
		{Name: "gc_cpu_percent", Unit: Percent},                                      // of all CPU time since the start
		{Name: "gc_cpu_seconds", Kind: Cumulative, Unit: Seconds, Since: "3.3.0"},    // CPU time of collections
		{Name: "total_cpu_seconds", Kind: Cumulative, Unit: Seconds, Since: "3.3.0"}, // CPU time that was there
	}
}

// inspectionFields are what the framework's own behaviors say of themselves.
// All values are text. Keys that stand under a child, a route or an entry of
// the history are in none of them; see [InspectKey].
func inspectionFields() []Field {
	var fields []Field
	for _, name := range []string{
		// of a supervisor
		"type", "strategy", "intensity", "restarts_count", "auto_shutdown", "keep_order",
		"children_total", "children_running", "children_disabled",
		"specs_total", "specs_disabled", "instances_total", "history:count",
		// of a pool
		"pool_size", "worker_behavior", "worker_mailbox_size", "worker_restarts", "messages_forwarded", "messages_unhandled",
		// of a router
		"routes_total", "routes_active", "routes_disabled", "routes_pending", "mailbox_size", "forwarded", "discarded", "failed", "restarts",
	} {
		fields = append(fields, Field{Name: name})
	}
	return append(fields, Field{Name: "period", Unit: Seconds})
}
