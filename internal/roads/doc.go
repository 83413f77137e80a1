// Package roads holds the test that a recording says the same whatever road to
// the nodes it was made over: each capture is served by a replay over a road,
// recorded from there, and the two verdicts are compared. What a road does not
// carry is named in the table that the test writes, docs/roads.md.
package roads
