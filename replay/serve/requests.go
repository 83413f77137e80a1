package serve

import (
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/host"
)

// request answers a request of the system application of 3.3, by the tool of an
// Observer that asks the same.
func (n *native) request(name string, args ergo.Args) ([]byte, error) {
	rows := ergo.Args{}
	for own, theirs := range map[string]string{"name": "Name", "behavior": "Behavior", "app": "Application", "state": "State"} {
		if v := args.Text(theirs); v != "" {
			rows[own] = v
		}
	}
	limit, _ := args.Int("Limit")
	switch name {
	case "GetCapabilities":
		return n.tool("capabilities", nil)
	case "GetNode":
		return n.tool("node", nil)
	case "GetNetwork":
		return n.tool("network", nil)
	case "GetConnection":
		return n.tool("connection", ergo.Args{"peer": args.Text("RemoteNode")})
	case "GetConnectionList":
		return n.tool("connections", ergo.Args{"peer": args.Text("Name")})
	case "GetProcessRange":
		return n.tool("processes", n.least(rows, args).With("limit", orElse(limit, 10_000)))
	case "GetProcessList":
		start, _ := args.Int("Start")
		return n.tool("processes", n.least(rows, args).With("limit", orElse(limit, 1000)).With("scan", "ordered").With("start", start))
	case "GetApplicationList":
		return n.tool("applications", nil)
	case "GetAppTree":
		return n.tool("app_tree", ergo.Args{"app": args.Text("Application")})
	case "GetEventList":
		return n.tool("events", nil)
	case "GetEvent":
		return n.tool("event", ergo.Args{"name": args.Text("Name")})
	case "GetMetaState":
		return n.tool("meta_state", ergo.Args{"alias": args.Text("Meta")})
	}
	return n.requestOf(name, args)
}

// requestOf answers a request about one process.
func (n *native) requestOf(name string, args ergo.Args) ([]byte, error) {
	pid := n.ident(args.Text("PID"))
	switch name {
	case "GetProcess":
		return n.process(pid)
	case "GetProcessState":
		return n.tool("process_state", ergo.Args{"pid": pid})
	case "GetSubtree":
		return n.tool("subtree", ergo.Args{"pid": pid})
	case "GetProcessLookup":
		if name := args.Text("Name"); name != "" {
			return n.tool("process_lookup", ergo.Args{"name": name})
		}
		return n.tool("process_lookup", ergo.Args{"pid": pid})
	}
	return nil, host.ErrNotSupported
}

// least adds the least mailbox that is asked for.
func (n *native) least(rows, args ergo.Args) ergo.Args {
	if v, ok := args.Int("MinMailbox"); ok && v > 0 {
		return rows.With("minMailbox", v)
	}
	return rows
}

// orElse is a limit, or what holds where none is given.
func orElse(limit, otherwise int64) int64 {
	if limit < 1 {
		return otherwise
	}
	return limit
}

// behind is what stands behind the first colon of a refusal: the node's own
// words.
func behind(message string) string {
	if _, after, ok := strings.Cut(message, ": "); ok {
		return after
	}
	return message
}
