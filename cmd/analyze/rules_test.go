package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/internal/exit"
)

// TestRules: files of rules are checked, tried over a recording, and asked by a
// report.
func TestRules(t *testing.T) {
	path, dir := stuck(t), t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	_, examples, _ := analyzed(t, path, "rules|example")
	if err := os.WriteFile(good, []byte(examples), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := "rules:\n  - name: a\n    over: processes\n    when: MessagesMailbx > 1\n    severity: grave\n    text: t\n    recommendation: r\n"
	if err := os.WriteFile(bad, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		line   string
		code   exit.Code
		stdout string
		stderr string
	}{
		{"rules|check|" + good, exit.OK, "good.yaml: 10 rules, nothing wrong", ""},
		{"rules|check|" + bad, exit.No, "", `bad.yaml:4:11: rule a: there is no "MessagesMailbx"; did you mean MessagesMailbox?`},
		{"rules|check|" + good + "|" + bad, exit.No, "10 rules", `bad.yaml:5:15: rule a: there is no severity "grave"`},
		{"rules|test|" + bad + "|PATH", exit.No, "", "bad.yaml:4:11"},
		{"rules|test|" + good + "|PATH", exit.OK, "old_messages on gamma@localhost: fired 2026-11-22T01:14:16.587Z of book_eth on gamma@localhost; it held from 2026-11-22T01:14:01.587Z to the end", ""},
		{"rules|test|" + good + "|PATH", exit.OK, "deep_mailbox on alpha@localhost: did not fire; asked of ", ""},
		{"rules|test|" + good + "|PATH", exit.OK, "heap_near_limit on beta@localhost: it cannot be told (heap_live was never known)", ""},
		{"rules|test|" + good + "|PATH|--to|01:14:00|--format|json", exit.OK, `"rule": "old_messages"`, ""},
		{"report|PATH|--rules|" + good, exit.OK, "rule old_messages: book_eth on gamma@localhost", ""},
		{"report|PATH|--rules|" + bad, exit.Usage, "", "bad.yaml:4:11: rule a:"},
		{"report|PATH|--rules|/no/such/file", exit.Usage, "", "/no/such/file"},
	} {
		code, stdout, stderr := analyzed(t, path, tt.line)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: code %d, want %d\n%s\n%s", tt.line, code, tt.code, stdout, stderr)
		}
	}
}
