package ergo

// A Form is the shape of a tool's answer.
type Form int

const (
	FormText   Form = iota // anything that is no JSON object or array of objects
	FormObject             // one JSON object
	FormTable              // a JSON array of objects, or null
)

// A ColumnKind says how a field's values behave over time. It is advice for
// storage and for rates; any value of any JSON type is kept whatever it says.
type ColumnKind int

const (
	Gauge      ColumnKind = iota // a value that goes up and down; also the default
	Text                         // an identity or state in words
	Cumulative                   // a counter that only grows within an incarnation
	Constant                     // does not change in a row's life
	AgeNS                        // nanoseconds since something: grows with the clock
	AgeS                         // whole seconds since something
)

// A Schema describes the answers of one tool.
type Schema struct {
	Form    Form
	Key     []string              // fields that identify a row of a table
	Columns map[string]ColumnKind // known fields; others are kept as they come
	Subject []string              // arguments that say whom the call is about
	Cursor  []string              // arguments that say from where to go on
}

// ignoredArgs are arguments that do not change what is asked, only how.
var ignoredArgs = []string{"timeout", "node"}

// StreamArgs are the arguments that tell one stream of answers from another:
// without timeout, subject and cursor.
func (s Schema) StreamArgs(a Args) Args {
	return a.Without(ignoredArgs...).Without(s.Subject...).Without(s.Cursor...)
}

// SubjectArgs are the arguments that say whom the call is about; nil where
// there is none.
func (s Schema) SubjectArgs(a Args) Args {
	var sub Args
	for _, n := range s.Subject {
		if v, ok := a[n]; ok {
			sub = sub.With(n, v)
		}
	}
	return sub
}

// SchemaOf is the schema of a tool's answers. A tool that is not known is
// text without subject: stored as it came.
func SchemaOf(tool string) Schema {
	switch tool {
	case "process_list", "process_children", "app_processes":
		s := Schema{Form: FormTable, Key: []string{"PID"}, Columns: processColumns()}
		switch tool {
		case "process_children":
			s.Subject = []string{"parent"}
		case "app_processes":
			s.Subject = []string{"name"}
		}
		return s
	case "process_info":
		return Schema{Form: FormObject, Subject: []string{"pid"}, Columns: processColumns()}
	case "process_inspect":
		return Schema{Form: FormObject, Subject: []string{"pid"}}
	case "process_state":
		return Schema{Subject: []string{"pid"}}
	case "process_lookup":
		return Schema{Subject: []string{"name", "pid"}}
	case "meta_inspect":
		return Schema{Form: FormObject, Subject: []string{"alias"}}
	case "app_list":
		return Schema{Form: FormTable, Key: []string{"name"}, Columns: map[string]ColumnKind{
			"state": Text, "mode": Text, "uptime": AgeS,
		}}
	case "app_info", "cron_job", "registrar_resolve_app":
		return Schema{Form: FormObject, Subject: []string{"name"}}
	case "event_list":
		return Schema{Form: FormTable, Key: []string{"Event"}, Columns: eventColumns()}
	case "event_info":
		return Schema{Form: FormObject, Subject: []string{"name"}, Columns: eventColumns()}
	case "network_nodes":
		return Schema{Form: FormTable, Key: []string{"Node"}, Columns: linkColumns()}
	case "network_node_info":
		return Schema{Form: FormObject, Subject: []string{"name"}, Columns: linkColumns()}
	case "network_acceptors":
		return Schema{Form: FormTable, Key: []string{"Interface"}, Columns: map[string]ColumnKind{
			"HandshakeErrors": Cumulative,
		}}
	case "network_ping":
		return Schema{Subject: []string{"name"}}
	case "registrar_resolve", "registrar_resolve_proxy":
		return Schema{Form: FormTable, Subject: []string{"name"}, Key: []string{"Host", "Port"}}
	case "cluster_nodes", "loggers_list":
		return Schema{Form: FormTable, Key: []string{"name"}}
	case "cron_schedule":
		return Schema{Form: FormTable, Key: []string{"Time"}}
	case "sample_list":
		return Schema{Form: FormTable, Key: []string{"id"}}
	case "sample_read":
		return Schema{Form: FormObject, Subject: []string{"sampler_id"}, Cursor: []string{"since"}}
	case "node_info":
		return Schema{Form: FormObject, Columns: nodeColumns()}
	case "runtime_stats":
		return Schema{Form: FormObject, Columns: map[string]ColumnKind{
			"cpus": Constant, "total_alloc": Cumulative, "num_gc": Cumulative,
		}}
	case "network_info":
		return Schema{Form: FormObject, Columns: map[string]ColumnKind{
			"ConnectionsEstablished": Cumulative, "ConnectionsLost": Cumulative,
		}}
	case "cron_info", "registrar_info", "node_env", "sample_start", "sample_listen":
		return Schema{Form: FormObject}
	case "message_type_info":
		return Schema{Form: FormObject, Subject: []string{"type_name"}}
	}
	return Schema{}
}

func processColumns() map[string]ColumnKind {
	return map[string]ColumnKind{
		"PID": Text, "Name": Text, "Application": Text, "Behavior": Text, "Kind": Text,
		"Parent": Text, "Leader": Text, "LogLevel": Text, "State": Text,
		"StateTime": AgeNS, "Uptime": AgeS, "InitTime": Constant,
		"MessagesIn": Cumulative, "MessagesOut": Cumulative,
		"RunningTime": Cumulative, "Wakeups": Cumulative,
		"MessagesMailbox": Gauge, "MailboxLatency": Gauge,
	}
}

func eventColumns() map[string]ColumnKind {
	return map[string]ColumnKind{
		"Event": Text, "Producer": Text, "CreatedAt": Constant, "LastPublishedAt": Cumulative,
		"MessagesPublished": Cumulative, "MessagesLocalSent": Cumulative, "MessagesRemoteSent": Cumulative,
	}
}

func linkColumns() map[string]ColumnKind {
	return map[string]ColumnKind{
		"Node": Text, "Uptime": AgeS, "ConnectionUptime": AgeS,
		"MessagesIn": Cumulative, "MessagesOut": Cumulative,
		"BytesIn": Cumulative, "BytesOut": Cumulative,
		"TransitBytesIn": Cumulative, "TransitBytesOut": Cumulative,
		"Reconnections": Cumulative,
	}
}

func nodeColumns() map[string]ColumnKind {
	c := map[string]ColumnKind{"Name": Constant, "Uptime": AgeS}
	for _, n := range []string{
		"ProcessesSpawned", "ProcessesSpawnFailed", "ProcessesTerminated",
		"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote",
		"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent",
		"UserTime", "SystemTime",
	} {
		c[n] = Cumulative
	}
	return c
}
