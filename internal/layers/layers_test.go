package layers

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "ergorecorder"

// mayImport says, per package, which packages of this project it may import. A
// name that ends in "/..." stands for a package and all below it. A package that
// is not listed fails the test: give it a row, and think before you give it a
// long one.
var mayImport = map[string]string{
	"escape": "",
	"door":   "",

	"ergo":                   "internal/nearest",
	"ergo/capture":           "ergo internal/inorder",
	"ergo/redact":            "",
	"ergo/secret":            "",
	"ergo/live":              "ergo ergo/listing ergo/secret ergo/redact ergo/tools48",
	"ergo/...":               "ergo/...",
	"ergo/tools48":           "ergo",
	"ergo/listing":           "",
	"ergo/sampled":           "ergo ergo/listing",
	"ergo/wire":              "ergo ergo/secret ergo/inspect ergo/wire/internal/...",
	"ergo/wire/internal/...": "ergo ergo/wire/internal/...",
	"ergo/wire/host":         "ergo ergo/wire ergo/wire/internal/...",
	"ergo/wire/wiretest":     "ergo ergo/wire ergo/wire/host ergo/wire/internal/...",

	"archive":                "archive/internal/... internal/inorder",
	"archive/archivetest":    "archive",
	"archive/tally":          "archive",
	"archive/faultdisk":      "",
	"archive/attach":         "archive door",
	"archive/internal/codec": "archive/internal/codec/...",

	"archive/internal/record":  "archive/internal/codec",
	"archive/internal/bolt":    "archive/internal/record archive/internal/codec",
	"archive/internal/catalog": "archive/internal/record archive/internal/bolt archive/internal/codec archive/internal/codec/header",

	"archive/internal/codec/body":   "archive/internal/codec/frame archive/internal/codec/header archive/internal/codec/parse",
	"archive/internal/codec/frame":  "archive/internal/codec/parse",
	"archive/internal/codec/header": "archive/internal/codec/parse",
	"archive/internal/codec/number": "",
	"archive/internal/codec/parse":  "",
	"archive/internal/codec/scan":   "",
	"archive/internal/codec/slots":  "",
	"archive/internal/codec/word":   "archive/internal/codec/parse",

	"recorder":            "escape ergo ergo/redact ergo/tools48 archive recorder/ingest recorder/clock recorder/cost recorder/entries recorder/identity recorder/rows recorder/incident recorder/ring recorder/schedule recorder/succession recorder/names recorder/share",
	"recorder/clock":      "ergo",
	"recorder/cost":       "ergo",
	"recorder/incident":   "ergo",
	"recorder/notify":     "ergo/secret recorder recorder/incident",
	"recorder/ring":       "",
	"recorder/names":      "",
	"recorder/share":      "",
	"recorder/succession": "",
	"recorder/rows":       "ergo ergo/listing",
	"recorder/schedule":   "recorder/clock recorder/cost",
	"recorder/identity":   "archive ergo",
	"recorder/entries":    "ergo",
	"recorder/dump":       "archive",
	"recorder/control":    "door escape seal ergo/live archive recorder recorder/dump recorder/share",
	"recorder/ingest":     "ergo ergo/redact ergo/tools48 ergo/capture archive",

	"fleet/ask":             "archive fleet/cache fleet/link fleet/merge fleet/shape fleet/shelf fleet/view",
	"fleet/cache":           "",
	"fleet/shelf":           "archive fleet/link fleet/shape",
	"fleet/shelf/shelftest": "fleet/shelf",
	"fleet/merge":           "ergo ergo/tools48 archive recorder/identity",

	"replay":         "ergo ergo/tools48 ergo/listing ergo/sampled archive archive/tally replay/spelled internal/nearest",
	"replay/spelled": "ergo archive",
	"replay/serve":   "ergo ergo/tools48 archive replay ergo/observer/... ergo/wire ergo/wire/host",

	"coverage": "ergo ergo/tools48 archive replay",

	"analyze/setting":           "",
	"analyze/detector":          "ergo analyze/finding analyze/scene analyze/setting",
	"analyze/mute":              "analyze/finding",
	"analyze":                   "ergo ergo/tools48 analyze/setting analyze/detector analyze/mute replay coverage analyze/finding analyze/scene analyze/playbook analyze/causes analyze/weigh internal/panics",
	"analyze/weigh":             "analyze/scene/work ergo archive analyze/series analyze/finding analyze/scene replay",
	"analyze/causes":            "analyze/scene/work ergo analyze/series analyze/finding analyze/scene analyze/playbook/process",
	"analyze/playbook":          "analyze/detector analyze/setting analyze/finding analyze/scene analyze/playbook/...",
	"analyze/playbook/cpu":      judgement + " analyze/playbook/memory",
	"analyze/playbook/...":      judgement,
	"analyze/scene/work":        "analyze/series",
	"analyze/scene/logged":      "ergo replay analyze/logs",
	"analyze/scene/died":        "ergo analyze/scene analyze/scene/logged analyze/series",
	"analyze/looks":             "archive ergo ergo/tools48 replay",
	"analyze/scene":             "analyze/looks analyze/scene/work analyze/scene/logged archive ergo ergo/tools48 replay analyze/setting analyze/finding analyze/series analyze/logs analyze/profiles internal/panics internal/inorder",
	"analyze/finding":           "analyze/series",
	"analyze/series":            "",
	"analyze/series/seriestest": "analyze/series",
	"analyze/logs":              "replay analyze/series analyze/profiles",
	"analyze/profiles":          "",
	"compare":                   "escape ergo archive replay analyze/series analyze/logs analyze/profiles analyze/finding",

	"analyze/measure": "analyze/looks ergo ergo/tools48 archive replay",
	"analyze/recheck": "ergo analyze/finding",
	"analyze/views":   "ergo ergo/listing ergo/tools48 archive replay analyze analyze/finding analyze/series analyze/logs analyze/profiles internal/nearest",
	"analyze/render":  "escape analyze analyze/finding",

	"mcp/explain":    "escape analyze/finding",
	"mcp/fold":       "escape",
	"mcp/agentbench": "ergo",
	"mcp":            "mcp/explain mcp/fold compare door escape ergo ergo/observer/... ergo/tools48 ergo/live archive replay coverage analyze analyze/finding analyze/measure analyze/views internal/nearest",
	"web":            "fleet/shape fleet/view compare door escape ergo ergo/tools48 ergo/live archive replay coverage analyze analyze/finding analyze/views web/chart web/graph web/past web/lanes web/shared",
	"web/chart":      "",
	"web/past":       "ergo archive replay web/chart",
	"web/graph":      "",
	"web/shared":     "",
	"web/lanes":      "archive replay analyze analyze/finding web/chart web/past",

	"scrub": "ergo ergo/redact ergo/tools48 archive",

	"seal": "ergo/secret",

	"fleet/shape":             "",
	"fleet/link":              "ergo/secret fleet/shape",
	"fleet/engine":            "ergo/secret",
	"fleet/engine/enginetest": "fleet/engine",
	"fleet/ship":              "archive fleet/link fleet/shape",
	"fleet/lease":             "fleet/link fleet/shape",
	"fleet/view":              "fleet/link fleet/shape",
	"fleet/member":            "archive recorder recorder/share fleet/lease fleet/link fleet/shape fleet/ship",

	"export": "ergo ergo/capture ergo/tools48 archive replay",

	"cmd/internal/command": "archive internal/exit",
	"cmd/internal/paths":   "archive archive/attach ergo/live fleet/ask fleet/cache fleet/link fleet/shelf",
	"cmd/internal/sealed":  "seal",
	"terminal":             "escape ergo replay analyze analyze/finding analyze/render analyze/views",

	"cmd/analyze": "fleet/ask compare terminal door cmd/internal/... export seal scrub escape ergo/... archive archive/attach fleet/merge replay/... coverage analyze/... mcp web internal/exit internal/nearest",
	"cmd/record":  "door cmd/internal/... seal escape ergo/... archive archive/attach recorder/... replay/... coverage analyze/... mcp web fleet/link fleet/member fleet/shape fleet/shelf internal/exit internal/watch internal/cpu internal/inorder",

	"cmd/fleet": "escape cmd/internal/... fleet/engine fleet/link fleet/shape fleet/view internal/exit",

	"internal/exit":    "escape",
	"internal/cpu":     "",
	"internal/layers":  "",
	"internal/limit":   "",
	"internal/inorder": "",
	"internal/panics":  "",
	"internal/words":   "",
	"internal/pace":    "",
	"internal/twist":   "",
	"internal/...":     "escape ergo/... archive/... recorder/... replay/... coverage analyze/... mcp web internal/...",
}

