package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
)

// What one needs to copy is never cut: calls, stacks, the path; and a colour only
// says what the word beside it says.
func TestTextIsWhole(t *testing.T) {
	call := "process_info node=" + strings.Repeat("a-long-name-of-a-node", 8) + "@host pid=<A.0.1>"
	frame := "pkg.(*T).Func /" + strings.Repeat("deep/", 60) + "file.go:1"
	r := &analyze.Report{Findings: []*finding.Finding{{
		Display: "F1", Kind: finding.BlockedCallback, Severity: finding.Critical, Score: 88, Title: strings.Repeat("a title of many words ", 12), Confirm: []string{call},
		Onset: time.Unix(0, 0), Evidence: []finding.Evidence{{What: "its goroutine", Lines: []string{frame}, Values: map[string]any{"text": strings.Repeat("wide ", 60)}}},
	}}}
	var plain, painted bytes.Buffer
	if err := Text(&plain, r, Options{Width: 80, Whole: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"    Ask: " + call + "\n", strings.TrimPrefix(frame, "pkg.(*T).Func "), strings.TrimSpace(strings.Repeat("wide ", 60))} {
		if !strings.Contains(plain.String(), want) {
			t.Errorf("cut: %.60q", want)
		}
	}
	if strings.Contains(plain.String(), "…") || strings.Contains(plain.String(), "\x1b") {
		t.Errorf("it is cut or coloured:\n%s", plain.String())
	}
	if err := Text(&painted, r, Options{Width: 80, Whole: true, Color: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(painted.String(), Paint(finding.Critical)+"CRITICAL"+Unpaint) {
		t.Error("nothing is coloured")
	}
	if got := strings.NewReplacer(Paint(finding.Critical), "", Unpaint, "", "\x1b[1m", "").Replace(painted.String()); got != plain.String() {
		t.Error("without its colours the text is another one")
	}
}

// Values of one name that are no before and after are told one behind the other.
func TestSeveralValues(t *testing.T) {
	got := facts(map[string]any{"shown_at": map[string]any{"2": "2026-01-02T03:04:06.5Z", "10": "later", "1": "2026-01-02T03:04:05Z"}})
	if len(got) != 1 || got[0].name != "shown at" || got[0].before != "" || got[0].after != "03:04:05, 03:04:06, later" {
		t.Errorf("%+v", got)
	}
}
