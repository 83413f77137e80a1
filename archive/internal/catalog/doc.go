// Package catalog knows what an archive's segments hold and where it lies:
// streams and their runs, in blocks or in chunks of the tail, in bbolt files,
// in flat ones, or found by a search in a file whose tree is damaged. It tells
// what is damaged and what is absent. A writer and its views share one catalog.
package catalog
