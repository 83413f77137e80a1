// Package serve is a recording as a live cluster: an MCP endpoint that behaves
// as the nodes' own does, in front of a clock that runs through the recorded
// window.
//
//   - A [Clock] maps the time of the world to that of the recording. It starts
//     with the first call, so that nothing passes before a client is there.
//   - A [Cluster] holds the recording, the clock and the samplers that clients
//     started. [Cluster.Node] is the HTTP handler of one node's entry point.
//
// It has the contract's HTTP behaviour to the byte where that is visible, and
// the defects of the live tools: forwarded answers of more than 65,535 bytes
// never arrive, limit 0 shows 100 rows, the sequence of sample_read is one too
// far, pprof_goroutines finds no PID, the state wait_response matches nothing.
// A node that was down does not answer.
//
// Every answer announces the clock (see [HeaderClock]), and when what it says
// was observed ([HeaderObserved]). What was not recorded at that moment is an
// error that bears no such time. Actions are unknown tools here.
package serve
