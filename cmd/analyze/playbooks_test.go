package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook"
	"ergorecorder/internal/exit"
)

func TestPlaybooks(t *testing.T) {
	_, text, _ := analyzed(t, "", "playbooks")
	_, form, _ := analyzed(t, "", "playbooks|--format|json")
	var all []playbook.Playbook
	if err := json.Unmarshal([]byte(form), &all); err != nil {
		t.Fatal(err)
	}
	settings := 0
	for _, b := range all {
		for _, d := range b.Detectors {
			for _, s := range d.Settings {
				settings++
				if !strings.Contains(text, "setting  "+s.Name+": ") || s.Default <= 0 || s.Why == "" {
					t.Errorf("the setting %+v is not listed whole", s)
				}
			}
			for _, k := range d.Claims {
				if !strings.Contains(text, "claims   "+string(k)+"\n") {
					t.Errorf("%s claims %s, which is not listed", d.Name, k)
				}
			}
		}
	}
	if len(all) != len(analyze.PlaybookNames()) || settings == 0 {
		t.Errorf("%d playbooks with %d settings", len(all), settings)
	}
}

func TestSettings(t *testing.T) {
	path := stuck(t)
	file := filepath.Join(t.TempDir(), "settings.yaml")
	for _, test := range []struct {
		text, stdout, stderr string
		code                 exit.Code
	}{
		{"bottleneck.late: 1h\n", "blocked inside", "", exit.OK},
		{"bottleneck.lat: 1h\n", "", `there is no "bottleneck.lat"; did you mean bottleneck.late`, exit.Usage},
		{"network:\n  slow: fast\n", "", `"fast" is no number`, exit.Usage},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := analyzed(t, path, "report|PATH|--settings|"+file)
		if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%q: exit code %d: %s%s", test.text, code, stdout, stderr)
		}
	}
	if code, _, stderr := analyzed(t, path, "report|PATH|--settings|none.yaml"); code != exit.Usage || !strings.Contains(stderr, "none.yaml") {
		t.Errorf("a file that is not there: exit code %d: %s", code, stderr)
	}
}

// A mute is shown by every form, does not count, and ends.
func TestMute(t *testing.T) {
	path := stuck(t)
	_, form, _ := analyzed(t, path, "report|PATH|--format|json")
	var r analyze.Report
	if err := json.Unmarshal([]byte(form), &r); err != nil {
		t.Fatal(err)
	}
	mute := func(file, until string) {
		text := "mute:\n"
		for _, f := range r.Findings {
			if f.Severity != finding.Info {
				text += "  - {id: " + f.ID + ", reason: known, until: " + until + "}\n"
			}
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	beside := path + ".mute.yaml"
	t.Cleanup(func() { os.Remove(beside) })
	mute(beside, "2999-12-31")
	for _, f := range []string{"text", "markdown", "json", "html"} {
		code, stdout, stderr := analyzed(t, path, "report|PATH|--fail-on|warning|--format|"+f)
		if code != exit.OK || !strings.Contains(stdout, "Muted (known): book") && !strings.Contains(stdout, `Muted \(known\): book`) {
			t.Errorf("%s: exit code %d: %s: the finding is not shown as muted", f, code, stderr)
		}
	}
	mute(beside, "2001-01-01")
	if code, stdout, _ := analyzed(t, path, "report|PATH|--fail-on|warning"); code != exit.Findings || !strings.Contains(stdout, "ended on 2001-01-02") {
		t.Errorf("after its end: exit code %d: %s", code, stdout)
	}
	if err := os.WriteFile(beside, []byte("mute:\n  - {id: aa, until: 2999-12-31}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := analyzed(t, path, "report|PATH"); code != exit.Usage || !strings.Contains(stderr, "no reason") {
		t.Errorf("without a reason: exit code %d: %s", code, stderr)
	}
}
