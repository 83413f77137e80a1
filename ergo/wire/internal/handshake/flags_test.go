package handshake

import (
	"encoding/hex"
	"testing"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
)

// TestFlagBodies: the flags as they stand on the wire, and what a node of 3.3
// says with its own.
func TestFlagBodies(t *testing.T) {
	type body struct{ F Flags }
	write := func(v uint64) string {
		b, err := edf.Append(nil, edf.Named{Type: "#x", Value: body{newFlags(v)}})
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(b[5:]) // behind the tag and the name
	}
	if got := write(plainFlags); got != "000000080000000000000041" {
		t.Errorf("plain flags are written %s", got)
	}
	if got := write(0x70fef); got != "000000080000000000070fef" {
		t.Errorf("the flags of 3.3 are written %s", got)
	}
	f := newFlags(0x70fef)
	if !f.Has(FlagImportant) || !f.Has(FlagFragments) || f.KeepAlive() != 15*time.Second {
		t.Errorf("of 3.3: %v %v %v", f.Has(FlagImportant), f.Has(FlagFragments), f.KeepAlive())
	}
	if k := newFlags(0x67).KeepAlive(); k != 0 {
		t.Errorf("of 3.2: keep-alive %v", k)
	}
	if k := newFlags(modernFlags).KeepAlive(); k != KeepAlive {
		t.Errorf("ours: keep-alive %v", k)
	}
}
