package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every package that starts goroutines ends its tests with none left.
func TestNoGoroutineIsLeft(t *testing.T) {
	for _, p := range packages(t) {
		tests, err := filepath.Glob(filepath.Join(p.dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(tests) == 0 || !startsGoroutines(t, p) {
			continue
		}
		looks := false
		for _, file := range tests {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			looks = looks || strings.Contains(string(text), "goleak.VerifyTestMain") || strings.Contains(string(text), "goleak.Find")
		}
		if !looks {
			t.Errorf("%s starts goroutines, and its tests do not look whether any is left: see recorder/leak_test.go", p.path)
		}
	}
}

// startsGoroutines reports whether the package's own code has a go statement, or calls Go of a group.
func startsGoroutines(t *testing.T, p unit) bool {
	t.Helper()
	found := false
	for _, name := range p.files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = true
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				found = found || ok && f.Sel.Name == "Go"
			}
			return !found
		})
	}
	return found
}
