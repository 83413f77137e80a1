package escape_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"ergorecorder/escape"
)

// encoded is what encoding/json makes of a text, with nothing in it that steers.
func encoded(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // of a string it cannot fail
	return string(escape.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

func TestAppendStringIsWhatEncodingMakes(t *testing.T) {
	texts := []string{"", "a", `"`, `[{"PID":"<A0.0.12>","Up":3}]`, `\"\\"`, hostile, strings.Repeat(hostile, 50), "käse 世界 🙂 \ufffd", "\xff\xfe\xff\x7f\x00", "1234567\x80", "\xff\x1f12345\""}
	pieces := []string{"x", "long enough for words", `"`, `\`, "\n", "\x00", "\x1f", " ", "~", "\x7f", "\x80", "\xff", "é", "\u2028", "\U000e0041", "🙂", "\ufffd"}
	seed := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var b strings.Builder
		for range seed.IntN(30) {
			b.WriteString(pieces[seed.IntN(len(pieces))])
		}
		texts = append(texts, b.String())
	}
	for _, text := range texts {
		got := escape.AppendString([]byte("before"), []byte(text))
		if want := "before" + encoded(text); string(got) != want {
			t.Fatalf("of %q:\n%s, not\n%s", text, got, want)
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	text := []byte(strings.Repeat(`{"PID":"<A0.0.12>","Name":"clerk_02","MessagesMailbox":0,"RunningTime":123456789},`, 4000))
	var out []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		out = escape.AppendString(out[:0], text)
	}
}
