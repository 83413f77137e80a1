// Package shape says how a fleet looks on the engine: the names of its streams
// and buckets, the subjects and headers of its messages, and the forms of what is
// kept of recorders and leases. It knows no engine; docs/fleet.md draws it.
//
// A fleet has a stream per cluster, whose messages are closed blocks of archives
// and what their recorders noted, a bucket of recorders, and a bucket of leases
// per cluster.
package shape