// everywhere are packages that any other may import: one decision each, about
// text or the limits of what is read, which every room needs.
const everywhere = "escape internal/nearest internal/words internal/limit"

// judgement is what the packages that judge may import: what was seen, the form
// of a finding, and the tools to look closer. They do not know each other.
const judgement = "analyze/scene/work analyze/scene/died analyze/scene/logged analyze/detector analyze/setting ergo ergo/tools48 archive replay analyze/finding analyze/scene analyze/series analyze/logs analyze/profiles"

// homes lists the only packages in which an outside library may be imported.
var homes = map[string]string{
	"go.etcd.io/bbolt":                     "archive archive/internal/bolt archive/internal/catalog archive/internal/record",
	"filippo.io/age":                       "seal",
	"github.com/klauspost/compress":        "archive/internal/codec/frame ergo/capture",
	"github.com/spf13/cobra":               "cmd/...",
	"github.com/google/pprof/profile":      "recorder/ingest analyze/profiles web scrub",
	"github.com/google/pprof/driver":       "web",
	"github.com/mark3labs/mcp-go":          "mcp",
	"github.com/prometheus/client_golang":  "recorder/control",
	"go.yaml.in/yaml":                      "cmd/... analyze/setting analyze/mute analyze/playbook/rules",
	"github.com/google/cel-go":             "analyze/playbook/rules",
	"github.com/parquet-go":                "export",
	"go.opentelemetry.io/proto":            "export",
	"github.com/knadh/koanf":               "cmd/record",
	"github.com/coreos/go-systemd/v22":     "cmd/record",
	"github.com/maruel/panicparse/v2":      "analyze/profiles",
	"github.com/modelcontextprotocol":      "",
	"github.com/chromedp":                  "",
	"github.com/nats-io":                   "fleet/...",
	"github.com/nats-io/nats-server":       "fleet/engine",
	"github.com/minio":                     "fleet/shelf",
	"github.com/aws":                       "",
	"ergo.services":                        "",
	"github.com/schollz/progressbar/v3":    "cmd/...",
	"charm.land":                           "terminal",
	"github.com/charmbracelet":             "terminal",
	"github.com/guptarohit/asciigraph":     "cmd/... analyze/render",
	"github.com/HdrHistogram/hdrhistogram": "analyze/series recorder",
}

