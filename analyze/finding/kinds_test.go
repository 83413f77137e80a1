package finding_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ergorecorder/analyze/finding"
)

// constants are the values of all constants of the table and of kinds.go that
// have a type.
func constants(t *testing.T, of string) []string {
	t.Helper()
	out := append(constantsIn(t, "table.go", of), constantsIn(t, "kinds.go", of)...)
	if len(out) == 0 {
		t.Fatalf("there are no constants of type %s", of)
	}
	return out
}

func constantsIn(t *testing.T, file, of string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == of {
				s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

// Every kind has one row, every row a kind, and all that a row names exists.
func TestTable(t *testing.T) {
	kinds, fetches, relations := constants(t, "Kind"), constants(t, "Fetch"), constants(t, "Relation")
	rows := map[finding.Kind]int{}
	for _, r := range finding.Kinds() {
		rows[r.Kind]++
		if r.Playbook == "" || r.Subject == "" || r.Claimed == "" || r.Measure.Quantity == "" || r.Measure.Warning <= 0 || r.Measure.Critical <= 0 {
			t.Errorf("the row of %s is not whole: %+v", r.Kind, r)
		}
		for _, f := range r.Fetch {
			if !slices.Contains(fetches, string(f)) {
				t.Errorf("%s fetches %q, which is nothing", r.Kind, f)
			}
		}
		for _, k := range r.Harms {
			if of, ok := finding.RowOf(k); !ok || of.Measure.Warning == of.Measure.Critical {
				t.Errorf("%s weighs %s, by which nothing is weighed in steps", r.Kind, k)
			}
		}
		for _, e := range r.Explains {
			if !slices.Contains(finding.Relations(), e.Relation) {
				t.Errorf("%s explains others by %q, which is no relation", r.Kind, e.Relation)
			}
			for _, k := range e.Kinds {
				if _, ok := finding.RowOf(k); !ok {
					t.Errorf("%s explains %s, which has no row", r.Kind, k)
				}
			}
		}
	}
	for _, k := range kinds {
		if rows[finding.Kind(k)] != 1 {
			t.Errorf("%s has %d rows, want 1", k, rows[finding.Kind(k)])
		}
	}
	if len(kinds) != len(rows) {
		t.Errorf("%d kinds and %d rows", len(kinds), len(rows))
	}
	if len(relations) != len(finding.Relations()) {
		t.Errorf("%d relations, of which %d are listed", len(relations), len(finding.Relations()))
	}
}

// scored says which quantity makes a kind a warning, and a critical one.
func scored(r finding.Row) string {
	unit := ""
	if r.Measure.Unit != "" {
		unit = " " + r.Measure.Unit
	}
	worst := finding.Score(r.Kind, math.Inf(1))
	if r.Measure.Warning > r.Measure.Critical {
		worst = finding.Score(r.Kind, 1e-300)
	}
	said := fmt.Sprintf("%s: %v%s, %v%s, %d", r.Measure.Quantity, r.Measure.Warning, unit, r.Measure.Critical, unit, worst)
	if len(r.Harms) > 0 {
		var by []string
		for _, k := range r.Harms {
			by = append(by, string(k))
		}
		said += "; and by what it hurt, as " + strings.Join(by, ", ")
	}
	return said
}

var update = flag.Bool("update", false, "write the table in docs/findings.md anew")

// The documentation says what the table says.
func TestDocumented(t *testing.T) {
	const path, begin, end = "../../docs/findings.md", "<!-- kinds: written by go test ./analyze/finding -update -->\n", "<!-- end of kinds -->\n"
	var b strings.Builder
	b.WriteString("\n| kind | playbook | subject | claimed when | scored by: warning, critical, most | may be explained by |\n|---|---|---|---|---|---|\n")
	for _, r := range finding.Kinds() {
		var by []string
		for _, e := range finding.ExplainedBy(r.Kind) {
			for _, k := range e.Kinds {
				if !slices.Contains(by, string(k)) {
					by = append(by, string(k))
				}
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Kind, r.Playbook, r.Subject, r.Claimed, scored(r), strings.Join(by, ", "))
	}
	b.WriteString("\n")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the kinds, between %q and %q", path, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != b.String() {
		t.Errorf("%s does not say what the table of kinds says: run go test ./analyze/finding -run TestDocumented -update", path)
	}
}
