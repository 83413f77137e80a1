// Package soak records simulated clusters while disk, network and clock fail, all
// from a seed: nodes die, freeze, restart, lose links and storm; writes, syncs and
// growing files fail, for a moment or for long; the clock is set; the process is
// killed; readers, dumps and rotations go on meanwhile. Time is simulated
// (testing/synctest), so that hours pass in seconds.
//
// After each run nothing that was acknowledged may be missing, nothing may be
// there that was not taken, and what was refused must be told. A seed that fails
// is printed, and is tried again by
//
//	go test ./internal/soak -run TestSeeds -seed N
//
// Everything but the order of goroutines that run at the same instant follows
// from the seed.
package soak
