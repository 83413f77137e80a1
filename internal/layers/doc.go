// Package layers holds the import rules of the tree as a test: who may know
// whom, and where each outside library lives.
package layers
