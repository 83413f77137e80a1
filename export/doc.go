// Package export writes a recording in the forms that other programs read:
// tables (CSV), time series (OpenMetrics with timestamps), a trace of actors
// (the trace event format, which ui.perfetto.dev opens) and raw profiles.
//
// All are written as they are read. What is held in memory is one column of
// one node ([OpenMetrics]), the state of each process ([Trace]), or a row.
package export
