package setting

import (
	"strings"
	"testing"
	"time"
)

var (
	rise = Setting{Name: "cpu.rise", Unit: "times", Meaning: "a rise", Default: 2}
	lull = Setting{Name: "events.lull", Unit: "s", Meaning: "a silence", Default: 10}
)

func TestParse(t *testing.T) {
	known := []Setting{rise, lull}
	for _, test := range []struct {
		text  string
		rise  float64
		lull  time.Duration
		wrong string
	}{
		{"", 2, 10 * time.Second, ""},
		{"cpu.rise: 3", 3, 10 * time.Second, ""},
		{"cpu:\n  rise: 2.5\nevents:\n  lull: 2m", 2.5, 2 * time.Minute, ""},
		{"events.lull: 30", 2, 30 * time.Second, ""},
		{"cpu.rize: 3", 0, 0, `there is no "cpu.rize"; did you mean cpu.rise`},
		{"cpu.rise: 2m", 0, 0, `"2m" is no number`},
		{"cpu.rise: 0", 0, 0, "not above 0"},
		{"cpu.rise: -1\nevents.lul: 3", 0, 0, "did you mean events.lull"},
		{"cpu.rise: [1]", 0, 0, "is no number"},
		{"- 1", 0, 0, "read settings"},
		{"cpu.rise: .nan", 0, 0, "not above 0"},
	} {
		v, err := Parse([]byte(test.text), known)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%q: error %v, want one with %q", test.text, err, test.wrong)
			}
			continue
		}
		if err != nil || v.Of(rise) != test.rise || v.Span(lull) != test.lull {
			t.Errorf("%q: %v, %v, want %g and %v", test.text, v, err, test.rise, test.lull)
		}
	}
}
