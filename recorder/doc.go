// Package recorder is the daemon that samples a cluster into an archive.
//
// A [Recorder] is given an [ergo.Caller] and an [archive.Writer] and runs until
// its context ends:
//
//   - it finds the nodes, again and again, and notes in marks which come, go,
//     come back and restart (node.go, discover.go);
//   - each node has a schedule of its own, with at most two calls under way,
//     so that a slow node delays no other and nothing piles up behind a slow
//     call (package schedule);
//   - a [Sampler] says what is asked, with which arguments, how often, of which
//     nodes and about whom (options.go, sample.go); long listings of a node that
//     can only be reached by forwarding are cut so that each answer arrives
//     (listing.go);
//   - logs and events are followed through listeners on the nodes, with
//     sequence numbers that prove completeness (listen.go);
//   - a budget keeps what a node spends on answering below a share of its time
//     (budget.go);
//   - [Detector]s watch what is recorded; when one fires, the recorder takes
//     the profiles that a diagnosis needs and pins the window (incident.go).
//
// Where the caller announces a clock of its own (a replayed recording), the
// recorder follows it: times, intervals and the end are then the replay's, an
// answer that is held already is not stored again, and no budget applies.
//
// The recorder judges nothing, calls no tool that changes the cluster (it
// refuses to sample one), and ends for no fault of the cluster: only for its
// context, its time, or an archive that takes no more.
package recorder
