package observer

import (
	"math/rand/v2"
	"testing"
)

func TestIdentBothWays(t *testing.T) {
	for _, c := range []struct{ observer, plain string }{
		{"beta@demo.example:1020.1788512345", "<" + hex8(CRC("beta@demo.example")) + ".0.1020>"},
		{"a@h:4294967297.5", "<" + hex8(CRC("a@h")) + ".1.1>"},
		{"a@h:18446744073709551615.5", "<" + hex8(CRC("a@h")) + ".4294967295.4294967295>"},
		{"a@h:1.2.3.5", "Alias#<" + hex8(CRC("a@h")) + ".1.2.3>"},
	} {
		id, err := ParseIdent(c.observer)
		if err != nil {
			t.Fatal(err)
		}
		if id.String() != c.observer || PIDText(c.observer) != c.plain {
			t.Errorf("%s: %s, %s", c.observer, id, PIDText(c.observer))
		}
		back, err := IdentOf(id.Node, c.plain, id.Creation)
		if err != nil || back != id {
			t.Errorf("%s comes back as %v, %v", c.plain, back, err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		id := Ident{Node: "n@h", ID: [3]uint64{random.Uint64()}, Parts: 1, Creation: int64(random.Uint32())}
		back, err := IdentOf(id.Node, id.PIDText(), id.Creation)
		if err != nil || back != id {
			t.Fatalf("%v comes back as %v, %v", id, back, err)
		}
	}
}

func hex8(n uint32) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 8)
	for i := range b {
		b[7-i] = digits[n>>(4*i)&15]
	}
	return string(b)
}

func TestIdentRefused(t *testing.T) {
	for _, text := range []string{"", "orders", "a@h", "a@h:orders", "a@h:1", "a@h:1.2.3", "a@h:x.1", "a@h:1.x", ":1.2"} {
		if id, err := ParseIdent(text); err == nil {
			t.Errorf("%q is read as %v", text, id)
		}
		if PIDText(text) != text {
			t.Errorf("%q becomes %q", text, PIDText(text))
		}
	}
	for _, text := range []string{"", "1.2.3", "<1.2>", "<A.B.C>", "<0.4294967296.1>", "<0.1.2.3.4>"} {
		if id, err := IdentOf("a@h", text, 0); err == nil {
			t.Errorf("%q is read as %v", text, id)
		}
	}
}
