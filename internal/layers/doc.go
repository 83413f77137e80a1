// Package layers holds the import rules of the tree as a test: who may know
// whom, where each outside library lives, and how large a package may be.
package layers
