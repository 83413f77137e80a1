// Package views answers the questions that follow a verdict, over a window of a
// recording: how did one metric go ([Trend]), what changed between two windows
// ([Compare]), what was logged ([Logs]), in which order did things happen
// ([Timeline]), who waited ([Waits]), where did time and memory go ([Profile]).
//
// Each view is a pure function that returns values for others to print, with
// totals where a list was cut. It judges nothing; what a view shows was
// recorded or is simple arithmetic on what was.
package views
