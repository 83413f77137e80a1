// Package observer reaches a cluster over the Observer application's MCP
// endpoint, which Ergo 3.3 serves at port 9911.
//
//   - A [Client] speaks the endpoint's protocol: [Client.Tool] calls one of the
//     38 tools, [Client.Read] reads a resource such as ergo://cluster. Every
//     request stands alone; there are no sessions.
//   - A [Caller] makes an [ergo.Caller] of a client: it takes the calls of the
//     48 tools, asks the Observer what comes nearest, and answers in the form of
//     the 48 tools, with everything else that was said. [Offers] tells which
//     tools it can answer.
//   - [IsObserver] recognises an Observer by its answer to somebody else's
//     client.
//
// What a tool refuses is an [*ergo.ToolError], whatever its HTTP status; that
// nobody answered is a [*live.Error] with the server's own words.
//
// The package calls no tool that changes the cluster, and none that needs an
// authorized subject. The server's side of the protocol is in package gate.
package observer
