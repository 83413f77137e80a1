// Package export writes a recording in the forms that other programs read:
// tables (CSV, Parquet), time series (OpenMetrics with timestamps, OTLP with the
// log lines), a trace of actors (the trace event format, which ui.perfetto.dev
// opens) and raw profiles.
//
// All are written as they are read. What is held in memory is bounded by what
// there is at a time, not by how long it was recorded: a row (CSV), a group of
// rows (Parquet), a batch (OTLP), some series of a column of a node
// ([OpenMetrics]), the state of each process ([Trace]).
package export
