package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/internal/exit"
)

func TestReportAnswers(t *testing.T) {
	path := stuck(t)
	tests := []struct {
		name, line string
		code       exit.Code
		stdout     string // part of it
		stderr     string // likewise
	}{
		{"text", "report PATH", exit.OK, "CRITICAL: book_eth on gamma@localhost is blocked inside a callback.", ""},
		{"markdown", "report PATH --format markdown", exit.OK, "## F1 critical: book", ""},
		{"fails on critical", "report PATH --fail-on critical", exit.Findings, "CRITICAL", ""},
		{"fails on warning", "report PATH --fail-on warning", exit.Findings, "CRITICAL", ""},
		{"healthy until then", "report PATH --to 01:13:50 --fail-on warning", exit.Findings, "It cannot be told whether there is a fault: ", ""},
		{"healthy until then, partly seen", "report PATH --to 01:13:50 --fail-on warning --allow-partial", exit.OK, "To settle it: record run", ""},
		{"one playbook", "report PATH --playbook zombies --fail-on warning", exit.OK, "No fault found in what was seen, which suffices: 3 nodes", ""},
		{"other nodes", "report PATH --node alpha* --fail-on warning", exit.OK, "No fault found in what was seen, which suffices: 1 node", ""},
		{"no such playbook", "report PATH --playbook zombie", exit.Usage, "", `no playbook "zombie"`},
		{"no such format", "report PATH --format yaml", exit.Usage, "", `--format "yaml"`},
		{"no such severity", "report PATH --fail-on info", exit.Usage, "", `--fail-on "info"`},
		{"no such file", "report not.erg", exit.Usage, "", "not.erg"},
		{"ps", "ps PATH --limit 1", exit.OK, "book_eth", ""},
		{"ps of one", "ps PATH --process book_* --node gamma* --sort name", exit.OK, "book_btc", ""},
		{"ps by an unknown field", "ps PATH --sort size", exit.Usage, "", `sort "size"`},
		{"nodes", "nodes PATH", exit.OK, "beta@localhost", ""},
		{"nodes then", "nodes PATH --at 01:14:00 --format json", exit.OK, `"processes": 1`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := analyzed(t, path, strings.ReplaceAll(tt.line, " ", "|"))
			if code != tt.code {
				t.Errorf("exit code %d, want %d: %s", code, tt.code, stderr)
			}
			if !strings.Contains(stdout, tt.stdout) {
				t.Errorf("stdout lacks %q:\n%s", tt.stdout, stdout)
			}
			if want := strings.ReplaceAll(tt.stderr, "PATH", path); !strings.Contains(stderr, want) {
				t.Errorf("stderr lacks %q: %s", want, stderr)
			}
		})
	}
}

// A report keeps to its width, and its machine form can be read back.
func TestReportForms(t *testing.T) {
	path := stuck(t)
	_, text, _ := analyzed(t, path, "report|PATH")
	for _, l := range strings.Split(text, "\n") {
		if n := len([]rune(l)); n > 100 && !strings.Contains(l, filepath.Dir(path)) {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	out := filepath.Join(t.TempDir(), "r.json")
	if code, _, stderr := analyzed(t, path, "report|PATH|--format|json|-o|"+out); code != exit.OK {
		t.Fatal(stderr)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var r analyze.Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Schema != analyze.SchemaVersion || len(r.Findings) == 0 || r.Findings[0].ID == "" {
		t.Errorf("read back: %+v", r)
	}
}
