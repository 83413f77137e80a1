package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"ergorecorder/ergo/capture"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/pace"
)

// planted is what a hostile cluster puts into every name: commands to the
// terminal (7 and 8 bit), a change of direction, a line break, and markup.
const planted = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\n# head <img src=x>`"

// hostile is the recorded incident in which every name of the faulty process,
// its behavior, node, application, function and log lines holds planted.
func hostile(t *testing.T) string {
	t.Helper()
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	// In lines of text a line break is the tool's own, so none is planted there.
	inText, inJSON := strings.ReplaceAll(planted, "\n", ""), strings.Trim(string(quoted), `"`)
	return fixture.Edited(t, fixture.Bundled(t, "stuck"), func(l map[string]any) {
		for _, name := range []string{"book_eth", "OrderBook", "applyDelta", "gamma@localhost", "trading"} {
			if node, ok := l["node"].(string); ok {
				l["node"] = strings.ReplaceAll(node, name, name+planted)
			}
			if s, ok := l["text"].(string); ok {
				behind := inText
				if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
					behind = inJSON
				}
				l["text"] = strings.ReplaceAll(s, name, name+behind)
			}
		}
	})
}

// readingCommands are the commands that read a recording, with arguments for that of
// the stuck process.
func readingCommands(t *testing.T, path string) map[string][]string {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	if _, _, errs := analyzed(t, path, "report|PATH|--format|json|-o|"+report); errs != "" {
		t.Fatal(errs)
	}
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	_, examples, _ := analyzed(t, path, "rules|example")
	if err := os.WriteFile(rules, []byte(examples), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"rules":      {"test|" + rules + "|PATH", "test|" + rules + "|PATH|--format|json"},
		"recheck":    {report + "|PATH", report + "|PATH|--format|json"},
		"report":     {"PATH", "PATH|--format|markdown", "PATH|--format|json", "PATH|--format|html", "PATH|--rules|" + rules, "PATH|--format|markdown|--rules|" + rules},
		"info":       {"PATH", "PATH|--format|json"},
		"nodes":      {"PATH", "PATH|--format|json"},
		"ps":         {"PATH", "PATH|--format|json"},
		"timeline":   {"PATH", "PATH|--format|json"},
		"trend":      {"PATH|MailboxLatency", "PATH|MailboxLatency|--format|json"},
		"logs":       {"PATH", "PATH|--format|json"},
		"profile":    {"PATH|--kind|goroutine|--node|gamma*"},
		"diff":       {"PATH|--at|01:14:00|--with|01:15:00", "PATH|--at|01:14:00|--with|01:15:00|--format|json"},
		"compare":    {"PATH|--at|01:14:00", "PATH|--at|01:14:00|--format|json", "PATH|--at|01:14:00|--format|html"},
		"top-movers": {"PATH", "PATH|--format|json"},
		"call":       {"PATH|process_list", "PATH|runtime_stats|--node|gamma@localhost" + planted},
		"export":     {"PATH", "PATH|--format|csv", "PATH|--format|openmetrics", "PATH|--format|perfetto", "PATH|--format|csv|--reading|sample_read"},
		"verify":     {"PATH"},
		"merge":      {"PATH|PATH|-o|" + filepath.Join(t.TempDir(), "merged.erg")},
		"salvage":    {"PATH|-o|" + filepath.Join(t.TempDir(), "salvaged.erg")},
	}
}

// notReading are the other commands, and who tests them.
var notReading = map[string]string{
	"replay": "answers tools over HTTP as JSON", "serve": "web's own test", "top": "terminal's own test", "mcp": "mcp's own test", "tools": "prints the contract only",
	"playbooks": "prints the tables only", "scrub": "scrub's own test: every name is another one", "completion": "made by cobra", "help": "made by cobra",
}

// Whatever the cluster said, no command lets it steer the terminal or begin a
// line. A command without a row here fails: it must show that it is safe.
func TestHostileNames(t *testing.T) {
	path := hostile(t)
	rows := readingCommands(t, path)
	shown := 0
	for _, c := range newRoot().Commands() {
		name := c.Name()
		if notReading[name] != "" {
			continue
		}
		if rows[name] == nil {
			t.Errorf("analyze %s has no row in this test", name)
		}
		for _, line := range rows[name][:pace.Times(len(rows[name]), len(rows[name]), min(1, len(rows[name])))] {
			_, out, errs := analyzed(t, path, name+"|"+line)
			if out == "" {
				t.Errorf("analyze %s says nothing: %s", strings.ReplaceAll(line, "|", " "), errs)
			}
			for what, text := range map[string]string{"output": out, "errors": errs} {
				if strings.Contains(text, `\x1b`) || strings.Contains(text, `\u001b`) {
					shown++
				}
				if at, r := steers(text); r != 0 {
					t.Errorf("analyze %s %s: %s let %U through: …%q", name, line, what, r, at)
				}
				if strings.Contains(text, "\n# head") && !strings.Contains(line, "html") {
					t.Errorf("analyze %s %s: a name begins a line of the %s", name, line, what)
				}
			}
		}
	}
	if shown < 10 {
		t.Errorf("only %d outputs show what was planted: the test looks at nothing", shown)
	}
}

// steers finds the first rune of text that a terminal obeys, and what stands
// around it.
func steers(text string) (around string, r rune) {
	for i, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029) {
			return text[max(0, i-30):min(len(text), i+30)], r
		}
	}
	return "", 0
}

// An exported line is the same JSON, its values exact.
func TestExportKeepsHostileValues(t *testing.T) {
	path := hostile(t)
	_, out, errs := analyzed(t, path, "export|PATH")
	lines := strings.NewReader(out)
	found := false
	for l, err := range capture.Read(lines) {
		if err != nil {
			if err == io.EOF {
				break
			}
			t.Fatalf("%v; %s", err, errs)
		}
		found = found || strings.HasSuffix(l.Call.Node, planted)
	}
	if !found {
		t.Errorf("no node of the export is named as it was recorded: %.300s", out)
	}
}
