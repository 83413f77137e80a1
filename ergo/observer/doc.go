// Package observer reaches a cluster over the Observer application's MCP
// endpoint, which Ergo 3.3 serves at port 9911.
//
//   - A [Client] speaks the endpoint's protocol: [Client.Tool] calls one of the
//     38 tools, [Client.Read] reads a resource such as ergo://cluster. Every
//     request stands alone; there are no sessions.
//   - [PIDText] and [ParseIdent] map process identifiers between node:ID.Creation
//     and the <CRC.hi.lo> of logs and of the 48 tools, without loss.
//
// What a tool refuses is an [*ergo.ToolError], whatever its HTTP status; that
// nobody answered is a [*live.Error] with the server's own words.
//
// The package calls no tool that changes the cluster, and none that needs an
// authorized subject. The server's side of the protocol is in package gate.
package observer
