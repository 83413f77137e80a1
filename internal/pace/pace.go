// Package pace says how much of a long test is to be done: all of it with LONG=1
// (make test-long), a part that meets everything at least once in make test, and
// less with -short.
package pace

import (
	"os"
	"testing"
)

// Long reports whether all of every test is asked for.
func Long() bool { return os.Getenv("LONG") != "" && !testing.Short() }

// Every is the step in which cases are taken: every one, every ordinary-th, or
// every short-th.
func Every(ordinary, short int) int { return Times(1, ordinary, short) }

// Times is one of three numbers, by how much is asked for.
func Times(long, ordinary, short int) int {
	switch {
	case testing.Short():
		return short
	case Long():
		return long
	}
	return ordinary
}
