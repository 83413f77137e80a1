// Package series holds robust statistics over irregular samples: what can be
// said about a measured value over time, and with how much confidence.
//
// It holds
//
//   - [Series], samples in order of time;
//   - [Rates] and [Increase] of cumulative counters, which start again from 0
//     when a node restarts;
//   - location that outliers do not move: [Median], [Quantile];
//   - the slope of a growth, [TheilSen], and whether there is a trend at all,
//     [MannKendall];
//   - when something changed: [Changes] of level, and the knee ([FindKnee]) from which a
//     level began to grow;
//   - [LowPoints], the heap that is left after a collection;
//   - [TestCounts], whether events became more frequent than they were;
//   - [Reach], when a growth arrives at its natural end.
//
// Every method that needs a minimum of samples refuses fewer with a
// [*TooFewError], and one that finds nothing returns a result that says so:
// it never guesses. Methods name their paper.
//
// Samples need not be evenly spaced. NaN and infinite values are not samples:
// [Series.Add] drops them. The package knows nothing of Ergo, reads no clock,
// keeps no state, and is deterministic: the same samples give the same result.
package series
