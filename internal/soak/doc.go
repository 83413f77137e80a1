// Package soak records simulated clusters while disk, network and clock fail, all
// from a seed: nodes die, freeze, restart, lose links and storm; writes, syncs and
// growing files fail, for a moment or for long; the clock is set; the process is
// killed; readers, dumps, salvage, rotation and retention go on meanwhile, also at once. Time is simulated
// (testing/synctest), so that hours pass in seconds.
//
// After each run nothing that was acknowledged may be missing, nothing may be
// there that was not taken, and what was refused must be told. A seed that fails
// is printed, and is tried again by
//
//	go test ./internal/soak -run TestSeeds -seed N
//
// A run follows from its seed. Of goroutines that wake at the same instant Go's
// scheduler makes what order it likes, so no two do: each call waits for a part of
// a millisecond that follows from the seed and from what it asks, and luck follows
// from the seed and the instant at which it is drawn. TestSame runs seeds twice.
package soak
