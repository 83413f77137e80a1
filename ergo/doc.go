// Package ergo is the domain: what an Ergo Framework cluster is and what its
// nodes say about themselves when a tool is called on them.
//
// It holds
//
//   - [Caller], the one interface that everything which can answer a tool call
//     implements: a live cluster, a recording at an instant, a test fixture;
//   - [Call], [Answer], [Args] and the two ways in which a call fails:
//     [*ToolError] (the cluster answered with a JSON-RPC error) and any other
//     error (the cluster did not answer);
//   - [Reading]: what a node can say about itself, named once, with its fields,
//     their units and kinds ([Define]) and the words that stand in them
//     ([State], [Level], …);
//   - [Spelling]: how one surface of nodes says readings: its tools, arguments
//     and fields. Package ergo/tools48 is one;
//   - [Schema]: per tool, what its answer is made of (which fields identify a
//     row, which are cumulative counters, which are ages), so that others can
//     store and difference answers without knowing their names;
//   - identities: [PID], [Global] and [Incarnation].
//
// What must never be stored is in package ergo/redact, how secrets are read from
// files in ergo/secret.
//
// Units stand in names or types: a field named …NS is in nanoseconds, an
// Uptime is in whole seconds, as the framework reports it.
//
// The package does no I/O, has no clock and keeps no state. Clients of live
// clusters are in its subdirectories; what a recording answers is in package
// replay.
package ergo
