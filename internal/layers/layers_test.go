package layers

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// mayImport lists, per room (the first element of the path), the rooms that it may
// import besides itself.
var mayImport = map[string]string{
	"escape":   "",
	"ergo":     "",
	"archive":  "",
	"recorder": "escape ergo archive",
	"replay":   "ergo archive",
	"coverage": "ergo replay archive",
	"analyze":  "escape ergo replay archive coverage",
	"mcp":      "escape ergo archive replay analyze coverage",
	"web":      "escape ergo archive replay analyze coverage",
	"cmd":      "escape ergo archive recorder replay analyze coverage mcp web internal",
	"internal": "escape ergo archive recorder replay analyze coverage mcp web",
}

// homes lists the only rooms in which an outside library may be imported.
var homes = map[string]string{
	"go.etcd.io/bbolt":                     "archive",
	"github.com/spf13/cobra":               "cmd",
	"github.com/google/pprof/profile":      "recorder replay analyze web mcp",
	"github.com/google/pprof/driver":       "web",
	"github.com/mark3labs/mcp-go":          "mcp ergo/live",
	"github.com/prometheus/client_golang":  "recorder",
	"github.com/knadh/koanf":               "recorder cmd",
	"github.com/klauspost/compress":        "archive",
	"github.com/coreos/go-systemd/v22":     "recorder cmd",
	"github.com/maruel/panicparse/v2":      "analyze",
	"github.com/modelcontextprotocol":      "",
	"github.com/chromedp":                  "",
	"ergo.services":                        "",
	"github.com/schollz/progressbar/v3":    "cmd",
	"charm.land/lipgloss/v2":               "cmd",
	"github.com/guptarohit/asciigraph":     "cmd analyze",
	"github.com/HdrHistogram/hdrhistogram": "analyze recorder",
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "ergorecorder/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		pkg, imports, _ := strings.Cut(sc.Text(), " ")
		from := strings.TrimPrefix(pkg, "ergorecorder/")
		for _, imp := range strings.Fields(imports) {
			seen++
			if to, ok := strings.CutPrefix(imp, "ergorecorder/"); ok {
				checkRoom(t, from, to)
			} else {
				checkHome(t, from, imp)
			}
		}
	}
	if seen == 0 {
		t.Fatal("go list named no imports")
	}
}

func room(path string) string {
	r, _, _ := strings.Cut(path, "/")
	return r
}

func checkRoom(t *testing.T, from, to string) {
	if room(from) == room(to) && room(from) != "cmd" || strings.HasPrefix(to, from+"/") {
		return
	}
	allowed, known := mayImport[room(from)]
	if !known {
		t.Errorf("%s is in no room that the rules know", from)
	}
	// What lies in a test helper package is for tests and command lines only.
	if room(to) == "internal" && room(from) != "cmd" && strings.HasPrefix(to, "internal/") {
		return
	}
	for a := range strings.FieldsSeq(allowed) {
		if a == room(to) {
			if from == "cmd/analyze" && a == "recorder" {
				t.Errorf("%s imports %s: only cmd/record knows the recorder", from, to)
			}
			return
		}
	}
	t.Errorf("%s must not import %s", from, to)
}

func checkHome(t *testing.T, from, imp string) {
	for lib, allowed := range homes {
		if imp != lib && !strings.HasPrefix(imp, lib+"/") {
			continue
		}
		for a := range strings.FieldsSeq(allowed) {
			if from == a || strings.HasPrefix(from, a+"/") {
				return
			}
		}
		t.Errorf("%s must not import %s", from, imp)
	}
}
