// Package profiles reads what a node says about where its time, its memory
// and its goroutines are.
//
// It holds
//
//   - [Table], functions with what each holds, and [Diff] of two tables; from
//     the text of pprof_cpu ([ParseCPU]) and pprof_heap ([ParseHeap]), or from
//     a raw profile;
//   - [Raw], a raw pprof profile: [Raw.Top], [Raw.Attributed],
//     [Raw.Peek], [Raw.ByPID];
//   - [Dump], the goroutines that pprof_goroutines lists, with debug=1 or
//     debug=2: which process each belongs to, grouped by stack, and what they
//     wait for;
//   - whose code a function is ([OriginOf]) and which behavior it belongs to
//     ([BehaviorOf]).
//
// The text tables show only the heaviest functions, and pprof_heap attributes
// to leaf frames and shows the last completed collection: what is missing in
// them may still exist. A sleeping process has no goroutine.
//
// Text that is none of these is refused with an error; nothing panics on it.
// The package judges nothing and does no I/O.
package profiles