// A package past mostFiles files or mostLines lines, tests not counted, wants
// rooms of its own.
const (
	mostFiles = 20
	mostLines = 4000
)

func TestImports(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		for _, imp := range p.imports {
			seen++
			if to, ok := strings.CutPrefix(imp, module+"/"); ok {
				checkRoom(t, p.path, to)
			} else {
				checkHome(t, p.path, imp)
			}
		}
	}
	if seen == 0 {
		t.Fatal("go list named no imports")
	}
}

func TestSizes(t *testing.T) {
	for _, p := range packages(t) {
		lines := 0
		for _, f := range p.files {
			text, err := os.ReadFile(filepath.Join(p.dir, f))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if len(p.files) > mostFiles || lines > mostLines {
			t.Errorf("%s has %d files and %d lines: past %d or %d it wants rooms", p.path, len(p.files), lines, mostFiles, mostLines)
		}
	}
}

// A unit is one package of the project.
type unit struct {
	path    string // without the module's name
	dir     string
	files   []string
	imports []string
}

// packages are all packages of the project.
func packages(t *testing.T) []unit {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{.Dir}}|{{join .GoFiles " "}}|{{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []unit
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		f := strings.Split(sc.Text(), "|")
		all = append(all, unit{strings.TrimPrefix(f[0], module+"/"), f[1], strings.Fields(f[2]), strings.Fields(f[3])})
	}
	return all
}

// ruleFor is the row of a package: its own, else that of the nearest "/..."
// above it.
func ruleFor(pkg string) (allowed string, ok bool) {
	if allowed, ok = mayImport[pkg]; ok {
		return allowed, true
	}
	for up := pkg; strings.Contains(up, "/"); {
		up = up[:strings.LastIndexByte(up, '/')]
		if allowed, ok = mayImport[up+"/..."]; ok {
			return allowed, true
		}
	}
	return "", false
}

// matches reports whether a package is one of those that a row lists.
func matches(list, pkg string) bool {
	for p := range strings.FieldsSeq(list) {
		tree, whole := strings.CutSuffix(p, "/...")
		if pkg == tree || whole && strings.HasPrefix(pkg, tree+"/") {
			return true
		}
	}
	return false
}

func checkRoom(t *testing.T, from, to string) {
	allowed, known := ruleFor(from)
	if !known {
		t.Errorf("%s has no row in mayImport: say which packages it may import", from)
		return
	}
	if !matches(allowed, to) && !matches(everywhere, to) {
		t.Errorf("%s must not import %s", from, to)
	}
}

func checkHome(t *testing.T, from, imp string) {
	for lib, allowed := range homes {
		if imp != lib && !strings.HasPrefix(imp, lib+"/") {
			continue
		}
		if !matches(allowed, from) {
			t.Errorf("%s must not import %s", from, imp)
		}
	}
}

// Rules that are wrong, or that nothing follows, are told too.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"analyze/series", "internal/sim", false},
		{"web", "internal/sim", false},
		{"ergo/capture", "ergo/wire", false},
		{"analyze/finding", "analyze/scene", false},
		{"analyze/scene", "analyze/playbook", false},
		{"analyze/playbook/health", "analyze/playbook/network", false},
		{"analyze/playbook/health", "analyze/scene", true},
		{"cmd/analyze", "recorder", false},
		{"cmd/record", "recorder/ingest", true},
	} {
		allowed, _ := ruleFor(c.from)
		if got := matches(allowed, c.to); got != c.ok {
			t.Errorf("%s may import %s: %v, want %v", c.from, c.to, got, c.ok)
		}
	}
	exists := map[string]bool{}
	for _, p := range packages(t) {
		exists[p.path] = true
	}
	for pkg := range mayImport {
		if !strings.HasSuffix(pkg, "/...") && !exists[pkg] {
			t.Errorf("mayImport has a row for %s, which does not exist", pkg)
		}
	}
}
