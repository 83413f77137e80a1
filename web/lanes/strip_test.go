package lanes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
)

// What happened at the same time is on the strip without covering each other.
func TestFlagsHaveRoom(t *testing.T) {
	start := time.Unix(1_790_000_000, 0)
	st := &Strip{From: start, To: start.Add(1000 * time.Second)}
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	marks := []archive.Mark{{Kind: "start", From: at(0)}, {Kind: "node_seen", From: at(0), Node: "a"}, {Kind: "node_seen", From: at(1), Node: "b"}, {Kind: "note", From: at(5000)}}
	report := &analyze.Report{}
	for i := range 12 {
		f := &finding.Finding{Display: fmt.Sprintf("F%d", i+1), Severity: finding.Warning, Onset: at(500)}
		if i > 7 {
			f.Severity = finding.Info
		}
		report.Findings = append(report.Findings, f)
	}
	st.Mark(report, marks, func(*finding.Finding) string { return "" })
	var got []string
	for _, f := range st.Flags {
		got = append(got, fmt.Sprintf("%s@%d", f.Label, f.Row))
	}
	if want := "start@0 node_seen ×2@1 F1@0 F2@1 F3@2 F4@3 F5@4 F6@4 F7@4 F8@4"; strings.Join(got, " ") != want {
		t.Errorf("drawn %s, want %s", strings.Join(got, " "), want)
	}
	if st.FlagRows != 5 {
		t.Errorf("%d rows", st.FlagRows)
	}
}
