// Package compare holds two stretches against each other: two windows of one
// recording, or two recordings (before a deploy and after, yesterday and today,
// some nodes and the others), and says what changed.
//
// First comes a gate: what the two have in common, and what cannot be compared
// and is left out, with the reason. Then every measure of every behavior, node,
// link, event and log template that both show is a question. A measure is a sum
// over a sum (messages over seconds, time over messages), taken block by block;
// the blocks of both sides are held against each other (Welch's test on as many
// as their autocorrelation leaves independent, then a permutation of the
// blocks), and what is claimed stands after correction for the number of
// questions (Holm). What one change explains of the others stands below it.
//
// It reads recordings and judges nothing by itself: it does not know what a
// fault is.
package compare
