package escape_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"ergorecorder/escape"
)

// hostile holds every rune that steers a terminal or a page, and bytes that are
// no text.
const hostile = "a\x1b]0;t\x07\x1b[2J\u009b31m\u202eb\u2066c\u2028d\n# head\r\t\x7f\ufeff\U000e0041\xff|<img>`*_[x](y) @all"

func steered(s string, allowed string) rune {
	for _, r := range s {
		if strings.ContainsRune(allowed, r) {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return r
		}
	}
	return 0
}

func TestNothingSteers(t *testing.T) {
	for name, c := range map[string]struct{ got, allowed string }{
		"Line":     {escape.Line(hostile), ""},
		"Block":    {escape.Block(hostile), "\n\t"},
		"Markdown": {escape.Markdown(hostile), ""},
		"Code":     {escape.Code(hostile), ""},
		"Sprintf":  {escape.Sprintf("%s %v %q %v %v", hostile, errors.New(hostile), hostile, []string{hostile}, struct{ Name string }{hostile}), ""},
	} {
		if r := steered(c.got, c.allowed); r != 0 {
			t.Errorf("%s lets %U through: %q", name, r, c.got)
		}
	}
}

func TestSpelling(t *testing.T) {
	for in, want := range map[string]string{
		"plain words, ünïcode, 世界 🙂": "plain words, ünïcode, 世界 🙂",
		"a\nb\tc\r":                  `a\nb\tc\r`,
		"\x1b[31m":                   `\x1b[31m`,
		"\u202e\u0085":               `\u202e\u0085`,
		"\xff":                       `\xff`,
		"\ufffd":                     "\ufffd",
	} {
		if got := escape.Line(in); got != want {
			t.Errorf("Line(%q) = %q, not %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"book_eth on gamma@localhost": `book\_eth on gamma@localhost`,
		"@all <b>`x`":                 "&#64;all &lt;b&gt;\\`x\\`",
		"# head":                      `\# head`,
	} {
		if got := escape.Markdown(in); got != want {
			t.Errorf("Markdown(%q) = %q, not %q", in, got, want)
		}
	}
	if got := escape.Sprintf("%5d|%-4s|%s|%.1f", 7, "ab", escape.Raw("x\ny"), 1.25); got != "    7|ab  |x\ny|1.2" {
		t.Errorf("Sprintf = %q", got)
	}
}

func TestJSONKeepsTheValue(t *testing.T) {
	valid := strings.ToValidUTF8(hostile, "")
	text, err := json.MarshalIndent(map[string]string{valid: valid}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got := escape.JSON(text)
	if r := steered(string(got), "\n\t"); r != 0 {
		t.Errorf("JSON lets %U through: %q", r, got)
	}
	var back map[string]string
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if back[valid] != valid {
		t.Errorf("read back %q, not %q", back[valid], valid)
	}
}
