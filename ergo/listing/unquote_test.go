package listing

import (
	"encoding/json"
	"testing"
)

// FuzzUnquote: what is read is what a general decoder reads, and what is not is left as it was.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{``, `a`, `\u003cA.0.1\u003e`, `\"\\\/\b\f\n\r\t`, `\u00e9é\u20AC`, `\ud83d\ude00`, `\u12`, `\x`, `\`, "\x01", "\xff", `a"b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := []byte(s)
		got, ok := Unquote(b)
		if !ok {
			if string(b) != s {
				t.Fatalf("%q was given up, and is %q now", s, b)
			}
			return
		}
		var want string
		if err := json.Unmarshal([]byte(`"`+s+`"`), &want); err != nil || string(got) != want {
			t.Fatalf("%q gives %q, want %q (%v)", s, got, want, err)
		}
		if text := Text([]byte(`"` + s + `"`)); text != want {
			t.Fatalf("the literal of %q reads %q, want %q", s, text, want)
		}
	})
}
