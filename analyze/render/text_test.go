package render

import (
	"bytes"
	"fmt"
	"io"
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

// However many findings there are, the text stays short, and tells how many it
// does not tell whole.
func TestTextOfThousands(t *testing.T) {
	r := &analyze.Report{}
	for i := range 5000 {
		r.Findings = append(r.Findings, &finding.Finding{
			ID: fmt.Sprint(i), Display: fmt.Sprintf("F%d", i+1), Kind: finding.BlockedCallback, Severity: finding.Critical, Title: "it is blocked", Onset: time.Unix(0, 0),
			Subject: finding.Subject{Node: fmt.Sprintf("n%d", i%500), Behavior: "app.Worker"}, Summary: strings.Repeat("so it is said ", 40),
		})
		r.Findings[0].Effects = append(r.Findings[0].Effects, fmt.Sprint(i))
		r.Archive.Nodes = append(r.Archive.Nodes, fmt.Sprintf("n%d", i))
		r.NotEvaluated = append(r.NotEvaluated, finding.NotEvaluated{Playbook: "cpu", Why: fmt.Sprintf("n%d: not recorded", i)})
	}
	for name, write := range map[string]func(io.Writer) error{
		"text":     func(w io.Writer) error { return Text(w, r, Options{}) },
		"markdown": func(w io.Writer) error { return Markdown(w, r) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 50_000 || !strings.Contains(b.String(), "4997 more of blocked") && !strings.Contains(b.String(), "4997 more of `blocked") {
			t.Errorf("%s of %d bytes:\n%.2000s", name, b.Len(), b.String())
		}
	}
}

// Values of one name that are no before and after are told one behind the other.
func TestSeveralValues(t *testing.T) {
	got := facts(map[string]any{"shown_at": map[string]any{"2": "2026-01-02T03:04:06.5Z", "10": "later", "1": "2026-01-02T03:04:05Z"}})
	if len(got) != 1 || got[0].name != "shown at" || got[0].before != "" || got[0].after != "03:04:05, 03:04:06, later" {
		t.Errorf("%+v", got)
	}
}
