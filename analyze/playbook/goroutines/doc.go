// Package goroutines finds stacks of which a node has more and more goroutines.
package goroutines
