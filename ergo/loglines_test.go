package ergo

import "testing"

// TestTells: the texts of old and new releases tell the same.
func TestTells(t *testing.T) {
	for _, c := range []struct {
		what                 Line
		typ, source, message string
		about                string
	}{
		{LineDied, "process", "<A.0.1>", "process terminated abnormally - panic", "<A.0.1>"},
		{LineDied, "process", "<A.0.1>", "Router terminated. Panic reason: \"x\" at a.b[c.go:1]", "<A.0.1>"},
		{LineDied, "process", "<A.0.1>", "process terminated - \"x\" at a.b[c.go:1]", "<A.0.1>"},
		{LineGaveUp, "process", "<A.0.1>", "process terminated abnormally - restart intensity is exceeded", "<A.0.1>"},
		{LineGaveUp, "process", "<A.0.1>", "process terminated abnormally - supervisor restart intensity exceeded (max 5 in 5s): x: y", "<A.0.1>"},
		{LineShutdown, "node", "a@h", "node a@h is starting a graceful shutdown...", "a@h"},
		{LineWaits, "node", "a@h", "node a@h is still waiting for process(es) to terminate:", "a@h"},
		{LineAppStopped, "node", "a@h", "application 'orders' (permanent) stopped with reason normal", "orders"},
		{LineAppStopped, "node", "a@h", "application orders (transient) will be stopped due to termination of <A.0.1> with reason: x", "orders"},
		{LineAppStopped, "application", "orders", "stopped with reason normal", "orders"},
		{LineAppStopped, "application", "orders", "stopping due to termination of <A.0.1> with reason: x", "orders"},
		{LineConnected, "network", "a@h-X", "new connection with 'b@h' (1A2B3C4D)", "b@h"},
		{LineConnectLost, "network", "a@h-X", "connection with 'b@h' (1A2B3C4D) terminated", "b@h"},
		{LineConnectLost, "network", "a@h-X", "connection with 'b@h' (1A2B3C4D) terminated with reason: EOF", "b@h"},
		{LineConnectLost, "network", "a@h-X", "connection with b@h (1A2B3C4D) terminated abnormally: runtime error", "b@h"},
	} {
		if about, ok := Tells(c.what, c.typ, c.source, c.message); !ok || about != c.about {
			t.Errorf("%q tells %s of %q, %v", c.message, c.what, about, ok)
		}
	}
	for _, c := range []struct {
		what         Line
		typ, message string
	}{
		{LineAppStopped, "process", "stopped with reason normal"}, // a program's own words
		{LineConnectLost, "network", "new connection with 'b@h' (1A2B3C4D)"},
		{LineGaveUp, "process", "process terminated abnormally - panic"},
		{LineAppStopped, "node", "application 'orders' (permanent) started"},
	} {
		if about, ok := Tells(c.what, c.typ, "x", c.message); ok {
			t.Errorf("%q tells %s of %q", c.message, c.what, about)
		}
	}
}
