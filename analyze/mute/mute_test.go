package mute

import (
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
)

func TestParse(t *testing.T) {
	for _, test := range []struct{ text, wrong string }{
		{"mute:\n  - {id: aa, reason: known, until: 2026-12-31}", ""},
		{"mute:\n  - {id: aa, reason: known, until: 2026-12-31T10:00:00Z}", ""},
		{"mute:\n  - {reason: known, until: 2026-12-31}", "no id"},
		{"mute:\n  - {id: aa, until: 2026-12-31}", "no reason"},
		{"mute:\n  - {id: aa, reason: known}", "give a day"},
		{"mute:\n  - {id: aa, reason: known, until: soon}", "give a day"},
		{"mute:\n  - {id: aa, reson: known, until: 2026-12-31}", "reson"},
		{"mutes: []", "mutes"},
	} {
		m, err := Parse([]byte(test.text))
		switch {
		case test.wrong == "" && (err != nil || len(m) != 1 || m[0].ID != "aa" || m[0].Reason != "known"):
			t.Errorf("%q: %v, %v", test.text, m, err)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%q: error %v, want one with %q", test.text, err, test.wrong)
		}
	}
}

func TestApply(t *testing.T) {
	end := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	mutes := []Mute{{"aa", "known", end}, {"cc", "gone", end}}
	all := []*finding.Finding{{ID: "aa", Title: "it leaks"}, {ID: "bb", Title: "it is blocked"}}
	if ended := Apply(all, mutes, end.Add(-time.Second)); len(ended) != 0 {
		t.Errorf("ended: %v", ended)
	}
	if all[0].Muted == nil || all[0].Muted.Reason != "known" || all[0].Title != "Muted (known): it leaks" || all[1].Muted != nil {
		t.Errorf("marked %+v and %+v", all[0], all[1])
	}
	fresh := []*finding.Finding{{ID: "aa", Title: "it leaks"}}
	if ended := Apply(fresh, mutes, end); len(ended) != 1 || !strings.Contains(ended[0], "ended on 2026-12-31") || fresh[0].Muted != nil {
		t.Errorf("after its end: %v, %+v", ended, fresh[0])
	}
}
