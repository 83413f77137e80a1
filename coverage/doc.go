// Package coverage says how much of a cluster a recording shows: which nodes,
// which of their readings, over how much of the window, at what interval, how
// many rows of how many, what is damaged, lost or not readable yet; and for
// each detector what it needs of that and what it got.
//
// [Of] computes it from the recording alone. A verdict that nothing is wrong
// may be given only where [Coverage].Sufficient says so: what a recording does
// not show was not seen, which is neither gone nor fine.
//
// It judges no cluster and draws nothing.
package coverage
