// Package attach lets an archive be read while it is written.
//
// The process that writes an archive answers readers of its own machine over a
// unix socket, which only its own user may open: a [Server]. A reader that is
// given the archive's path asks it for the segment that is being written, and
// sees all that was appended ([Local], [Follow]). Where nobody answers, the
// path is read as it lies there.
//
// The socket lies beside the archive. Where the path is too long for one, or
// the file system has none, it lies in the user's run directory, named by the
// archive's identity; what it says of the archive tells a reader which is meant.
//
//	GET /archive  which archive it is, JSON
//	GET /segment  a copy of the segment being written
//	GET /records  ?after=&upto=: records by their numbers, a JSON object a line
//
// Nothing that a reader asks changes the archive.
package attach
