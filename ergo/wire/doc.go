// Package wire joins an Ergo cluster as a node that speaks Ergo's own protocol
// and runs nothing: it calls tools on every node directly, has their log lines
// and events pushed to it, and notices at once when a node goes.
//
//   - A [Cluster] is an [ergo.Caller] over one link to each node. It dials
//     the nodes that it was given ([Target]) and, if it may, those that they
//     name; it dials again, ever more seldom, when a link is lost.
//   - A [Subscription] receives what nodes push, as [Message]s. Who lags
//     behind loses some and is told how many: a node is never kept waiting.
//   - A [Notice] tells of a node that was joined, lost or restarted, or that
//     would not have us, and why.
//   - A [Cookie] is the cluster's secret, which no formatting verb, encoder or
//     logger can print.
//   - [Hide] keeps our own node out of what a Caller says of the cluster.
//
// What a tool refuses is an [*ergo.ToolError]; so is that a node cannot be
// reached or does not answer in time, in the words of an entry point that
// forwards a call, for that is what our node is in. [ErrNoMCP] is a node that
// has no tools. A call costs the node what a forwarded call costs, and has the
// same limit: an answer of more than 65535 bytes never comes.
//
// The layers below, each of which can be read alone, are in internal: edf
// (values), frame, handshake, registrar, message (shapes of values), link.
//
// Not done: accepting connections (package host plays nodes), registering, pools of several links (each
// further link could be opened by anyone who recorded how it was opened),
// central registrars (give addresses), fragments and whatever else is spoken
// only when both sides announce it.
package wire
