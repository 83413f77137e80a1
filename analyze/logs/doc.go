// Package logs tells what a cluster's log lines have in common, how often each
// kind of line was written, and which kinds are new or suddenly frequent.
//
// It holds
//
//   - [Miner], which clusters lines into [Template]s as they come (Drain) and
//     counts each by second and by source;
//   - [Compare], the templates that appeared or exploded between two stretches;
//   - [ParseSource], who wrote a line, and [ParsePanic], what a panic says;
//   - [Rank], the order of the levels.
//
// Times are those of the node that wrote the line. The package judges nothing,
// does no I/O, and keeps memory by templates, not by lines.
package logs
