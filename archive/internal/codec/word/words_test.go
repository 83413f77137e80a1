package word

import (
	"slices"
	"strings"
	"testing"

	"ergorecorder/archive/internal/codec/parse"
)

// TestLexicon: words come back as they were, and those that count up are short.
func TestLexicon(t *testing.T) {
	long := strings.Repeat("x", LikeWord)
	for _, c := range []struct {
		name  string
		words []string
		size  int // of the words as they are told; 0: in full
	}{
		{"counting", []string{`"\u003cA.0.1001\u003e"`, `"\u003cA.0.1002\u003e"`, `"\u003cA.0.1010\u003e"`}, 2 + 22 + 2*2},
		{"kept width", []string{"w_008", "w_009", "w_010", "w_011"}, 2 + 5 + 3*2},
		{"two kinds", []string{"a_1", "b_1", "b_2", "a_2", "a_3"}, 2*(2+3) + 3*2},
		{"another number", []string{"1.5.7", "1.6.7", "2.6.7"}, 2 + 5 + 2*2},
		{"falling", []string{"a2", "a1"}, 0},
		{"wider", []string{"a9", "a10"}, 0},
		{"two numbers", []string{"a1b1", "a2b2"}, 0},
		{"no number", []string{"a", "b", "", "ab"}, 0},
		{"signs", []string{"a+1", "a-2", "a_3", "a 4"}, 0},
		{"too long a number", []string{"1234567890123456789", "1234567890123456790"}, 0},
		{"long", []string{long + "1", long + "2"}, 0},
		{"as long as it may be", []string{long[1:] + "1", long[1:] + "2"}, 1 + 2 + LikeWord + 2},
		{"bytes", []string{"\xff1\x00", "\xff2\x00"}, 2 + 3 + 2},
	} {
		d, full := &Dict{}, 0
		for _, w := range c.words {
			d.Put([]byte(w))
			full += len(parse.AppendBytes([]byte{0}, []byte(w)))
		}
		var told []byte
		for i := range c.words {
			told = AppendWord(told, d, i)
		}
		if c.size == 0 {
			c.size = full
		}
		if len(told) != c.size {
			t.Errorf("%s: told in %d bytes, want %d", c.name, len(told), c.size)
		}
		var l Lexicon
		if err := l.Read(told); err != nil || !slices.Equal(l.Words(), c.words) {
			t.Errorf("%s: got %q, %v", c.name, l.Words(), err)
		}
		for cut := 1; cut < len(told); cut++ { // it must only not crash
			_ = (&Lexicon{}).Read(told[:cut])
		}
	}
	for name, told := range map[string][]byte{
		"of nothing":           {1, 1},
		"too far back":         {0, 2, 'a', '1', 2, 1},
		"without such a run":   {0, 2, 'a', '1', 1 + LikeBack, 1},
		"without a number":     {0, 1, 'a', 1, 1},
		"wider than it may be": {0, 2, 'a', '9', 1, 1},
		"over the end":         {0, 1, '1', 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"cut off":              {0, 3, 'a'},
	} {
		var l Lexicon
		if err := l.Read(told); err == nil {
			t.Errorf("a word %s is read as %q", name, l.Words())
		}
	}
}
