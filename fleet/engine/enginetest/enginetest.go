// Package enginetest runs engines of a fleet on loopback for tests.
package enginetest

import (
	"net"
	"strings"
	"testing"

	"ergorecorder/fleet/engine"
)

// Start runs an engine for the length of the test: where the options do not say, in
// a folder of the test's own and on a port that is free.
func Start(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	e, err := engine.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// Host runs an engine that asks for nothing, and is where it is: HOST:PORT, as in
// the address of a fleet.
func Host(t testing.TB) string {
	t.Helper()
	return strings.TrimPrefix(Start(t, engine.Options{}).URL(), "nats://")
}

// Free are addresses of loopback that nobody has at this moment.
func Free(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
