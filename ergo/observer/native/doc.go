// Package native speaks of a cluster as its nodes and their Observer do from
// 3.3 on, out of answers of the 48 tools: Go's field names, identifiers with
// the name of their node, keys of the framework with ergo: in front. It is the
// way back of package inspect. A replay and our own MCP server answer so.
//
//   - A [View] is the cluster at a moment: [View.Tool] and [View.Read] are what
//     a tool and a resource say, [View.Batches] log lines as the log lens hands
//     them out.
//   - An [Observer] answers requests that have passed the gate.
//
// What the 48 tools did not say is not said here either: it is refused, or its
// fields are absent.
package native
