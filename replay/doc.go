// Package replay is the past: a [Recording] says what was recorded, what the
// cluster's state was at an instant, and what its tools would have answered.
//
// It reads archives, several at once as one timeline, and has three faces:
//
//   - what is there: [Recording.Window], [Recording.Nodes], [Recording.Gaps],
//     [Recording.Marks], [Recording.Streams];
//   - walks through a window, for analysis: [Recording.Table] (columns),
//     [Recording.Samples] (whole answers), [Recording.Logs], [Recording.Profiles];
//   - the state at T as an [ergo.Caller]: [Recording.At]; as a [Moment] it says
//     too where an answer was taken from and how old that is.
//
// Package replay/serve makes a live cluster of it.
//
// It judges nothing, extrapolates nothing, writes nothing and has no clock:
// what was not recorded at T is said to be so.
package replay
