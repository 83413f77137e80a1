// Package render writes a report for people: as text for a terminal ([Text])
// and as Markdown ([Markdown]). Both say the same in the same order: the
// verdict in three lines, then each finding with its evidence, then what was
// found in order, then what could not be examined.
//
// It computes nothing, uses no colour and reaches no terminal: the width comes
// in.
package render
