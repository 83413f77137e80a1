package redact

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestHolds: a text holds what a look at each of its bytes finds, wherever it stands.
func TestHolds(t *testing.T) {
	x := triggerIndex
	fillers := []string{"", "x", `","Message`, "\\u003c12.0.1\\u003e", "12345678", "\xd0\xbf", `"`, "="}
	for _, trigger := range append(slices.Clone(triggers), `Env"`, `Env\`, `\u0070`, "pa", "toke", "u0070") {
		for _, w := range []string{trigger, strings.ToUpper(trigger), trigger + `": "`, trigger + "s=1"} {
			for before := range 12 {
				for _, filler := range fillers {
					for _, behind := range []int{0, 1, 2, 7, 30} {
						text := slices.Concat(bytes.Repeat([]byte("."), before), []byte(filler+w+filler), bytes.Repeat([]byte(" "), behind))
						if got, want := x.holds(text), x.between(text, 0, len(text)); got != want {
							t.Fatalf("%q holds %b, want %b", text, got, want)
						}
					}
				}
			}
		}
	}
	for c := range 256 {
		for _, form := range []string{`\u00%02x`, `\\u00%02X`} {
			for before := range 12 {
				for _, behind := range []int{0, 1, 2, 7, 30} {
					text := slices.Concat(bytes.Repeat([]byte("."), before), fmt.Appendf(nil, form, c), bytes.Repeat([]byte(" "), behind))
					if got, want := x.holds(text), x.between(text, 0, len(text)); got != want {
						t.Fatalf("%q holds %b, want %b", text, got, want)
					}
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var text []byte
		for range r.IntN(6) {
			w := triggers[r.IntN(len(triggers))]
			text = append(append(text, w[r.IntN(len(w)):]...), fillers[r.IntN(len(fillers))]...)
		}
		if got, want := x.holds(text), x.between(text, 0, len(text)); got != want {
			t.Fatalf("%q holds %b, want %b", text, got, want)
		}
	}
}
