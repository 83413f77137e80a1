package native

import (
	"context"
	"errors"
	"strings"
	"time"

	"ergorecorder/ergo"
)

// ErrNoRequest is a request that nodes do not answer, or whose answer the 48
// tools have nothing for.
var ErrNoRequest = errors.New("not supported")

// Request is what the system application of a node says to a request of 3.3,
// named without "Request", and when that was observed. The error is in the words
// of the node.
func (v *View) Request(ctx context.Context, name, request string, args ergo.Args) ([]byte, time.Time, error) {
	n := v.node(ctx, name)
	text, err := n.request(request, args)
	te := ergo.AsToolError(err)
	if te == nil {
		return text, n.at, err
	}
	why, failed := te.LinkFailed()
	if !failed {
		why = behind(te.Message)
	}
	if why == "timed out" && v.Wait != nil {
		if err := v.Wait(ctx); err != nil {
			return nil, n.at, err
		}
	}
	return nil, n.at, errors.New(why)
}

// request answers a request of the system application of 3.3, by the tool of an
// Observer that asks the same.
func (n *node) request(name string, args ergo.Args) ([]byte, error) {
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
		return n.tool("events", eventArgs(args))
	case "GetEvent":
		return n.tool("event", ergo.Args{"name": args.Text("Name")})
	case "GetGoroutines":
		wait, _ := args.Int("MinWait")
		return n.tool("goroutines", ergo.Args{"stack": args.Text("Stack"), "state": args.Text("State"), "minWait": wait})
	case "GetHeapProfile":
		least, _ := args.Int("MinBytes")
		return n.tool("heap_profile", ergo.Args{"limit": orElse(limit, 25), "minBytes": least})
	case "GetMetaState":
		return n.tool("meta_state", ergo.Args{"alias": args.Text("Meta")})
	}
	return n.requestOf(name, args)
}

// requestOf answers a request about one process.
func (n *node) requestOf(name string, args ergo.Args) ([]byte, error) {
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
	return nil, ErrNoRequest
}

// least adds the least mailbox that is asked for.
func (n *node) least(rows, args ergo.Args) ergo.Args {
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
