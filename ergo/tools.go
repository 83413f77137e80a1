package ergo

import (
	"encoding/json"
	"slices"
)

// A ToolKind says what a tool does to the cluster.
type ToolKind int

const (
	Read    ToolKind = iota // asks
	Sampler                 // keeps answers, log lines or event messages in the node's memory for a while
	Action                  // changes the cluster
)

func (k ToolKind) String() string {
	switch k {
	case Sampler:
		return "sampler"
	case Action:
		return "action"
	}
	return "read"
}

// A Tool is one tool of the contract.
type Tool struct {
	Name   string
	Kind   ToolKind
	Help   string
	Params []Param // without node and timeout, which every tool takes
	// Lenient: it ignores arguments of a wrong type instead of refusing them.
	Lenient bool
	// Says are the readings that its answer holds, that as which it is stored
	// first. None: it is no reading, and nobody asks it again and again.
	Says []Said
	// Form is the form of an answer that is no reading.
	Form Form
}

// A Param is one parameter of a tool.
type Param struct {
	Name     string
	Type     string   // of JSON Schema: string, integer, number, boolean, array, object
	Items    string   // of an array: the type of its elements
	Enum     []string // nil: any value
	Required bool
}

// Help is what the parameter means, in a line.
func (p Param) Help() string { return paramHelp(p.Name) }

// ToolNamed is the tool of the contract with that name.
func ToolNamed(name string) (Tool, bool) {
	tools := Tools()
	if i := slices.IndexFunc(tools, func(t Tool) bool { return t.Name == name }); i >= 0 {
		return tools[i], true
	}
	return Tool{}, false
}

// Common are the parameters that every tool takes.
func Common() []Param {
	return []Param{{Name: "node", Type: "string"}, {Name: "timeout", Type: "integer"}}
}

// InputSchema is the JSON Schema of the tool's arguments, as nodes give it.
func (t Tool) InputSchema() json.RawMessage {
	type property struct {
		Type        string    `json:"type"`
		Description string    `json:"description,omitempty"`
		Enum        []string  `json:"enum,omitempty"`
		Items       *property `json:"items,omitempty"`
	}
	schema := struct {
		Type       string              `json:"type"`
		Properties map[string]property `json:"properties"`
		Required   []string            `json:"required,omitempty"`
	}{Type: "object", Properties: map[string]property{}}
	for _, p := range slices.Concat(t.Params, Common()) {
		x := property{Type: p.Type, Description: p.Help(), Enum: p.Enum}
		if p.Items != "" {
			x.Items = &property{Type: p.Items}
		}
		schema.Properties[p.Name] = x
		if p.Required {
			schema.Required = append(schema.Required, p.Name)
		}
	}
	text, err := json.Marshal(schema)
	if err != nil {
		panic("ergo: schema of " + t.Name + ": " + err.Error()) // strings always encode
	}
	return text
}

// paramHelp explains a parameter. A name means the same in every tool.
func paramHelp(name string) string {
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
