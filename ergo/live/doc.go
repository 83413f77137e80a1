// Package live reaches a running cluster over HTTP: MCP calls as JSON-RPC,
// one POST each, against the endpoints that the cluster's nodes serve.
//
//   - An [Endpoint] is one address. It answers for its own node, and forwards
//     a call that names another.
//   - A [Router] makes one [ergo.Caller] of several [Way]s into the cluster:
//     each node is asked over its own port where it has one, the others
//     through whichever way works.
//   - A [Token] is a bearer token that no formatting verb, encoder or logger
//     can print.
//
// What a tool refuses is an [*ergo.ToolError], as [ergo.Caller] demands. That
// nobody answered is an [*Error], which says which endpoint, why, and what may
// help; [ErrUnauthorized], [ErrNotMCP] and [ErrTooLarge] are what callers can
// ask for with errors.Is.
//
// An endpoint that announces a clock (a replayed recording does) has it handed
// on in [ergo.Answer.Clock], and the original times in [ergo.Answer.At].
//
// The package calls only what it is told to call, follows no redirect, keeps
// no answer, and never sends a token to another endpoint than its own.
package live
