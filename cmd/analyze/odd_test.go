package main

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"ergorecorder/internal/fixture"
	"ergorecorder/internal/pace"
)

// odd are values that no node says in earnest.
var odd = []string{
	`-1`, `-9223372036854775808`, `9223372036854775807`, `18446744073709551615`, `1e300`, `null`, `""`, `[]`,
	`"9999-12-31T23:59:59.999999999Z"`, `"0001-01-01T00:00:00Z"`, `"<FFFFFFFF.0.1>"`, `"<11458782.0.-5>"`,
}

// member finds a value of a JSON object that can be exchanged for another.
var member = regexp.MustCompile(`": ?("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)`)

// oddly is the recorded incident in which one value of fifty is exchanged.
func oddly(t *testing.T, luck *rand.Rand) string {
	t.Helper()
	return fixture.Edited(t, fixture.Bundled(t, "stuck"), func(l map[string]any) {
		if s, ok := l["text"].(string); ok {
			l["text"] = member.ReplaceAllStringFunc(s, func(was string) string {
				if luck.IntN(50) > 0 {
					return was
				}
				return `": ` + odd[luck.IntN(len(odd))]
			})
		}
	})
}

// absurd are what a length of time or a number becomes that ran over.
var absurd = regexp.MustCompile(`2562047 ?h|106751 ?d|\b292 ?y|15250 ?w|-9223372036854775808 ?(ns|B|bytes)|NaN|[^a-z"]Inf\b`)

// TestOddNumbers: negative numbers, times of the year 9999, forged PIDs and values
// of another kind take no command down, and print no length of time that ran over.
func TestOddNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("every command, many times")
	}
	for seed := range uint64(pace.Times(10, 1, 1)) {
		oddNumbers(t, oddly(t, rand.New(rand.NewPCG(1, 3+seed))))
	}
}

func oddNumbers(t *testing.T, path string) {
	t.Helper()
	for name, lines := range readingCommands(t, path) {
		for _, line := range lines {
			if !strings.Contains(line, "json") && name != "export" && name != "call" { // those give values as they were said
				saysNothingAbsurd(t, path, name+"|"+line)
			}
		}
	}
	saysNothingAbsurd(t, path, "trend|PATH|Uptime")
}

func saysNothingAbsurd(t *testing.T, path, line string) {
	t.Helper()
	code, out, errs := analyzed(t, path, line)
	if strings.Contains(errs, "panic") || out == "" {
		t.Errorf("analyze %s: exit %d: %.500s", line, code, errs)
	}
	if at := absurd.FindStringIndex(out + errs); at != nil {
		all := out + errs
		t.Errorf("analyze %s prints …%.160q", line, all[max(0, at[0]-80):])
	}
}
