// Package terminal is the full screen of analyze top: a recording, or one that
// is still being made, walked through in a terminal.
//
// A screen is a table at a moment. A Source reads tables from a recording; the
// model holds the moment, the view, how it is sorted and filtered, and draws the
// rows that fit. Keys stand in one table (keys.go), from which the help is made.
// Time keys are those of atop. The package opens nothing: it is handed a
// recording, a terminal and a clock's ticks.
package terminal
