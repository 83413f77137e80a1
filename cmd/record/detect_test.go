package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/watch"
	"ergorecorder/recorder/incident"
	"ergorecorder/recorder/ingest"
)

// written is a bundled capture as an archive that is open for writing.
func written(t *testing.T, name string) *archive.Writer {
	t.Helper()
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "in.erg"), nil)
	t.Cleanup(func() { w.Close() })
	f, err := os.Open(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sum ingest.Imported
	if err := ingest.Capture(t.Context(), f, w, ingest.Options{}, &sum); err != nil || sum.Lines == 0 {
		t.Fatalf("%d lines, %v", sum.Lines, err)
	}
	return w
}

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoRules = `rules:
  - {name: alive, over: node, when: Uptime >= 0, severity: warning, text: It lives., recommendation: Nothing.}
  - {name: known, over: node, when: Uptime >= 0, severity: info, text: It lives., recommendation: Nothing.}
`

// TestRulesTrigger: a rule triggers as a playbook does, unless it is for
// information alone.
func TestRulesTrigger(t *testing.T) {
	w := written(t, "stuck.jsonl.gz")
	rules, err := readRules(rulesFile(t, twoRules))
	if err != nil {
		t.Fatal(err)
	}
	view := w.View()
	found, err := (&watch.Detector{Rules: rules}).Detect(t.Context(), view, view.Info().To)
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]bool{}
	for _, f := range found {
		if f.Kind != "rule" {
			continue
		}
		nodes[f.Node] = true
		if f.Rule != "alive" || f.Rank != incident.Minor || f.Advice != "Nothing." || f.Onset.IsZero() || !strings.HasPrefix(f.Note, "rule alive: ") {
			t.Errorf("%+v", f)
		}
	}
	if len(nodes) != 3 {
		t.Errorf("rules trigger on %v", nodes)
	}
}

// TestRulesThatAreNone: a recorder does not start with them.
func TestRulesThatAreNone(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"rules:\n  - {name: a, over: node, when: Uptim >= 0, severity: warning, text: t, recommendation: r}\n", `2:33: rule a: there is no "Uptim"; did you mean Uptime?`},
		{"rules:\n  - {name: a, over: node, when: Uptime >= 0, for: 2h, severity: warning, text: t, recommendation: r}\n", "rule a looks back over 2h"},
	} {
		if _, err := readRules(rulesFile(t, tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
	if _, err := readRules("/no/such/file"); err == nil {
		t.Error("a file that is not there")
	}
	if r, err := readRules(""); r != nil || err != nil {
		t.Error(r, err)
	}
}
