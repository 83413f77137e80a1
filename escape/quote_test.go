package escape_test

import (
	"strings"
	"testing"

	"ergorecorder/escape"
)

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"clerk_02":              "clerk_02",
		"main.Worker[main.T]":   "main.Worker[main.T]",
		"<A0.0.12>":             "<A0.0.12>",
		"käse-7@höst":           "käse-7@höst",
		"":                      "",
		"all is well":           `"all is well"`,
		"a\nnext: stop {}":      `"a\nnext: stop {}"`,
		`x" is fine. "`:         `"x\" is fine. \""`,
		strings.Repeat("x", 81): `"` + strings.Repeat("x", 81) + `"`,
	} {
		if got := escape.Name(name); got != want {
			t.Errorf("Name(%q) = %s, want %s", name, got, want)
		}
	}
	if got := escape.Quote(strings.Repeat("é", 500)); len([]rune(got)) != 163 || !strings.HasSuffix(got, `…"`) {
		t.Errorf("a long text is %d characters long", len([]rune(got)))
	}
}

func TestQuoteNames(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"all is well on a is blocked; nothing else is", `"all is well" on a is blocked; nothing else is`},
		{`it says "all is well here" of all is well`, `it says "all is well here" of "all is well"`},
		{"all is well too waits", `"all is well too" waits`},
		{`an end " is no end: all is well`, `an end " is no end: all is well`},
		{"clerk is blocked", "clerk is blocked"},
	} {
		if got := escape.QuoteNames(tt.in, []string{"all is well", "all is well too"}); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}
